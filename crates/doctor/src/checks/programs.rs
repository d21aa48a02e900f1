//! The programs of arize-codex: are all of them in one folder, and in one folder alone?
//!
//! Setup copies the programs that are beside it, so that it cannot put back one that is missing there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use machine::{Installation, Machine, Owner, PROGRAMS, programs};

use crate::Finding;
use crate::words::program;

const CHECK: &str = "programs";

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

/// Says where the copies that setup makes cannot run.
pub fn check_file_system(bin: &Path) -> Option<Finding> {
    let message = format!(
        "`{}` is on a file system that runs no programs (`noexec`): neither the hook nor the service runs",
        bin.display()
    );
    programs::is_noexec(bin).then(|| {
        Finding::failure(CHECK, message, "export ARIZE_HARNESS_HOME=FOLDER; arize-codex setup")
    })
}

impl Incomplete {
    /// The setup that has all programs beside it.
    pub(crate) fn setup(&self) -> String {
        let folder = self.complete.as_deref().unwrap_or(Path::new("FOLDER"));
        format!("{} setup", program(&folder.join("arize-codex")))
    }
}

/// An installation that the shell finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What installed it.
    pub owner: Owner,
    /// Its folder, without symbolic links.
    pub folder: PathBuf,
    /// Whether setup copied the programs from it.
    pub is_origin: bool,
}

/// Finds the installations along the `PATH`, but for the copies of setup's, each once.
pub fn installations(machine: &Machine) -> Vec<Found> {
    let name = format!("{}{}", PROGRAMS[0], std::env::consts::EXE_SUFFIX);
    let real = |path: &Path| dunce::canonicalize(path).ok();
    let folder_of = |folder: &Path| Some(real(&folder.join(&name))?.parent()?.to_owned());
    let copies = real(&machine.paths.bin_dir);
    let origin = Installation::read(&machine.paths).origin.and_then(|origin| folder_of(&origin));
    let mut found: Vec<Found> = Vec::new();
    for folder in std::env::split_paths(&machine.search_path()) {
        let Some(folder) = folder_of(&folder).filter(|folder| Some(folder) != copies.as_ref())
        else {
            continue;
        };
        let of_npm = |folder: &Path| package(folder).map(Path::to_owned);
        let is_known = |known: &Found| {
            known.folder == folder
                || of_npm(&known.folder).is_some() && of_npm(&known.folder) == of_npm(&folder)
        };
        if !found.iter().any(is_known) {
            let is_origin = origin.as_ref().is_some_and(|origin| {
                *origin == folder || of_npm(origin).is_some() && of_npm(origin) == of_npm(&folder)
            });
            found.push(Found { owner: Owner::of(&folder), folder, is_origin });
        }
    }
    found
}

/// The folder in which a package manager of Node has its packages: its launchers and the programs are in
/// several of them.
fn package(folder: &Path) -> Option<&Path> {
    let modules = folder.ancestors().filter(|above| above.ends_with("node_modules"));
    modules.last()
}

/// Two installations are updated and removed apart from each other. The one that setup copied stays.
pub fn check_installations(found: &[Found]) -> Vec<Finding> {
    let kept = found.iter().position(|found| found.is_origin).unwrap_or_default();
    let others = found.iter().enumerate().filter(|(index, _)| *index != kept);
    let finding = |other: &Found| {
        let place = |found: &Found| match found.owner.name() {
            Some(name) => format!("from {name} in `{}`", found.folder.display()),
            None => format!("in `{}`", found.folder.display()),
        };
        let (kept, second) = (place(found.get(kept)?), place(other));
        let message = format!("arize-codex is on the PATH twice: {kept}, and {second}");
        Some(Finding::warning(CHECK, message, other.owner.removal(&other.folder)?))
    };
    others.filter_map(|(_, other)| finding(other)).collect()
}

#[cfg(test)]
mod tests {
    use codex_home::HOOK_PROGRAM;

    use super::*;
    use crate::Level;

    #[cfg(unix)]
    #[test]
    fn a_second_installation_is_named_with_the_command_that_removes_it() {
        use codex_config::{Environment, Paths};

        let home = tempfile::tempdir().unwrap();
        let home = dunce::canonicalize(home.path()).unwrap();
        let write = |path: &str| {
            let path = home.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let modules = "npm/lib/node_modules";
        write(&format!("{modules}/arize-codex/bin/arize-codex.js"));
        write(&format!("{modules}/arize-codex-linux-x64/bin/arize-codex"));
        write(".arize/harness/bin/arize-codex");
        write(".local/share/pipx/venvs/arize-codex/bin/arize-codex");
        for folder in ["npm/bin", ".local/bin"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(home.join(to), home.join(from)).unwrap();
        };
        link(&format!("{modules}/arize-codex/bin/arize-codex.js"), "npm/bin/arize-codex");
        link(".local/share/pipx/venvs/arize-codex/bin/arize-codex", ".local/bin/arize-codex");
        let search = [".arize/harness/bin", ".local/bin", "npm/bin", "npm/bin", "empty"];
        let search = std::env::join_paths(search.map(|folder| home.join(folder))).unwrap();
        let machine = Machine {
            paths: Paths::new(&home, None),
            environment: Environment::new([("PATH", search)]),
            programs: home.join(".arize/harness/bin"),
            folder: home.clone(),
            has_registry: false,
        };
        let commands = || {
            let findings = check_installations(&installations(&machine));
            findings.into_iter().filter_map(|finding| finding.command).collect::<Vec<_>>()
        };
        assert_eq!(commands(), ["npm uninstall -g arize-codex"]);
        // What setup copied is not the one to go.
        let origin = home.join(modules).join("arize-codex-linux-x64/bin");
        let record = serde_json::json!({ "origin": origin }).to_string();
        std::fs::create_dir_all(home.join(".arize/harness/state")).unwrap();
        std::fs::write(home.join(".arize/harness/state/setup.json"), record).unwrap();
        assert_eq!(commands(), ["pipx uninstall arize-codex"]);
        std::fs::remove_file(home.join(".local/bin/arize-codex")).unwrap();
        assert!(commands().is_empty());
    }

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
        let others: Vec<&str> =
            PROGRAMS.into_iter().filter(|program| *program != HOOK_PROGRAM).collect();
        let (all, some) = (folder("all", &PROGRAMS), folder("some", &others));
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
