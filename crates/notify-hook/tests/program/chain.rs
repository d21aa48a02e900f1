//! The program that was notified before us.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::home::{Home, lines, recorded, until};

/// Settings that name a program and its arguments.
fn chain(program: &str) -> String {
    format!("harnesses:\n  codex:\n    chained_notify: [{program}]\n")
}

/// A program that makes a noise, and notes what it was given: whether there was something to read,
/// its folder, and its arguments, one a line.
fn notary(home: &Home) -> String {
    let notes = home.path().join("notes").display().to_string();
    let text = format!(
        r#"echo noise; echo noise >&2
        {{ cat; pwd; printf '%s\n' "$@"; }} > {notes}.new; mv {notes}.new {notes}"#
    );
    home.script("notary", &text)
}

fn payload() -> String {
    recorded("0.169.0/basic", "notify.jsonl").trim().to_owned()
}

#[track_caller]
fn is_noted(home: &Home, payload: &str) {
    let here = std::env::current_dir().unwrap().display().to_string();
    let noted = lines(home.path().join("notes"), 4);
    assert_eq!(noted, [&here, "--flag", "two words", payload]);
}

/// Runs the hook with this payload; all is well, but for what `change` does.
#[track_caller]
fn check(payload: &str, change: impl FnOnce(String, &mut Command) -> String) -> Home {
    let home = Home::new();
    let mut command = home.command();
    let settings = chain(&format!("{}, --flag, 'two words'", notary(&home)));
    home.configure(&change(settings, &mut command));
    assert_eq!(command.arg(payload).output().unwrap(), Command::new("true").output().unwrap());
    is_noted(&home, payload);
    home
}

#[test]
fn it_is_given_what_codex_gives() {
    let home = check(&payload(), |settings, _| settings);
    home.traced(1);
}

#[test]
fn it_runs_whatever_is_wrong_with_us() {
    check("{}", |settings, _| format!("{settings}    target: [\n"));
    check("{}", |settings, _| format!("{settings}    target: nonsense\n"));
    check("not JSON", |settings, _| settings);
    check(r#"{"type":"approval-requested"}"#, |settings, _| settings);
    check("{}", |settings, hook| {
        hook.env("ARIZE_TRACE_ENABLED", "false");
        settings
    });
    check("{}", |settings, hook| {
        hook.env_remove("HOME");
        settings
    });
}

#[test]
fn a_payload_as_long_as_an_argument_can_be() {
    // Linux allows 128 KiB, one byte of which is the end.
    let text = format!("{{\"text\":\"{}\"}}", "x".repeat((128 << 10) - 12));
    check(&text, |settings, _| settings);
}

#[test]
fn without_it_the_turn_is_traced_and_the_log_says_why() {
    let home = Home::new();
    let broken = home.script("broken", "exit 3");
    for (program, words) in [
        ("/nowhere/program", "`/nowhere/program` does not start"),
        (&*broken, "ended with exit status: 3"),
        ("{a: b}", "not a list of texts"),
    ] {
        home.configure(&chain(program));
        // Whether the program has ended when the hook does, is luck.
        until(|| {
            home.notify(&payload());
            home.log().contains(words).then_some(())
        })
        .unwrap_or_else(|| panic!("no `{words}`:\n{}", home.log()));
    }
    home.traced(1);
}

#[test]
fn what_keeps_it_from_being_read_is_said() {
    let home = Home::new();
    std::fs::create_dir(home.harness("config.yaml")).unwrap();
    home.notify("{}");
    let log = home.log();
    let line = log.lines().find(|line| line.contains("chained_notify: ")).unwrap();
    assert!(line.contains("Is a directory"), "{line}");
}

#[test]
fn it_is_not_waited_for() {
    let home = Home::new();
    // It ends when the home is gone.
    let forever = home.script("forever", "while [ -e \"$0\" ]; do sleep 0.1; done");
    home.configure(&chain(&forever));
    let begun = Instant::now();
    home.notify(&payload());
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    home.traced(1);
}

#[test]
fn a_program_that_runs_the_hook_does_not_start_a_loop() {
    let home = Home::new();
    let hook = home.hook().display().to_string();
    let wrapper = home.script("wrapper", &format!("echo >> \"$0.runs\"; exec {hook} \"$@\""));
    for program in [wrapper, hook] {
        home.configure(&chain(&program));
        let mark = format!("{{\"type\":\"{program}\"}}");
        home.notify(&mark);
        home.logs("it is not started again");
        std::fs::remove_file(home.harness("logs/codex.log")).unwrap();
    }
    assert_eq!(lines(home.path().join("wrapper.runs"), 1).len(), 1);
    home.notify("{}");
}
