//! What was before the installation, and what goes on now, on the command line.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use stories::terminal::{Key, Terminal};
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE, process, wait};

use crate::stage::{self, Runs};

const LIMIT: Duration = Duration::from_secs(60);

fn json(home: &Home, arguments: &[&str]) -> Value {
    let mut command = stage::arize_codex(home);
    let finished = process::run(command.args(arguments), LIMIT).expect("a run");
    assert!(finished.status.success(), "{arguments:?}: {finished:?}");
    serde_json::from_str(&finished.stdout).expect("JSON")
}

#[test]
fn turns_from_before_are_sent_to_phoenix_once() {
    const PROJECT: &str = "history";
    let home = stage::home(PROJECT);
    let scripts = ["The first of old", "The second of old"].map(|prompt| {
        Script::new(prompt)
            .step(Step::new(USAGE).call(Call::command("echo old").prints("old")))
            .step(Step::new(USAGE).message("Done."))
    });
    let model = ModelServer::start(&scripts).expect("a model");
    let codex = Codex::untraced(&stage::codex(), &home, &model).expect("config.toml");
    for script in &scripts {
        let exec = codex.exec(&[], &script.prompt).expect("a turn");
        assert!(exec.finished.status.success(), "{exec:?}");
    }
    let import = || json(&home, &["import", "--to", "phoenix", "--yes", "--json"]);

    let first = import();
    assert_eq!(first["turns_sent"], 2, "{first}");
    stage::phoenix().settle().expect("Phoenix has all");
    let traces = stage::traces(PROJECT);
    let roots = traces.iter().flatten().filter(|span| span.parent_id.is_none());
    let prompts: Vec<_> = roots.map(|root| root.text("input.value")).collect();
    assert_eq!(prompts, [Some("The first of old"), Some("The second of old")]);
    let again = import();
    assert_eq!((&again["turns_sent"], &again["turns_sent_before"]), (&0.into(), &2.into()));
    // A target that gets a turn twice has it once.
    let resent = json(&home, &["import", "--to", "phoenix", "--yes", "--json", "--resend"]);
    assert_eq!(resent["turns_sent"], 2, "{resent}");
    stage::phoenix().settle().expect("Phoenix has all");
    let ids = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let sent = ids(stage::spans(PROJECT).into_iter().map(|span| span.span_id).collect());

    // The local store has the same spans of the same turns.
    json(&home, &["import", "--json"]);
    let mut stored = Vec::new();
    for trace in traces {
        let spans = json(&home, &["show", &trace[0].trace_id, "--json"]);
        let spans = spans.as_array().expect("spans").iter();
        stored.extend(spans.map(|span| span["span_id"].as_str().expect("an id").to_owned()));
    }
    assert_eq!(sent, ids(stored));
}

/// A program whose lines come as it prints them.
struct Lines {
    process: Child,
    lines: Receiver<String>,
}

impl Lines {
    fn of(home: &Home, arguments: &[&str]) -> Self {
        let mut command = stage::arize_codex(home);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { process, lines }
    }

    /// The next line with this text.
    fn next_with(&self, text: &str) -> String {
        let mut before = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            if line.contains(text) {
                return line;
            }
            before.push(line);
        }
        panic!("no line with `{text}` but {before:?}");
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_turn_that_goes_on_is_followed_and_on_the_screen() {
    let home = Home::new(&stage::programs(), "history-live").expect("a home");
    home.configure("target: local").expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let gate = home.root().join("gate");
    let wait = format!("while ! test -e {}; do sleep 0.1; done; echo opened", gate.display());
    let scripts = [Script::new("Wait for the gate")
        .step(Step::new(USAGE).call(Call::command("echo password=hunter2-and-more")))
        .step(Step::new(USAGE).call(Call::command(&wait)))
        .step(Step::new(USAGE).message("Through."))];
    let runs = Runs::new(&home, &scripts, Protocol::Binary);
    let follow = Lines::of(&home, &["show", "--follow", "--json"]);
    let other = Lines::of(&home, &["show", "--follow", "--model", "another"]);
    let mut screen = Terminal::start(stage::arize_codex(&home).arg("top")).expect("a terminal");
    thread::scope(|scope| {
        let turn = scope.spawn(|| runs.turn(&[], &scripts[0]));
        let seen = || -> anyhow::Result<()> {
            screen.shows("1 turn running")?;
            follow.next_with("Wait for the gate");
            let call = follow.next_with("echo password");
            assert!(!call.contains("hunter2"), "{call}");
            wait::until("the call that waits, on the plain screen", LIMIT, || {
                let top = json(&home, &["top", "--once", "--json"]);
                let turn = top["turns"].get(0)?;
                (turn["tool_calls"].as_u64()? >= 2 && turn["tokens"].as_u64()? > 0).then_some(())
            })?;
            Ok(())
        };
        let seen = seen();
        // Whatever happened, the turn is to end.
        fs::write(&gate, "").expect("the gate");
        seen.expect("the turn while it goes on");
        follow.next_with("Through.");
        turn.join().expect("the turn");
    });
    screen.shows("0 turns running").expect("the end of the turn");
    screen.press(Key::Character('q')).expect("a key");
    screen.ended().expect("it ends");
    assert_eq!(other.lines.try_iter().collect::<Vec<_>>(), [""; 0], "of another model");
    home.stop_buffer().expect("the buffer stops");
}
