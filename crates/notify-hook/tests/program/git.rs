//! What git is given when the hook asks about the repository of a turn.

use std::fs;

use crate::home::{Home, recorded};

#[test]
fn git_inherits_no_keys_and_reads_no_configuration_of_the_workspace() {
    let home = Home::new();
    let work = home.path().join("work");
    fs::create_dir_all(work.join(".git/refs")).unwrap();
    fs::write(work.join(".git/HEAD"), format!("{}\n", "1".repeat(40))).unwrap();
    let seen = home.path().join("seen");
    home.script("git", &format!("{{ env; pwd; }} > {}; echo ' M a'", seen.display()));
    let text = recorded("0.169.0/basic", "rollout.jsonl");
    let text = text.replace("/home/dev/project", work.to_str().unwrap());
    home.append("01a1fb18-d745-76d3-8970-09f42d282b2f", &text);
    let mut command = home.command();
    command.env("PATH", format!("{}:/usr/bin:/bin", home.path().display()));
    command.env("PHOENIX_API_KEY", "correct-horse").env("GIT_SSH_COMMAND", "of the caller");
    command.arg(recorded("0.169.0/basic", "notify.jsonl").trim());
    assert!(command.status().unwrap().success());
    assert!(home.traced(1)[0].attributes.iter().any(|a| a.key == "codex.git.dirty"));
    let seen = fs::read_to_string(seen).unwrap();
    let folder = seen.lines().find_map(|line| line.strip_prefix("GIT_DIR=")).unwrap();
    assert!(!folder.starts_with(work.to_str().unwrap()), "{seen}");
    assert!(!seen.contains("correct-horse") && !seen.contains("of the caller"), "{seen}");
    assert_eq!(seen.lines().last(), Some(folder), "a folder of ours: {seen}");
}
