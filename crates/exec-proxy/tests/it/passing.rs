//! What goes through the proxy unchanged.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::codex::Home;

const TELL: &str = r#"echo "args:$#:$*"; echo "cwd:$(pwd -P)"; echo "user:$USER_SET"
echo "parent:$TRACEPARENT"; cat; echo noise >&2; exit 41"#;

fn output(home: &Home, arguments: &[&str], input: &str) -> Output {
    let mut proxy = home.proxy();
    proxy.args(arguments).env("USER_SET", "a b").env("TRACEPARENT", "00-1-2-01");
    proxy.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut proxy = proxy.spawn().unwrap();
    proxy.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    proxy.wait_with_output().unwrap()
}

#[test]
fn arguments_environment_folder_streams_and_exit_code() {
    let home = Home::with_codex(TELL);
    let folder = home.path("").canonicalize().unwrap();
    for first in ["exec", "resume", "-c x=1"] {
        let output = output(&home, &[first, "two words", ""], "the prompt\n");
        assert_eq!(output.status.code(), Some(41), "{first}");
        let folder = folder.display();
        let expected = format!(
            "args:3:{first} two words \ncwd:{folder}\nuser:a b\nparent:00-1-2-01\nthe prompt\n"
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "noise\n");
    }
}

#[test]
fn codex_takes_the_place_of_the_proxy() {
    for arguments in
        [vec![], vec!["resume", "--last"], vec!["exec", "hello"], vec!["-m", "gpt", "review"]]
    {
        let home = Home::with_codex("echo $$ $PPID");
        let proxy = home.proxy().args(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let pid = proxy.id();
        let output = proxy.wait_with_output().unwrap();
        let ids = String::from_utf8(output.stdout).unwrap();
        assert_eq!(ids.trim(), format!("{pid} {}", std::process::id()), "{arguments:?}");
    }
}

#[test]
fn nothing_of_ours_has_to_work() {
    let broken = |home: &Home| {
        home.file(".arize/harness/config.yaml", "harnesses: [\n");
        home.proxy()
    };
    let homeless = |home: &Home| {
        let mut proxy = home.proxy();
        proxy.env_remove("HOME");
        proxy
    };
    let unwritable = |home: &Home| {
        let mut proxy = home.proxy();
        proxy.env("HOME", home.file("file", "no folder"));
        proxy
    };
    let off = |home: &Home| {
        let mut proxy = home.proxy();
        proxy.env("ARIZE_TRACE_ENABLED", "false");
        proxy
    };
    for prepare in [&broken as &dyn Fn(&Home) -> _, &homeless, &unwritable, &off] {
        for command in ["exec", "resume"] {
            let home = Home::with_codex("echo \"ran $1\"; exit 3");
            let output = prepare(&home).arg(command).output().unwrap();
            assert_eq!(output.status.code(), Some(3));
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("ran {command}\n"));
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        }
    }
}
