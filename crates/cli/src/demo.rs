//! `arize-codex demo`: the real pipeline on a recorded session.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use buffer_api::process::PidRecord;
use buffer_api::{Client, Endpoint};
use codex_config::{Paths, variables};
use doctor::Style;
use jiff::tz::TimeZone;
use tempfile::TempDir;
use trace_store::TraceStore;

use crate::args::Demo;
use crate::print::{self, Page};
use crate::{CommandError, place};

/// Recorded from `codex exec` 0.169.0 with a scripted model: three requests, three tools.
const TRANSCRIPT: &str = include_str!("../data/demo/rollout.jsonl");
const TELEMETRY: &str = include_str!("../data/demo/logs.json");
const NOTIFY: &str = include_str!("../data/demo/notify.json");
const TRANSCRIPT_PATH: &str =
    "sessions/2026/11/20/rollout-2026-11-20T22-34-31-01a1fb18-d745-76d3-8970-09f42d282b2f.jsonl";

/// Plays Codex's part: telemetry to the buffer service, a transcript on disk, and a notify.
pub(crate) fn demo(args: &Demo, style: Style) -> Result<String, CommandError> {
    let home = tempfile::Builder::new()
        .prefix("arize-codex-demo-")
        .tempdir()
        .map_err(|error| CommandError::failed("cannot make a temporary home", error))?;
    let paths = Paths::new(home.path(), None);
    let transcript = paths.codex_home.join(TRANSCRIPT_PATH);
    write(&transcript, TRANSCRIPT)?;

    let service = BufferService::start(&paths)?;
    send_telemetry(&service.endpoint)?;
    run_hook(&home, &service.endpoint)?;
    drop(service);

    let store = TraceStore::open_read_only(&paths.traces_db)
        .map_err(|error| CommandError::failed("the hook has stored nothing", error))?;
    let failed = |error| CommandError::failed("cannot read the local store", error);
    let last = store.last_traces(1).map_err(failed)?;
    let trace_id = last.first().map(|trace| trace.trace_id).ok_or_else(|| no_trace(&paths))?;
    let spans = store.trace(trace_id).map_err(failed)?;
    let zone = TimeZone::system();
    let page = Page::new(style, &zone, &paths.home);
    let mut text = if args.json { print::spans_json(&spans) } else { print::tree(&spans, page) };
    if args.keep {
        text.push_str(&format!("\nkept: {}\n", home.keep().display()));
    }
    Ok(text)
}

/// The service in a temporary home, on a free port; ended when dropped.
struct BufferService {
    child: Child,
    endpoint: Endpoint,
}

impl BufferService {
    fn start(paths: &Paths) -> Result<Self, CommandError> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let mut command = hermetic("arize-codex-buffer", &paths.home)?;
        let child = command
            .args(["run", "--port", "0", "--no-sweep"])
            .spawn()
            .map_err(|error| CommandError::failed("cannot start `arize-codex-buffer`", error))?;
        let pid_file = buffer_api::Paths::under(&paths.harness_home).pid_file;
        let mut service = Self { child, endpoint: Endpoint::default() };
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(record) = PidRecord::read(&pid_file) {
                service.endpoint = record.endpoint();
                if Client::new(&service.endpoint, None).health().is_ok() {
                    return Ok(service);
                }
            }
            sleep(Duration::from_millis(2));
        }
        let what = format!("`arize-codex-buffer` does not answer within {PATIENCE:?}");
        Err(CommandError::Failed { what, source: None })
    }
}

impl Drop for BufferService {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send_telemetry(endpoint: &Endpoint) -> Result<(), CommandError> {
    ureq::post(endpoint.url("/v1/logs"))
        .content_type("application/json")
        .send(TELEMETRY)
        .map(drop)
        .map_err(|error| {
            CommandError::failed("the buffer service does not take the telemetry", error)
        })
}

fn run_hook(home: &TempDir, endpoint: &Endpoint) -> Result<(), CommandError> {
    let failed = |error| CommandError::failed("cannot run `arize-hook-codex-notify`", error);
    let status = hermetic("arize-hook-codex-notify", home.path())?
        .env("ARIZE_CODEX_BUFFER_PORT", endpoint.port.to_string())
        .arg(NOTIFY.trim_end())
        .status()
        .map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::Failed {
        what: format!("`arize-hook-codex-notify` ended with {status}"),
        source: None,
    })
}

/// A program of ours, from beside this one, that sees nothing of the user's environment.
fn hermetic(program: &str, home: &Path) -> Result<Command, CommandError> {
    let mut command = Command::new(place::program(program)?);
    command.env_clear().env(variables::USER_HOME, home);
    // Without it Windows finds no library for sockets.
    command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| CommandError::failed(format!("cannot write `{}`", path.display()), error))
}

/// The hook itself never fails aloud; its log says why.
fn no_trace(paths: &Paths) -> CommandError {
    let log = fs::read_to_string(paths.default_log_file()).unwrap_or_default();
    CommandError::Failed {
        what: format!("the hook has traced nothing; its log:\n{}", log.trim_end()),
        source: None,
    }
}
