//! After any change of a user to `arize-env.sh` and `hooks.json`: what was done can be undone, and only that.

use codex_config::env_file;
use codex_config::hooks_json;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::corpus::wanted;

#[test]
fn a_matcher_that_a_user_gave_our_command_stays() {
    let wanted = wanted().hooks.unwrap();
    let ours = json!({ "hooks": [{ "command": wanted.command }], "matcher": "*" });
    let theirs = json!({ "hooks": [], "matcher": "x" });
    let text = serde_json::to_string_pretty(&json!({ "hooks": { "Stop": [ours, theirs] } }));
    let undone: Value =
        serde_json::from_str(&hooks_json::uninstall(&text.unwrap()).unwrap()).unwrap();
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
    fn the_switch_is_taken_back(
        lines in env_lines(),
        newline in select(vec!["\n", "\r\n"]),
        ends: bool,
        place: Index,
    ) {
        let mut text = lines.join(newline);
        if ends && !text.is_empty() {
            text.push_str(newline);
        }
        let installed = env_file::install(&text);
        prop_assert_eq!(&env_file::install(&installed), &installed);
        prop_assert_eq!(env_file::uninstall(&installed), text.as_str());
        let mut later: Vec<&str> = installed.lines().collect();
        let place = place.index(later.len() + 1);
        later.insert(place, "LATER=1");
        let undone = env_file::uninstall(&later.join(newline));
        let expected: Vec<&str> = match place == later.len() - 2 {
            // A line between our comment and our switch makes both the user's.
            true => later,
            false => {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.insert(place.min(lines.len()), "LATER=1");
                lines
            }
        };
        // The last blank lines have no line ending here.
        let said = |line: &&str| !line.is_empty();
        let left: Vec<&str> = undone.lines().filter(said).collect();
        let expected: Vec<&str> = expected.into_iter().filter(said).collect();
        prop_assert_eq!(left, expected);
    }

    #[test]
    fn commands_are_taken_back(text in hooks(), later in hooks()) {
        let wanted = wanted().hooks.unwrap();
        let installed = hooks_json::install(&text, &wanted).unwrap();
        prop_assert_eq!(&hooks_json::install(&installed, &wanted).unwrap(), &installed);
        let undone = hooks_json::uninstall(&installed).unwrap();
        prop_assert!(!undone.contains(&wanted.command));
        prop_assert_eq!(hooks_json::uninstall(&undone).unwrap(), undone.as_str());
        let undone = hooks_json::uninstall(&later);
        prop_assert!(undone.is_ok(), "{undone:?} of {later}");
        let bells = |text: &str| text.matches("bell").count();
        prop_assert_eq!(bells(&undone.unwrap()), bells(&later));
    }
}
