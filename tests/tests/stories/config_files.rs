//! What our edits make of people's `config.toml`, read by the real Codex: a mistake there keeps it
//! from starting.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stories::Home;
use stories::process::run;

use crate::stage;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn codex_starts_with_every_file_that_we_edited_or_restored() {
    let home = Home::new(&stage::programs(), "config-files").expect("a home");
    let mut edited = 0;
    for case in cases().iter().filter(|case| case.join("after").exists()) {
        edited += 1;
        assert_eq!(refusal(&home, &case.join("after")), None, "{}", case.display());
        // What Codex did not like before it need not like again.
        if refusal(&home, &case.join("before")).is_none() {
            assert_eq!(refusal(&home, &case.join("undone")), None, "{}", case.display());
        }
    }
    assert!(edited >= 25, "only {edited} cases");
}

#[test]
fn codex_refuses_malformed_files_at_the_place_that_we_name() {
    let home = Home::new(&stage::programs(), "refused-files").expect("a home");
    let mut refused = 0;
    for case in cases() {
        let ours = fs::read_to_string(case.join("refused")).unwrap_or_default();
        let Some((place, _)) = ours.split_once(": ") else { continue };
        if place.starts_with("line ") {
            refused += 1;
            let theirs = refusal(&home, &case.join("before")).unwrap_or_default();
            assert!(theirs.contains(place), "{}: {ours}{theirs}", case.display());
        }
    }
    assert!(refused >= 3, "only {refused} cases");
}

/// Lists the cases that the tests of the edits hold against each other.
fn cases() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/codex-config/tests/data/corpus/codex-toml");
    let cases = fs::read_dir(&corpus).expect("the corpus");
    cases.map(|case| case.expect("a case").path()).collect()
}

/// Lets Codex read a file in a command that needs neither a model nor the network.
fn refusal(home: &Home, file: &Path) -> Option<String> {
    fs::copy(file, home.codex_home().join("config.toml")).expect("the file");
    let read = run(home.command(&stage::codex()).args(["mcp", "list"]), LIMIT).expect("it ends");
    (!read.status.success()).then_some(read.stderr)
}
