//! Whatever people do to their files: nothing of theirs is lost, and what was done can be undone.

use std::collections::BTreeMap;
use std::fs;

use codex_config::codex_toml::{self, REPLACED};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::corpus::{cases, wanted};

/// What a person or a program does to the lines of a file.
#[derive(Debug, Clone)]
enum Change {
    Delete(Index),
    Duplicate(Index),
    Move(Index, Index),
    Insert(Index, &'static str),
}

fn changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let line = prop::sample::select(vec![
        "",
        "# a comment",
        "model = \"other\" # a comment",
        "notify = []",
        "[otel]",
        "environment = 'x'",
        "exporter = \"none\"",
        "[otel.exporter.otlp-http]",
        "otel.exporter.otlp-grpc.endpoint = \"e\" # a comment",
        "otel = { environment = 'x' }",
        "[[hooks.Stop]]",
        "[[hooks.Stop.hooks]]",
        "command = \"x\"",
        "[a.b]",
        "text = '''",
        "'''",
        "  \t",
    ]);
    let change = prop_oneof![
        any::<Index>().prop_map(Change::Delete),
        any::<Index>().prop_map(Change::Duplicate),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Move(from, to)),
        (any::<Index>(), line).prop_map(|(at, line)| Change::Insert(at, line)),
    ];
    prop::collection::vec(change, 0..most)
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for change in changes {
        match change {
            Change::Insert(at, line) => {
                lines.insert(at.index(lines.len() + 1), format!("{line}\n"));
            }
            _ if lines.is_empty() => {}
            Change::Delete(at) => drop(lines.remove(at.index(lines.len()))),
            Change::Duplicate(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
            }
            Change::Move(from, to) => {
                let line = lines.remove(from.index(lines.len()));
                lines.insert(to.index(lines.len() + 1), line);
            }
        }
    }
    lines.concat()
}

fn corpus() -> impl Strategy<Value = String> {
    let texts = cases("codex-toml").into_iter().map(|case| {
        let before = fs::read_to_string(case.join("before")).unwrap();
        // The large one takes its time and has no form of its own.
        before.lines().take(100).map(|line| format!("{line}\n")).collect::<String>()
    });
    prop::sample::select(texts.collect::<Vec<_>>())
}

/// Counts the lines without those that we may add, and without what we may write before one.
fn lines(text: &str) -> BTreeMap<&str, i64> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let line = line.strip_prefix(REPLACED).unwrap_or(line);
        let line = line.trim_start_matches('\u{feff}').trim();
        *lines.entry(line).or_default() += 1;
    }
    lines.remove("");
    lines
}

/// Lists the keys of hooks; whatever stands there goes with the hook.
fn hook_keys(text: &str) -> Vec<&str> {
    let mut is_hook = false;
    let inside = text.lines().map(str::trim).filter(|line| {
        if line.starts_with('[') {
            is_hook = line.ends_with(".hooks]]");
        }
        is_hook && !line.starts_with('#')
    });
    inside.collect()
}

/// Lists what of one text is missing in another one.
fn missing<'t>(before: &'t str, after: &str) -> Vec<&'t str> {
    let after = lines(after);
    let before = lines(before).into_iter();
    before.filter(|(line, n)| after.get(line).unwrap_or(&0) < n).map(|(line, _)| line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_edit_loses_nothing_and_can_be_undone(text in corpus(), changes in changes(6)) {
        // It is unknown which of two equal comments was a line.
        prop_assume!(!text.contains(REPLACED));
        let text = changed(&text, &changes);
        codex_toml::inspect(&text).ok();
        if let Ok(edited) = codex_toml::edit(&text, &wanted()) {
            let lost: Vec<_> = missing(&text, &edited.text)
                .into_iter()
                // Written in one line, it is changed in place.
                .filter(|line| !(line.starts_with("otel") && line.contains('{')))
                .collect();
            prop_assert!(lost.is_empty(), "{lost:?} of {text:?}");
            let again = codex_toml::edit(&edited.text, &wanted()).unwrap();
            prop_assert_eq!(&again.text, &edited.text);
            prop_assert!(again.undo.is_empty());
            prop_assert_eq!(codex_toml::undo(&edited.text, &edited.undo).unwrap(), text);
        }
    }

    #[test]
    fn undoing_takes_out_only_what_is_ours(text in corpus(), changes in changes(6)) {
        let Ok(edited) = codex_toml::edit(&text, &wanted()) else { return Ok(()) };
        let later = changed(&edited.text, &changes);
        if let Ok(undone) = codex_toml::undo(&later, &edited.undo) {
            let mut ours = missing(&edited.text, &text);
            ours.extend(hook_keys(&later));
            let lost: Vec<_> = missing(&later, &undone)
                .into_iter()
                .filter(|line| !ours.contains(line))
                .filter(|line| !(line.starts_with("otel") && line.contains('{')))
                .collect();
            prop_assert!(lost.is_empty(), "{lost:?} of {later:?}");
            prop_assert_eq!(codex_toml::undo(&undone, &edited.undo).unwrap(), undone);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a\\[\\]{}=.,\"'#\\\\ \r\n\t\u{feff}]{0,60}") {
        if let Ok(edited) = codex_toml::edit(&text, &wanted()) {
            prop_assert_eq!(codex_toml::undo(&edited.text, &edited.undo).unwrap(), text);
        }
    }
}
