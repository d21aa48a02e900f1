//! Commands that a person is asked about: who said what, and how long it took.

use std::time::{Duration, SystemTime};

use stories::phoenix::Span;
use stories::terminal::Key;
use stories::{Call, Script, Step, USAGE, wait};

use crate::session::{NO_DAEMON, Session, thread_id};

/// Makes Codex ask before it leaves its sandbox.
const ASK: [&str; 4] = ["-c", "approval_policy=on-request", "-c", "sandbox_mode=read-only"];

#[test]
fn accepted_once_accepted_for_good_and_refused() {
    let turns = [
        Script::new("Open the game")
            .step(Step::new(USAGE).call(Call::escalated("echo e4").prints("e4")))
            .step(Step::new(USAGE).call(Call::escalated("echo d4").prints("d4")))
            .step(Step::new(USAGE).message("It is open.")),
        Script::new("Give up")
            .step(Step::new(USAGE).call(Call::escalated("echo over").fails("aborted by user")))
            .fails("interrupted"),
        Script::new("Go on, then").step(Step::new(USAGE).message("Gladly.")),
    ];
    let session = Session::start("approvals", &turns, &[&NO_DAEMON, &ASK]);
    session.ask(&turns[0]);
    let once = answer(&session, "echo e4", Key::Character('y'));
    let for_good = answer(&session, "echo d4", Key::Character('p'));
    session.answered(&turns[0]);
    session.ask(&turns[1]);
    answer(&session, "echo over", Key::Escape);
    session.tui.terminal().shows("Conversation interrupted").expect("the end of the turn");
    let run = session.turn(&turns[2]);
    let asked: Vec<SystemTime> = session.model.received().iter().map(|one| one.at).collect();
    let spans = session.end(&thread_id(&run));

    let tools: Vec<&Span> = spans.iter().filter(|span| span.kind == "TOOL").collect();
    decided(tools[0], "approved", once, asked[1]);
    decided(tools[1], "approved_with_amendment", for_good, asked[2]);
    // Of an answer with Escape Codex says nothing, and so do we.
    let silent = tools[2].attributes.keys().all(|name| !name.starts_with("codex.tool.approval"));
    assert!(silent, "{:#?}", tools[2]);
}

/// Waits for the question about this command and answers it; returns when.
fn answer(session: &Session<'_>, command: &str, key: Key) -> SystemTime {
    let terminal = session.tui.terminal();
    let question = format!("$ {command}");
    terminal.shows(&question).expect("a question");
    // Codex takes no answer that comes too soon for a person to have read the question.
    let answered = wait::until("codex to take the answer", LIMIT, || {
        let now = SystemTime::now();
        terminal.press(key).expect("a key");
        let gone = || (!terminal.screen().contains(&question)).then_some(now);
        wait::until("the question to go", Duration::from_secs(1), gone).ok()
    });
    answered.expect("an answer")
}

const LIMIT: Duration = Duration::from_secs(30);

/// Checks who decided, and that the wait ended between the answer and the model's next request.
fn decided(tool: &Span, status: &str, answered: SystemTime, continued: SystemTime) {
    assert_eq!(tool.text("codex.tool.approval_status"), Some(status), "{tool:#?}");
    assert_eq!(tool.text("codex.tool.approval_source"), Some("User"), "{tool:#?}");
    let wait = tool.number("codex.tool.approval_wait_ms").expect("a wait");
    let decided = tool.start + Duration::from_millis(wait);
    // Codex's times are whole milliseconds.
    let slack = Duration::from_millis(2);
    assert!(answered - slack <= decided && decided <= continued + slack, "{answered:?} {tool:#?}");
    assert!(decided <= tool.end, "{tool:#?}");
}
