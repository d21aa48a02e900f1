//! The machine as the caller found it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use codex_config::{Environment, Paths, variables};
use codex_home::CodexVersion;
use processes::{answer, without_keys};

/// How long a program may take that is asked something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the library is told about the machine; it looks nothing of this up by itself.
#[derive(Debug, Clone)]
pub struct Host {
    /// The user's folders.
    pub paths: Paths,
    /// The variables of the process.
    pub environment: Environment,
    /// The folder of the programs to install: that of the running one.
    pub programs: PathBuf,
    /// The folder in which the command was given.
    pub folder: PathBuf,
    /// Whether there is a registry of Windows whose `PATH` is that of this home's user.
    pub has_registry: bool,
}

impl Host {
    /// A folder of the user's that is no absolute path, with its variable. What setup writes and notes
    /// would be looked for elsewhere from another folder.
    pub fn relative_folder(&self) -> Option<(&'static str, &Path)> {
        let Paths { home, harness_home, codex_home, .. } = &self.paths;
        [
            (variables::USER_HOME, home),
            (variables::ARIZE_HARNESS_HOME, harness_home),
            (variables::CODEX_HOME, codex_home),
        ]
        .into_iter()
        .find_map(|(name, folder)| folder.is_relative().then_some((name, folder.as_path())))
    }

    /// Runs a program of the system, found on the `PATH`, and waits for its end. Nothing that it
    /// says reaches the terminal, and it does not take for ever.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> io::Result<Output> {
        answer(without_keys(Command::new(program).args(arguments)), PATIENCE)
    }

    /// The real Codex.
    pub(crate) fn codex(&self) -> Option<PathBuf> {
        let path = self.environment.path("PATH")?;
        codex_home::find_codex(path.as_os_str(), self.extensions().as_deref())
    }

    /// The version of the real Codex, where it says one.
    pub(crate) fn codex_version(&self, codex: &Path) -> Option<CodexVersion> {
        let said = self.run(codex, &["--version"]).ok()?;
        CodexVersion::parse(&String::from_utf8_lossy(&said.stdout))
    }

    /// Whether our `codex` is in the harness home.
    pub(crate) fn has_shim(&self) -> bool {
        codex_home::is_shim(&self.paths.bin_dir.join(codex_home::shim::NAME))
    }

    /// Whether somebody else's `codex` is in the harness home.
    pub(crate) fn has_foreign_codex(&self) -> bool {
        self.paths.bin_dir.join(codex_home::shim::NAME).symlink_metadata().is_ok()
            && !self.has_shim()
    }

    fn extensions(&self) -> Option<std::ffi::OsString> {
        self.environment.path("PATHEXT").map(PathBuf::into_os_string)
    }
}
