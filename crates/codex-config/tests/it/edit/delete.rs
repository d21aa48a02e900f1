use codex_config::edit;
use expect_test::expect;

use super::{COMMENTED, check_delete};

#[test]
fn delete_takes_the_line() {
    check_delete(
        COMMENTED,
        "harnesses.codex.project_name",
        expect![[r#"
                codex:
            -     project_name: codex  # shown in Phoenix
        "#]],
    );
}

#[test]
fn delete_takes_a_branch() {
    check_delete(
        COMMENTED,
        "harnesses.codex",
        expect![[r#"
                # Codex CLI
            -   codex:
            -     project_name: codex  # shown in Phoenix
            -     target: phoenix
            -
            -     # the team's server
            -     endpoint: http://localhost:6006
            -     api_key: ""
            -     collector:
            -       host: 127.0.0.1
            -       port: 4318  # OTLP
        "#]],
    );
}

#[test]
fn delete_at_the_top_level() {
    check_delete(
        COMMENTED,
        "harnesses",
        expect![[r#"

            - harnesses:
            -   # Codex CLI
            -   codex:
            -     project_name: codex  # shown in Phoenix
            -     target: phoenix
            -
            -     # the team's server
            -     endpoint: http://localhost:6006
            -     api_key: ""
            -     collector:
            -       host: 127.0.0.1
            -       port: 4318  # OTLP
            -   claude-code:
            -     target: arize # not ours
            -     tags: [a, 'b']
        "#]],
    );
    check_delete(
        COMMENTED,
        "user_id",
        expect![[r#"
              # who
            - user_id: ada
        "#]],
    );
}

#[test]
fn delete_of_an_absent_key_changes_nothing() {
    for key in ["nothing", "harnesses.nothing.at_all", "user_id.below"] {
        assert_eq!(edit::delete(COMMENTED, &key.parse().unwrap()).unwrap(), COMMENTED);
    }
}

#[test]
fn delete_takes_mappings_that_become_empty() {
    check_delete(
        "a:\n  b:\n    c: 1\nd: 2\n",
        "a.b.c",
        expect![[r#"
            - a:
            -   b:
            -     c: 1
        "#]],
    );
    check_delete(
        "a:\r\n  b: 1\r\n",
        "a.b",
        expect![[r#"
        - a:␍
        -   b: 1␍
    "#]],
    );
    check_delete(
        "a: 1",
        "a",
        expect![[r#"
        - a: 1␄
    "#]],
    );
    check_delete(
        "{a: {b: 1}}\n",
        "a.b",
        expect![[r#"
        - {a: {b: 1}}
    "#]],
    );
    check_delete(
        "a: {b: {c: 1}, d: 2}\n",
        "a.b.c",
        expect![[r#"
            - a: {b: {c: 1}, d: 2}
            + a: {d: 2}
        "#]],
    );
}

#[test]
fn delete_leaves_comments_of_the_mappings_above() {
    check_delete(
        "a:\n  # about b\n  b:\n    c: 1\nd: 2\n",
        "a.b.c",
        expect![[r#"
                # about b
            -   b:
            -     c: 1
        "#]],
    );
    check_delete(
        "a: # about a\n  b: 1\n",
        "a.b",
        expect![[r#"
              a: # about a
            -   b: 1
        "#]],
    );
    check_delete(
        "a:\n  # before\n  b: 1\n  # after\n",
        "a.b",
        expect![[r#"
                # before
            -   b: 1
        "#]],
    );
    check_delete(
        "# one\na: 1 # two\n# three\n",
        "a",
        expect![[r#"
              # one
            - a: 1 # two
        "#]],
    );
}

#[test]
fn delete_takes_lists_and_long_texts_whole() {
    let before = "a: 1\nb:\n- x\n- y: 1\n  z: 2\nc: |\n  one\n\n  # two\nd: 4\n";
    check_delete(
        before,
        "b",
        expect![[r#"
              a: 1
            - b:
            - - x
            - - y: 1
            -   z: 2
        "#]],
    );
    check_delete(
        before,
        "c",
        expect![[r#"
                z: 2
            - c: |
            -   one
            -
            -   # two
        "#]],
    );
}
