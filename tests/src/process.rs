//! Processes that end: by themselves within a limit, or by our hand.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::wait;

/// What a process left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// The time that processors spent on the ended children of this process, as Linux counts it.
pub fn cpu_time_of_children() -> Duration {
    /// The kernel counts for programs in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses, which may hold anything: cutime and cstime are fields 16 and 17.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    TICK * fields.filter_map(|field| field.parse::<u32>().ok()).sum()
}

/// Runs a command without input to its end, and kills it when that takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> anyhow::Result<Finished> {
    run_with_input(command, "", limit)
}

/// Runs a command that reads `input` from stdin to its end, and kills it when that takes longer
/// than `limit`.
pub fn run_with_input(
    command: &mut Command,
    input: &str,
    limit: Duration,
) -> anyhow::Result<Finished> {
    run_beside(command, input, limit, |_| Ok(()))
}

/// Runs a command like [`run_with_input`], and does `meanwhile` with its process id.
pub fn run_beside(
    command: &mut Command,
    input: &str,
    limit: Duration,
    meanwhile: impl FnOnce(u32) -> anyhow::Result<()>,
) -> anyhow::Result<Finished> {
    // Files, not pipes: a process that outlives this one (Codex's hook does) may keep them open.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut stdin = tempfile::tempfile()?;
    stdin.write_all(input.as_bytes())?;
    stdin.rewind()?;
    command.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let begun = Instant::now();
    let mut child =
        command.spawn().with_context(|| format!("could not start {:?}", command.get_program()))?;
    let done = meanwhile(child.id());
    let status = done.and_then(|()| {
        wait::until(&format!("{:?}", command.get_program()), limit, || child.try_wait().transpose())
    });
    let took = begun.elapsed();
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let (stdout, stderr) = (text(&mut stdout)?, text(&mut stderr)?);
    let status = status.with_context(|| format!("stdout: {stdout}\nstderr: {stderr}"))??;
    Ok(Finished { status, stdout, stderr, took })
}

/// Runs a shell script when it is dropped, or when this process ends in any other way.
///
/// What a story starts must not outlive it, even if the story is killed, so the script waits in a
/// shell of its own for a pipe from this process to close. Statics are never dropped either.
#[derive(Debug)]
pub struct LastWill {
    shell: Child,
}

impl LastWill {
    /// Writes down `script` (POSIX shell) with its arguments `$1`, `$2`, ... and its environment.
    pub fn new<'a>(
        script: &str,
        arguments: &[&OsStr],
        environment: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
    ) -> anyhow::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", &format!("cat >/dev/null; {script}"), "last-will"])
            .args(arguments)
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C goes to the whole group of the tests; the will must survive it.
            .process_group(0)
            .spawn()
            .context("could not start /bin/sh")?;
        Ok(Self { shell })
    }
}

impl Drop for LastWill {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn text(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_what_takes_too_long() {
        let error =
            run(Command::new("/bin/sh").args(["-c", "echo begun; sleep 60"]), Duration::ZERO)
                .unwrap_err();
        assert!(format!("{error:#}").contains("still waiting for \"/bin/sh\""), "{error:#}");
    }

    #[test]
    fn a_will_is_executed_once_its_owner_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("executed");
        let will = LastWill::new(
            "echo \"$WORD\" > \"$1\"",
            &[file.as_os_str()],
            [("WORD", OsStr::new("farewell"))],
        );
        let will = will.unwrap();
        assert!(!file.exists());
        drop(will);
        assert_eq!(std::fs::read_to_string(file).unwrap(), "farewell\n");
    }
}
