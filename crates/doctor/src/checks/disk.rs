//! The folder of arize-codex's files: can it be written to, and is there space left?

use std::io;
use std::path::{Path, PathBuf};

use codex_config::{Paths, file_system_of, shared_file_system};

use crate::Finding;
use crate::words::{bytes, quoted, show_access};

const CHECK: &str = "disk";

/// With less than this, turns cannot be remembered for long.
const TOO_LITTLE: u64 = 50 << 20;

/// With less than this, one should know.
const LITTLE: u64 = 500 << 20;

/// How it is with the folder of our files.
#[derive(Debug)]
pub struct DiskFacts {
    /// The folder, or the nearest above it that exists.
    pub folder: PathBuf,
    /// Whether a file could be made in it.
    pub writing: io::Result<()>,
    /// Bytes that are free for us, where the system tells.
    pub free: Option<u64>,
    /// The kind of file system (`f_type` of `statfs(2)`), where the system tells.
    pub kind: Option<u64>,
}

/// Tries to write a file, and removes it again.
pub fn inspect(paths: &Paths) -> DiskFacts {
    let existing = paths.state_dir.ancestors().find(|folder| folder.is_dir());
    let folder = existing.unwrap_or(&paths.home).to_owned();
    // Of a temporary file nothing is left.
    let writing = tempfile::tempfile_in(&folder).map(drop);
    DiskFacts { free: free(&folder), kind: file_system_of(&folder), writing, folder }
}

/// What the facts mean.
pub fn check(facts: &DiskFacts) -> Vec<Finding> {
    let shared = facts.kind.and_then(shared_file_system);
    let mut findings = space(facts);
    findings.extend(shared.map(|name| on_a_network(&facts.folder, name)));
    findings
}

/// The databases cope with it, but not with a second machine; nor can Codex's processes be seen.
fn on_a_network(folder: &Path, name: &str) -> Finding {
    let shown = folder.display();
    let message = format!(
        "`{shown}` is on a file system that other machines share ({name}): run arize-codex on one of them at a time, or give each a folder on its own disk; a turn of a killed Codex appears after 30 minutes here"
    );
    let local = "/var/lib/arize-harness";
    let folder = quoted(folder);
    Finding::warning(
        CHECK,
        message,
        format!(
            "sudo install -d -o \"$(id -un)\" -m 700 {local} && cp -a {folder}/. {local} && mv {folder} {folder}.shared && ln -s {local} {folder}"
        ),
    )
}

fn space(facts: &DiskFacts) -> Vec<Finding> {
    let folder = facts.folder.display();
    if let Err(error) = &facts.writing {
        let message = format!("`{folder}` cannot be written to: {error}");
        return vec![Finding::failure(CHECK, message, allow_writing(&facts.folder))];
    }
    let Some(free) = facts.free else {
        return vec![Finding::ok(CHECK, format!("`{folder}` can be written to"))];
    };
    let message = match free {
        0..LITTLE => format!("`{folder}` has only {} left", bytes(free)),
        _ => format!("`{folder}` can be written to, {} free", bytes(free)),
    };
    let command = match cfg!(windows) {
        true => "Get-PSDrive -PSProvider FileSystem".to_owned(),
        false => format!("df -h {}", quoted(&facts.folder)),
    };
    vec![match free {
        0..TOO_LITTLE => Finding::failure(CHECK, message, command),
        TOO_LITTLE..LITTLE => Finding::warning(CHECK, message, command),
        _ => Finding::ok(CHECK, message),
    }]
}

/// The command after which files can be made in a folder, where ownership or permissions are the
/// reason; else the one that shows both.
#[cfg(unix)]
fn allow_writing(folder: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = std::fs::metadata(folder) else { return show_access(folder) };
    let owner = metadata.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return format!("sudo chown -R \"$(id -un)\" {}", quoted(folder));
    }
    match metadata.mode() & 0o300 {
        0o300 => show_access(folder),
        _ => format!("chmod u+rwx {}", quoted(folder)),
    }
}

#[cfg(not(unix))]
fn allow_writing(folder: &Path) -> String {
    show_access(folder)
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(windows)]
fn free(folder: &Path) -> Option<u64> {
    let mut free = 0;
    winsafe::GetDiskFreeSpaceEx(Some(folder.to_str()?), Some(&mut free), None, None).ok()?;
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn what_is_left_decides() {
        let facts = |writing, free| DiskFacts { folder: "/h".into(), writing, free, kind: None };
        let denied = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        for (facts, level) in [
            (facts(Ok(()), Some(u64::MAX)), Level::Ok),
            (facts(Ok(()), None), Level::Ok),
            (facts(Ok(()), Some(LITTLE - 1)), Level::Warning),
            (facts(Ok(()), Some(0)), Level::Failure),
            (facts(denied(), Some(u64::MAX)), Level::Failure),
        ] {
            assert_eq!(check(&facts)[0].level, level, "{facts:?}");
        }
    }

    #[test]
    fn a_home_on_a_network_is_named_with_the_way_out() {
        for (kind, shared) in
            [(0x6969, Some("(nfs)")), (0xff53_4d42, Some("(cifs)")), (0xef53, None)]
        {
            let facts =
                DiskFacts { folder: "/h".into(), writing: Ok(()), free: None, kind: Some(kind) };
            let findings = check(&facts);
            let named = findings.get(1).map(|finding| (finding.level, finding.message.as_str()));
            assert_eq!(named.is_some(), shared.is_some(), "{findings:?}");
            if let (Some((level, message)), Some(shared)) = (named, shared) {
                assert!(level == Level::Warning && message.contains(shared), "{message}");
                assert!(findings[1].command.as_ref().unwrap().contains("ln -s"), "{findings:?}");
            }
        }
    }

    /// The user of the tests may write everywhere, so that only the command is tried.
    #[cfg(unix)]
    #[test]
    fn a_folder_of_the_user_is_opened_by_the_command() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("it's closed");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o500)).unwrap();
        let command = allow_writing(&folder);
        assert!(command.starts_with("chmod u+rwx "), "{command}");
        let done = std::process::Command::new("/bin/sh").args(["-c", &command]).status().unwrap();
        assert!(done.success());
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(allow_writing(&folder), show_access(&folder), "another reason");
    }

    #[test]
    fn the_folder_need_not_be_there_yet_and_nothing_is_left_in_it() {
        let home = tempfile::tempdir().unwrap();
        let facts = inspect(&Paths::new(home.path(), None));
        assert_eq!(facts.folder, home.path());
        assert!(facts.writing.is_ok() && facts.free.is_some_and(|free| free > 0), "{facts:?}");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
