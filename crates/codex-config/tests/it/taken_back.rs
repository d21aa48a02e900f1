//! Whatever people do to `arize-env.sh` and `hooks.json`: what was done can be undone, and only that.

use codex_config::env_file::{self, Variable};
use codex_config::hooks_json;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::corpus::wanted;

#[test]
fn a_matcher_that_somebody_gave_our_command_stays() {
    let wanted = wanted().hooks.unwrap();
    let undo = hooks_json::edit("{}", &wanted).unwrap().undo;
    let ours = json!({ "hooks": [{ "command": wanted.command }], "matcher": "*" });
    let theirs = json!({ "hooks": [], "matcher": "x" });
    let text = serde_json::to_string_pretty(&json!({ "hooks": { "Stop": [ours, theirs] } }));
    let undone: Value =
        serde_json::from_str(&hooks_json::undo(&text.unwrap(), &undo).unwrap()).unwrap();
    let left = json!({ "hooks": [], "matcher": "*" });
    assert_eq!(undone, json!({ "hooks": { "Stop": [left, theirs] } }));
}

fn env_lines() -> impl Strategy<Value = Vec<&'static str>> {
    let line = select(vec![
        "",
        "# a",
        "A=1",
        "export A='x y' # why",
        "B=\"b\";",
        "A=$HOME",
        "if x; then A=2; fi",
        "  export\tB=",
        "export A=new",
        "C='it'\\''s'",
    ]);
    prop::collection::vec(line, 0..8)
}

fn group() -> impl Strategy<Value = Value> {
    let hook = select(vec![
        json!({ "type": "command", "command": "bell" }),
        json!({ "type": "command", "command": wanted().hooks.unwrap().command, "timeout": 3 }),
        json!({ "command": "ü \"bell\"", "timeout": 1.5 }),
        json!({}),
    ]);
    let hooks = prop::collection::vec(hook, 0..3);
    (hooks, any::<bool>()).prop_map(|(hooks, has_matcher)| match has_matcher {
        true => json!({ "matcher": "*", "hooks": hooks }),
        false => json!({ "hooks": hooks }),
    })
}

/// A `hooks.json`, in one line or in several.
fn hooks() -> impl Strategy<Value = String> {
    let event = select(vec!["Stop", "Interrupt", "PreToolUse"]);
    let events = prop::collection::btree_map(event, prop::collection::vec(group(), 0..3), 0..3);
    (events, any::<bool>()).prop_map(|(events, is_pretty)| match is_pretty {
        true => format!("{:#}", json!({ "hooks": events, "more": [1, null] })),
        false => json!({ "hooks": events }).to_string(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn assignments_are_taken_back(
        lines in env_lines(),
        newline in select(vec!["\n", "\r\n"]),
        ends: bool,
        names in prop::collection::vec(select(vec!["A", "B", "NEW"]), 1..4),
        value in select(vec!["new", "", "it's", "1"]),
        comment in select(vec!["", "why"]),
        place: Index,
    ) {
        let mut text = lines.join(newline);
        if ends && !text.is_empty() {
            text.push_str(newline);
        }
        let variables = names.iter().map(|name| Variable { name, value, comment });
        let edited = env_file::set(&text, &variables.collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(env_file::undo(&edited.text, &edited.undo), text);
        let mut later: Vec<&str> = edited.text.lines().collect();
        later.insert(place.index(later.len() + 1), "LATER=1");
        let later = later.join(newline);
        let undone = env_file::undo(&later, &edited.undo);
        for line in lines.iter().filter(|line| !line.contains('=')).chain([&"LATER=1"]) {
            prop_assert!(undone.contains(line), "{later:?} became {undone:?}");
        }
    }

    #[test]
    fn commands_are_taken_back(text in hooks(), later in hooks()) {
        let wanted = wanted().hooks.unwrap();
        let edited = hooks_json::edit(&text, &wanted).unwrap();
        prop_assert_eq!(&hooks_json::edit(&edited.text, &wanted).unwrap().text, &edited.text);
        prop_assert_eq!(hooks_json::undo(&edited.text, &edited.undo).unwrap(), text);
        let undone = hooks_json::undo(&later, &edited.undo);
        prop_assert!(undone.is_ok(), "{undone:?} of {later}");
        let bells = |text: &str| text.matches("bell").count();
        prop_assert_eq!(bells(&undone.unwrap()), bells(&later));
    }
}
