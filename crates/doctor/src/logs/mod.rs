//! The logs of the hook and of the buffer service, as one.
//!
//! Both write lines that begin with the time in UTC, so that they can be put in order. [`last`] gives
//! the end of both, [`follow`] what is added from then on. A log that was rotated in between is read
//! to its end first.

mod line;
mod tail;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use codex_config::{Paths, Settings};
use jiff::tz::TimeZone;

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
}

/// The hook's log.
pub fn hook(settings: &Settings) -> Source {
    Source { writer: "hook", file: settings.log_file.clone() }
}

/// The log of the buffer service.
pub fn buffer(paths: &Paths) -> Source {
    Source { writer: "buffer", file: buffer_api::Paths::under(&paths.harness_home).log }
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

/// Writes lines, with times in this zone.
pub fn write(lines: &[Line], zone: &TimeZone, output: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(output, "{}", line.shown(zone))?;
    }
    output.flush()
}

/// Writes the last `count` lines and then each that is added, while there is a reader: `pause`
/// waits for some time and says whether there is one.
pub fn follow(
    sources: &[Source],
    count: usize,
    zone: &TimeZone,
    output: &mut dyn Write,
    mut pause: impl FnMut(Duration) -> bool,
) -> io::Result<()> {
    let (lines, mut tails): (Vec<_>, Vec<_>) = sources.iter().map(Tail::open).unzip();
    write(&end(lines.concat(), count), zone, output)?;
    while pause(POLL) {
        let added = in_order(tails.iter_mut().flat_map(Tail::added).collect());
        write(&added, zone, output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_written_while_there_is_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("codex.log");
        let source = Source { writer: "hook", file };
        let line = |second| format!("2026-11-21T03:20:0{second}.000Z info  [1] {second}\n");
        std::fs::write(&source.file, line(1) + &line(2)).unwrap();
        let (mut written, mut second) = (Vec::new(), 2);
        let sources = std::slice::from_ref(&source);
        follow(sources, 1, &TimeZone::UTC, &mut written, |_| {
            second += 1;
            let mut file = std::fs::File::options().append(true).open(&source.file).unwrap();
            file.write_all(line(second).as_bytes()).unwrap();
            second < 5
        })
        .unwrap();
        let text = String::from_utf8(written).unwrap();
        let last: Vec<_> = text.lines().filter_map(|line| line.split(' ').next_back()).collect();
        assert_eq!(last, ["2", "3", "4"]);
    }
}
