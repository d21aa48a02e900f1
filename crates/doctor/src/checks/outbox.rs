//! What waits for a target that is away, and what a target has refused for good.

use std::fs;
use std::time::SystemTime;

use buffer_api::log::chain;
use codex_config::{Paths, Settings};
use exporters::outbox::Summary;

use crate::words::{bytes, count, edit, line, show_access, span};
use crate::{Finding, UnfinishedTurn};

const CHECK: &str = "outbox";

const FLUSH: &str = "arize-codex flush";

/// The outbox of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The target's name among all.
    pub target: String,
    /// Whether the settings still name it.
    pub is_named: bool,
    /// Its state; an error where it cannot be read.
    pub summary: Result<Summary, String>,
    /// More than this many bytes are not kept.
    pub max_bytes: u64,
}

/// Looks into the outbox of each target, and of those that the settings no longer name.
pub fn gather(settings: &Settings, paths: &Paths) -> Vec<Facts> {
    let look = |target: String, is_named| Facts {
        summary: notify_hook::outbox(paths, settings, &target)
            .summary()
            .map_err(|error| chain(&error)),
        max_bytes: settings.outbox.max_bytes,
        is_named,
        target,
    };
    let mut outboxes: Vec<Facts> =
        settings.targets.iter().map(|target| look(target.name.clone(), true)).collect();
    if settings.unreadable.is_none() {
        let is_named = |name: &String| settings.targets.iter().any(|target| target.name == *name);
        let others = folders(paths).into_iter().filter(|name| !is_named(name));
        let others = others.map(|name| look(name, false));
        outboxes.extend(others.filter(|facts| facts.summary.as_ref().is_ok_and(holds_something)));
    }
    outboxes
}

/// The names of all that ever had an outbox.
fn folders(paths: &Paths) -> Vec<String> {
    let entries = fs::read_dir(paths.state_dir.join("outbox")).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> =
        folders.filter_map(|folder| folder.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

fn holds_something(summary: &Summary) -> bool {
    summary.waiting > 0 || !summary.rejected.is_empty()
}

/// What the facts mean.
pub fn check(outboxes: &[Facts], paths: &Paths, now: SystemTime) -> Vec<Finding> {
    outboxes.iter().flat_map(|facts| judge(facts, paths, now)).collect()
}

fn judge(facts: &Facts, paths: &Paths, now: SystemTime) -> Vec<Finding> {
    let Facts { summary, max_bytes, .. } = facts;
    let target = &shown(&facts.target);
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => {
            let message = format!("the queue of {target} cannot be read: {error}");
            let folder = paths.state_dir.join("outbox");
            return vec![Finding::failure(CHECK, message, show_access(&folder))];
        }
    };
    if !facts.is_named {
        // Of those that it has refused, too.
        let kept = count(summary.waiting + summary.rejected.len(), "turn is", "turns are");
        let message = format!("{kept} queued for {target}, which the settings no longer name");
        return vec![Finding::warning(CHECK, message, edit(&paths.config_file))];
    }
    let mut findings = Vec::new();
    if summary.waiting > 0 {
        findings.push(waiting(target, summary, *max_bytes, now));
    }
    if summary.metrics_waiting > 0 {
        let turns = count(summary.metrics_waiting, "turn", "turns");
        let message =
            format!("the metrics of {turns} are queued for {target}, which has their spans");
        findings.push(Finding::warning(CHECK, message, FLUSH));
    }
    if let Some(last) = summary.rejected.last() {
        let turns = count(summary.rejected.len(), "turn", "turns");
        let answer = line(&last.answer, 200);
        let message = format!("{target} rejected {turns} for good: {answer}");
        findings.push(Finding::warning(CHECK, message, format!("{FLUSH} --rejected")));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("nothing is queued for {target}")));
    }
    findings
}

/// A target that the settings do not name correctly has the name of its folder only.
fn shown(target: &str) -> String {
    match target.starts_with("unknown-") {
        true => "a target that the settings do not name correctly".to_owned(),
        false => format!("`{target}`"),
    }
}

