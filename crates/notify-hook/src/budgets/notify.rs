//! Where notices go beside the log. Only the watch sends them, for which Codex does not wait, and each
//! channel has its time; what a session says is in none.

use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use budget::Notice;
use codex_config::Channels;
use program_log::Log;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// How long a channel may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A notice for a program.
pub(super) fn payload(notice: &Notice, session: &str) -> Value {
    let limit_use = &notice.limit_use;
    json!({
        "kind": "budget",
        "text": notice.text(),
        "session": session,
        "scope": limit_use.limit.scope.word(),
        "unit": limit_use.limit.unit.word(),
        "percent": limit_use.percent(),
        "step": notice.step,
        "unpriced_calls": limit_use.unpriced_calls,
    })
}

/// An interruption for a program.
pub(super) fn interrupted(session: &str, over: &str) -> Value {
    json!({ "kind": "budget_interrupted", "text": over, "session": session })
}

/// Sends to each channel, in threads of their own: one that hangs holds up neither the watch nor
/// another one. The watch waits for them before it ends.
pub(super) fn send(
    channels: &Channels,
    log: &Log,
    text: &str,
    payload: &Value,
) -> Vec<JoinHandle<()>> {
    let Channels { desktop, command, webhook, ntfy } = channels.clone();
    let to = |name: &'static str, send: Box<dyn FnOnce() -> Result<(), String> + Send>| {
        let log = log.clone();
        thread::spawn(move || {
            if let Err(error) = send() {
                log.warn(format_args!("the notice does not reach {name}: {error}"));
            }
        })
    };
    let mut threads = Vec::new();
    if desktop {
        let text = text.to_owned();
        threads.push(to("the desktop", Box::new(move || show(&text))));
    }
    if let Some(program) = command {
        let text = text.to_owned();
        threads.push(to("the command", Box::new(move || run(Command::new(program).arg(text)))));
    }
    let bodies = [(webhook, JSON, payload.to_string()), (ntfy, "text/plain", text.to_owned())];
    for (address, kind, body) in bodies {
        let Some(address) = address else { continue };
        let name = if kind == JSON { "the webhook" } else { "ntfy" };
        threads.push(to(name, Box::new(move || post(&address, kind, body))));
    }
    threads
}

fn show(text: &str) -> Result<(), String> {
    if cfg!(target_os = "macos") {
        let script =
            "on run argv\ndisplay notification (item 1 of argv) with title \"Codex\"\nend run";
        return run(Command::new("osascript").args(["-e", script, text]));
    }
    run(Command::new("notify-send").args(["--app-name=arize-codex", "--", "Codex", text]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = processes::answer(processes::without_keys(command), TIMEOUT);
    let status = output.map_err(|error| error.to_string())?.status;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// The error says nothing of the address, which may be a secret.
fn post(address: &str, kind: &str, body: String) -> Result<(), String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).build().into();
    let sent = agent.post(address).content_type(kind).send(body);
    match sent {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("HTTP {}", answer.status().as_u16())),
        Err(ureq::Error::StatusCode(code)) => Err(format!("HTTP {code}")),
        Err(ureq::Error::Timeout(_)) => Err("no answer in time".to_owned()),
        Err(_) => Err("it cannot be reached".to_owned()),
    }
}
