//! Secrets that an agent sees, and that must not leave the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stories::port::free_port;
use stories::process::run;
use stories::{Call, Home, Protocol, Script, Step, USAGE};

use crate::stage;

const LIMIT: Duration = Duration::from_secs(60);

const TOKEN: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
const PASSWORD: &str = "correct-horse-7";

/// In the prompt, a command, its output and the answer, as the real Codex writes and sends them.
#[test]
fn stay_on_the_machine() {
    let project = "secrets";
    let mut home = Home::new(&stage::programs(), project).expect("a home");
    home.set_variable("ARIZE_TRACE_DEBUG", "true");
    let closed = free_port().expect("a port");
    let targets = [
        format!("{{target: phoenix, endpoint: '{}'}}", stage::phoenix().url()),
        "{target: local}".to_owned(),
        "{target: file}".to_owned(),
        format!("{{target: otlp, name: away, endpoint: 'http://127.0.0.1:{closed}'}}"),
    ];
    let list = targets.map(|target| format!("\n      - {target}")).concat();
    home.configure(&format!("targets:{list}")).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let command = format!("echo DB_PASSWORD={PASSWORD}");
    let script = Script::new(&format!("Deploy with {TOKEN}"))
        .step(Step::new(USAGE).call(Call::command(&command).prints("DB_PASSWORD=")))
        .step(Step::new(USAGE).message(&format!("Done: https://me:{PASSWORD}@example.com/x")));
    stage::play(&home, &script, Protocol::Binary, &[]);
    let spans = stage::spans(project);
    let all = format!("{spans:?}");
    assert!(!all.contains(TOKEN) && !all.contains(PASSWORD), "{all}");
    for rule in ["github-pat", "password", "url-password"] {
        assert!(all.contains(&format!("[scrubbed:{rule}:")), "{rule}: {all}");
    }
    let counted = all.matches("codex.scrubbed").count();
    assert_eq!(counted, 4, "the turn, two model calls and a tool: {all}");
    let harness = home.root().join("home/.arize/harness");
    let (scrubbed, leaking) = places(&harness);
    // What the local store holds is packed.
    let mut show = stage::arize_codex(&home);
    let stored = run(show.args(["show", "--last", "--json"]), LIMIT).expect("show ends").stdout;
    assert!(stored.contains("[scrubbed:github-pat:") && stored.contains("[scrubbed:password:"));
    assert!(!stored.contains(TOKEN) && !stored.contains(PASSWORD), "{stored}");
    for place in ["traces.jsonl", "state/codex/outbox/away/", "state/codex/debug/"] {
        assert!(scrubbed.iter().any(|path| path.starts_with(place)), "{place}: {scrubbed:?}");
    }
    // The events as Codex sent them wait there until their turn is sent.
    let is_buffer = |path: &String| path.starts_with("state/codex/buffer.db");
    assert!(leaking.iter().all(is_buffer), "{leaking:?}");
    home.stop_buffer().expect("the buffer stops");
}

/// The files below a folder in which secrets were replaced, and those that have one.
fn places(folder: &Path) -> (Vec<String>, Vec<String>) {
    let mut places = (Vec::new(), Vec::new());
    for path in files(folder) {
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        if text.contains(TOKEN) || text.contains(PASSWORD) {
            places.1.push(name);
        } else if text.contains("[scrubbed:") {
            places.0.push(name);
        }
    }
    places
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
