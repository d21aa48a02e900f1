//! What setup and the doctor find on a machine.
//!
//! - [`Machine`]: the user's folders and the variables of the shell, as the caller found them;
//! - [`Codex`]: the `codex` commands on the `PATH`, our shim, and the version of the real one;
//! - [`Daemon`]: Codex's background process, and whether its telemetry settings are old;
//! - [`Installation`]: what setup noted of an earlier installation;
//! - [`programs`]: our programs, where they come from, and their copies in the harness home;
//! - [`Owner`]: the package manager that put programs here;
//! - [`Machine::service`]: the buffer service, whose status `buffer_api` asks for.
//!
//! `setup::plan` and the checks of the doctor are functions of these values.
//!
//! Invariants: inspecting changes nothing, and nothing is printed. The environment and the folders come
//! from the caller. No program is waited for without a limit.

mod codex;
mod daemon;
mod installation;
mod owner;
pub mod programs;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use buffer_api::Endpoint;
use buffer_api::process::Service;
use codex_config::{Environment, Paths, variables};
use processes::{answer, without_keys};

pub use codex::{Codex, CodexCommand};
pub use daemon::{Daemon, RestartError};
pub use installation::Installation;
pub use owner::Owner;
pub use programs::PROGRAMS;

/// How long a program may take for an answer; on a cold disk node alone takes a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// A machine as one shell of a user sees it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The user's folders.
    pub paths: Paths,
    /// The variables of the shell.
    pub environment: Environment,
    /// The folder of our programs: that of the running one.
    pub programs: PathBuf,
    /// The shell's working directory.
    pub folder: PathBuf,
    /// Whether there is a registry of Windows whose `PATH` is that of this home's user.
    pub has_registry: bool,
}

impl Machine {
    /// A folder of the user that is no absolute path, with its variable. From another folder, what
    /// setup writes and notes would be looked for elsewhere.
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

    /// The `PATH` of the shell.
    pub fn search_path(&self) -> OsString {
        self.environment.path("PATH").unwrap_or_default().into_os_string()
    }

    /// Runs a program of the system and waits for its end. Its output does not reach the terminal, and
    /// after 10 seconds it is ended.
    pub fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> io::Result<Output> {
        answer(without_keys(Command::new(program).args(arguments)), PATIENCE)
    }

    /// Our shim, where it is installed.
    pub fn shim(&self) -> Option<PathBuf> {
        Some(self.shim_path()).filter(|shim| codex_home::is_shim(shim))
    }

    /// Whether a `codex` that is not our shim is in its place.
    pub fn has_foreign_codex(&self) -> bool {
        self.shim_path().symlink_metadata().is_ok() && self.shim().is_none()
    }

    /// The buffer service at this address, with the program in this folder.
    pub fn service(&self, programs: &Path, endpoint: Endpoint) -> Service {
        let program = programs.join(format!("arize-codex-buffer{}", std::env::consts::EXE_SUFFIX));
        Service { program, endpoint, paths: self.service_paths() }
    }

    /// The files of the buffer service.
    pub fn service_paths(&self) -> buffer_api::Paths {
        buffer_api::Paths::under(&self.paths.harness_home)
    }

    fn shim_path(&self) -> PathBuf {
        self.paths.bin_dir.join(codex_home::shim::NAME)
    }

    fn extensions(&self) -> Option<OsString> {
        self.environment.path("PATHEXT").map(PathBuf::into_os_string)
    }
}
