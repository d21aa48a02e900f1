//! A session in a terminal, shared by the stories that take place in one.

use serde_json::Value;
use stories::home::HookRun;
use stories::phoenix::Span;
use stories::{Codex, Home, ModelServer, Protocol, Script, Tui};

use crate::{check, stage};

/// Codex, on a terminal, with all turns of the session before it.
pub(crate) struct Session<'a> {
    // In the order in which they are ended.
    pub(crate) tui: Tui,
    pub(crate) model: ModelServer,
    pub(crate) home: Home,
    turns: &'a [Script],
    project: &'static str,
}

/// Makes Codex do its turns itself and not in a process that outlives it.
pub(crate) const NO_DAEMON: [&str; 2] = ["-c", "features.daemon_auto_start=false"];

impl<'a> Session<'a> {
    /// Starts Codex with these arguments, and everything around it.
    pub(crate) fn start(project: &'static str, turns: &'a [Script], arguments: &[&[&str]]) -> Self {
        let home = stage::home(project);
        home.start_buffer().expect("the buffer starts");
        let model = ModelServer::start(turns).expect("a model");
        let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
        let codex = codex.expect("config.toml");
        let tui = Tui::start(&codex, &arguments.concat()).expect("a session");
        Self { tui, model, home, turns, project }
    }

    /// Enters the prompt of a turn.
    pub(crate) fn ask(&self, turn: &Script) {
        self.tui.enter(&turn.prompt).expect("a prompt is entered");
    }

    /// Waits until a turn is answered and traced; the hook must succeed without a word.
    pub(crate) fn answered(&self, turn: &Script) -> HookRun {
        let answer = turn.answer().expect("an answer");
        let is_answer = |payload: &Value| payload["last-assistant-message"] == answer;
        stage::hook_run(&self.home, &turn.prompt, is_answer)
    }

    /// Does a turn that needs nothing but its prompt.
    pub(crate) fn turn(&self, turn: &Script) -> HookRun {
        self.ask(turn);
        self.answered(turn)
    }

    /// Leaves the session, and compares what Phoenix got with the script of all turns.
    pub(crate) fn end(self, thread_id: &str) -> Vec<Span> {
        let Self { tui, model, home, turns, project } = self;
        // The title that Codex asked for must have had its chance to be traced.
        stage::hook_run(&home, "the title", is_title);
        tui.quit().expect("codex ends");
        let steps = turns.iter().map(|turn| turn.steps.len()).sum::<usize>();
        assert_eq!(model.received().len(), steps, "requests to the model");
        let spans = stage::spans(project);
        check::session(&spans, turns, thread_id);
        home.stop_buffer().expect("the buffer stops");
        spans
    }
}

/// Returns the thread that a run of the hook was about.
pub(crate) fn thread_id(run: &HookRun) -> String {
    let payload: Value = serde_json::from_str(&run.payload).expect("a payload");
    payload["thread-id"].as_str().expect("a thread").to_owned()
}

/// Codex asks for a title in a thread of its own, and notifies of it like of any other.
fn is_title(payload: &Value) -> bool {
    payload["input-messages"].to_string().contains("single-line task title")
}
