use expect_test::expect;

use super::{COMMENTED, check_set, check_unchanged};

#[test]
fn set_replaces_a_value_and_keeps_its_comment() {
    check_set(
        COMMENTED,
        "harnesses.codex.project_name",
        "my project",
        expect![[r#"
                codex:
            -     project_name: codex  # shown in Phoenix
            +     project_name: my project  # shown in Phoenix
        "#]],
    );
}

#[test]
fn set_quotes_a_text_that_looks_like_a_number() {
    check_set(
        COMMENTED,
        "user_id",
        "\"42\"",
        expect![[r#"
              # who
            - user_id: ada
            + user_id: "42"
        "#]],
    );
}

#[test]
fn set_replaces_a_number_by_a_number() {
    check_set(
        COMMENTED,
        "harnesses.codex.collector.port",
        "4400",
        expect![[r#"
                    host: 127.0.0.1
            -       port: 4318  # OTLP
            +       port: 4400  # OTLP
        "#]],
    );
}

#[test]
fn set_adds_to_a_nested_mapping() {
    check_set(
        COMMENTED,
        "harnesses.codex.span_layout",
        "turn",
        expect![[r#"
                    port: 4318  # OTLP
            +     span_layout: turn
        "#]],
    );
}

#[test]
fn set_adds_to_the_last_harness() {
    check_set(
        COMMENTED,
        "harnesses.claude-code.project_name",
        "cc",
        expect![[r#"
                  tags: [a, 'b']
            +     project_name: cc
        "#]],
    );
}

#[test]
fn set_adds_a_whole_branch() {
    check_set(
        COMMENTED,
        "logging.prompts",
        "false",
        expect![[r#"
              # the end
            + logging:
            +   prompts: false
        "#]],
    );
}

#[test]
fn set_adds_a_key_with_a_dot() {
    check_set(
        COMMENTED,
        r#"harnesses.codex.attributes."service.team""#,
        "core",
        expect![[r#"
                    port: 4318  # OTLP
            +     attributes:
            +       service.team: core
        "#]],
    );
}

#[test]
fn set_fills_an_empty_value() {
    check_set(
        COMMENTED,
        "harnesses.codex.api_key",
        "sk-123",
        expect![[r#"
                  endpoint: http://localhost:6006
            -     api_key: ""
            +     api_key: sk-123
        "#]],
    );
}

#[test]
fn set_of_the_same_value_changes_nothing() {
    check_unchanged("user_id: 'ada' # who", "user_id", "ada");
    check_unchanged("port: 0x10\n", "port", "16");
    check_unchanged("a:\r\n  b: yes\r\n", "a.b", "yes");
    check_unchanged("a: {b: &x 1, c: *x}\n", "a.b", "1");
    check_unchanged("note: |\n  one\n", "note", "\"one\\n\"");
}

#[test]
fn a_list_of_texts() {
    let key = "harnesses.codex.chained_notify".parse().unwrap();
    let items = ["/opt/bell \"x\"", "-q", "ü: #"].map(str::to_owned);
    let before = "# mine\nharnesses:\n  codex:\n    target: local # here\nuser_id: ada\n";
    let after = codex_config::edit::set_list(before, &key, &items).unwrap();
    assert_eq!(
        after,
        "# mine\nharnesses:\n  codex:\n    target: local # here\n    chained_notify: \
         [\"/opt/bell \\\"x\\\"\",\"-q\",\"ü: #\"]\nuser_id: ada\n"
    );
    assert_eq!(codex_config::edit::set_list(&after, &key, &items).unwrap(), after);
    let shorter = codex_config::edit::set_list(&after, &key, &items[..1]).unwrap();
    assert!(shorter.contains("chained_notify: [\"/opt/bell \\\"x\\\"\"]\n"), "{shorter}");
    assert_eq!(codex_config::edit::delete(&after, &key).unwrap(), before);
    let single = "harnesses:\n  codex:\n    chained_notify: bell\n";
    assert!(codex_config::edit::set_list(single, &key, &items).is_err());
}
