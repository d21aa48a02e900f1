//! The program: from Codex's arguments to Codex.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use buffer_api::Endpoint;
use codex_config::{Environment, Paths, Settings, variables};
use codex_home::shim::PROXY;
use codex_home::{codex_on_path, is_shim};
use program_log::Log;

use crate::process::{self, NOT_FOUND};
use crate::wrappers::{self, Ran};
use crate::{help, job, npm, service};

/// The variable that counts proxies around a Codex, of which there are several where a Codex runs a
/// Codex.
const DEPTH: &str = "ARIZE_CODEX_PROXY_DEPTH";

/// Runs the real Codex with these arguments: in the place of this process, or in a job whose processes
/// end with it, as a child, whose turns are sent before this process ends. This process was started
/// under the name `program`.
pub fn run(
    program: &OsStr,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
) -> ExitCode {
    #[cfg(windows)]
    processes::keep_streams();
    if let Some(answer) = help::answer(program, &arguments) {
        // A reader such as `head` may have seen enough.
        let _ = io::stdout().write_all(answer.as_bytes());
        return ExitCode::SUCCESS;
    }
    // A panic here costs a trace and not a run of Codex; its message is not for the terminal.
    panic::set_hook(Box::new(|_| {}));
    let tracing = guarded(|| Tracing::configured(&variables)).flatten();
    let environment = Environment::new(variables.iter().cloned());
    let (ran, here) = (Ran::from_variables(&variables), wrappers::here());
    let codex =
        match real_codex(tracing.as_ref(), &environment, |codex| ran.leads_here(codex, here)) {
            Search::Found(codex) => codex,
            Search::OnlyWrappers(wrapper) => return leads_back(&wrapper),
            Search::Nothing => {
                process::complain("command not found");
                return ExitCode::from(NOT_FOUND);
            }
        };
    let Some(depth) = depth(&variables) else { return leads_back(&codex) };
    let noted = ran.with(&codex, here);
    let mut command = npm::command(codex, &search_path(&environment));
    command.args(&arguments).env(DEPTH, depth.to_string()).env(wrappers::RAN, noted);
    let Some(tracing) = tracing.filter(|tracing| tracing.settings.enabled) else {
        return process::replace(command);
    };
    guarded(|| tracing.ensure_service());
    match guarded(|| tracing.wait(&environment, depth)).flatten() {
        Some(wait) => {
            let began = SystemTime::now();
            process::run_then(command, || {
                guarded(|| job::deliver(&tracing, began, wait));
            })
        }
        None => process::replace(command),
    }
}

fn leads_back(codex: &Path) -> ExitCode {
    process::complain(&format!("`{}` leads back to {PROXY}", codex.display()));
    ExitCode::from(NOT_FOUND)
}

/// What the proxy knows of the user's tracing.
pub(crate) struct Tracing {
    pub(crate) settings: Settings,
    pub(crate) paths: Paths,
    pub(crate) log: Log,
}

impl Tracing {
    /// Reads the settings; none where there is no home to have any in.
    fn configured(variables: &[(OsString, OsString)]) -> Option<Self> {
        let environment = Environment::new(variables.iter().cloned()).or_home(std::env::home_dir());
        let paths = Paths::from_environment(&environment)?;
        let settings = Settings::load(&paths, &environment);
        let log = Log::new(settings.log_file.clone(), settings.verbose);
        Some(Self { settings, paths, log })
    }

    fn ensure_service(&self) {
        let collector = &self.settings.collector;
        let endpoint = match Endpoint::new(&collector.host, collector.port) {
            Ok(endpoint) => endpoint,
            Err(error) => return self.log.warn(format_args!("codex-proxy: {error}")),
        };
        let program = self.program("arize-codex-buffer");
        if let Err(error) = service::ensure(&program, &endpoint) {
            let program = program.display();
            self.log.warn(format_args!("codex-proxy: `{program}` cannot be started: {error}"));
        }
    }

    /// How long to wait for the turns of this Codex after its end. The outermost Codex of a job waits
    /// for those of all others.
    fn wait(&self, environment: &Environment, depth: u32) -> Option<Duration> {
        match job::wait(environment, std::process::id()) {
            Ok(wait) => wait.filter(|_| depth == 1),
            Err(error) => {
                self.log.warn(format_args!("codex-proxy: {error}"));
                None
            }
        }
    }

    /// A program of ours: beside this one, or where it is installed.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let file_name = Path::new(name).with_extension(std::env::consts::EXE_EXTENSION);
        let own = std::env::current_exe().and_then(dunce::canonicalize);
        let beside = own.map(|own| own.with_file_name(&file_name));
        let beside = beside.ok().filter(|program| program.exists());
        beside.unwrap_or_else(|| self.paths.bin_dir.join(file_name))
    }
}

/// What a search for Codex has come to.
enum Search {
    Found(PathBuf),
    /// There are only scripts that run the proxy again, such as this one.
    OnlyWrappers(PathBuf),
    Nothing,
}

/// The Codex that the user chose, or else the first on the `PATH`, without those that lead here.
fn real_codex(
    tracing: Option<&Tracing>,
    environment: &Environment,
    leads_here: impl Fn(&Path) -> bool,
) -> Search {
    if let Some(tracing) = tracing
        && let Some(chosen) = &tracing.settings.codex_bin
    {
        if processes::is_runnable(chosen) && !is_shim(chosen) && !leads_here(chosen) {
            return Search::Found(chosen.clone());
        }
        let (name, chosen) = (variables::ARIZE_CODEX_BIN, chosen.display());
        tracing.log.warn(format_args!(
            "codex-proxy: `{chosen}` ({name}) is not a codex that can be run; looking on the PATH"
        ));
    }
    let extensions = environment.path("PATHEXT").map(PathBuf::into_os_string);
    let path = search_path(environment);
    let real = codex_on_path(&path, extensions.as_deref()).filter(|codex| !is_shim(codex));
    let (wrappers, others): (Vec<_>, Vec<_>) = real.partition(|codex| leads_here(codex));
    match (others.into_iter().next(), wrappers.into_iter().next()) {
        (Some(codex), _) => Search::Found(codex),
        (None, Some(wrapper)) => Search::OnlyWrappers(wrapper),
        (None, None) => Search::Nothing,
    }
}

fn search_path(environment: &Environment) -> OsString {
    environment.path("PATH").unwrap_or_default().into_os_string()
}

/// How deep in proxies the next Codex is; none where that is deeper than any Codex that runs a Codex:
/// then something that is not known as a shim runs the proxy again.
fn depth(variables: &[(OsString, OsString)]) -> Option<u32> {
    const DEEPEST: u32 = 32;
    let before = variables.iter().find(|(name, _)| name == DEPTH);
    let before = before.and_then(|(_, depth)| depth.to_str()?.parse().ok()).unwrap_or(0_u32);
    (before < DEEPEST).then_some(before + 1)
}

/// Does something that must not end in a panic.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}
