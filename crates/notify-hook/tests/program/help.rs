//! What the hook says to a person who runs it.

use std::process::Command;

#[test]
fn it_explains_itself_and_leaves_no_file() {
    let home = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let mut hook = Command::new(env!("CARGO_BIN_EXE_arize-hook-codex-notify"));
        let output = hook.env_clear().env("HOME", home.path()).args(arguments).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for arguments in [&["--help"][..], &["-h"], &[]] {
        assert!(said(arguments).contains("Usage: arize-hook-codex-notify PAYLOAD"));
    }
    let version = format!("arize-hook-codex-notify {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said(&["--version"]), said(&["-V"])), (version.clone(), version));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no file, no log line");
    // Codex adds its payload to whatever `notify` has.
    assert_eq!(said(&["--help", r#"{"type":"other"}"#]), "");
}
