use expect_test::expect;

use super::{COMMENTED, check_delete_refused, check_refused};

#[test]
fn a_single_value_does_not_replace_a_mapping_or_a_list() {
    check_refused(
        COMMENTED,
        "harnesses.codex",
        "x",
        expect!["`harnesses.codex` holds a mapping, which a single value would replace"],
    );
    check_refused(
        "a: [1, 2]\n",
        "a",
        "3",
        expect!["`a` holds a list, which a single value would replace"],
    );
}

#[test]
fn nothing_is_set_below_a_single_value_or_a_list() {
    check_refused(
        "a:\n  b: text\n",
        "a.b.c",
        "1",
        expect!["`a.b` holds a text, so `a.b.c` cannot be set below it"],
    );
    check_refused(
        "a:\n- b\n",
        "a.0",
        "1",
        expect!["`a` holds a list, so `a.0` cannot be set below it"],
    );
    check_refused(
        "a: ''\n",
        "a.b",
        "1",
        expect!["`a` holds a text, so `a.b` cannot be set below it"],
    );
}

#[test]
fn texts_of_several_lines_are_not_replaced() {
    check_refused(
        "a: |\n  one\n  two\nb: 1\n",
        "a",
        "x",
        expect!["`a` cannot be edited safely: it spans several lines"],
    );
    check_refused(
        "a: \"one\n  two\"\nb: 1\n",
        "a",
        "x",
        expect!["`a` cannot be edited safely: it spans several lines"],
    );
}

#[test]
fn aliases_are_not_written_through() {
    let before = "base: &base\n  target: local\ncodex: *base\n";
    check_refused(
        before,
        "codex.target",
        "phoenix",
        expect![[
            r#"`codex.target` cannot be edited safely: path segment "codex" is an alias to "base"; refusing to descend through it"#
        ]],
    );
    check_refused(
        before,
        "base.target",
        "phoenix",
        expect![
            "`base.target` cannot be edited safely: anchors, aliases or flow style stand in the way"
        ],
    );
    check_delete_refused(
        before,
        "base",
        expect!["`base` cannot be edited safely: other lines would change"],
    );
}

#[test]
fn what_is_not_valid_is_not_edited() {
    check_refused(
        "a: 1\na: 2\n",
        "a",
        "3",
        expect![[r#"not valid YAML: line 1, column 1: duplicate entry with key "a""#]],
    );
    check_refused(
        "a:\n\tb: 1\n",
        "a.b",
        "3",
        expect![
            "not valid YAML: line 2, column 1: found character that cannot start any token, while scanning for the next token"
        ],
    );
    check_refused(
        "a: [1\nb: 2\n",
        "b",
        "3",
        expect![
            "not valid YAML: line 2, column 2: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 4"
        ],
    );
    check_refused(
        "a: 1\n---\nb: 2\n",
        "b",
        "3",
        expect![
            "not valid YAML: line 1, column 1: deserializing from YAML containing more than one document is not supported"
        ],
    );
    check_refused(
        "- a\n- b\n",
        "b",
        "3",
        expect!["not valid YAML: line 1, column 1: the top level is a list, not a mapping"],
    );
    check_delete_refused(
        "a: 1\na: 2\n",
        "a",
        expect![[r#"not valid YAML: line 1, column 1: duplicate entry with key "a""#]],
    );
}
