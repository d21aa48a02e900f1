//! The end of a log file, across its rotation.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};

use program_log::rotated;

use super::{Line, Source};

/// More than this of a file is not read at once, in bytes. Our logs are rotated before.
const MOST: u64 = 2 * 1024 * 1024;

/// A log from which lines are read as they are added.
#[derive(Debug)]
pub(super) struct Tail {
    source: Source,
    file: Option<File>,
    /// The beginning of a line whose end is not written yet.
    begun: String,
}

impl Tail {
    /// All lines of a log so far, with those of the file before it, and what reads on from there.
    pub(super) fn open(source: &Source) -> (Vec<Line>, Self) {
        let mut file = File::open(&source.file).ok();
        let full = File::open(rotated(&source.file));
        let mut text = full.map_or_else(|_| String::new(), |mut file| end(&mut file));
        text.push_str(&file.as_mut().map(end).unwrap_or_default());
        let mut tail = Self { source: source.clone(), file, begun: String::new() };
        (tail.whole_lines(text), tail)
    }

    /// The lines that were added since the last read.
    pub(super) fn added(&mut self) -> Vec<Line> {
        let mut text = std::mem::take(&mut self.begun);
        if let Some(file) = &mut self.file {
            text.push_str(&read(file));
        }
        if self.is_another_file() {
            self.file = File::open(&self.source.file).ok();
            if let Some(file) = &mut self.file {
                text.push_str(&read(file));
            }
        }
        self.whole_lines(text)
    }

    /// Takes the lines out of a text and keeps what may be the beginning of another.
    fn whole_lines(&mut self, mut text: String) -> Vec<Line> {
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        self.begun = text.split_off(end);
        text.lines().map(|line| Line::parse(self.source.writer, line)).collect()
    }

    /// Whether the log's name means another file than the one that is open, or one that was emptied.
    fn is_another_file(&mut self) -> bool {
        let Some(file) = &mut self.file else { return true };
        // Between the two steps of a rotation there is no file of that name.
        let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(&self.source.file)) else {
            return false;
        };
        let position = file.stream_position().unwrap_or(0);
        !is_same(&open, &named) || named.len() < position
    }
}

#[cfg(unix)]
fn is_same(open: &fs::Metadata, named: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Elsewhere a file that is open tells by its time of creation which one it is.
#[cfg(not(unix))]
fn is_same(open: &fs::Metadata, named: &fs::Metadata) -> bool {
    open.created().ok() == named.created().ok()
}

/// The end of a file, from the beginning of a line on.
fn end(file: &mut File) -> String {
    let length = file.metadata().map_or(0, |file| file.len());
    let skipped = length.saturating_sub(MOST);
    let _ = file.seek(SeekFrom::Start(skipped));
    let mut text = read(file);
    if skipped > 0 {
        text.drain(..text.find('\n').map_or(0, |end| end + 1));
    }
    text
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read now is read the next time.
    let _ = file.take(MOST).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_log_is_followed_across_its_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("codex.log");
        let source = Source { writer: "hook", file };
        let append = |text: &str| {
            let mut file = File::options().append(true).create(true).open(&source.file).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let (lines, mut early) = Tail::open(&source);
        assert_eq!((lines, early.added()), (vec![], vec![]));
        append("2026-11-21T03:20:00Z one\n");
        assert_eq!(texts(&early.added()), ["one"], "a log that was not there yet");

        let (lines, mut tail) = Tail::open(&source);
        assert_eq!((texts(&lines), tail.added()), (vec!["one"], vec![]));
        append("2026-11-21T03:20:01Z two\n2026-11-21T03:20:02Z th");
        assert_eq!(texts(&tail.added()), ["two"]);
        append("ree\n");
        fs::rename(&source.file, rotated(&source.file)).unwrap();
        append("2026-11-21T03:20:03Z four\n");
        assert_eq!(texts(&tail.added()), ["three", "four"]);
        assert_eq!(tail.added(), []);
        assert_eq!(texts(&Tail::open(&source).0), ["one", "two", "three", "four"]);
        fs::write(&source.file, "").unwrap();
        tail.added();
        append("2026-11-21T03:20:05Z six\n");
        assert_eq!(texts(&tail.added()), ["six"]);
    }

    #[test]
    fn of_a_large_file_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("big.txt");
        let line = format!("2026-11-21T03:20:00Z {}\n", "x".repeat(1000));
        fs::write(&file, line.repeat(5000)).unwrap();
        let source = Source { writer: "hook", file };
        let (lines, _) = Tail::open(&source);
        assert!((2000..2200).contains(&lines.len()), "{}", lines.len());
        assert!(lines.iter().all(|line| line.text.len() == 1000 && line.time.is_some()));
    }
}
