//! Files that cannot be taken back keep nothing else from being so.

use std::env::consts::EXE_SUFFIX;
use std::fs;

use setup::uninstall;

use crate::home::{Home, quiet};

const CONFIG: &str = "# mine\nmodel = \"x\"\n";
const BROKEN: &str = "b = = 2\n";

/// Uninstalls and says what was left, with what helps.
fn left(home: &Home) -> String {
    let removal = uninstall::plan(&home.machine, true).unwrap();
    let shown = removal.steps().join("\n");
    let removed = removal.carry_out(&home.machine).unwrap();
    let problems = removed.problems.iter().map(|problem| {
        assert!(shown.contains("leave "), "it was not said before: {shown}");
        format!("{}\n{}\n", problem.what, problem.hint)
    });
    let problems: String = problems.collect();
    home.shown(&problems)
}

#[test]
fn a_malformed_config_toml_stays_for_another_time() {
    let home = Home::with(&[(".codex/config.toml", CONFIG), (".zshrc", "alias l=ls\n")]);
    let before = home.tree();
    home.install(&quiet());
    let broken = home.read(".codex/config.toml") + BROKEN;
    let line = broken.lines().count();
    home.write(".codex/config.toml", &broken);

    let expected = format!(
        "what arize-codex added stays in `~/.codex/config.toml`: line {line}, column 5: extra `=`, expected nothing\n\
         mend it and run `~/.arize/harness/bin/arize-codex uninstall` again\n"
    );
    assert_eq!(left(&home), expected);
    assert_eq!(home.read(".codex/config.toml"), broken);
    assert_eq!(home.read(".zshrc"), "alias l=ls\n");
    let bin = fs::read_dir(home.path(".arize/harness/bin")).unwrap();
    let bin: Vec<_> = bin.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(bin, [format!("arize-codex{EXE_SUFFIX}").as_str()]);
    assert_eq!(left(&home), expected, "it is not mended yet");

    home.write(".codex/config.toml", &broken.replace(BROKEN, ""));
    assert_eq!(left(&home), "");
    assert_eq!(home.tree(), before);
}

#[test]
fn so_do_other_files() {
    let home = Home::with(&[(".codex/config.toml", CONFIG)]);
    let before = home.tree();
    home.install(&quiet());
    let settings = home.read(".arize/harness/config.yaml");
    home.write(".arize/harness/config.yaml", &format!("{settings}a: [1\nb: 2\n"));
    home.set_read_only(".codex/config.toml", true);
    let problems = left(&home);
    assert!(problems.contains("config.yaml`: not valid YAML: line "), "{problems}");
    assert!(problems.contains("make it writable and run `~/.arize/"), "{problems}");

    home.write(".arize/harness/config.yaml", &settings);
    home.set_read_only(".codex/config.toml", false);
    assert_eq!(left(&home), "");
    assert_eq!(home.tree(), before);
}

#[test]
fn one_without_anything_of_ours_is_no_problem() {
    let home = Home::with(&[(".codex/config.toml", BROKEN)]);
    let before = home.tree();
    assert_eq!(left(&home), "");
    assert_eq!(home.tree(), before);
}
