//! Extended attributes, among them the access control lists of Linux, which a file that takes the place
//! of another one does not have by itself.

use std::fs::File;

/// Gives a file those of another one. What the system refuses is left out, as by any editor.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn copy(from: &File, to: &File) {
    use rustix::fs::{XattrFlags, flistxattr, flistxattr_query, fsetxattr};

    let Ok(length) = flistxattr_query(from) else { return };
    let mut names = vec![0; length];
    let Ok(length) = flistxattr(from, &mut names[..]) else { return };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    for name in names {
        if let Some(value) = value(from, name) {
            let _ = fsetxattr(to, name, &value, XattrFlags::empty());
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn value(file: &File, name: &[u8]) -> Option<Vec<u8>> {
    use rustix::fs::{fgetxattr, fgetxattr_query};

    let mut value = vec![0; fgetxattr_query(file, name).ok()?];
    let length = fgetxattr(file, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Other systems have none, or keep them elsewhere.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn copy(_from: &File, _to: &File) {}
