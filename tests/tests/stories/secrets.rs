//! Secrets that an agent sees, and that must not leave the machine.

use stories::{Call, Protocol, Script, Step, USAGE};

use crate::stage;

const TOKEN: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
const PASSWORD: &str = "correct-horse-7";

/// In the prompt, a command, its output and the answer, as the real Codex writes and sends them.
#[test]
fn stay_on_the_machine() {
    let project = "secrets";
    let home = stage::home(project);
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
    home.stop_buffer().expect("the buffer stops");
}
