//! Changing a file of the user, with links, modes and other programs at work.

use std::fs;
use std::path::Path;

use codex_config::file_edit::{FileError, Snapshot, back_up, digest};
use tempfile::TempDir;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_created_with_its_directories_and_removed() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a/b/config.toml");
    let nothing = Snapshot::read(&path).unwrap();
    assert!(!nothing.exists());
    assert_eq!(nothing.text(), "");
    nothing.replace("x = 1\n").unwrap();
    let written = Snapshot::read(&path).unwrap();
    assert_eq!(written.text(), "x = 1\n");
    written.remove().unwrap();
    assert_eq!(names(path.parent().unwrap()), [""; 0]);
    nothing.remove().unwrap();
}

#[test]
fn what_another_program_wrote_in_between_is_kept() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("config.toml");
    let nothing = Snapshot::read(&path).unwrap();
    fs::write(&path, "theirs").unwrap();
    let read = Snapshot::read(&path).unwrap();
    assert!(matches!(nothing.replace("ours").unwrap_err(), FileError::Changed { .. }));
    fs::write(&path, "theirs, later").unwrap();
    assert!(matches!(read.replace("ours").unwrap_err(), FileError::Changed { .. }));
    assert!(matches!(read.replace_private("ours").unwrap_err(), FileError::Changed { .. }));
    assert!(matches!(read.remove().unwrap_err(), FileError::Changed { .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs, later");
    assert_eq!(names(home.path()), ["config.toml"], "no temporary file is left");
}

#[test]
fn a_backup_is_private_and_kept_once() {
    let home = TempDir::new().unwrap();
    let (path, backups) = (home.path().join(".zshrc"), home.path().join("backups"));
    let copy = back_up(&path, "export A=1\n", &backups).unwrap();
    assert_eq!(back_up(&path, "export A=1\n", &backups).unwrap(), copy);
    assert_eq!(fs::read_to_string(&copy).unwrap(), "export A=1\n");
    assert_eq!(names(&backups), [format!(".zshrc.{}", &digest("export A=1\n")[..16])]);
    #[cfg(unix)]
    assert_eq!(mode(&copy), 0o600);
}

#[test]
fn a_file_that_is_no_text_is_left_alone() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("config.toml");
    fs::write(&path, b"a = '\xff'").unwrap();
    assert!(matches!(Snapshot::read(&path).unwrap_err(), FileError::Read { .. }));
}

#[test]
fn nothing_of_a_file_is_shown() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("config.toml");
    fs::write(&path, "key = 'hunter2'").unwrap();
    assert!(!format!("{:?}", Snapshot::read(&path).unwrap()).contains("hunter2"));
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[cfg(unix)]
#[test]
fn a_mode_stays() {
    use std::os::unix::fs::PermissionsExt;

    let home = TempDir::new().unwrap();
    for expected in [0o600, 0o644, 0o640, 0o755] {
        let path = home.path().join("config.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(expected)).unwrap();
        Snapshot::read(&path).unwrap().replace("new").unwrap();
        assert_eq!(mode(&path), expected);
        Snapshot::read(&path).unwrap().replace_private("newer").unwrap();
        assert_eq!((mode(&path), fs::read_to_string(&path).unwrap()), (0o600, "newer".to_owned()));
    }
    let path = home.path().join("read-only");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let refusal = Snapshot::read(&path).unwrap().replace("new").unwrap_err();
    assert_eq!(refusal.to_string(), format!("`{}` is read-only", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let home = TempDir::new().unwrap();
    let dotfiles = home.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("codex.toml"), "old").unwrap();
    let link = home.path().join("config.toml");
    std::os::unix::fs::symlink("dotfiles/codex.toml", &link).unwrap();
    Snapshot::read(&link).unwrap().replace("new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(dotfiles.join("codex.toml")).unwrap(), "new");
    assert_eq!(names(&dotfiles), ["codex.toml"]);
    let dangling = home.path().join("dangling");
    std::os::unix::fs::symlink("dotfiles/new/other.toml", &dangling).unwrap();
    Snapshot::read(&dangling).unwrap().replace("made").unwrap();
    assert_eq!(fs::read_to_string(dotfiles.join("new/other.toml")).unwrap(), "made");
    Snapshot::read(&dangling).unwrap().remove().unwrap();
    assert!(dangling.is_symlink() && !dangling.exists());
}

/// A directory that cannot be written to leaves the old file.
#[cfg(unix)]
#[test]
fn a_failure_leaves_the_old_file() {
    use std::os::unix::fs::PermissionsExt;

    let home = TempDir::new().unwrap();
    let directory = home.path().join("file-as-directory");
    fs::write(&directory, "").unwrap();
    let path = directory.join("config.toml");
    assert!(matches!(Snapshot::read(&path), Err(FileError::Read { .. })));
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let path = closed.join("config.toml");
    fs::write(&path, "old").unwrap();
    let read = Snapshot::read(&path).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let written = read.replace("new");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    // Root may write everywhere.
    match written {
        Ok(()) => assert_eq!(fs::read_to_string(&path).unwrap(), "new"),
        Err(FileError::Write { .. }) => assert_eq!(fs::read_to_string(&path).unwrap(), "old"),
        Err(other) => panic!("{other}"),
    }
    assert_eq!(names(&closed), ["config.toml"]);
}

/// Managers of dotfiles have the same file in two folders.
#[cfg(unix)]
#[test]
fn all_names_of_a_file_go_on_naming_it() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let home = TempDir::new().unwrap();
    let (path, other) = (home.path().join("config.toml"), home.path().join("dotfiles-config.toml"));
    fs::write(&path, "a = 'a longer text than later'\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&path, &other).unwrap();
    let read = Snapshot::read(&path).unwrap();
    read.replace("b = 1\n").unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "b = 1\n");
    assert_eq!(fs::metadata(&path).unwrap().ino(), fs::metadata(&other).unwrap().ino());
    assert_eq!(mode(&path), 0o640);
    assert!(matches!(read.replace("c = 1\n").unwrap_err(), FileError::Changed { .. }));
    Snapshot::read(&path).unwrap().replace_private("key = 1\n").unwrap();
    assert_eq!((fs::read_to_string(&other).unwrap().as_str(), mode(&other)), ("key = 1\n", 0o600));
    assert_eq!(names(home.path()), ["config.toml", "dotfiles-config.toml"]);
}

#[cfg(target_os = "linux")]
#[test]
fn extended_attributes_stay() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    let home = TempDir::new().unwrap();
    let path = home.path().join("config.toml");
    fs::write(&path, "a = 1\n").unwrap();
    match setxattr(&path, "user.origin", b"dotfiles", XattrFlags::empty()) {
        // Some file systems have none.
        Err(rustix::io::Errno::NOTSUP) => return,
        set => set.unwrap(),
    }
    Snapshot::read(&path).unwrap().replace("b = 1\n").unwrap();
    let mut value = [0; 16];
    let length = getxattr(&path, "user.origin", &mut value[..]).unwrap();
    assert_eq!(&value[..length], b"dotfiles");
    assert_eq!(fs::read_to_string(&path).unwrap(), "b = 1\n");
}
