//! Commands about the programs themselves.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
    command.args(arguments).env_clear().env("HOME", home.path()).env("USERPROFILE", home.path());
    command.env("ARIZE_CODEX_BUFFER_PORT", "9").output().unwrap()
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("rejected"), "{shell}: {text}");
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn all_programs_are_named_with_their_versions() {
    let output = run(&["version", "--json"]);
    let versions: Value = serde_json::from_slice(&output.stdout).unwrap();
    let programs = versions["programs"].as_array().unwrap();
    assert_eq!(programs.len(), setup::PROGRAMS.len());
    let config = programs.iter().find(|program| program["name"] == "arize-config").unwrap();
    assert_eq!(config["version"], env!("CARGO_PKG_VERSION"));
    assert!(config["path"].as_str().unwrap().contains("arize-config"), "{config}");
    assert_eq!(versions["service"], Value::Null);
}
