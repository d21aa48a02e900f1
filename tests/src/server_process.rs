//! A server that others have written, with a folder of its own and gone without a trace.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::process::LastWill;
use crate::wait;

/// Runs a server. It is ended with the process that started it, also when it is kept in a static.
#[derive(Debug)]
pub struct ServerProcess {
    program: PathBuf,
    log: PathBuf,
    _will: LastWill,
}

impl ServerProcess {
    /// Starts `program` with nothing in its environment but a home; `prepare` adds what else it needs
    /// and may keep files in the folder that it is given.
    pub fn start(
        program: &Path,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?.keep();
        let log = folder.join("log");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            // It may be several processes, and is one group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        prepare(&mut command, &folder);
        let child =
            command.spawn().with_context(|| format!("could not start {}", program.display()))?;
        // Nothing of it is wanted any more, hence KILL; what it still wrote goes in the next round.
        let will = LastWill::new(
            r#"kill -KILL "-$1"; until rm -rf "$2"; do sleep 0.1; done"#,
            &[OsStr::new(&child.id().to_string()), folder.as_os_str()],
            [],
        )?;
        Ok(Self { program: program.to_owned(), log, _will: will })
    }

    /// Waits until `probe` finds it ready; the error has what it wrote.
    pub fn wait<T>(&self, limit: Duration, probe: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
        let what = format!("{} to be ready", self.program.display());
        wait::until(&what, limit, probe).with_context(|| self.log())
    }

    /// Returns what it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_all_its_processes_and_leaves_nothing() {
        let mut folder = PathBuf::new();
        let server = ServerProcess::start(Path::new("/bin/sh"), |command, own| {
            folder = own.to_owned();
            command.args(["-c", "sleep 600 & echo $! > \"$HOME/pid\"; echo begun; wait"]);
        })
        .unwrap();
        let limit = Duration::from_secs(10);
        server.wait(limit, || server.log().contains("begun").then_some(())).unwrap();
        let pid = fs::read_to_string(folder.join("pid")).unwrap();
        let error = server.wait(Duration::ZERO, || None::<()>).unwrap_err();
        assert!(error.to_string().contains("begun"), "{error:#}");
        drop(server);
        assert!(!folder.exists());
        let is_gone = || {
            let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            status.map_or(true, |status| status.contains(") Z "))
        };
        wait::until("the process below it to end", limit, || is_gone().then_some(())).unwrap();
    }
}
