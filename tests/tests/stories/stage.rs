//! The programs of all stories, and the set-up that most of them share.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use stories::codex::Exec;
use stories::home::HookRun;
use stories::phoenix::Span;
use stories::process::{self, Finished};
use stories::version::Version;
use stories::{Codex, Home, Mlflow, ModelServer, Phoenix, Protocol, Rotel, Script};

use crate::turns::tool_begins;

/// The Phoenix that all stories send to; it ends with this process.
pub(crate) fn phoenix() -> &'static Phoenix {
    static PHOENIX: LazyLock<Phoenix> =
        LazyLock::new(|| Phoenix::start(&path("STORIES_PHOENIX")).expect("phoenix starts"));
    &PHOENIX
}

/// The MLflow of the stories that need one from the beginning on; it ends with this process, too.
pub(crate) fn mlflow() -> &'static Mlflow {
    static MLFLOW: LazyLock<Mlflow> =
        LazyLock::new(|| Mlflow::start(&path("STORIES_MLFLOW")).expect("mlflow starts"));
    &MLFLOW
}

/// Starts a collector that hands on to that Phoenix.
pub(crate) fn rotel() -> Rotel {
    Rotel::start(&path("STORIES_ROTEL"), phoenix().url()).expect("rotel starts")
}

/// Returns the folder of our binaries.
pub(crate) fn programs() -> PathBuf {
    path("STORIES_BIN_DIR")
}

/// Prepares a run of `arize-codex` in this home.
pub(crate) fn arize_codex(home: &Home) -> Command {
    home.command(&programs().join("arize-codex"))
}

/// Returns the real Codex.
pub(crate) fn codex() -> PathBuf {
    path("STORIES_CODEX")
}

/// Returns the version of the real Codex.
pub(crate) fn version() -> Version {
    static VERSION: LazyLock<Version> =
        LazyLock::new(|| Version::of(&codex()).expect("codex tells its version"));
    *VERSION
}

/// Makes a home that sends to a project of this name in the real Phoenix.
pub(crate) fn home(project: &str) -> Home {
    let home = Home::new(&programs(), project).expect("a home");
    home.trace_to(phoenix().url()).expect("config.yaml");
    home
}

/// Lets Codex work through the script in this home and waits for the hook, which must succeed
/// without a word.
pub(crate) fn play(home: &Home, script: &Script, protocol: Protocol, arguments: &[&str]) -> Played {
    let runs = Runs::new(home, std::slice::from_ref(script), protocol);
    let exec = runs.turn(arguments, script);
    let hook = runs.hook_runs(1).remove(0);
    let shell = runs.model.shell().unwrap_or_default();
    Played { exec, hook, script: script.clone().for_shell(shell) }
}

/// Does what [`play`] does, and no transcript is there when the hook looks for it.
pub(crate) fn play_without_transcript(home: &mut Home, script: &Script) -> Played {
    if version().can_be_ephemeral() {
        play(home, script, Protocol::Binary, &["--ephemeral"])
    } else {
        home.forget_transcripts();
        play(home, script, Protocol::Binary, &[])
    }
}

/// A turn that Codex has done, and the run of the hook that it caused.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) exec: Exec,
    pub(crate) hook: HookRun,
    /// The script with the tools that this version of Codex offers.
    pub(crate) script: Script,
}

/// A home in which Codex works through several turns, each a process of its own.
#[derive(Debug)]
pub(crate) struct Runs<'a> {
    home: &'a Home,
    model: ModelServer,
    codex: Codex<'a>,
}

impl<'a> Runs<'a> {
    /// Starts a model that plays these turns, and makes Codex ask it.
    pub(crate) fn new(home: &'a Home, turns: &[Script], protocol: Protocol) -> Self {
        let model = ModelServer::start(turns).expect("a model");
        let codex = Codex::configure(&codex(), home, &model, protocol);
        Self { home, model, codex: codex.expect("config.toml") }
    }

    /// Lets Codex do the next turn; it must ask the model as often as the script foresees, and end
    /// as it says.
    pub(crate) fn turn(&self, arguments: &[&str], script: &Script) -> Exec {
        let before = self.model.received().len();
        let exec = self.codex.exec(arguments, &script.prompt).expect("a turn");
        assert_eq!(exec.finished.status.success(), script.fails.is_none(), "{exec:?}");
        let requests = self.model.received().len() - before;
        assert_eq!(requests, script.steps.len(), "requests to the model, {exec:?}");
        exec
    }

    /// Lets Codex begin an [endless](crate::turns::endless) turn, waits until its tool runs, and sends
    /// Codex this signal.
    pub(crate) fn stopped_turn(&self, script: &Script, signal: &str) -> Exec {
        let stop = |pid: u32| {
            tool_begins(self.home)?;
            let limit = Duration::from_secs(30);
            process::run(Command::new("kill").args(["-s", signal, &pid.to_string()]), limit)?;
            Ok(())
        };
        self.codex.exec_beside(&[], &script.prompt, stop).expect("a turn")
    }

    /// Waits for the runs of the hook, of which there are so many: see [`hook_runs`].
    pub(crate) fn hook_runs(&self, count: usize) -> Vec<HookRun> {
        hook_runs(self.home, count)
    }
}

/// Waits until the hook has run `count` times; each run must succeed without a word, and there must
/// not be more.
pub(crate) fn hook_runs(home: &Home, count: usize) -> Vec<HookRun> {
    let runs = home.hook_runs(count).expect("the hook ends");
    assert_eq!(runs.len(), count, "{runs:?}");
    runs.iter().for_each(succeeded);
    runs
}

fn succeeded(run: &HookRun) {
    assert_eq!((run.exit, run.printed.as_str()), (0, ""), "{run:?}");
}

/// Triggers the hook by hand; it must succeed without a word.
pub(crate) fn trigger<A: AsRef<OsStr>>(home: &Home, arguments: &[A]) {
    let Finished { status, stdout, stderr, .. } = home.run_hook(arguments).expect("the hook ends");
    assert_eq!((status.code(), stdout.as_str(), stderr.as_str()), (Some(0), "", ""));
}

/// Waits for the run of the hook whose payload matches; it must succeed without a word.
pub(crate) fn hook_run(home: &Home, what: &str, matches: impl Fn(&Value) -> bool) -> HookRun {
    let run = home.hook_run(what, matches).expect("the hook ends");
    succeeded(&run);
    run
}

/// Returns what Phoenix has in the project.
pub(crate) fn spans(project: &str) -> Vec<Span> {
    phoenix().spans(project).expect("phoenix answers")
}

/// Returns what Phoenix has in the project, trace by trace, oldest first.
pub(crate) fn traces(project: &str) -> Vec<Vec<Span>> {
    let mut traces: Vec<Vec<Span>> = Vec::new();
    for span in spans(project) {
        match traces.iter_mut().find(|trace| trace[0].trace_id == span.trace_id) {
            Some(trace) => trace.push(span),
            None => traces.push(vec![span]),
        }
    }
    traces
}

pub(crate) fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("`{variable}` is not set: run `cargo xtask e2e`"))
        .into()
}
