//! Jobs whose processes all end with Codex: CI jobs and containers.
//!
//! The notify hook and the buffer service work in the background, so they could be killed before a turn
//! was sent. In such a job the proxy stays until `arize-codex flush --run` has sent or queued the turns.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use codex_config::{Environment, variables};

use crate::process;
use crate::run::Tracing;

/// How long the proxy waits in a job where `ARIZE_CODEX_WAIT` is not set.
const WAIT: Duration = Duration::from_secs(30);

/// The longest wait that can be set.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait for the turns of this Codex after its end; none outside of such a job.
pub(crate) fn wait(environment: &Environment, pid: u32) -> Result<Option<Duration>, String> {
    if let Some(set) = environment.get(variables::ARIZE_CODEX_WAIT) {
        return match set.trim().parse() {
            Ok(0) => Ok(None),
            Ok(seconds) => Ok(Some(Duration::from_secs(seconds).min(LONGEST))),
            Err(_) => {
                let name = variables::ARIZE_CODEX_WAIT;
                Err(format!("`{name}` must be a number of seconds, and is `{set}`; it is ignored"))
            }
        };
    }
    let is_ci = environment.get("CI").is_some_and(|ci| matches!(ci, "true" | "1"));
    Ok((is_ci || pid == 1).then_some(WAIT))
}

/// Sends the turns since `began`, and says so in a line on stderr.
pub(crate) fn deliver(tracing: &Tracing, began: SystemTime, wait: Duration) {
    let program = tracing.program("arize-codex");
    let began = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut command = Command::new(&program);
    command.args(["flush", "--run", "--wait"]).arg(wait.as_secs().to_string());
    command.args(["--since-ms", &began.to_string()]).stdin(Stdio::null());
    command.stdout(stderr()).stderr(Stdio::inherit());
    if let Err(error) = process::supervise(command) {
        let program = program.display();
        tracing.log.warn(format_args!("codex-proxy: `{program}` cannot be started: {error}"));
    }
}

/// What Codex prints on stdout is for a program: a line of ours has no place in it.
#[cfg(unix)]
fn stderr() -> Stdio {
    use std::os::fd::AsFd;
    std::io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}

#[cfg(windows)]
fn stderr() -> Stdio {
    use std::os::windows::io::AsHandle;
    std::io::stderr().as_handle().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], pid: u32, expected: Result<Option<u64>, ()>) {
        let environment = Environment::new(variables.iter().copied());
        let seconds = wait(&environment, pid).map(|wait| wait.map(|wait| wait.as_secs()));
        assert_eq!(seconds.map_err(|_| ()), expected, "{variables:?}");
    }

    #[test]
    fn the_proxy_waits_in_ci_and_in_containers() {
        check(&[], 4711, Ok(None));
        check(&[], 1, Ok(Some(30)));
        check(&[("CI", "true")], 4711, Ok(Some(30)));
        check(&[("CI", "false")], 4711, Ok(None));
        check(&[("CI", "true"), ("ARIZE_CODEX_WAIT", "0")], 1, Ok(None));
        check(&[("ARIZE_CODEX_WAIT", "5")], 4711, Ok(Some(5)));
        check(&[("ARIZE_CODEX_WAIT", "99999999")], 4711, Ok(Some(3600)));
        check(&[("CI", "true"), ("ARIZE_CODEX_WAIT", "a minute")], 4711, Err(()));
    }
}
