//! The logs of the hook and of the buffer service, as one.
//!
//! Both write lines that begin with the time in UTC, so that they can be put in order. [`last`] gives
//! the end of both, [`follow`] what is added from then on. A log that was rotated in between is read
//! to its end first.

mod line;
mod tail;

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use codex_config::{Paths, Settings};

pub use line::{Line, in_order};
use tail::Tail;

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Who writes it.
    pub writer: &'static str,
    /// The file.
    pub file: PathBuf,
    /// What the file becomes when it is full.
    pub rotated: PathBuf,
}

/// The hook's log.
pub fn hook(settings: &Settings) -> Source {
    let file = settings.log_file.clone();
    Source { writer: "hook", rotated: file.with_extension("log.1"), file }
}

/// The log of the buffer service.
pub fn buffer(paths: &Paths) -> Source {
    let file = buffer_api::Paths::under(&paths.harness_home).log;
    let mut rotated = file.clone().into_os_string();
    rotated.push(".1");
    Source { writer: "buffer", file, rotated: rotated.into() }
}

/// The last `count` lines of these logs together, oldest first.
pub fn last(sources: &[Source], count: usize) -> Vec<Line> {
    end(sources.iter().flat_map(|source| Tail::open(source).0).collect(), count)
}

fn end(lines: Vec<Line>, count: usize) -> Vec<Line> {
    let mut lines = in_order(lines);
    lines.drain(..lines.len().saturating_sub(count));
    lines
}

/// Writes lines.
pub fn write(lines: &[Line], output: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(output, "{line}")?;
    }
    output.flush()
}

/// Writes the last `count` lines and then each that is added, until the output is closed.
pub fn follow(sources: &[Source], count: usize, output: &mut dyn Write) -> io::Result<()> {
    let (lines, mut tails): (Vec<_>, Vec<_>) = sources.iter().map(Tail::open).unzip();
    write(&end(lines.concat(), count), output)?;
    loop {
        let added = in_order(tails.iter_mut().flat_map(Tail::added).collect());
        write(&added, output)?;
        sleep(POLL);
    }
}
