//! Sessions in a terminal, from the first prompt to the last.

use crate::check;
use crate::session::{NO_DAEMON, Session, thread_id};
use crate::turns::two_turns;

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
