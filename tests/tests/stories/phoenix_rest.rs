//! Phoenix's own interface: the same tree as with OTLP, once, however often it is sent.

use stories::Protocol;

use crate::complete::script;
use crate::{check, stage};

#[test]
fn shows_a_turn_as_otlp_does() {
    let project = "rest turn";
    let played = play(project);
    let spans = stage::spans("rest%20turn");
    check::turn(&spans, &played.script, "Turn 1", &played.exec);
    check::totals("rest%20turn", &[played.script]);
}

#[test]
fn takes_a_turn_once_that_is_sent_twice() {
    let project = "rest-twice";
    let home = home(project);
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    // Without the state of the threads all is sent again.
    home.forget_what_was_sent().expect("no memory");
    stage::trigger(&home, &[&played.hook.payload]);
    let log = home.log();
    assert_eq!(log.matches(" spans to phoenix ").count(), 2, "{log}");
    check::turn(&stage::spans(project), &played.script, "Turn 1", &played.exec);
}

#[test]
fn leaves_a_project_that_it_cannot_name_to_otlp() {
    let home = home("rest/slash");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    let id = stage::phoenix().project_id("rest/slash").expect("a project");
    check::turn(&stage::spans(&id), &played.script, "Turn 1", &played.exec);
}

fn play(project: &str) -> stage::Played {
    stage::play(&home(project), &script(), Protocol::Binary, &[])
}

fn home(project: &str) -> stories::Home {
    let home = stage::home(project);
    let target =
        format!("target: phoenix\n    phoenix_api: rest\n    endpoint: {}", stage::phoenix().url());
    home.configure(&target).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    home
}
