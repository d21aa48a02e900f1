//! Edits of `config.yaml`, shown as the lines that differ.

mod delete;
mod property;
mod refuse;
mod set;
mod set_shapes;

use codex_config::{Scalar, edit};
use expect_test::{Expect, expect};

/// Sets a key; checks that doing it twice changes nothing and that the key then has the value.
/// Where the key was absent, deleting it again must restore the text to the byte.
#[track_caller]
fn check_set(before: &str, key: &str, typed: &str, after: Expect) {
    let key = key.parse().unwrap();
    let value = Scalar::parse(typed);
    let edited = edit::set(before, &key, &value).unwrap();
    after.assert_eq(&diff(before, &edited));
    assert_eq!(edit::set(&edited, &key, &value).unwrap(), edited, "set twice");
    if edit::get(before, &key).unwrap().is_none() {
        let restored = edit::delete(&edited, &key).unwrap();
        assert_eq!(restored, before, "set, then delete");
    }
}

/// As [`check_set`], for a key below a mapping that is there but empty: deleting the key takes
/// the empty mapping along.
#[track_caller]
fn check_set_below_empty(before: &str, key: &str, after: Expect) {
    let key = key.parse().unwrap();
    let value = Scalar::parse("phoenix");
    let edited = edit::set(before, &key, &value).unwrap();
    after.assert_eq(&diff(before, &edited));
    assert_eq!(edit::set(&edited, &key, &value).unwrap(), edited, "set twice");
}

#[track_caller]
fn check_delete(before: &str, key: &str, after: Expect) {
    let key = key.parse().unwrap();
    let edited = edit::delete(before, &key).unwrap();
    after.assert_eq(&diff(before, &edited));
    assert_eq!(edit::get(&edited, &key).unwrap(), None);
    assert_eq!(edit::delete(&edited, &key).unwrap(), edited, "delete twice");
}

#[track_caller]
fn check_unchanged(before: &str, key: &str, typed: &str) {
    let edited = edit::set(before, &key.parse().unwrap(), &Scalar::parse(typed)).unwrap();
    assert_eq!(edited, before);
}

#[track_caller]
fn check_refused(before: &str, key: &str, typed: &str, message: Expect) {
    let refusal = edit::set(before, &key.parse().unwrap(), &Scalar::parse(typed)).unwrap_err();
    message.assert_eq(&chain(&refusal));
}

#[track_caller]
fn check_delete_refused(before: &str, key: &str, message: Expect) {
    message.assert_eq(&chain(&edit::delete(before, &key.parse().unwrap()).unwrap_err()));
}

#[track_caller]
fn check_get(text: &str, key: &str, value: Expect) {
    value.assert_eq(&format!("{:?}", edit::get(text, &key.parse().unwrap()).unwrap()));
}

/// Shows the one region in which two texts differ, to the byte: everything before and after is
/// the same. `␍` is a carriage return, `␄` the end of a line without newline.
fn diff(before: &str, after: &str) -> String {
    let before: Vec<_> = before.split_inclusive('\n').collect();
    let after: Vec<_> = after.split_inclusive('\n').collect();
    let start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (old, new) = (&before[start..], &after[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let removed = old[..old.len() - end].iter().map(|line| show_line('-', line));
    let added = new[..new.len() - end].iter().map(|line| show_line('+', line));
    let context = start.checked_sub(1).map(|above| show_line(' ', before[above]));
    context.into_iter().chain(removed).chain(added).collect()
}

fn show_line(sign: char, line: &str) -> String {
    let end = if line.ends_with('\n') { "" } else { "␄" };
    let line = line.trim_end_matches('\n').replace('\r', "␍");
    format!("{}{end}\n", format!("{sign} {line}").trim_end())
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

const COMMENTED: &str = "\
# Settings of the tracing programs.

harnesses:
  # Codex CLI
  codex:
    project_name: codex  # shown in Phoenix
    target: phoenix

    # the team's server
    endpoint: http://localhost:6006
    api_key: \"\"
    collector:
      host: 127.0.0.1
      port: 4318  # OTLP
  claude-code:
    target: arize # not ours
    tags: [a, 'b']
# who
user_id: ada

# the end
";

#[test]
fn get_shows_scalars_plain_and_the_rest_as_yaml() {
    check_get(COMMENTED, "harnesses.codex.collector.port", expect![[r#"Some("4318")"#]]);
    check_get(COMMENTED, "harnesses.codex.api_key", expect![[r#"Some("")"#]]);
    check_get(
        COMMENTED,
        "harnesses.codex.collector",
        expect![[r#"Some("host: 127.0.0.1\nport: 4318")"#]],
    );
    check_get(COMMENTED, "harnesses.claude-code.tags", expect![[r#"Some("- a\n- b")"#]]);
    check_get("a: null\n", "a", expect![[r#"Some("null")"#]]);
    check_get(COMMENTED, "nothing", expect!["None"]);
}
