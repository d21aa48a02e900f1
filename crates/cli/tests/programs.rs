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
fn completions_and_pages_are_written_for_all_programs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    assert!(run(&["completions", "zsh", "--out", out]).status.success());
    assert!(run(&["man", "--out", out]).status.success());
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    for name in ["_arize-codex", "_arize-config", "_arize-codex-buffer", "arize-codex-setup.1"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let output = run(&["completions", "bash", "--program", "arize-config"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("--show-secrets"));
    let unknown = run(&["man", "arize-codex-shwo"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("arize-codex-show"));
}

#[test]
fn the_service_is_controlled_with_the_same_words() {
    let said = |arguments: &[&str]| {
        let output = run(arguments);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let help = said(&["service", "stop", "--help"]);
    assert!(help.contains("Usage: arize-codex service stop") && help.contains("--force"), "{help}");
    let wrong = said(&["service", "sttop"]);
    assert!(wrong.contains("'stop'") && wrong.contains("arize-codex service"), "{wrong}");
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
