//! The turns: when was the last one traced, does any wait, and does Codex write what we do not see?

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use codex_home::sessions;
use dispatch::ledger;
use otlp_model::UnixNanos;

use crate::Finding;
use crate::words::{count, span};

const LAST: &str = "turns.last";
const UNSENT: &str = "turns.unsent";

/// How long a transcript may be silent before its last turn should have been sent.
const SETTLED: Duration = Duration::from_secs(60);

/// What is known of turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnFacts {
    /// When the last turn ended that was sent.
    pub last_sent: Option<SystemTime>,
    /// When Codex last wrote a transcript.
    pub last_written: Option<SystemTime>,
    /// Threads with turns that could not be sent.
    pub unsent_threads: usize,
    /// The time.
    pub now: SystemTime,
}

/// Looks into the ledger, the hook's memory and Codex's sessions.
pub fn inspect(paths: &Paths, now: SystemTime) -> TurnFacts {
    const LONG_AGO: UnixNanos = UnixNanos(0);
    let last = ledger::read(paths, LONG_AGO).into_iter().next();
    let queued = fs::read_dir(paths.state_dir.join("unsent")).into_iter().flatten();
    TurnFacts {
        last_sent: last.map(|turn| SystemTime::UNIX_EPOCH + Duration::from_millis(turn.end_ms)),
        last_written: last_written(&paths.codex_home),
        unsent_threads: queued.count(),
        now,
    }
}

/// What the facts mean.
pub fn check(facts: &TurnFacts) -> Vec<Finding> {
    let mut findings = vec![last(facts)];
    if facts.unsent_threads > 0 {
        let threads = count(
            facts.unsent_threads,
            "thread has a turn that could not be sent yet",
            "threads have turns that could not be sent yet",
        );
        let message = format!("{threads}; each further turn retries");
        findings.push(Finding::warning(UNSENT, message, "arize-hook-codex-notify --sweep"));
    }
    findings
}

fn last(facts: &TurnFacts) -> Finding {
    const SWEEP: &str = "arize-hook-codex-notify --sweep && arize-codex logs -n 20";
    let ago = |time: SystemTime| span(facts.now.duration_since(time).unwrap_or_default());
    let is_missing = |written: SystemTime| {
        let sent = facts.last_sent.unwrap_or(SystemTime::UNIX_EPOCH);
        written > sent + SETTLED && facts.now > written + SETTLED
    };
    match (facts.last_written.filter(|written| is_missing(*written)), facts.last_sent) {
        (Some(written), Some(sent)) => {
            let message = format!(
                "Codex wrote a transcript {} ago, and the last turn that was traced ended {} ago",
                ago(written),
                ago(sent)
            );
            Finding::warning(LAST, message, SWEEP)
        }
        (Some(written), None) => {
            let message = format!(
                "Codex wrote a transcript {} ago, and no turn was traced yet",
                ago(written)
            );
            Finding::warning(LAST, message, SWEEP)
        }
        (None, Some(sent)) => {
            Finding::ok(LAST, format!("the last turn that was traced ended {} ago", ago(sent)))
        }
        (None, None) => {
            Finding::ok(LAST, "no turn was traced yet; the next turn of `codex` is the first")
        }
    }
}

/// When a transcript was last written to, among those of the newest days.
fn last_written(codex_home: &Path) -> Option<SystemTime> {
    const DAYS: usize = 3;
    let files = sessions::days(codex_home).take(DAYS).flat_map(sessions::newest_first);
    files.filter_map(|file| fs::metadata(file).ok()?.modified().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Ok as Fine, Warning};
    use crate::checks::expect;

    #[test]
    fn silence_is_distinguished_from_loss() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ago = |minutes: u64| Some(now - Duration::from_secs(60 * minutes));
        let cases: [(_, _, Level, &str); 6] = [
            (None, None, Fine, "no turn was traced yet"),
            (ago(5), ago(5), Fine, "ended 5 min ago"),
            (ago(5), ago(300), Fine, "ended 5 min ago"),
            (ago(300), ago(0), Fine, "ended 5 h ago"),
            (
                ago(300),
                ago(5),
                Warning,
                "a transcript 5 min ago, and the last turn that was traced ended 5 h ago",
            ),
            (None, ago(5), Warning, "no turn was traced yet"),
        ];
        for (last_sent, last_written, level, part) in cases {
            let facts = TurnFacts { last_sent, last_written, unsent_threads: 0, now };
            expect::only(&check(&facts), level, part);
        }
    }

    #[test]
    fn what_waits_is_counted() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        let now = SystemTime::now();
        assert_eq!(inspect(&paths, now).unsent_threads, 0);
        fs::create_dir_all(paths.state_dir.join("unsent")).unwrap();
        fs::write(paths.state_dir.join("unsent/t"), "").unwrap();
        let day = paths.codex_home.join("sessions/2026/11/20");
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join("rollout-t.jsonl"), "").unwrap();
        let facts = inspect(&paths, now);
        assert!(facts.last_written.is_some(), "{facts:?}");
        let findings = check(&facts);
        assert_eq!((findings[1].check, findings[1].level), (UNSENT, Warning));
        assert!(findings[1].message.starts_with("1 thread has a turn"), "{findings:?}");
    }
}