fn waiting(target: &str, summary: &Summary, max_bytes: u64, now: SystemTime) -> Finding {
    let turns = count(summary.waiting, "turn is queued", "turns are queued");
    let size = bytes(summary.bytes);
    let since = summary.oldest.and_then(|oldest| now.duration_since(oldest).ok());
    let since = since.map(|since| format!(" since {}", span(since))).unwrap_or_default();
    let error = summary.last_error.as_deref().map(|error| format!(": {}", line(error, 200)));
    let mut message = format!("{turns} for {target}{since} ({size}){}", error.unwrap_or_default());
    for batch in &summary.unfinished {
        message.push_str(&format!("; {}", UnfinishedTurn::from(batch).told(now, 300)));
    }
    // What comes next pushes the oldest out.
    if summary.bytes > max_bytes / 10 * 9 {
        let message = format!("{message}; the queue is full, and the oldest turns are dropped");
        return Finding::failure(CHECK, message, FLUSH);
    }
    Finding::warning(CHECK, message, FLUSH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exporters::outbox::{RejectedBatch, UnfinishedBatch};

    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};
    use crate::checks::expect;

    #[test]
    fn what_waits_is_counted_and_what_was_refused_is_quoted() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let away = Summary {
            waiting: 2,
            bytes: 2048,
            oldest: Some(now - Duration::from_secs(600)),
            last_error: Some("connection\nrefused".to_owned()),
            ..Summary::default()
        };
        let full = Summary { bytes: 95, ..away.clone() };
        let unfinished = UnfinishedBatch {
            trace_id: "8f997398".to_owned(),
            created: now - Duration::from_secs(600),
            spans: 9,
            spans_done: 3,
            bytes: 2048,
            bytes_done: 1024,
            failures: 0,
            next_attempt: None,
            last_error: None,
        };
        let in_parts = Summary { unfinished: vec![unfinished], last_error: None, ..away.clone() };
        let refused = RejectedBatch {
            trace_id: String::new(),
            created: now,
            spans: 3,
            attempts: 1,
            answer: "http status 400: no".to_owned(),
        };
        let refused = Summary { rejected: vec![refused], ..Summary::default() };
        let counting = Summary { metrics_waiting: 2, ..Summary::default() };
        let cases: [(Result<Summary, &str>, u64, Level, &str); 7] = [
            (Ok(Summary::default()), 1 << 20, Fine, "nothing is queued for `phoenix`"),
            (
                Ok(away),
                1 << 20,
                Warning,
                "2 turns are queued for `phoenix` since 10 min (2.0 KiB): connection refused",
            ),
            (
                Ok(in_parts),
                1 << 20,
                Warning,
                "(2.0 KiB); 3 of 9 spans (1.0 KiB of 2.0 KiB) of trace 8f997398 sent since 10 min",
            ),
            (Ok(full), 100, Failure, "the queue is full"),
            (Ok(refused.clone()), 100, Warning, "`phoenix` rejected 1 turn for good: http"),
            (Ok(counting), 100, Warning, "the metrics of 2 turns are queued for `phoenix`"),
            (Err("no"), 100, Failure, "cannot be read: no"),
        ];
        for (summary, max_bytes, level, part) in cases {
            let summary = summary.map_err(str::to_owned);
            let target = "phoenix".to_owned();
            let facts = Facts { target, is_named: true, summary, max_bytes };
            expect::only(&check(&[facts], &Paths::new("/h", None), now), level, part);
        }
        let misnamed = Facts {
            target: "unknown-0".to_owned(),
            is_named: true,
            summary: Ok(Summary::default()),
            max_bytes: 1,
        };
        let findings = check(&[misnamed], &Paths::new("/h", None), now);
        expect::only(&findings, Fine, "nothing is queued for a target that the settings do not");
        for (summary, part) in [
            (Summary { waiting: 1, ..refused.clone() }, "2 turns are queued for `old`, which the"),
            (refused, "1 turn is queued for `old`, which the settings no longer name"),
        ] {
            let target = "old".to_owned();
            let facts = Facts { target, is_named: false, summary: Ok(summary), max_bytes: 1 << 20 };
            expect::only(&check(&[facts], &Paths::new("/h", None), now), Warning, part);
        }
    }
}
