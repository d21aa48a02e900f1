//! A temporary home with a buffer service, a backend and recorded material.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::sink;
use crate::workspace::root;

/// The thread of the recorded session.
pub(crate) const RECORDED_THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";
/// Its turn.
pub(crate) const RECORDED_TURN: &str = "01a1fb18-d78a-7131-84b5-6faa13380fc7";

/// Everything that a measured process needs around it.
pub(crate) struct Scene {
    home: TempDir,
    programs: PathBuf,
    sink: String,
    buffer: Child,
    port: u16,
    used: Cell<usize>,
    pub(crate) rollout: String,
    pub(crate) logs: String,
    pub(crate) notify: String,
}

impl Scene {
    pub(crate) fn new(programs: PathBuf) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let sink = sink::start()?;
        let harness = home.path().join(".arize/harness");
        fs::create_dir_all(&harness)?;
        let config =
            format!("harnesses:\n  codex:\n    target: phoenix\n    endpoint: http://{sink}\n");
        fs::write(harness.join("config.yaml"), config)?;
        let demo = root()?.join("crates/cli/data/demo");
        let read = |name: &str| {
            fs::read_to_string(demo.join(name)).with_context(|| format!("cannot read `{name}`"))
        };
        let buffer = command(&programs.join("arize-codex-buffer"), home.path())
            .args(["run", "--port", "0"])
            .spawn()?;
        let mut scene = Self {
            programs,
            sink,
            buffer,
            port: 0,
            used: Cell::new(1000),
            rollout: read("rollout.jsonl")?,
            logs: read("logs.json")?,
            notify: read("notify.json")?.trim_end().to_owned(),
            home,
        };
        scene.port = scene.wait_for_buffer(&harness.join("run/codex-buffer.pid"))?;
        Ok(scene)
    }

    /// Another scene with the same programs.
    pub(crate) fn again(&self) -> anyhow::Result<Self> {
        Self::new(self.programs.clone())
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// One of the programs that are measured.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The port of the buffer service.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn sink_url(&self) -> String {
        format!("http://{}/v1/traces", self.sink)
    }

    pub(crate) fn buffer_pid(&self) -> u32 {
        self.buffer.id()
    }

    pub(crate) fn buffer_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn health(&self) -> anyhow::Result<Json> {
        let text = ureq::get(self.buffer_url("/health")).call()?.body_mut().read_to_string()?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The hook on a payload, as Codex starts it.
    pub(crate) fn hook(&self, payload: &str) -> Command {
        let mut hook = command(&self.program("arize-hook-codex-notify"), self.home());
        hook.env("ARIZE_CODEX_BUFFER_PORT", self.port.to_string()).arg(payload);
        hook
    }

    /// The hook before a prompt or a tool call, as Codex starts it.
    pub(crate) fn lifecycle(&self, payload: fs::File) -> Command {
        let mut hook = command(&self.program("arize-hook-codex-notify"), self.home());
        hook.arg("--lifecycle").stdin(payload);
        hook
    }

    /// Sets a budget of each kind that is far, with a hard limit.
    pub(crate) fn set_budgets(&self) -> anyhow::Result<()> {
        let budget = "{usd: 1000, tokens: 1000000000}";
        let scopes = ["turn", "session", "day", "month", "project", "repository"];
        let budgets = scopes.map(|scope| format!("      {scope}: {budget}\n")).concat();
        let file = self.home().join(".arize/harness/config.yaml");
        let text = fs::read_to_string(&file)?;
        Ok(fs::write(file, format!("{text}    budgets:\n      hard_limit: true\n{budgets}"))?)
    }

    /// What a watch over a turn writes down.
    pub(crate) fn note_spending(&self, thread: &str, turn: &str) -> anyhow::Result<()> {
        let folder = self.home().join(".arize/harness/state/codex/budgets/sessions");
        fs::create_dir_all(&folder)?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let spent = json!({ "tokens": 1000, "pico_usd": 1000, "unpriced_calls": 0 });
        let spending = json!({ "turn": [turn, spent], "session": [thread, spent] });
        let last = json!({ "at": u64::try_from(at)?, "spending": spending });
        Ok(fs::write(folder.join(format!("{thread}.measured")), last.to_string())?)
    }

    /// A report, which brings the store up to date.
    pub(crate) fn report(&self) -> Command {
        let mut report = command(&self.program("arize-codex"), self.home());
        report.args(["report", "--all"]);
        report
    }

    pub(crate) fn send_telemetry(&self, logs: &str) -> anyhow::Result<()> {
        ureq::post(self.buffer_url("/v1/logs")).content_type("application/json").send(logs)?;
        Ok(())
    }

    /// A number that was not used yet.
    pub(crate) fn next(&self) -> usize {
        self.used.set(self.used.get() + 1);
        self.used.get()
    }

    /// A day's folder of transcripts; day 0 is the recorded one.
    pub(crate) fn day(&self, day: usize) -> anyhow::Result<PathBuf> {
        let date = if day == 0 {
            "2026/11/20".to_owned()
        } else {
            format!("2025/{:02}/{:02}", day / 28 + 1, day % 28 + 1)
        };
        let folder = self.home().join(".codex/sessions").join(date);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The transcript of a thread, for appending.
    pub(crate) fn transcript(&self, thread: &str) -> anyhow::Result<impl Write + use<>> {
        let path = self.transcript_path(thread)?;
        Ok(std::io::BufWriter::new(fs::OpenOptions::new().append(true).create(true).open(path)?))
    }

    pub(crate) fn transcript_path(&self, thread: &str) -> anyhow::Result<PathBuf> {
        Ok(self.day(0)?.join(format!("rollout-2026-11-20T22-34-31-{thread}.jsonl")))
    }

    fn wait_for_buffer(&self, pid_file: &Path) -> anyhow::Result<u16> {
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            let record =
                fs::read(pid_file).ok().and_then(|text| serde_json::from_slice::<Json>(&text).ok());
            if let Some(port) = record.and_then(|record| record["port"].as_u64()) {
                return Ok(u16::try_from(port)?);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the buffer service does not start")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.buffer.kill();
        let _ = self.buffer.wait();
    }
}

/// A program that sees nothing of our environment but a home.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
