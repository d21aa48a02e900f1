use codex_config::{Scalar, edit};
use expect_test::expect;

use super::{check_set, check_set_below_empty};

#[test]
fn set_in_an_empty_file() {
    check_set(
        "",
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
            + harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
}

#[test]
fn set_in_a_file_of_comments() {
    check_set(
        "# one\n\n# two\n",
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
              # two
            + harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
}

#[test]
fn set_in_a_file_of_comments_without_final_newline() {
    check_set(
        "# one",
        "user_id",
        "ada",
        expect![[r#"
            - # one␄
            + # one
            + user_id: ada␄
        "#]],
    );
}

#[test]
fn set_after_a_document_marker() {
    check_set(
        "---\n# one\nuser_id: ada\n",
        "logging.prompts",
        "false",
        expect![[r#"
              user_id: ada
            + logging:
            +   prompts: false
        "#]],
    );
    check_set(
        "---\n",
        "user_id",
        "ada",
        expect![[r#"
              ---
            + user_id: ada
        "#]],
    );
}

#[test]
fn set_keeps_carriage_returns() {
    let before = "harnesses:\r\n  codex:\r\n    target: local # here\r\n\r\nuser_id: ada\r\n";
    check_set(
        before,
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
                codex:␍
            -     target: local # here␍
            +     target: phoenix # here␍
        "#]],
    );
    check_set(
        before,
        "harnesses.codex.api_key",
        "k",
        expect![[r#"
                  target: local # here␍
            +     api_key: k␍
        "#]],
    );
    check_set(
        before,
        "logging.prompts",
        "false",
        expect![[r#"
              user_id: ada␍
            + logging:␍
            +   prompts: false␍
        "#]],
    );
    check_set(
        "# one\r\n",
        "logging.prompts",
        "false",
        expect![[r#"
              # one␍
            + logging:␍
            +   prompts: false␍
        "#]],
    );
}

#[test]
fn set_keeps_a_missing_final_newline() {
    let before = "harnesses:\n  codex:\n    target: local";
    check_set(
        before,
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
                codex:
            -     target: local␄
            +     target: phoenix␄
        "#]],
    );
    check_set(
        before,
        "harnesses.codex.api_key",
        "k",
        expect![[r#"
                codex:
            -     target: local␄
            +     target: local
            +     api_key: k␄
        "#]],
    );
    check_set(
        before,
        "user_id",
        "ada",
        expect![[r#"
                codex:
            -     target: local␄
            +     target: local
            + user_id: ada␄
        "#]],
    );
}

#[test]
fn set_keeps_wide_indentation() {
    let before = "harnesses:\n    codex:\n        target: local\n    other:\n        a: 1\n";
    check_set(
        before,
        "harnesses.codex.collector.port",
        "4400",
        expect![[r#"
                      target: local
            +         collector:
            +           port: 4400
        "#]],
    );
}

#[test]
fn set_finds_quoted_keys() {
    let before = "'harnesses':\n  \"codex\":\n    'target': 'it''s' # odd\n";
    check_set(
        before,
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
                "codex":
            -     'target': 'it''s' # odd
            +     'target': phoenix # odd
        "#]],
    );
    check_set(
        before,
        "harnesses.codex.api_key",
        "k",
        expect![[r#"
                  'target': 'it''s' # odd
            +     api_key: k
        "#]],
    );
}

#[test]
fn set_beside_lists() {
    let before = "\
servers:
- a # first
- b:
    c: 1
harnesses:
  codex:
    tags:
      - x
      - y
";
    check_set(
        before,
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
                    - y
            +     target: phoenix
        "#]],
    );
    check_set(
        before,
        "user_id",
        "ada",
        expect![[r#"
                    - y
            + user_id: ada
        "#]],
    );
}

#[test]
fn set_beside_texts_of_several_lines() {
    let before = "note: |\n  # no comment\n  a: b\n\nfolded: >-\n  one\n  two\nuser_id: ada\n";
    check_set(
        before,
        "user_id",
        "eve",
        expect![[r#"
                two
            - user_id: ada
            + user_id: eve
        "#]],
    );
    check_set(
        before,
        "logging.prompts",
        "off",
        expect![[r#"
              user_id: ada
            + logging:
            +   prompts: "off"
        "#]],
    );
}

#[test]
fn set_keeps_aligned_values_and_blank_lines() {
    let before = "user_id:   ada    # who\n\n\n\nlogging:\n  prompts:      true\n  other: 1\n\n\n";
    check_set(
        before,
        "user_id",
        "eve",
        expect![[r#"
            - user_id:   ada    # who
            + user_id:   eve    # who
        "#]],
    );
    check_set(
        before,
        "logging.prompts",
        "false",
        expect![[r#"
              logging:
            -   prompts:      true
            +   prompts:      false
        "#]],
    );
    check_set(
        before,
        "logging.tool_details",
        "false",
        expect![[r#"
                other: 1
            +   tool_details: false
        "#]],
    );
}

#[test]
fn set_in_what_the_python_system_wrote() {
    let before = "\
harnesses:
  codex:
    api_key: ''
    collector:
      host: 127.0.0.1
      port: 4318
    endpoint: http://localhost:6006
    project_name: codex
    target: phoenix
user_id: ''
";
    check_set(
        before,
        "harnesses.codex.api_key",
        "k",
        expect![[r#"
                codex:
            -     api_key: ''
            +     api_key: k
        "#]],
    );
    check_set(
        before,
        "harnesses.codex.space_id",
        "s",
        expect![[r#"
                  target: phoenix
            +     space_id: s
        "#]],
    );
}

#[test]
fn set_in_flow_style() {
    let before = "harnesses: {codex: {target: local, api_key: k}} # dense\n";
    check_set(
        before,
        "harnesses.codex.target",
        "phoenix",
        expect![[r#"
            - harnesses: {codex: {target: local, api_key: k}} # dense
            + harnesses: {codex: {target: phoenix, api_key: k}} # dense
        "#]],
    );
    check_set(
        before,
        "harnesses.codex.project_name",
        "p",
        expect![[r#"
            - harnesses: {codex: {target: local, api_key: k}} # dense
            + harnesses: {codex: {target: local, api_key: k, project_name: p}} # dense
        "#]],
    );
}

#[test]
fn set_below_something_empty() {
    let key = "harnesses.codex.target";
    check_set_below_empty(
        "{}\n",
        key,
        expect![[r#"
            - {}
            + harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "# one\n{} # two\n",
        key,
        expect![[r#"
              # one
            - {} # two
            + # two
            + harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses: {}\nuser_id: ada\n",
        key,
        expect![[r#"
            - harnesses: {}
            + harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses: {} # none yet\n",
        key,
        expect![[r#"
            - harnesses: {} # none yet
            + harnesses: # none yet
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses:\n",
        key,
        expect![[r#"
              harnesses:
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses:\n  codex: ~\n",
        key,
        expect![[r#"
              harnesses:
            -   codex: ~
            +   codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses:\n  codex:\n    # soon\n  other: 1\n",
        key,
        expect![[r#"
                codex:
            +     target: phoenix
        "#]],
    );
    check_set_below_empty(
        "harnesses:\n  codex:\n    # soon\n    {}\n",
        key,
        expect![[r#"
                codex:
            -     # soon
            -     {}
            +     target: phoenix
            +     # soon
        "#]],
    );
}

#[test]
fn a_file_that_we_make_ends_with_a_newline() {
    let wanted = ["harnesses.codex.target", "harnesses.codex.collector.port", "user_id"];
    let set = |text: String, key: &&str| {
        edit::set(&text, &key.parse().unwrap(), &Scalar::parse("x")).unwrap()
    };
    for newline in ["\n", "\r\n"] {
        let comment = format!("# ours{newline}");
        for text in wanted.iter().scan(comment, |text, key| {
            *text = set(text.clone(), key);
            Some(text.clone())
        }) {
            assert!(text.ends_with(newline), "{text:?}");
            assert_eq!(text.matches('\n').count(), text.matches(newline).count(), "{text:?}");
        }
    }
}
