//! A home with a Codex that is a script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The proxy as it was built. Tests run a copy: beside this one there may be other programs of ours.
pub(crate) const PROXY: &str = env!("CARGO_BIN_EXE_arize-codex-proxy");

/// A temporary home, and a folder with `codex` for the `PATH`.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// A home whose Codex is this shell script.
    pub(crate) fn with_codex(script: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.script("bin/codex", script);
        fs::create_dir_all(home.path("ours")).unwrap();
        copy(Path::new(PROXY), &home.program());
        // No program listens there, and none is started: there is no buffer service beside the proxy.
        home.file(
            ".arize/harness/config.yaml",
            "harnesses: {codex: {collector: {host: \"127.0.0.1\", port: 1}}}\n",
        );
        home
    }

    /// A file of the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the home.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a program of the home.
    pub(crate) fn script(&self, name: &str, script: &str) -> PathBuf {
        let text = self.file(&format!("{name}.text"), &format!("#!/bin/sh\n{script}\n"));
        let path = self.path(name);
        copy(&text, &path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The program of the proxy.
    pub(crate) fn program(&self) -> PathBuf {
        self.path("ours/arize-codex-proxy")
    }

    /// The proxy, with nothing in its environment but this home, and no signal ignored: what a shell
    /// starts in the background ignores SIGINT, which would pass through the tests to the proxy.
    pub(crate) fn proxy(&self) -> Command {
        let mut command = self.command(Path::new("/usr/bin/env"));
        command.arg("--default-signal").arg(self.program());
        command
    }

    /// A program, with nothing in its environment but this home.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.folder.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.current_dir(self.folder.path());
        command
    }

    /// What the proxy logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path(".arize/harness/logs/codex.log")).unwrap_or_default()
    }
}

/// Copies a program. Not in this process: what it has open for writing, it cannot run, and neither
/// can what it starts at the same moment.
pub(crate) fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// Waits until a file says something, and returns it.
pub(crate) fn says(file: &Path) -> String {
    until(
        || format!("`{}` to say something", file.display()),
        || fs::read_to_string(file).ok().filter(|text| text.ends_with('\n')),
    )
}

/// Waits until a probe gives an answer.
pub(crate) fn until<T>(what: impl Fn() -> String, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "still waiting for {}", what());
        thread::sleep(Duration::from_millis(5));
    }
}

/// The state of a process, such as `S` (it waits) or `T` (it is stopped).
pub(crate) fn state(pid: &str) -> String {
    let output = Command::new("ps").args(["-o", "state=", "-p", pid]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().chars().take(1).collect()
}

/// Waits until a process is stopped, or until it is not.
pub(crate) fn wait_until_stopped(pid: &str, stopped: bool) {
    until(|| format!("{pid}, {}", state(pid)), || ((state(pid) == "T") == stopped).then_some(()));
}
