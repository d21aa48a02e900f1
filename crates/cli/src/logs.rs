//! `arize-codex logs`.

use std::io::{self, Write};
use std::time::Duration;

use codex_config::{Environment, Settings};
use doctor::logs::{buffer, follow, hook, last, write};

use jiff::tz::TimeZone;

use crate::CommandError;
use crate::args::Logs;

/// Writes the logs, with `--follow` until the reader has seen enough.
pub(crate) fn logs(
    args: &Logs,
    environment: &Environment,
    stream: &mut dyn Write,
) -> Result<(), CommandError> {
    let paths = crate::paths(environment)?;
    let mut sources = vec![buffer(&paths)];
    if !args.buffer {
        sources.push(hook(&Settings::load(&paths, environment)));
    }
    let zone = TimeZone::system();
    let written = if args.follow {
        follow(&sources, args.lines, &zone, stream, pause)
    } else {
        write(&last(&sources, args.lines), &zone, stream)
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed("cannot write the logs", error))
        }
        _ => Ok(()),
    }
}

/// Waits, unless the reader goes away meanwhile; says whether it is there.
#[cfg(unix)]
pub(crate) fn pause(time: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = io::stdout();
    // Asked for nothing, it still tells of a pipe or a terminal that was closed.
    let mut reader = [PollFd::new(&stdout, PollFlags::empty())];
    let time = time.try_into().ok();
    let waited = poll(&mut reader, time.as_ref());
    waited.is_err() || !reader[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Waits; that the reader has gone shows with the next line.
#[cfg(not(unix))]
pub(crate) fn pause(time: Duration) -> bool {
    std::thread::sleep(time);
    true
}
