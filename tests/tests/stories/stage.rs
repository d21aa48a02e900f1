//! The programs of all stories, and the set-up that most of them share.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::LazyLock;

use stories::codex::Exec;
use stories::home::HookRun;
use stories::phoenix::Span;
use stories::process::Finished;
use stories::{Codex, Home, ModelServer, Phoenix, Protocol, Script};

/// The Phoenix that all stories send to; it ends with this process.
pub(crate) fn phoenix() -> &'static Phoenix {
    static PHOENIX: LazyLock<Phoenix> =
        LazyLock::new(|| Phoenix::start(&path("STORIES_PHOENIX")).expect("phoenix starts"));
    &PHOENIX
}

/// Returns the folder of our binaries.
pub(crate) fn programs() -> PathBuf {
    path("STORIES_BIN_DIR")
}

/// Returns the real Codex.
pub(crate) fn codex() -> PathBuf {
    path("STORIES_CODEX")
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
    let model = ModelServer::start(std::slice::from_ref(script)).expect("a model");
    let codex = Codex::configure(&codex(), home, &model, protocol);
    let exec = codex.and_then(|codex| codex.exec(arguments, &script.prompt)).expect("a turn");
    assert!(exec.finished.status.success(), "{exec:?}");
    assert_eq!(model.received().len(), script.steps.len(), "requests to the model");
    let mut runs = home.hook_runs(1).expect("the hook ends");
    let hook = runs.pop().expect("one run");
    assert!(runs.is_empty(), "{runs:?} {hook:?}");
    assert_eq!((hook.exit, hook.printed.as_str()), (0, ""), "{hook:?}");
    Played { exec, hook }
}

/// A turn that Codex has done, and the run of the hook that it caused.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) exec: Exec,
    pub(crate) hook: HookRun,
}

/// Triggers the hook by hand; it must succeed without a word.
pub(crate) fn trigger<A: AsRef<OsStr>>(home: &Home, arguments: &[A]) {
    let Finished { status, stdout, stderr, .. } = home.run_hook(arguments).expect("the hook ends");
    assert_eq!((status.code(), stdout.as_str(), stderr.as_str()), (Some(0), "", ""));
}

/// Returns what Phoenix has in the project.
pub(crate) fn spans(project: &str) -> Vec<Span> {
    phoenix().spans(project).expect("phoenix answers")
}

fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("`{variable}` is not set: run `cargo xtask e2e`"))
        .into()
}
