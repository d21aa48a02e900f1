//! Messages that a user takes back in an editor or a terminal: the thread goes on in another file.

use std::time::Duration;

use serde_json::{Value, json};
use stories::phoenix::Span;
use stories::{
    AppServer, Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE, observed_forest, wait,
};

use crate::{check, stage};

/// How long a busy machine may take until a turn without a trigger is traced.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an editor does with a thread.
#[derive(Clone, Copy)]
enum Action {
    /// Has the next turn, of which the notification tells.
    Completes,
    /// Has the next turn, of which only the service can tell.
    Fails,
    /// Has the next turn, and stops it.
    IsStopped,
    /// Takes back the turn of this number, and all later ones.
    Revert(usize),
}

#[test]
fn turns_that_were_taken_back_stay_and_the_next_ones_are_traced() {
    use Action::{Completes, Fails, IsStopped, Revert};

    let answers = |prompt, answer| Script::new(prompt).step(Step::new(USAGE).message(answer));
    let turns = [
        answers("Say one", "One."),
        answers("Say two", "Two."),
        Script::new("Say three")
            .step(Step::new(USAGE).call(Call::command("echo three; exit 2").fails("exit code 2")))
            .step(Step::new(USAGE).message("Three.")),
        Script::new("Say four").step(Step::status(400)).fails("scripted failure"),
        Script::new("Say five").step(Step::new(USAGE).stalls_after(1)).fails("interrupted"),
        answers("Say six", "Six."),
        answers("Say seven", "Seven."),
        answers("Say eight", "Eight."),
    ];
    let actions = [
        Completes,
        Completes,
        Revert(2),
        Completes,
        Fails,
        IsStopped,
        Revert(4),
        Completes,
        Revert(1),
        Completes,
    ];
    let mut editor = Editor::open("reverts", &turns);
    for action in actions {
        editor.does(action);
    }
    let resumed = editor.resumes();
    let (spans, ids) = (resumed.spans, resumed.turn_ids);
    check::session(&spans, &turns, &resumed.thread);
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent_id.is_none()).collect();
    let mut replaces: Vec<_> = roots
        .iter()
        .filter_map(|root| Some((root.name.as_str(), root.text("codex.turn.replaces")?)))
        .collect();
    replaces.sort_unstable();
    let expected = [("Turn 3", &*ids[1]), ("Turn 6", &*ids[3]), ("Turn 7", &*ids[0])];
    assert_eq!(replaces, expected);
}

/// An editor with one thread, and everything around it.
struct Editor<'a> {
    // In the order in which they are ended.
    server: AppServer,
    model: ModelServer,
    home: Home,
    thread: String,
    project: &'a str,
    scripts: &'a [Script],
    turn_ids: Vec<String>,
}

/// What there is in the end.
struct Resumed {
    thread: String,
    turn_ids: Vec<String>,
    spans: Vec<Span>,
}

impl<'a> Editor<'a> {
    fn open(project: &'a str, scripts: &'a [Script]) -> Self {
        let home = stage::home(project);
        home.start_buffer().expect("the buffer starts");
        let model = ModelServer::start(scripts).expect("a model");
        let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
        let mut server =
            AppServer::start(&codex.expect("config.toml"), &[], "chess-board").expect("a server");
        let thread = server.start_thread(&json!({})).expect("a thread");
        Self { server, model, home, thread, project, scripts, turn_ids: Vec::new() }
    }

    fn does(&mut self, action: Action) {
        if let Action::Revert(turn) = action {
            let before = &self.turn_ids[turn - 1];
            let what = json!({ "threadId": self.thread, "beforeTurnId": before });
            self.server.request("thread/revert", &what).expect("a revert");
            return;
        }
        let script = &self.scripts[self.turn_ids.len()];
        let asked = self.model.received().len() + script.steps.len();
        let turn = self.server.start_turn(&self.thread, &script.prompt, &json!({}));
        let turn = turn.expect("a turn");
        if matches!(action, Action::IsStopped) {
            let is_asked = || (self.model.received().len() == asked).then_some(());
            wait::until("the request", PATIENCE, is_asked).expect("a request");
            let stop = json!({ "threadId": self.thread, "turnId": turn });
            self.server.request("turn/interrupt", &stop).expect("an interruption");
        }
        self.server.next("turn/completed").expect("the end of the turn");
        self.turn_ids.push(turn);
        match action {
            Action::Completes => self.is_notified(script.answer().expect("an answer")),
            // Before the next turn could tell of it.
            _ => self.is_traced(),
        }
    }

    fn is_notified(&self, answer: &str) {
        let is_last = |payload: &Value| payload["last-assistant-message"] == answer;
        stage::hook_run(&self.home, answer, is_last);
    }

    /// Waits until as many turns are traced as there were.
    fn is_traced(&self) {
        let all = || observed_forest(&stage::spans(self.project)).len() == self.turn_ids.len();
        wait::until("the turn in Phoenix", PATIENCE, || all().then_some(())).expect("a trace");
    }

    /// Ends the editor and has `codex exec` do the last turn.
    fn resumes(self) -> Resumed {
        let Self { server, model, home, thread, project, scripts, turn_ids } = self;
        drop(server);
        let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
        let last = scripts.last().expect("a turn");
        let exec = codex.expect("config.toml").exec(&["resume", &thread], &last.prompt);
        assert_eq!(exec.expect("a turn").thread_id, thread);
        let answer = last.answer().expect("an answer");
        stage::hook_run(&home, answer, |payload| payload["last-assistant-message"] == answer);
        let spans = stage::spans(project);
        home.stop_buffer().expect("the buffer stops");
        Resumed { thread, turn_ids, spans }
    }
}
