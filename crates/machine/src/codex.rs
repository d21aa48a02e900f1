//! The `codex` commands of a machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use codex_home::CodexVersion;
use processes::{answer, without_keys};

use crate::{Machine, PATIENCE};

/// The `codex` commands of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codex {
    /// Those on `PATH`, in its order; the shell runs the first.
    pub commands: Vec<CodexCommand>,
    /// Where our shim is, if it is installed.
    pub shim: Option<PathBuf>,
    /// The version that the real one prints.
    pub version: Option<CodexVersion>,
}

/// A command called `codex`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodexCommand {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is our shim, which runs the real one.
    pub is_shim: bool,
}

impl Codex {
    /// Finds the commands along the `PATH` (and on Windows `PATHEXT`), and asks the real one for its
    /// version.
    pub fn inspect(machine: &Machine) -> Self {
        let path = machine.search_path();
        let mut commands: Vec<CodexCommand> = Vec::new();
        for path in codex_home::codex_on_path(&path, machine.extensions().as_deref()) {
            if commands.iter().all(|known| known.path != path) {
                let is_shim = codex_home::is_shim(&path);
                commands.push(CodexCommand { path, is_shim });
            }
        }
        let mut codex = Self { commands, shim: machine.shim(), version: None };
        codex.version = codex.real().and_then(|real| version(machine, real));
        codex
    }

    /// The first that is not our shim.
    pub fn real(&self) -> Option<&Path> {
        Some(&self.commands.iter().find(|command| !command.is_shim)?.path)
    }
}

fn version(machine: &Machine, codex: &Path) -> Option<CodexVersion> {
    let mut command = Command::new(codex);
    command.arg("--version").env("PATH", machine.search_path());
    let printed = answer(without_keys(&mut command), PATIENCE).ok()?;
    CodexVersion::parse(&String::from_utf8_lossy(&printed.stdout))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use codex_config::{Environment, Paths};

    use super::*;

    #[test]
    fn the_first_program_on_the_path_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str, mode| {
            let folder = home.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let script = format!("#!/bin/sh\necho codex-cli 0.{mode}.0\n");
            std::fs::write(folder.join("codex"), script).unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.join("codex"), mode).unwrap();
            folder
        };
        let (text, first, second) = (folder("t", 0o644), folder("a", 0o755), folder("b", 0o700));
        let inspect = |path: &std::ffi::OsStr| {
            Codex::inspect(&Machine {
                paths: Paths::new(home.path(), None),
                environment: Environment::new([("PATH", path)]),
                programs: PathBuf::new(),
                folder: PathBuf::new(),
                has_registry: false,
            })
        };
        let codex = inspect(&std::env::join_paths([&text, &first, &second, &first]).unwrap());
        let at = |folder: &Path| CodexCommand { path: folder.join("codex"), is_shim: false };
        assert_eq!(codex.commands, [at(&first), at(&second)]);
        assert_eq!(codex.version, CodexVersion::parse("0.493.0"));
        assert_eq!(inspect("/nowhere".as_ref()), Codex::default());
    }
}
