//! Which turns of the time before live tracing were sent to a target.
//!
//! The hook remembers what it sends; what a person sends of the history is noted here, a line for each
//! turn, so that it goes on where it was interrupted, and sends nothing twice.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use codex_config::{Paths, TracingStart};
use otlp_model::{SpanId, Turn, UnixNanos};

use crate::ledger::{self, Entry};

/// What was sent to one target.
#[derive(Debug)]
pub struct SentHistory {
    target: String,
    file: PathBuf,
    noted: HashSet<String>,
    exported: std::collections::HashMap<(String, String), Entry>,
    /// When live tracing began.
    tracing_since: Option<UnixNanos>,
    /// The end of the oldest turn of the ledger, which is not kept for ever.
    ledger_since: Option<UnixNanos>,
}

impl SentHistory {
    /// What is known of a target, by its name and that of its queue.
    pub fn open(paths: &Paths, target: &str, queue: &str) -> Self {
        let file = paths.state_dir.join("sent-history").join(queue);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let exported = ledger::read(paths, UnixNanos(0));
        let ledger_since = exported.iter().map(|entry| entry.end_ms).min();
        let since = TracingStart::of(paths).noted();
        let since = since.and_then(|since| since.duration_since(std::time::UNIX_EPOCH).ok());
        let key = |entry: Entry| ((entry.thread.clone(), entry.turn.clone()), entry);
        Self {
            target: target.to_owned(),
            file,
            noted: text.lines().map(str::to_owned).collect(),
            exported: exported.into_iter().map(key).collect(),
            tracing_since: since
                .and_then(|since| u64::try_from(since.as_nanos()).ok())
                .map(UnixNanos),
            ledger_since: ledger_since.map(UnixNanos::from_millis),
        }
    }

    /// Whether the target has a turn. Of those of live tracing the ledger says it; those that are older
    /// than the ledger are taken for sent.
    pub fn has(&self, turn: &Turn) -> bool {
        if self.noted.contains(&turn.span_id().to_string()) {
            return true;
        }
        let key = (turn.thread_id.clone(), turn.key.clone());
        match (self.exported.get(&key), self.tracing_since, self.ledger_since) {
            (Some(entry), ..) => entry.targets.contains(&self.target),
            (None, Some(traced), Some(ledger)) => traced <= turn.end && turn.end < ledger,
            (None, ..) => false,
        }
    }

    /// Notes that the target accepted a turn, or has it in its queue.
    pub fn note(&mut self, turn: SpanId) -> io::Result<()> {
        let turn = turn.to_string();
        private_files::append(&self.file)?.write_all(format!("{turn}\n").as_bytes())?;
        self.noted.insert(turn);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    fn turn(key: &str, second: u64) -> Turn {
        Turn {
            thread_id: "t".to_owned(),
            key: key.to_owned(),
            end: UnixNanos(second * 1_000_000_000),
            ..Turn::default()
        }
    }

    fn paths(home: &Path) -> Paths {
        Paths::new(home, None)
    }

    #[test]
    fn a_target_has_what_was_noted_and_what_live_tracing_sent_it() {
        let home = tempfile::tempdir().unwrap();
        let paths = paths(home.path());
        let mut history = SentHistory::open(&paths, "phoenix", "phoenix");
        assert!(!history.has(&turn("a", 1)));
        history.note(turn("a", 1).span_id()).unwrap();
        assert!(history.has(&turn("a", 1)));

        // Tracing began at 50, and the ledger goes back to 100.
        let since: SystemTime = UNIX_EPOCH + Duration::from_secs(50);
        TracingStart::of(&paths).note(since).unwrap();
        for (key, targets) in [("b", "phoenix"), ("c", "local")] {
            let entry = Entry::of(&turn(key, 100), vec![targets.to_owned()]);
            ledger::append(&paths, &entry).unwrap();
        }
        let history = SentHistory::open(&paths, "phoenix", "phoenix");
        let check = |key: &str, second: u64, expected: bool| {
            assert_eq!(history.has(&turn(key, second)), expected, "{key}");
        };
        check("a", 1, true);
        check("b", 100, true);
        check("c", 100, false);
        check("before tracing", 49, false);
        check("before the ledger", 60, true);
        check("not traced", 120, false);
        assert!(!SentHistory::open(&paths, "other", "other").has(&turn("a", 1)));
    }
}
