//! The ledger: one line for each exported turn, for `arize-codex status`.
//!
//! Not every target can be asked what it got, so the hook notes itself what it exported: times,
//! tokens, cost and targets, and nothing of what was said. A file per day (UTC) in
//! `state/codex/ledger/`, of which the last 31 are kept. A line is written at once and never changed;
//! a turn that was exported twice has two, and the reader counts the last.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use otlp_model::turn::Outcome;
use otlp_model::{Turn, UnixNanos};
use serde::{Deserialize, Serialize};

const KEPT_DAYS: usize = 31;

/// An exported turn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The thread.
    pub thread: String,
    /// What tells the turn from others of its thread.
    pub turn: String,
    /// Its trace; none in lines of 0.1.0.
    pub trace_id: Option<String>,
    /// Its place in the thread, from 1.
    pub number: Option<u64>,
    /// The working directory.
    pub cwd: Option<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// When it had ended, in milliseconds since the Unix epoch.
    pub end_ms: u64,
    /// `completed`, `failed` or `interrupted`.
    pub status: String,
    /// The model.
    pub model: Option<String>,
    /// All tokens of its requests.
    pub input_tokens: u64,
    /// Those of `input_tokens` that came from the provider's cache.
    pub cached_tokens: u64,
    /// All tokens of its responses.
    pub output_tokens: u64,
    /// US dollars; none where no price is known.
    pub cost_usd: Option<f64>,
    /// The targets that have it.
    pub targets: Vec<String>,
}

impl Entry {
    /// The line of a turn that these targets accepted or have in their queues.
    pub fn of(turn: &Turn, targets: Vec<String>) -> Self {
        let usage = turn.usage();
        Self {
            thread: turn.thread_id.clone(),
            turn: turn.key.clone(),
            trace_id: Some(turn.trace_id().to_string()),
            number: turn.number,
            cwd: turn.metadata.get("cwd").and_then(|cwd| cwd.as_str()).map(str::to_owned),
            start_ms: turn.start.millis(),
            end_ms: turn.end.millis(),
            status: status(&turn.outcome).to_owned(),
            model: turn.model.clone(),
            input_tokens: usage.input,
            cached_tokens: usage.cached_input,
            output_tokens: usage.output,
            cost_usd: turn.cost(),
            targets,
        }
    }
}

/// Writes a line. The first one of a day removes the days that are too old.
pub fn append(paths: &Paths, entry: &Entry) -> io::Result<()> {
    let folder = folder(paths);
    let today = folder.join(file_name(SystemTime::now()));
    if !today.exists() {
        for old in days(&folder).into_iter().skip(KEPT_DAYS - 1) {
            // The next day tries again.
            let _ = fs::remove_file(old);
        }
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    private_files::append(&today)?.write_all(&line)
}

/// The turns that had ended at `since` or later, the one that ended last first.
pub fn read(paths: &Paths, since: UnixNanos) -> Vec<Entry> {
    // A turn is exported after its end, on the same day or later.
    let first = SystemTime::UNIX_EPOCH + Duration::from_nanos(since.0);
    let first = file_name(first);
    let recent =
        days(&folder(paths)).into_iter().take_while(|day| day.file_name() >= Some(first.as_ref()));
    let texts: Vec<String> = recent.filter_map(|day| fs::read_to_string(day).ok()).collect();
    let mut turns = HashMap::new();
    // The days come newest first.
    for line in texts.iter().rev().flat_map(|text| text.lines()) {
        if let Ok(entry) = serde_json::from_str::<Entry>(line) {
            turns.insert((entry.thread.clone(), entry.turn.clone()), entry);
        }
    }
    let mut turns: Vec<Entry> =
        turns.into_values().filter(|entry| entry.end_ms >= since.millis()).collect();
    turns.sort_by(|a, b| (b.end_ms, &b.thread).cmp(&(a.end_ms, &a.thread)));
    turns
}

fn folder(paths: &Paths) -> PathBuf {
    paths.state_dir.join("ledger")
}

/// The days' files, the newest first.
fn days(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut days: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    days.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    days.sort_unstable_by(|a, b| b.cmp(a));
    days
}

fn file_name(time: SystemTime) -> String {
    format!("{}.jsonl", &humantime::format_rfc3339_seconds(time).to_string()[..10])
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown | Outcome::Ok => "completed",
        Outcome::Failed(_) | Outcome::Denied(_) => "failed",
        Outcome::Cancelled(_) => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(turn: &str, end_ms: u64) -> Entry {
        Entry { thread: "t".into(), turn: turn.into(), end_ms, ..Entry::default() }
    }

    fn now_ms() -> u64 {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }

    #[test]
    fn turns_are_read_back_newest_first_and_once() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        let now = now_ms();
        let again = Entry { targets: vec!["phoenix".into()], ..entry("a", now) };
        for line in [&entry("a", now), &entry("b", now + 5), &again] {
            append(&paths, line).unwrap();
        }
        let file = fs::read_dir(folder(&paths)).unwrap().next().unwrap().unwrap().path();
        let mut text = fs::read_to_string(&file).unwrap();
        // A line that a full disk has cut, and one of a later version.
        text.push_str("{\"thread\":\"t\",\"tu\n{\"thread\":\"t\",\"turn\":\"c\",\"more\":1}\n");
        fs::write(&file, text).unwrap();
        let since = UnixNanos::from_millis(now);
        assert_eq!(read(&paths, since), [entry("b", now + 5), again]);
        assert_eq!(read(&paths, UnixNanos::from_millis(now + 6)), []);
    }

    #[test]
    fn old_days_go() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        fs::create_dir_all(folder(&paths)).unwrap();
        for month in 1..=12 {
            for day in 1..=5 {
                let name = format!("2020-{month:02}-{day:02}.jsonl");
                fs::write(folder(&paths).join(name), "").unwrap();
            }
        }
        append(&paths, &entry("a", now_ms())).unwrap();
        let days = days(&folder(&paths));
        assert_eq!(days.len(), KEPT_DAYS);
        assert!(days.last().unwrap().ends_with("2020-07-01.jsonl"), "{days:?}");
    }
}
