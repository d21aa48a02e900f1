//! How a run of Codex is interrupted, as its user would do it.
//!
//! | Codex | How |
//! | --- | --- |
//! | `codex exec`, `codex review` | Ctrl-C: SIGINT to its process, which ends with 1 |
//! | the terminal UI with its daemon | `turn/interrupt` on the daemon's socket, which is what Esc sends |
//! | the terminal UI without it, an editor's server | not at all: a signal would end the program, and leave the terminal as it is |

use codex_config::Paths;
use spending::OpenTurn;

/// Why a run is not interrupted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotInterrupted {
    /// There is no way that leaves the program intact.
    #[error("this kind of Codex session takes an interruption from its own user only")]
    NoWay,
    /// The process of Codex is not known.
    #[error("the process of Codex is not known")]
    Unknown,
    /// The signal or the request failed.
    #[error("{0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// What a process of Codex is, by its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One run without a person.
    Exec,
    /// The process that does the turns of terminals.
    Daemon,
    /// Another one.
    Other,
}

/// Options of Codex that take a value in a word of its own.
const WITH_VALUE: [&str; 18] = [
    "-c",
    "--config",
    "-m",
    "--model",
    "-p",
    "--profile",
    "-s",
    "--sandbox",
    "-C",
    "--cd",
    "-i",
    "--image",
    "-a",
    "--ask-for-approval",
    "--enable",
    "--disable",
    "--add-dir",
    "--local-provider",
];

/// What these arguments, without the program, make of Codex.
fn kind<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Kind {
    let arguments: Vec<&str> = arguments.into_iter().collect();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "exec" | "e" | "review" => return Kind::Exec,
            "app-server" => {
                let listens = arguments
                    .windows(2)
                    .any(|pair| pair[0] == "--listen" && pair[1].starts_with("unix:"));
                return if listens { Kind::Daemon } else { Kind::Other };
            }
            option if WITH_VALUE.contains(&option) => drop(words.next()),
            option if option.starts_with('-') => {}
            _ => return Kind::Other,
        }
    }
    Kind::Other
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    use super::{Kind, NotInterrupted, kind};

    /// The process of Codex that runs this hook, perhaps through a shell.
    pub(crate) fn codex() -> Option<u32> {
        let mut pid = std::os::unix::process::parent_id();
        for _ in 0..3 {
            if program(pid)?.starts_with("codex") {
                return Some(pid);
            }
            pid = parent(pid)?;
        }
        None
    }

    pub(super) fn kind_of(pid: u32) -> Option<Kind> {
        if !program(pid)?.starts_with("codex") {
            return None;
        }
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        Some(kind(line.split('\0').skip(1).filter(|word| !word.is_empty())))
    }

    pub(super) fn signal(pid: u32) -> Result<(), NotInterrupted> {
        processes::interrupt(pid).map_err(|error| NotInterrupted::Failed(error.into()))
    }

    fn program(pid: u32) -> Option<String> {
        Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
    }

    fn parent(pid: u32) -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    }
}

/// The command line of another process is asked for on Linux only.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Kind, NotInterrupted};

    pub(crate) fn codex() -> Option<u32> {
        None
    }

    pub(super) fn kind_of(_pid: u32) -> Option<Kind> {
        None
    }

    pub(super) fn signal(_pid: u32) -> Result<(), NotInterrupted> {
        Err(NotInterrupted::NoWay)
    }
}

pub(crate) use system::codex;

/// Interrupts what a Codex does; in a daemon, which does the turns of others, too, these turns.
pub(crate) fn interrupt(
    codex: Option<u32>,
    paths: &Paths,
    turns: &[OpenTurn],
) -> Result<(), NotInterrupted> {
    let pid = codex.ok_or(NotInterrupted::Unknown)?;
    match system::kind_of(pid).ok_or(NotInterrupted::Unknown)? {
        Kind::Exec => system::signal(pid),
        #[cfg(unix)]
        Kind::Daemon => daemon::interrupt(paths, turns).map_err(NotInterrupted::Failed),
        #[cfg(not(unix))]
        Kind::Daemon => {
            let _ = (paths, turns);
            Err(NotInterrupted::NoWay)
        }
        Kind::Other => Err(NotInterrupted::NoWay),
    }
}

#[cfg(unix)]
mod daemon {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use codex_config::Paths;
    use serde_json::{Value, json};
    use spending::OpenTurn;
    use tungstenite::{Message, WebSocket, client};

    /// How long the daemon may take for an answer.
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// How many messages may come before an answer.
    const MAX_MESSAGES: usize = 1000;

    type Error = Box<dyn std::error::Error + Send + Sync>;

    /// Asks the daemon as its own terminals do.
    pub(super) fn interrupt(paths: &Paths, turns: &[OpenTurn]) -> Result<(), Error> {
        let socket = paths.codex_home.join("app-server-control/app-server-control.sock");
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let (mut socket, _) =
            client("ws://localhost/", stream).map_err(|error| error.to_string())?;
        let version = env!("CARGO_PKG_VERSION");
        let client = json!({ "name": "arize-codex", "title": "arize-codex", "version": version });
        ask(&mut socket, 0, "initialize", &json!({ "clientInfo": client }))?;
        send(&mut socket, &json!({ "method": "initialized" }))?;
        let mut result = Ok(());
        for (id, turn) in (1_u64..).zip(turns) {
            let turn = json!({ "threadId": turn.thread, "turnId": turn.turn });
            result = ask(&mut socket, id, "turn/interrupt", &turn).and(result);
        }
        // What was asked for is done.
        let _ = socket.close(None);
        result
    }

    fn ask(
        socket: &mut WebSocket<UnixStream>,
        id: u64,
        method: &str,
        parameters: &Value,
    ) -> Result<(), Error> {
        send(socket, &json!({ "id": id, "method": method, "params": parameters }))?;
        for _ in 0..MAX_MESSAGES {
            let Message::Text(text) = socket.read()? else { continue };
            let answer: Value = serde_json::from_str(text.as_str())?;
            if answer["id"] == id && answer.get("method").is_none() {
                let error = answer["error"]["message"].as_str();
                return error.map_or(Ok(()), |error| Err(format!("{method}: {error}").into()));
            }
        }
        Err("the daemon does not answer".into())
    }

    fn send(socket: &mut WebSocket<UnixStream>, message: &Value) -> Result<(), Error> {
        Ok(socket.send(Message::text(message.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_interrupted() {
        for (line, expected) in [
            ("exec --json go", Kind::Exec),
            ("-c model=x exec go", Kind::Exec),
            ("--dangerously-bypass-hook-trust e go", Kind::Exec),
            ("-p exec", Kind::Other),
            ("review", Kind::Exec),
            ("app-server --listen unix:// --managed-daemon", Kind::Daemon),
            ("app-server", Kind::Other),
            ("-c features.daemon_auto_start=false", Kind::Other),
            ("", Kind::Other),
            ("resume exec", Kind::Other),
        ] {
            assert_eq!(kind(line.split_whitespace()), expected, "{line}");
        }
    }
}
