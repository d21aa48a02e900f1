//! `arize-codex logs`.

use std::io::{self, Write};

use codex_config::{Environment, Settings};
use doctor::logs::{buffer, follow, hook, last, write};

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
    let written = if args.follow {
        follow(&sources, args.lines, stream)
    } else {
        write(&last(&sources, args.lines), stream)
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed("cannot write the logs", error))
        }
        _ => Ok(()),
    }
}
