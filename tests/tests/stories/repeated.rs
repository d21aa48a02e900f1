//! The same trigger again and again: one turn stays one trace.

use stories::{Protocol, expected_tree};

use crate::complete::script;
use crate::{check, stage};

#[test]
fn three_more_triggers_change_nothing() {
    let project = "repeated";
    let script = script();
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    let before = stage::spans(project);
    check::tree(&before, &expected_tree(&script, "Turn 1"));
    for _ in 0..3 {
        stage::trigger(&home, &[&played.hook.payload]);
    }
    assert_eq!(stage::spans(project), before);
    check::totals(project, &[script]);
}
