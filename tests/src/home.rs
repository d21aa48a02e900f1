//! A temporary home directory with our settings, our processes and what they write.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::port::free_port;
use crate::process::{self, Finished, LastWill};
use crate::wait;

/// The hook's promise: it ends within ten seconds, whatever happens. Two more for a busy machine.
pub const HOOK_LIMIT: Duration = Duration::from_secs(12);

/// Is the home of one story: `~`, a project to work in, and records of the hook's runs.
///
/// When it is dropped, or the test is killed, Codex's daemon, the buffer and the hooks are ended and
/// it is removed. When its story panics, it first shows the logs.
#[derive(Debug)]
pub struct Home {
    root: PathBuf,
    programs: PathBuf,
    project: String,
    buffer_port: u16,
    variables: Vec<(String, String)>,
    _will: LastWill,
}

/// What one run of the hook, started by Codex, left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// Its last argument: Codex's notification.
    pub payload: String,
    /// Its exit code.
    pub exit: i32,
    /// All that it printed, to stdout and stderr.
    pub printed: String,
    /// How long it ran.
    pub took: Duration,
}

impl Home {
    /// Makes a home in which our `programs` (a folder) send to the Phoenix project `project`.
    pub fn new(programs: &Path, project: &str) -> anyhow::Result<Self> {
        let buffer = programs.join("arize-codex-buffer");
        let hook = programs.join("arize-hook-codex-notify");
        Self::with(programs, project, free_port()?, &buffer, &hook)
    }

    /// Makes a home in which nothing of ours runs: what Codex notifies is only written down, and
    /// the events go to the program on the port `sink`.
    pub fn for_recording(sink: u16) -> anyhow::Result<Self> {
        let nothing = Path::new("/bin/true");
        Self::with(Path::new("/nowhere"), "recording", sink, nothing, nothing)
    }

