//! The service's log: one line per noteworthy thing, never the content of an event.
//!
//! The file is for its owner only and bounded: at 1 MiB it becomes the old file, of which there
//! is one. Things that a client can repeat at will are written once in ten seconds per topic,
//! with a count of those left out.

use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use program_log::rotated;

/// The size at which the file becomes the old file, in bytes.
const ROTATE_AT: u64 = 1024 * 1024;

/// The least time between two lines of a topic.
const TOPIC_PAUSE: Duration = Duration::from_secs(10);

/// Writes lines; failing to write is not a reason to stop serving.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Mutex<Inner>>);

/// Things that can happen very often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A request was refused.
    Refused,
    /// Records could not be understood.
    Malformed,
    /// Events were given up.
    Dropped,
    /// The store failed.
    Store,
    /// Events are not passed on.
    Forward,
    /// Threads that fall silent are not noticed, or the hook fails.
    Sweep,
}

#[derive(Debug)]
struct Inner {
    output: Output,
    topics: Vec<Muted>,
}

#[derive(Debug)]
enum Output {
    File { file: File, path: PathBuf, size: u64 },
    Stderr,
}

#[derive(Debug)]
struct Muted {
    topic: Topic,
    since: Instant,
    left_out: u64,
}

impl Log {
    /// Appends to the file at `path`.
    pub(crate) fn to_file(path: &Path) -> io::Result<Self> {
        Ok(Self::to(open(path)?))
    }

    /// Writes to the standard error stream.
    pub(crate) fn to_stderr() -> Self {
        Self::to(Output::Stderr)
    }

    /// Writes a line.
    pub(crate) fn line(&self, message: impl Display) {
        self.lock().write(&message);
    }

    /// Writes a line unless one of its topic was written a moment ago.
    pub(crate) fn line_on(&self, topic: Topic, message: impl Display) {
        let mut inner = self.lock();
        let now = Instant::now();
        let muted = inner.topics.iter_mut().find(|muted| muted.topic == topic);
        match muted {
            Some(muted) if now.duration_since(muted.since) < TOPIC_PAUSE => muted.left_out += 1,
            Some(muted) => {
                let left_out = std::mem::take(&mut muted.left_out);
                muted.since = now;
                if left_out == 0 {
                    inner.write(&message);
                } else {
                    inner.write(&format_args!("{message} (and {left_out} more since the last)"));
                }
            }
            None => {
                inner.topics.push(Muted { topic, since: now, left_out: 0 });
                inner.write(&message);
            }
        }
    }

    fn to(output: Output) -> Self {
        Self(Arc::new(Mutex::new(Inner { output, topics: Vec::new() })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, message: &dyn Display) {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let line = format!("{time} {}\n", terminal_text::line(&message.to_string()));
        match &mut self.output {
            Output::Stderr => {
                let _ = io::stderr().write_all(line.as_bytes());
            }
            Output::File { file, path, size } => {
                let _ = file.write_all(line.as_bytes());
                *size += line.len() as u64;
                if *size >= ROTATE_AT
                    && fs::rename(&*path, rotated(path)).is_ok()
                    && let Ok(fresh) = open(path)
                {
                    self.output = fresh;
                }
            }
        }
    }
}

fn open(path: &Path) -> io::Result<Output> {
    let file = private_files::append(path)?;
    let size = file.metadata()?.len();
    Ok(Output::File { file, path: path.to_owned(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("logs/buffer.log");
        let log = Log::to_file(&path).unwrap();
        let message = "x".repeat(100_000);
        for _ in 0..35 {
            log.line(&message);
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert!(size(&path) < ROTATE_AT);
        assert!((ROTATE_AT..ROTATE_AT + 200_000).contains(&size(&rotated(&path))));
        assert_eq!(fs::read_dir(home.path().join("logs")).unwrap().count(), 2);
    }

    #[test]
    fn what_repeats_is_written_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("buffer.log");
        let log = Log::to_file(&path).unwrap();
        for number in 0..5 {
            log.line_on(Topic::Refused, format_args!("refused {number}"));
            log.line_on(Topic::Dropped, format_args!("dropped {number}"));
        }
        log.lock().topics[0].since -= TOPIC_PAUSE;
        log.line_on(Topic::Refused, "refused again");
        let text = fs::read_to_string(&path).unwrap();
        let messages: Vec<&str> =
            text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        let again = "refused again (and 4 more since the last)";
        assert_eq!(messages, ["refused 0", "dropped 0", again]);
    }
}
