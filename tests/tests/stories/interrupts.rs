//! Turns that the user stops in a terminal: Codex notifies of none of them, and they are traced all
//! the same.

use stories::terminal::Key;
use stories::{Script, Step, USAGE};

use crate::session::{NO_DAEMON, Session, thread_id};
use crate::turns::{endless, tool_begins};

#[test]
fn while_the_model_answers_and_while_a_tool_runs() {
    let turns = [
        Script::new("Think aloud")
            .step(Step::new(USAGE).reasoning("Is it?").message("Let me see").stalls_after(4))
            .fails("interrupted"),
        endless("aborted by user").fails("interrupted"),
        Script::new("Are you there?").step(Step::new(USAGE).message("I am.")),
    ];
    let session = Session::start("interrupted", &turns, &[&NO_DAEMON]);
    let terminal = session.tui.terminal();

    session.ask(&turns[0]);
    terminal.shows("Let me see").expect("the model answers");
    terminal.press(Key::Escape).expect("a key");
    terminal.shows("Conversation interrupted").expect("the end of the turn");

    session.ask(&turns[1]);
    tool_begins(&session.home).expect("a tool");
    terminal.press(Key::Escape).expect("a key");
    terminal
        .wait("the end of the turn", |screen| {
            screen.matches("Conversation interrupted").count() == 2
        })
        .expect("the end of the turn");

    let run = session.turn(&turns[2]);
    let spans = session.end(&thread_id(&run));
    let roots = spans.iter().filter(|span| span.parent_id.is_none());
    let statuses: Vec<_> = roots.map(|root| root.text("codex.turn.status")).collect();
    assert_eq!(statuses, [Some("interrupted"), Some("interrupted"), Some("completed")]);
}
