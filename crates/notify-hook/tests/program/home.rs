//! A home in which the hook is installed, with a recorded thread and the local store as target.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use otlp_model::Span;
use tempfile::TempDir;
use trace_store::TraceStore;

/// Things happen within milliseconds; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Home {
    dir: TempDir,
    hook: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let bin = dir.path().join(".arize/harness/bin");
        fs::create_dir_all(&bin).unwrap();
        let hook = bin.join("arize-hook-codex-notify");
        // A link: where the program is installed is what it knows of itself.
        fs::hard_link(env!("CARGO_BIN_EXE_arize-hook-codex-notify"), &hook).unwrap();
        Self { dir, hook }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn hook(&self) -> &Path {
        &self.hook
    }

    pub(crate) fn harness(&self, file: &str) -> PathBuf {
        self.path().join(".arize/harness").join(file)
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.harness("config.yaml"), text).unwrap();
    }

    /// Writes a shell script and returns its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        let written = path.with_extension("text");
        fs::write(&written, format!("#!/bin/sh\n{text}\n")).unwrap();
        // Not in this process: what another test starts meanwhile would have it open for writing, too.
        assert!(Command::new("cp").args([&written, &path]).status().unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The hook as Codex starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.hook);
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ARIZE_VERBOSE", "true")
            // No program listens there.
            .env("ARIZE_CODEX_BUFFER_PORT", "9")
            .stdin(Stdio::null());
        command
    }

    /// Runs the hook with a notify payload; it must end well without a word.
    pub(crate) fn notify(&self, payload: &str) {
        silent(&self.command().arg(payload).output().unwrap());
    }

    /// Runs the hook so that it only sends what is queued; it must succeed without output.
    pub(crate) fn flush(&self, more: &[&str]) {
        silent(&self.command().arg("--flush").args(more).output().unwrap());
    }

    /// Runs the hook with a lifecycle payload on stdin; it must end well, at once and without a word.
    pub(crate) fn lifecycle(&self, payload: &str) -> Duration {
        let begun = Instant::now();
        let mut command = self.command();
        command.arg("--lifecycle").stdin(Stdio::piped());
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        run.stdin.take().unwrap().write_all(payload.as_bytes()).unwrap();
        // Reads to the end of both pipes, which a run in the background must not hold open.
        silent(&run.wait_with_output().unwrap());
        begun.elapsed()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.harness("logs/codex.log")).unwrap_or_default()
    }

    pub(crate) fn logs(&self, text: &str) {
        let is_there = || self.log().contains(text).then_some(());
        if until(is_there).is_none() {
            panic!("no `{text}` in the log:\n{}", self.log());
        }
    }

    /// All root spans in the local store, oldest first.
    pub(crate) fn turns(&self) -> Vec<Span> {
        let Ok(store) = TraceStore::open_read_only(self.harness("traces.db")) else {
            return Vec::new();
        };
        let traces = store.last_traces(100).unwrap_or_default();
        let roots = traces.iter().flat_map(|trace| store.trace(trace.trace_id).unwrap());
        let mut roots: Vec<Span> = roots.filter(|span| span.parent_id.is_none()).collect();
        roots.sort_by_key(|root| root.start);
        roots
    }

    /// Waits until so many turns are in the local store.
    pub(crate) fn traced(&self, count: usize) -> Vec<Span> {
        let turns = until(|| Some(self.turns()).filter(|turns| turns.len() >= count));
        let turns = turns.unwrap_or_else(|| panic!("{:?}\n{}", self.turns(), self.log()));
        assert_eq!(turns.len(), count, "{turns:?}");
        turns
    }

    /// Appends lines to the transcript of a thread.
    pub(crate) fn append(&self, thread_id: &str, text: &str) {
        let day = self.path().join(".codex/sessions/2026/11/20");
        fs::create_dir_all(&day).unwrap();
        let path = day.join(format!("rollout-2026-11-20T22-00-00-{thread_id}.jsonl"));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

/// A file of a recording of Codex.
pub(crate) fn recorded(case: &str, file: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data");
    fs::read_to_string(data.join(case).join(file)).unwrap()
}

/// Asks until there is an answer, or patience ends.
pub(crate) fn until<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = probe();
        if answer.is_some() || Instant::now() > deadline {
            return answer;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a file has this many lines, and returns it.
pub(crate) fn lines(path: impl AsRef<Path> + AsRef<OsStr>, count: usize) -> Vec<String> {
    let read = || {
        let text = fs::read_to_string::<&Path>(path.as_ref()).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    };
    until(read).unwrap_or_else(|| panic!("{count} lines"))
}

fn silent(output: &Output) {
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&printed).as_ref()), (Some(0), ""));
}
