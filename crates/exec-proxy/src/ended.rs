//! After the end of a run: a process that nobody waits for has the hook look at the run's threads.
//!
//! It is the proxy itself with [`RUN_ENDED`] as its first argument, in a session of its own, so that
//! neither the terminal nor whoever ends the run's process group ends it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use buffer_api::wire::Runs;
use buffer_api::{Client, Endpoint};
use codex_config::sessions::is_thread_id;

use crate::run::Tracing;
use crate::transcripts::threads_begun;

/// The first argument of the process that is left behind. Codex has no such option.
const RUN_ENDED: &str = "--arize-run-ended";

/// The most threads that are looked at: a run has one, and some for sub-agents.
const MAX_THREADS: usize = 20;

/// A run of an unattended Codex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) began: SystemTime,
    /// Where Codex works.
    pub(crate) directory: PathBuf,
}

impl Run {
    /// Leaves the process behind.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn leave_behind(&self) -> io::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(self.to_arguments());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Elsewhere it leaves by itself: a session of its own is more than a group.
        #[cfg(windows)]
        buffer_api::process::detach(&mut command);
        command.spawn().map(drop)
    }

    fn to_arguments(&self) -> [OsString; 4] {
        let directory = self.directory.clone().into();
        [RUN_ENDED.into(), self.id.clone().into(), nanos(self.began), directory]
    }

    /// What the process is about that these are the arguments of; none where they are Codex's.
    pub(crate) fn from_arguments(arguments: &[OsString]) -> Option<Self> {
        let [first, id, began, directory] = arguments else { return None };
        let began = Duration::from_nanos(began.to_str()?.parse().ok()?);
        (first == RUN_ENDED).then_some(())?;
        Some(Self {
            id: id.to_str()?.to_owned(),
            began: SystemTime::UNIX_EPOCH.checked_add(began)?,
            directory: directory.into(),
        })
    }

    /// Is the process that was left behind.
    pub(crate) fn look(&self, tracing: &Tracing) {
        #[cfg(unix)]
        let _ = rustix::process::setsid();
        let threads = self.threads(tracing);
        if threads.is_empty() {
            return;
        }
        let hook = tracing.program("arize-hook-codex-notify");
        let mut command = Command::new(&hook);
        command.args([OsStr::new("--ended"), &nanos(self.began)]).args(threads);
        if let Err(error) = instead(command) {
            let hook = hook.display();
            tracing.log.warn(format_args!("codex-proxy: `{hook}` cannot be started: {error}"));
        }
    }

    /// The threads of the run: those whose events say so, and those that nobody has heard of but that
    /// began in it.
    fn threads(&self, tracing: &Tracing) -> Vec<String> {
        let runs = runs(tracing).unwrap_or_default().runs;
        let begun = threads_begun(&tracing.paths.codex_home, self.began, &self.directory);
        choose(&Runs { runs }, &self.id, begun)
    }
}

/// A time in nanoseconds since the Unix epoch.
fn nanos(time: SystemTime) -> OsString {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_nanos().to_string().into()
}

/// The threads of a run, and those of `begun` that are not known to be another run's.
fn choose(runs: &Runs, id: &str, begun: impl Iterator<Item = String>) -> Vec<String> {
    let (ours, others): (Vec<_>, Vec<_>) = runs.runs.iter().partition(|run| run.id == id);
    let mut threads: Vec<String> = ours.into_iter().flat_map(|run| run.threads.clone()).collect();
    threads.retain(|thread| is_thread_id(thread));
    for thread in begun {
        let is_anothers = others.iter().any(|run| run.threads.contains(&thread));
        if !is_anothers && !threads.contains(&thread) {
            threads.push(thread);
        }
    }
    threads.truncate(MAX_THREADS);
    threads
}

/// What the buffer service knows; none where there is no service, or not one that answers us.
fn runs(tracing: &Tracing) -> Option<Runs> {
    let collector = &tracing.settings.collector;
    let endpoint = Endpoint::new(&collector.host, collector.port).ok()?;
    let token = buffer_api::Paths::under(&tracing.paths.harness_home).read_token().ok()?;
    Client::new(&endpoint, token).runs().ok()
}

/// Runs a program in the place of this process.
#[cfg(unix)]
fn instead(mut command: Command) -> io::Result<()> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn instead(mut command: Command) -> io::Result<()> {
    command.spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use buffer_api::wire;

    use super::*;

    fn thread(number: u32) -> String {
        format!("01a1fb18-d745-76d3-8970-{number:012}")
    }

    #[test]
    fn a_run_is_told_to_the_process_that_it_leaves_behind() {
        let run = Run {
            id: "0f".repeat(16),
            began: SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_214_071_877_000_123),
            directory: "/work/a b".into(),
        };
        assert_eq!(Run::from_arguments(&run.to_arguments()), Some(run.clone()));
        let mut codexs = run.to_arguments();
        codexs[0] = "exec".into();
        assert_eq!(Run::from_arguments(&codexs), None);
        assert_eq!(Run::from_arguments(&[RUN_ENDED.into()]), None);
    }

    #[test]
    fn threads_of_other_runs_are_left_alone() {
        let run = |id: &str, numbers: &[u32]| wire::Run {
            id: id.to_owned(),
            threads: numbers.iter().map(|number| thread(*number)).collect(),
        };
        let runs = Runs { runs: vec![run("a", &[1, 2]), run("b", &[3])] };
        let begun = || [1, 3, 4].into_iter().map(thread);
        assert_eq!(choose(&runs, "a", begun()), [1, 2, 4].map(thread));
        assert_eq!(choose(&runs, "b", begun()), [3, 4].map(thread));
        assert_eq!(choose(&Runs::default(), "a", begun()), [1, 3, 4].map(thread));
        assert_eq!(choose(&runs, "c", [].into_iter()), [""; 0]);
    }

    #[test]
    fn what_is_no_thread_is_not_passed_to_a_program() {
        let runs =
            Runs { runs: vec![wire::Run { id: "a".into(), threads: vec!["--help".into()] }] };
        assert_eq!(choose(&runs, "a", [].into_iter()), [""; 0]);
    }

    #[test]
    fn a_run_with_very_many_threads_is_looked_at_in_part() {
        assert_eq!(choose(&Runs::default(), "a", (0..50).map(thread)).len(), MAX_THREADS);
    }
}
