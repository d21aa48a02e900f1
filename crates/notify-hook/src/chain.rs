//! The program that Codex notified before us (`harnesses.codex.chained_notify`).
//!
//! It is started before anything of ours can go wrong, as Codex would have started it: with the
//! payload as its last argument, the same folder, environment, session and process group, and nothing
//! to read or write. The hook does not wait for it.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, Stdio};

use codex_config::variables::ARIZE_CHAINED_NOTIFY;
use codex_config::{ChainedNotifyError, Environment, Paths, chained_notify};
use otlp_model::SpanId;
use program_log::chain;

use program_log::Log;

/// What became of the program.
pub(crate) enum Chained {
    /// There is none.
    None,
    /// It runs, or ran.
    Started { program: String, child: Child },
    /// It cannot be started.
    Failed { program: String, error: io::Error },
    /// Its setting is of no use.
    Wrong(ChainedNotifyError),
    /// It is what started this run: it would start us again.
    Loop,
}

impl Chained {
    /// Starts the program that the settings name, if they do, for this payload.
    pub(crate) fn start(paths: &Paths, environment: &Environment, payload: &OsStr) -> Self {
        let command = match chained_notify(paths) {
            Ok(command) => command,
            Err(error) => return Self::Wrong(error),
        };
        let Some((program, arguments)) = command.split_first() else { return Self::None };
        let mark = mark(payload);
        if environment.get(ARIZE_CHAINED_NOTIFY) == Some(&mark) {
            return Self::Loop;
        }
        let program = program.clone();
        let started = Command::new(&program)
            .args(arguments)
            .arg(payload)
            .env(ARIZE_CHAINED_NOTIFY, mark)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => Self::Started { program, child },
            Err(error) => Self::Failed { program, error },
        }
    }

    /// Logs what went wrong so far. Its arguments may hold keys.
    pub(crate) fn report(&mut self, log: &Log) {
        match self {
            Self::None => {}
            Self::Started { program, child } => match child.try_wait() {
                Ok(Some(status)) if !status.success() => {
                    log.warn(format_args!("chained_notify: `{program}` ended with {status}"));
                }
                Ok(_) => log.verbose(format_args!("chained_notify: started `{program}`")),
                Err(error) => log.warn(format_args!("chained_notify: `{program}`: {error}")),
            },
            Self::Failed { program, error } => {
                log.error(format_args!("chained_notify: `{program}` does not start: {error}"));
            }
            Self::Wrong(error) => log.error(format_args!("chained_notify: {}", chain(error))),
            Self::Loop => log.warn(format_args!(
                "chained_notify names a program that runs this hook; it is not started again"
            )),
        }
    }
}

/// What tells a payload from others, and nothing of what it says.
fn mark(payload: &OsStr) -> String {
    SpanId::derive(&[&payload.to_string_lossy()]).to_string()
}
