//! The programs of arize-codex: are all of them in one folder?
//!
//! Setup copies the programs that are beside it, so that it cannot put back one that is missing there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use codex_home::HOOK_PROGRAM;

use crate::Finding;
use crate::words::program;

const CHECK: &str = "programs";

const PROGRAMS: [&str; 5] =
    ["arize-codex", "arize-codex-buffer", "arize-codex-proxy", "arize-config", HOOK_PROGRAM];

/// An installation that lacks programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Its folder.
    pub folder: PathBuf,
    /// The programs that it lacks.
    pub missing: Vec<&'static str>,
    /// A folder on `PATH` with all of them.
    pub complete: Option<PathBuf>,
}

/// Looks for the programs in a folder, and where some are missing along the `PATH`.
pub fn inspect(folder: &Path, search: &OsStr) -> Option<Incomplete> {
    let missing = missing(folder);
    let complete = || std::env::split_paths(search).find(|folder| self::missing(folder).is_empty());
    let folder = folder.to_owned();
    (!missing.is_empty()).then(|| Incomplete { folder, missing, complete: complete() })
}

fn missing(folder: &Path) -> Vec<&'static str> {
    let file = |name: &str| folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    PROGRAMS.into_iter().filter(|name| !file(name).exists()).collect()
}

/// What the facts mean; nothing where all programs are there.
pub fn check(incomplete: Option<&Incomplete>) -> Vec<Finding> {
    let finding = |incomplete: &Incomplete| {
        let missing = incomplete.missing.join(", ");
        let folder = incomplete.folder.display();
        let message = format!(
            "`{folder}` lacks {missing}: setup copies all programs from the folder in which they were built or unpacked"
        );
        Finding::failure(CHECK, message, incomplete.setup())
    };
    incomplete.map(finding).into_iter().collect()
}

impl Incomplete {
    /// The setup that has all programs beside it.
    pub(crate) fn setup(&self) -> String {
        let folder = self.complete.as_deref().unwrap_or(Path::new("FOLDER"));
        format!("{} setup", program(&folder.join("arize-codex")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn a_folder_that_lacks_programs_is_named_with_a_setup_that_has_them() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str, programs: &[&str]| {
            let folder = home.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            for program in programs {
                let file = folder.join(program).with_extension(std::env::consts::EXE_EXTENSION);
                std::fs::write(file, "").unwrap();
            }
            folder
        };
        let (all, some) = (folder("all", &PROGRAMS), folder("some", &PROGRAMS[..4]));
        let nowhere = OsStr::new("");
        assert_eq!(inspect(&all, nowhere), None);
        let found = inspect(&some, all.as_os_str()).unwrap();
        assert_eq!((&found.missing[..], &found.complete), (&[HOOK_PROGRAM][..], &Some(all)));
        let findings = check(Some(&found));
        assert_eq!((findings.len(), findings[0].level), (1, Level::Failure));
        assert!(findings[0].message.contains(HOOK_PROGRAM), "{findings:?}");
        let command = inspect(&some, nowhere).unwrap().setup();
        assert!(command.contains("FOLDER"), "{command}");
    }
}
