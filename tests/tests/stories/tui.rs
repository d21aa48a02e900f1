//! Sessions in a terminal, from the first prompt to the last.

use stories::{Call, Script, Step, Usage};

use crate::check;
use crate::session::{NO_DAEMON, Session, thread_id};

#[test]
fn two_turns_in_one_session() {
    let turns = two_turns();
    let session = Session::start("tui-two-turns", &turns, &[&NO_DAEMON]);
    let first = session.turn(&turns[0]);
    session.turn(&turns[1]);
    let spans = session.end(&thread_id(&first));
    check::telemetry(&spans);
}

/// What most people have: Codex does the turns in a process that outlives its terminals.
#[test]
fn two_turns_in_the_daemon() {
    let turns = two_turns();
    let session = Session::start("tui-daemon", &turns, &[]);
    let first = session.turn(&turns[0]);
    session.turn(&turns[1]);
    let daemon = session.home.codex_home().join("app-server-daemon/daemon.pid");
    assert!(daemon.exists(), "codex started no daemon");
    let spans = session.end(&thread_id(&first));
    check::telemetry(&spans);
}

/// A turn with a tool, and one that only talks.
fn two_turns() -> [Script; 2] {
    let first = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };
    let second = Usage { input: 1203, cached: 1000, output: 31, reasoning: 0 };
    let third = Usage { input: 1307, cached: 1152, output: 12, reasoning: 7 };
    [
        Script::new("Count the pieces")
            .step(Step::new(first).call(Call::command("echo 32").prints("32")))
            .step(Step::new(second).message("There are 32 pieces.")),
        Script::new("Who begins?").step(Step::new(third).message("White begins.")),
    ]
}
