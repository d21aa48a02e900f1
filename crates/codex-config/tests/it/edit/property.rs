use std::collections::BTreeMap;

use codex_config::edit::Setting;
use codex_config::{Scalar, edit};
use proptest::prelude::*;
use serde_yaml::Value;

/// Writes a random block mapping with random comments, blank lines and quoting.
fn yaml(depth: u32) -> BoxedStrategy<Vec<String>> {
    let key = prop::sample::select(vec!["a", "b", "c", "d-e", "'f'", "\"g\""]);
    let scalar = prop::sample::select(vec![
        "1",
        "true",
        "text",
        "'it''s'",
        "\"x: #y\"",
        "",
        "~",
        "a b  # note",
        "[1, 2]",
        "{}",
        "{a: 1}",
        "http://h:1/#x",
        "&anchor v",
        "!!str 5",
        "- ",
        "\"two\\nlines\"",
    ]);
    let leaf = scalar.prop_map(|scalar| vec![format!(" {scalar}").trim_end().to_owned()]);
    let value = if depth == 0 {
        leaf.boxed()
    } else {
        let nested = yaml(depth - 1).prop_map(|lines| {
            let indented = lines.into_iter().map(|line| format!("  {line}").trim_end().to_owned());
            std::iter::once(String::new()).chain(indented).collect()
        });
        prop_oneof![2 => leaf, 1 => nested].boxed()
    };
    let before =
        prop::sample::select(vec![None, None, None, Some("# note"), Some(""), Some("  # off")]);
    let entries = prop::collection::vec((before, key, value), 0..4);
    entries
        .prop_map(|entries| {
            // A later duplicate replaces an earlier one, as duplicates are not valid.
            let unique: BTreeMap<_, _> = entries
                .into_iter()
                .map(|(before, key, value)| (key.trim_matches(['\'', '"']), (before, key, value)))
                .collect();
            let mut lines = Vec::new();
            for (before, key, value) in unique.into_values() {
                lines.extend(before.map(str::to_owned));
                lines.push(format!("{key}:{}", value[0]));
                lines.extend_from_slice(&value[1..]);
            }
            lines
        })
        .boxed()
}

fn comments(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('#')).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_accepted_edit_does_what_it_says_and_loses_no_comment(
        lines in yaml(2),
        key in "(a|b|c|d-e|f|g|new)(\\.(a|b|g|new)){0,2}",
        typed in prop::sample::select(vec!["1", "true", "text", "yes", "a: b #c", "", "null"]),
        newline in prop::sample::select(vec!["\n", "\r\n"]),
        final_newline: bool,
    ) {
        let mut text = lines.join(newline);
        if final_newline && !text.is_empty() {
            text.push_str(newline);
        }
        let key = key.parse().unwrap();
        let value = Scalar::parse(typed);
        let shown = match typed { "" => String::new(), other => other.to_owned() };
        if let Ok(after) = edit::set(&text, &key, &value) {
            prop_assert_eq!(edit::get(&after, &key).unwrap(), Some(shown));
            prop_assert_eq!(edit::set(&after, &key, &value).unwrap(), after.clone());
            prop_assert_eq!(comments(&after), comments(&text));
            let deleted = edit::delete(&after, &key).unwrap();
            prop_assert_eq!(edit::get(&deleted, &key).unwrap(), None);
            prop_assert_eq!(comments(&deleted), comments(&text));
        }
    }

    #[test]
    fn no_text_makes_an_edit_panic(text in "[ab:#\\-{}\\[\\] \n\"'&*!|>~]{0,40}", key in "[ab](\\.[ab])?") {
        let key = key.parse().unwrap();
        let edited = edit::set(&text, &key, &Scalar::parse("1"));
        if let Ok(after) = edited {
            prop_assert_eq!(edit::get(&after, &key).unwrap(), Some("1".to_owned()));
        }
        if let Ok(after) = edit::delete(&text, &key) {
            prop_assert_eq!(edit::get(&after, &key).unwrap(), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn several_keys_are_set_and_taken_back_to_the_byte(
        lines in yaml(2),
        keys in prop::collection::vec("(a|b|c|d-e|f|g|new)(\\.(a|b|g|new)){0,2}", 1..4),
        later in prop::sample::select(vec!["# later", "z: 1", "", "  odd: {"]),
    ) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let values = [Some("text".into()), None, Some(Value::from(vec!["a", "b"])), Some(1.into())];
        let settings: Vec<_> = keys
            .iter()
            .zip(values)
            .map(|(key, value)| Setting { key: key.parse().unwrap(), value })
            .collect();
        let Ok(edited) = edit::set_all(&text, &settings) else { return Ok(()) };
        prop_assert_eq!(edit::undo(&edited.text, &edited.undo).unwrap(), text);
        let changed = format!("{}{later}\n", edited.text);
        if let Ok(undone) = edit::undo(&changed, &edited.undo) {
            let added = format!("{later}\n");
            prop_assert!(undone.contains(&added), "{changed:?} became {undone:?}");
        }
    }
}
