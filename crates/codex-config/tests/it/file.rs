//! The targets that need no server: a file of JSON lines, and the standard output.

use codex_config::{FileTarget, Target, TargetError};
use expect_test::{Expect, expect};

use crate::{only, resolve_codex};

fn resolve(process: &[(&str, &str)], codex: &str) -> Result<Target, TargetError> {
    only(resolve_codex(process, codex)).target
}

#[test]
fn a_file_lies_beside_the_settings_unless_it_is_named() {
    let file = |path: &str, max_bytes| Target::File(FileTarget { path: path.into(), max_bytes });
    let default = "/home/ada/.arize/harness/traces.jsonl";
    assert_eq!(resolve(&[], "target: file").unwrap(), file(default, None));
    let named = resolve(&[], "target: file, path: ~/t.jsonl, max_bytes: 1000000").unwrap();
    assert_eq!(named, file("/home/ada/t.jsonl", Some(1_000_000)));
}

#[track_caller]
fn check_error(codex: &str, expected: Expect) {
    let error = resolve(&[], codex).unwrap_err();
    expected.assert_eq(&format!("{error}\nhint: {}", error.hint()));
}

#[test]
fn the_standard_output_is_for_dry_runs() {
    let dry = [("ARIZE_DRY_RUN", "true")];
    assert_eq!(resolve(&dry, "target: stdout").unwrap(), Target::Stdout);
    check_error(
        "target: stdout",
        expect![[r#"
        the target `stdout` is for dry runs: Codex does not show what its hook prints
        hint: name the target `file`, or set `ARIZE_DRY_RUN=true` where you look"#]],
    );
    check_error(
        "target: file, max_bytes: 0",
        expect![[r#"
        `harnesses.codex.max_bytes` is `0`, not a number of bytes above 0
        hint: set `harnesses.codex.max_bytes` to a number of bytes above 0"#]],
    );
}
