//! What the proxy says of itself, and what it leaves to Codex.

use crate::codex::{Home, copy};

#[test]
fn it_explains_itself_under_its_own_name_and_leaves_no_file() {
    let home = Home::with_codex("echo \"codex: $*\"");
    std::fs::remove_dir_all(home.path(".arize")).unwrap();
    let said = |arguments: &[&str]| {
        let output = home.proxy().args(arguments).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for help in ["--help", "-h"] {
        assert!(said(&[help]).contains("Usage: codex [ARGUMENTS OF CODEX]"));
    }
    let version = format!("arize-codex-proxy {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said(&["--version"]), said(&["-V"])), (version.clone(), version));
    assert!(!home.path(".arize").exists());
    assert_eq!(said(&["exec", "--help"]), "codex: exec --help\n");
}

#[test]
fn as_codex_it_passes_help_and_version_on() {
    let home = Home::with_codex("echo \"codex: $*\"");
    let link = home.path("ours/codex");
    std::os::unix::fs::symlink("arize-codex-proxy", &link).unwrap();
    let copied = home.path("copied/codex");
    std::fs::create_dir_all(home.path("copied")).unwrap();
    copy(&home.program(), &copied);
    for program in [&link, &copied] {
        for option in ["--help", "-h", "--version", "-V"] {
            let output = home.command(program).arg(option).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("codex: {option}\n"));
        }
    }
}
