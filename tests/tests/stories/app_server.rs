//! Codex within an editor: no terminal, no `codex exec`.

use std::time::Duration;

use serde_json::{Value, json};
use stories::phoenix::Span;
use stories::script::MODEL;
use stories::{
    AppServer, Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE, Usage, wait,
};

use crate::{check, stage};

/// Another one that Codex knows.
const OTHER_MODEL: &str = "gpt-6-luna";

#[test]
fn a_declined_command_does_not_end_the_turn() {
    let turn = Script::new("Try everything")
        .step(Step::new(USAGE).call(Call::escalated("echo once").prints("once")))
        .step(Step::new(USAGE).call(Call::escalated("echo always").prints("always")))
        .step(Step::new(USAGE).call(Call::escalated("echo always").prints("always")))
        .step(Step::new(USAGE).call(Call::escalated("echo never").fails("rejected by user")))
        .step(Step::new(USAGE).message("Then not."));
    let mut editor = Editor::open("app-server-approvals", vec![turn]);
    editor.begin(0, &json!({}));
    // The user is not asked twice for a command that is accepted for the session.
    for decision in ["accept", "acceptForSession", "decline"] {
        editor.server.decide(decision).expect("a question");
    }
    let spans = editor.close();
    let tools = spans.iter().filter(|span| span.kind == "TOOL");
    let decisions: Vec<_> =
        tools.clone().map(|tool| tool.text("codex.tool.approval_status")).collect();
    let expected = ["approved", "approved_for_session", "approved_for_session", "denied"];
    assert_eq!(decisions, expected.map(Some));
    for tool in tools {
        assert_eq!(tool.text("codex.tool.approval_source"), Some("User"), "{tool:#?}");
        assert!(tool.number("codex.tool.approval_wait_ms").is_some(), "{tool:#?}");
    }
}

#[test]
fn an_interrupted_turn_and_the_next_one_right_after_it() {
    let turns = [
        Script::new("Say hello").step(Step::new(USAGE).message("Hello!")),
        Script::new("Think for ever").step(Step::new(USAGE).stalls_after(1)).fails("interrupted"),
        Script::new("Are you there?").step(Step::new(USAGE).message("I am.")),
    ];
    let mut editor = Editor::open("app-server-interrupt", turns.to_vec());
    editor.begin(0, &json!({}));
    editor.completed();
    let turn = editor.begin(1, &json!({}));
    editor.asked(2);
    let stop = json!({ "threadId": editor.thread, "turnId": turn });
    editor.server.request("turn/interrupt", &stop).expect("an interruption");
    editor.completed();
    editor.begin(2, &json!({}));
    editor.close();
}

#[test]
fn another_model_in_the_middle_of_a_thread() {
    let usage = |input: u64| Usage { input, ..USAGE };
    // Before another model goes on, the one that knows the conversation sums it up.
    let turns = [
        Script::new("Ponder").step(Step::new(usage(1000)).message("Hm.")),
        Script::new("Be quick")
            .with_model(OTHER_MODEL)
            .step(Step::new(usage(1100)).message("It pondered.").compacts().by_model(MODEL))
            .step(Step::new(usage(600)).message("Done.")),
        Script::new("And now?")
            .with_model(OTHER_MODEL)
            .step(Step::new(usage(700)).message("That was all.")),
    ];
    let mut editor = Editor::open("app-server-models", turns.to_vec());
    editor.begin(0, &json!({}));
    editor.completed();
    editor.begin(1, &json!({ "model": OTHER_MODEL }));
    editor.completed();
    editor.begin(2, &json!({}));
    for call in editor.close().iter().filter(|span| span.kind == "LLM") {
        assert_eq!(call.text("llm.model_name"), Some(call.name.as_str()), "{call:#?}");
    }
}

/// An editor with one thread, and everything around it.
struct Editor {
    // In the order in which they are ended.
    server: AppServer,
    model: ModelServer,
    home: Home,
    thread: String,
    turns: Vec<Script>,
    project: &'static str,
}

impl Editor {
    fn open(project: &'static str, turns: Vec<Script>) -> Self {
        let home = stage::home(project);
        home.start_buffer().expect("the buffer starts");
        let model = ModelServer::start(&turns).expect("a model");
        let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
        let codex = codex.expect("config.toml");
        let mut server = AppServer::start(&codex, &[], "chess-board").expect("a server");
        let settings = json!({ "approvalPolicy": "on-request", "sandbox": "read-only" });
        let thread = server.start_thread(&settings).expect("a thread");
        Self { server, model, home, thread, turns, project }
    }

    /// Begins the turn with this index, with these settings, and returns its id.
    fn begin(&mut self, turn: usize, settings: &Value) -> String {
        let prompt = &self.turns[turn].prompt;
        self.server.start_turn(&self.thread, prompt, settings).expect("a turn")
    }

    /// Waits until the current turn has ended.
    fn completed(&mut self) {
        self.server.next("turn/completed").expect("the end of the turn");
    }

    /// Waits until the model got so many requests.
    fn asked(&self, requests: usize) {
        let enough = || (self.model.received().len() == requests).then_some(());
        wait::until("requests to the model", Duration::from_secs(30), enough).expect("requests");
    }

    /// Waits until the last turn is traced, and compares what Phoenix got with the script.
    fn close(self) -> Vec<Span> {
        let Self { mut server, model, home, thread, turns, project } = self;
        server.next("turn/completed").expect("the end of the turn");
        let answer = turns.last().and_then(Script::answer).expect("an answer");
        let is_last = |payload: &Value| payload["last-assistant-message"] == answer;
        let run = stage::hook_run(&home, answer, is_last);
        let payload: Value = serde_json::from_str(&run.payload).expect("a payload");
        assert_eq!(payload["client"], "chess-board");
        let steps = turns.iter().map(|turn| turn.steps.len()).sum::<usize>();
        assert_eq!(model.received().len(), steps, "requests to the model");
        drop(server);
        let spans = stage::spans(project);
        check::session(&spans, &turns, &thread);
        home.stop_buffer().expect("the buffer stops");
        spans
    }
}
