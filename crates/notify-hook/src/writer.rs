//! Who still writes to a transcript.

use std::path::Path;

/// Whether [`writers`] tells.
pub(crate) const WRITERS_ARE_KNOWN: bool = cfg!(target_os = "linux");

/// How many processes have this file open for writing. While a turn goes on, Codex has its transcript
/// open (seen with 16 versions from 0.44 to 0.169), also when nothing happens because a person is
/// asked something.
///
/// Only Linux tells; elsewhere nobody is known to write.
#[cfg(target_os = "linux")]
pub(crate) fn writers(path: &Path) -> usize {
    use std::fs;

    let descriptors = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten();
    let processes = descriptors("/proc").filter_map(|entry| entry.file_name().into_string().ok());
    // Those of other users do not show what they have open.
    processes
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let mut descriptors = descriptors(&format!("/proc/{pid}/fd"));
            descriptors.any(|descriptor| is_writer(&descriptor.path(), path))
        })
        .count()
}

/// Whether a link below `/proc/PID/fd` is to this file, and one that can be written through.
#[cfg(target_os = "linux")]
fn is_writer(link: &Path, path: &Path) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    const OWNER_WRITES: u32 = 0o200;
    // The name first: looking at each file that is open could hang with its file system.
    if std::fs::read_link(link).ok().as_deref().and_then(Path::file_name) != path.file_name() {
        return false;
    }
    let is_open_for_writing =
        link.symlink_metadata().is_ok_and(|link| link.permissions().mode() & OWNER_WRITES != 0);
    // Then the file itself: its folders may have other names in a container.
    let identity = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
    is_open_for_writing && identity(link) == identity(path)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn writers(_path: &Path) -> usize {
    0
}
