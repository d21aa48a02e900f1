//! The real Codex CLI, configured for a story and run without the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::home::Home;
use crate::model::ModelServer;
use crate::process::{self, Finished};
use crate::script::MODEL;

/// Runs `codex exec` in a home.
#[derive(Debug)]
pub struct Codex<'a> {
    program: PathBuf,
    home: &'a Home,
}

/// How Codex encodes the events that it sends to the buffer.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    /// OTLP as JSON.
    Json,
    /// OTLP as protobuf.
    Binary,
}

/// What a run of `codex exec` left behind.
#[derive(Debug)]
pub struct Exec {
    /// The thread, as Codex names it.
    pub thread_id: String,
    /// The process.
    pub finished: Finished,
}

impl<'a> Codex<'a> {
    /// Configures the Codex binary `program` in `home`: the model is `model`, the notifications go
    /// to the hook, the events to the buffer.
    pub fn configure(
        program: &Path,
        home: &'a Home,
        model: &ModelServer,
        protocol: Protocol,
    ) -> anyhow::Result<Self> {
        let path = home.codex_home().join("config.toml");
        fs::write(&path, config(home, model, protocol))
            .with_context(|| path.display().to_string())?;
        Ok(Self { program: program.to_owned(), home })
    }

    /// Configures the Codex binary `program` in `home` as it is before tracing is set up: it knows the
    /// model, and nothing of us.
    pub fn untraced(program: &Path, home: &'a Home, model: &ModelServer) -> anyhow::Result<Self> {
        let path = home.codex_home().join("config.toml");
        fs::write(&path, user_config(home, model, ""))
            .with_context(|| path.display().to_string())?;
        Ok(Self { program: program.to_owned(), home })
    }

    /// Lets Codex run our hook at the end of turns and sessions, too, beside the notifications.
    pub fn add_lifecycle_hooks(&self) -> anyhow::Result<()> {
        self.add_hooks(&["Stop", "SubagentStop", "SessionEnd", "Interrupt"])
    }

    /// Lets Codex run our hook at these events.
    pub fn add_hooks(&self, events: &[&str]) -> anyhow::Result<()> {
        let path = self.home.codex_home().join("config.toml");
        let mut config = fs::read_to_string(&path)?;
        let command = json!(format!("{} --lifecycle", self.home.hook().display()));
        for event in events {
            config += &format!(
                "\n[[hooks.{event}]]\n[[hooks.{event}.hooks]]\n\
                 type = \"command\"\ncommand = {command}\ntimeout = 3\n"
            );
        }
        Ok(fs::write(&path, config)?)
    }

    /// Runs one turn with this prompt; `arguments` go before it.
    ///
    /// A prompt that is too long for the command line goes over stdin.
    pub fn exec(&self, arguments: &[&str], prompt: &str) -> anyhow::Result<Exec> {
        self.exec_beside(arguments, prompt, |_| Ok(()))
    }

    /// Runs one turn like [`exec`](Self::exec), and does `meanwhile` with Codex's process id.
    pub fn exec_beside(
        &self,
        arguments: &[&str],
        prompt: &str,
        meanwhile: impl FnOnce(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<Exec> {
        let mut command = self.command();
        command.args(["exec", "--skip-git-repo-check", "--json"]).args(arguments);
        let (argument, input) =
            if prompt.len() < ARGUMENT_LIMIT { (prompt, "") } else { ("-", prompt) };
        let finished = process::run_beside(command.arg(argument), input, LIMIT, meanwhile)?;
        let thread_id = finished
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["type"] == "thread.started")
            .and_then(|event| event["thread_id"].as_str().map(str::to_owned))
            .with_context(|| format!("codex named no thread: {finished:?}"))?;
        Ok(Exec { thread_id, finished })
    }

    /// Prepares a run of Codex in its home.
    pub fn command(&self) -> Command {
        self.home.command(&self.program)
    }
}

/// The bytes that Linux allows for one argument.
pub const ARGUMENT_LIMIT: usize = 128 << 10;

/// A scripted turn takes about a second.
const LIMIT: Duration = Duration::from_secs(60);

fn config(home: &Home, model: &ModelServer, protocol: Protocol) -> String {
    let protocol = match protocol {
        Protocol::Json => "json",
        Protocol::Binary => "binary",
    };
    let notify = format!("notify = [{}]\n", quoted(home.recorder()));
    let user = user_config(home, model, &notify);
    format!(
        r#"{user}
[otel]
log_user_prompt = true
log_sse_deltas = false
exporter = {{ otlp-http = {{ endpoint = "http://127.0.0.1:{port}/v1/logs", protocol = "{protocol}", headers = {{}} }} }}
trace_exporter = "none"
metrics_exporter = "none"
"#,
        port = home.buffer_port(),
    )
}

/// What a person has in `config.toml`, and a line of another program above the first table.
fn user_config(home: &Home, model: &ModelServer, notify: &str) -> String {
    format!(
        r#"model = "{MODEL}"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
{notify}
# On a terminal nothing moves, and no other model is offered in front of the prompt.
[tui]
animations = false

[notice.model_migrations]
"{MODEL}" = "gpt-6-sol"
"gpt-5.1-codex" = "gpt-5.2-codex"

[model_providers.scripted]
name = "scripted"
base_url = "{base_url}"
wire_api = "responses"

[projects.{project}]
trust_level = "trusted"
"#,
        base_url = model.base_url(),
        project = quoted(home.project_folder()),
    )
}

/// A JSON string is a TOML string, too.
fn quoted(path: PathBuf) -> String {
    json!(path).to_string()
}
