//! The ways to a person.

use std::io;
use std::process::{Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use exporters::{ConfigError, Connection, Webhook, WebhookError};
use serde_json::Value;

/// How long a channel may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where notices go.
#[derive(Debug, Clone)]
pub struct Channels {
    /// Whether the desktop shows them.
    pub desktop: bool,
    /// A program that is run with the text as its argument.
    pub command: Option<String>,
    /// An address that gets them as JSON.
    pub webhook: Option<String>,
    /// The address of a topic of ntfy, which gets them as text.
    pub ntfy: Option<String>,
    /// How addresses are connected to.
    pub connection: Connection,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// For a person.
    pub text: String,
    /// For a program.
    pub json: Value,
}

/// A channel did not take a notice. The text holds neither the notice nor an address.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A program cannot be run, or takes too long.
    #[error("it cannot be run: {0}")]
    Run(#[from] io::Error),
    /// A program failed.
    #[error("{0}")]
    Failed(ExitStatus),
    /// The address, or what is set for TLS or a proxy, cannot work.
    #[error("its settings cannot work")]
    Config(#[from] ConfigError),
    /// The server did not take it.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

/// A notice on its way through one channel.
#[derive(Debug)]
pub struct Sending {
    /// For a person, such as `the webhook`.
    pub channel: &'static str,
    thread: JoinHandle<Result<(), SendError>>,
}

impl Sending {
    /// Whether the channel has taken it, or not.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the channel has taken it, or not.
    pub fn wait(self) -> (&'static str, Result<(), SendError>) {
        let result = self.thread.join();
        let ended = || Err(io::Error::other("its thread ended").into());
        (self.channel, result.unwrap_or_else(|_| ended()))
    }
}

impl Channels {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.desktop && self.command.is_none() && self.webhook.is_none() && self.ntfy.is_none()
    }

    /// Sends to each channel, in threads of their own: one that hangs holds up neither the caller nor
    /// another one.
    pub fn send(&self, notice: &Notice) -> Vec<Sending> {
        let mut sending = Vec::new();
        let mut to = |channel, send: Box<dyn FnOnce() -> Result<(), SendError> + Send>| {
            sending.push(Sending { channel, thread: thread::spawn(send) });
        };
        let text = || notice.text.clone();
        if self.desktop {
            let text = text();
            to("the desktop", Box::new(move || show(&text)));
        }
        if let Some(program) = self.command.clone() {
            let text = text();
            to("the command", Box::new(move || run(Command::new(program).arg(text))));
        }
        let bodies = [
            ("the webhook", &self.webhook, JSON, notice.json.to_string()),
            ("ntfy", &self.ntfy, TEXT, text()),
        ];
        for (channel, address, kind, body) in bodies {
            let Some(address) = address.clone() else { continue };
            let connection = self.connection.clone();
            let post =
                move || Ok(Webhook::new(&address, &connection)?.post(kind, body.as_bytes())?);
            to(channel, Box::new(post));
        }
        sending
    }
}

fn show(text: &str) -> Result<(), SendError> {
    if cfg!(target_os = "macos") {
        let script =
            "on run argv\ndisplay notification (item 1 of argv) with title \"Codex\"\nend run";
        return run(Command::new("osascript").args(["-e", script, text]));
    }
    run(Command::new("notify-send").args(["--app-name=arize-codex", "--", "Codex", text]))
}

fn run(command: &mut Command) -> Result<(), SendError> {
    let status = processes::answer(processes::without_keys(command), TIMEOUT)?.status;
    if status.success() { Ok(()) } else { Err(SendError::Failed(status)) }
}