    fn with(
        programs: &Path,
        project: &str,
        buffer_port: u16,
        buffer: &Path,
        hook: &Path,
    ) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?.keep();
        // Without `--force`: another process may have the port by then.
        let will = LastWill::new(
            r#"for file in "$2"/home/.codex/app-server-daemon/*.pid; do
                pid=$(sed -n 's/^{"pid":\([0-9]*\),.*/\1/p' "$file")
                case "$(ps -o args= -p "$pid")" in "$2"/*) kill -KILL "$pid" ;; esac
            done
            for run in "$2"/runs/*; do [ -e "$run/exit" ] || kill -KILL "$(cat "$run/pid")"; done
            HOME="$2/home" "$1" stop --port "$3"
            # What a hook does in the background outlives Codex, and may start the buffer again.
            while pids=$(grep -lsz "^HOME=$2/home\$" /proc/[0-9]*/environ | cut -d/ -f3); do
                [ "$pids" ] || break; kill -KILL $pids; sleep 0.1
            done
            until rm -rf "$2"; do sleep 0.1; done"#,
            &[buffer.as_os_str(), root.as_os_str(), OsStr::new(&buffer_port.to_string())],
            [],
        )?;
        let home = Self {
            root,
            programs: programs.to_owned(),
            project: project.to_owned(),
            buffer_port,
            variables: Vec::new(),
            _will: will,
        };
        for folder in ["home/.codex", "home/.arize/harness", "project", "runs"] {
            DirBuilder::new().recursive(true).mode(0o700).create(home.root.join(folder))?;
        }
        home.write_recorder(hook)?;
        Ok(home)
    }

    /// Writes `config.yaml`: the target is the Phoenix at `endpoint`.
    pub fn trace_to(&self, endpoint: &str) -> anyhow::Result<()> {
        self.configure(&format!("target: phoenix\n    endpoint: {endpoint}"))
    }

    /// Writes `config.yaml` with these lines about the target, four spaces before each but the
    /// first.
    pub fn configure(&self, target: &str) -> anyhow::Result<()> {
        let text = format!(
            "harnesses:\n  codex:\n    {target}\n    project_name: {}\n    collector:\n      \
             host: 127.0.0.1\n      port: {}\n",
            self.project, self.buffer_port
        );
        let path = self.harness().join("config.yaml");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Starts the buffer service with its own command.
    pub fn start_buffer(&self) -> anyhow::Result<()> {
        self.buffer("start")
    }

    /// Stops the buffer service with its own command.
    pub fn stop_buffer(&self) -> anyhow::Result<()> {
        self.buffer("stop")
    }

    /// Runs the hook with these arguments, as Codex would: without a terminal, with no input.
    pub fn run_hook<A: AsRef<OsStr>>(&self, arguments: &[A]) -> anyhow::Result<Finished> {
        process::run(self.our("arize-hook-codex-notify").args(arguments), HOOK_LIMIT)
    }

    /// Waits until `count` runs of the hook that Codex started have ended, and returns them all.
    pub fn hook_runs(&self, count: usize) -> anyhow::Result<Vec<HookRun>> {
        let what = format!("{count} runs of the hook to end");
        let folders = wait::until(&what, HOOK_LIMIT, || {
            let entries = fs::read_dir(self.root.join("runs")).ok()?;
            let folders: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            let ended = folders.iter().filter(|run| run.join("exit").exists()).count();
            (ended >= count && ended == folders.len()).then_some(folders)
        })?;
        folders.iter().map(|folder| read_run(folder)).collect()
    }

    /// Waits until a run of the hook has ended whose payload `matches`.
    pub fn hook_run(
        &self,
        what: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<HookRun> {
        wait::until(&format!("the hook's run for {what}"), HOOK_LIMIT, || {
            let mut folders = fs::read_dir(self.root.join("runs")).ok()?.flatten();
            folders.find_map(|folder| {
                let run = read_run(&folder.path()).ok()?;
                matches(&serde_json::from_str(&run.payload).ok()?).then_some(run)
            })
        })
    }

    /// Prepares a command with nothing in its environment but this home and the system's programs.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("CODEX_HOME", self.codex_home())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.project_folder());
        command
    }

    /// Returns what our programs logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.harness().join("logs/codex.log")).unwrap_or_default()
    }

    /// Returns the folder with everything in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder for Codex's files.
    pub fn codex_home(&self) -> PathBuf {
        self.home().join(".codex")
    }

    /// Finds the transcript that Codex wrote of a thread.
    pub fn transcript(&self, thread_id: &str) -> Option<PathBuf> {
        let name = format!("-{thread_id}.jsonl");
        self.transcripts().into_iter().find(|path| path.to_string_lossy().ends_with(&name))
    }

    /// Finds all transcripts that Codex wrote, the oldest first.
    pub fn transcripts(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.codex_home().join("sessions")];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path),
                }
            }
        }
        found.sort();
        found
    }

    /// Returns the folder that Codex works in.
    pub fn project_folder(&self) -> PathBuf {
        self.root.join("project")
    }

    /// Returns the program for Codex's `notify`: it runs the hook and records the run.
    pub fn recorder(&self) -> PathBuf {
        self.root.join("record")
    }

    /// Returns our hook.
    pub fn hook(&self) -> PathBuf {
        self.programs.join("arize-hook-codex-notify")
    }

    /// Returns the port of the buffer service.
    pub fn buffer_port(&self) -> u16 {
        self.buffer_port
    }

    /// Sets an environment variable for the commands from now on.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Lets each transcript be gone when the hook looks for it.
    pub fn forget_transcripts(&mut self) {
        self.set_variable("FORGET_TRANSCRIPTS", "true");
    }

    /// Lets the hook, but not Codex, find a proxy in its environment.
    pub fn set_proxy_of_the_hook(&mut self, url: &str) {
        self.set_variable("HOOK_PROXY", url);
    }

    /// Removes our programs' memory of the threads that they have traced.
    pub fn forget_what_was_sent(&self) -> anyhow::Result<()> {
        let threads = self.harness().join("state/codex/threads");
        fs::remove_dir_all(&threads).with_context(|| threads.display().to_string())
    }

    /// Lets another process have the buffer's port.
    pub fn set_buffer_port(&mut self, port: u16) {
        self.buffer_port = port;
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    fn harness(&self) -> PathBuf {
        self.home().join(".arize/harness")
    }

    fn our(&self, program: &str) -> Command {
        self.command(&self.programs.join(program))
    }

    fn buffer(&self, order: &str) -> anyhow::Result<()> {
        let port = self.buffer_port.to_string();
        let mut command = self.our("arize-codex-buffer");
        let done = process::run(command.args([order, "--port", &port]), Duration::from_secs(10))?;
        ensure!(done.status.success(), "arize-codex-buffer {order}: {done:?}");
        Ok(())
    }

    fn write_recorder(&self, hook: &Path) -> anyhow::Result<()> {
        let script = format!(
            r#"#!/bin/sh
# Runs the hook with the arguments it was given and keeps what came of it.
run=$(mktemp -d '{runs}/run.XXXXXX') || exit
for payload; do :; done
printf '%s' "$payload" > "$run/payload"
[ -z "$HOOK_PROXY" ] || export HTTP_PROXY="$HOOK_PROXY" ALL_PROXY="$HOOK_PROXY"
[ -z "$FORGET_TRANSCRIPTS" ] || rm -rf "$CODEX_HOME/sessions"
'{hook}' "$@" > "$run/printed" 2>&1 &
echo $! > "$run/pid"
wait $!
echo $? > "$run/ended"
mv "$run/ended" "$run/exit"
"#,
            runs = self.root.join("runs").display(),
            hook = hook.display(),
        );
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(self.recorder())
            .context("could not write the recorder")?;
        Ok(file.write_all(script.as_bytes())?)
    }
}

impl Drop for Home {
    #[expect(clippy::print_stderr, reason = "the logs are the first thing a failed story needs")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["codex.log", "codex-buffer.log"] {
                let log = fs::read_to_string(self.harness().join("logs").join(name));
                eprintln!("{}: {name}:\n{}", self.project, log.unwrap_or_default());
            }
        }
    }
}

fn read_run(folder: &Path) -> anyhow::Result<HookRun> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let begun = fs::metadata(folder.join("payload"))?.modified()?;
    let ended = fs::metadata(folder.join("exit"))?.modified()?;
    Ok(HookRun {
        payload: read("payload")?,
        exit: read("exit")?.trim().parse().context("no exit code")?,
        printed: read("printed")?,
        took: ended.duration_since(begun).unwrap_or_default(),
    })
}
