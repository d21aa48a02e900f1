//! Codex as editors run it: a server that speaks JSON-RPC over its stdin and stdout.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::codex::Codex;
use crate::wait;

/// Runs `codex app-server` and is its one client.
///
/// The server is killed when this is dropped, and ends with its stdin when the test is killed.
#[derive(Debug)]
pub struct AppServer {
    child: Child,
    /// None once the client has said that it is done.
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What came while something else was waited for.
    unread: Vec<Value>,
    requests: u64,
}

impl AppServer {
    /// Starts a server with these arguments and introduces itself as a client of this name.
    pub fn start(codex: &Codex<'_>, arguments: &[&str], client: &str) -> anyhow::Result<Self> {
        let mut child = codex
            .command()
            .arg("app-server")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start codex app-server")?;
        let stdin = child.stdin.take().context("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            for message in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let stdin = Some(stdin);
        let mut server = Self { child, stdin, messages, unread: Vec::new(), requests: 0 };
        let client = json!({ "name": client, "title": client, "version": "1.0.0" });
        server.request("initialize", &json!({ "clientInfo": client }))?;
        server.send(&json!({ "method": "initialized" }))?;
        Ok(server)
    }

    /// Begins a thread and returns its id.
    pub fn start_thread(&mut self, parameters: &Value) -> anyhow::Result<String> {
        let answer = self.request("thread/start", parameters)?;
        Ok(answer["thread"]["id"].as_str().context("no thread")?.to_owned())
    }

    /// Begins a turn, with these settings from now on, and returns its id.
    pub fn start_turn(
        &mut self,
        thread_id: &str,
        prompt: &str,
        settings: &Value,
    ) -> anyhow::Result<String> {
        let mut parameters = settings.clone();
        parameters["threadId"] = thread_id.into();
        parameters["input"] = json!([{ "type": "text", "text": prompt }]);
        let answer = self.request("turn/start", &parameters)?;
        Ok(answer["turn"]["id"].as_str().context("no turn")?.to_owned())
    }

    /// Waits until the server asks whether it may run a command, and answers with this decision.
    pub fn decide(&mut self, decision: &str) -> anyhow::Result<()> {
        let asked = self.next("item/commandExecution/requestApproval")?;
        self.send(&json!({ "id": asked["id"], "result": { "decision": decision } }))
    }

    /// Asks the server for something and returns its answer.
    pub fn request(&mut self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "id": id, "method": method, "params": parameters }))?;
        let mut answer = self.receive(&format!("the answer to {method}"), |message| {
            message["id"] == id && message["method"].is_null()
        })?;
        if !answer["error"].is_null() {
            bail!("{method}: {}", answer["error"]);
        }
        Ok(answer["result"].take())
    }

    /// Waits for the next message that calls this method.
    pub fn next(&mut self, method: &str) -> anyhow::Result<Value> {
        self.receive(method, |message| message["method"] == method)
    }

    /// Lets the server end, with all that it has to say, as an editor that is closed does.
    pub fn close(mut self) -> anyhow::Result<()> {
        self.stdin = None;
        wait::until("the server to end", PATIENCE, || self.child.try_wait().transpose())??;
        Ok(())
    }

    fn receive(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        if let Some(position) = self.unread.iter().position(&is_it) {
            return Ok(self.unread.remove(position));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let message = message.with_context(|| format!("no {what}, only {:#?}", self.unread))?;
            if is_it(&message) {
                return Ok(message);
            }
            self.unread.push(message);
        }
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("the server was closed")?;
        writeln!(stdin, "{message}")?;
        Ok(stdin.flush()?)
    }
}

impl Drop for AppServer {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scripted turn takes about a second; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);
