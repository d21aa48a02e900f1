//! Programs that are replaced or removed, also while they run.
//!
//! On Windows the file of a running program can neither be written to nor removed. It can be renamed, though,
//! and goes on running under another name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Puts `fresh` in the place of `program`. On Windows one that runs is left beside it; [`is_aside`]
/// knows its name.
///
/// # Errors
///
/// When the file cannot be renamed.
pub fn replace(fresh: &Path, program: &Path) -> io::Result<()> {
    let renamed = fs::rename(fresh, program);
    if renamed.is_ok() || !cfg!(windows) {
        return renamed;
    }
    fs::rename(program, free_name(program, program.parent().unwrap_or(program)))?;
    fs::rename(fresh, program)
}

/// Removes a program. On Windows one that runs is put where the system keeps temporary files.
///
/// # Errors
///
/// When the file cannot be removed.
pub fn remove(program: &Path) -> io::Result<()> {
    match fs::remove_file(program) {
        Err(error) if cfg!(windows) && error.kind() != io::ErrorKind::NotFound => {
            fs::rename(program, free_name(program, &std::env::temp_dir()))
        }
        removed => removed,
    }
}

/// Whether a file has the name of a program that ran when it was replaced.
pub fn is_aside(name: &str) -> bool {
    let number = name.rsplit_once(ASIDE).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

const ASIDE: &str = ".old-";

fn free_name(program: &Path, folder: &Path) -> PathBuf {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut names = (0_u32..).map(|number| folder.join(format!("{name}{ASIDE}{number}")));
    names.find(|path| !path.exists()).unwrap_or_else(|| program.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (program, fresh) = (folder.path().join("a.exe"), folder.path().join("a.new"));
        fs::write(&program, "old").unwrap();
        fs::write(&fresh, "new").unwrap();
        replace(&fresh, &program).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), "new");
        assert!(!fresh.exists());
        remove(&program).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(remove(&program).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(windows)]
    #[test]
    fn a_program_that_runs_makes_way() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ping.exe");
        fs::copy(r"C:\windows\system32\ping.exe", &program).unwrap();
        let mut running =
            std::process::Command::new(&program).args(["-n", "60", "127.0.0.1"]).spawn().unwrap();
        let fresh = folder.path().join("ping.new");
        fs::write(&fresh, "new").unwrap();
        replace(&fresh, &program).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), "new");
        assert_eq!(running.try_wait().unwrap(), None);
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert!(file.path() == program || is_aside(file.file_name().to_str().unwrap()));
            remove(&file.path()).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        running.kill().unwrap();
        running.wait().unwrap();
    }

    #[test]
    fn names() {
        assert!(is_aside("codex.exe.old-0") && is_aside("arize-codex.exe.old-12"));
        assert!(!is_aside("codex.old-") && !is_aside("codex.exe") && !is_aside("x.old-a"));
    }
}
