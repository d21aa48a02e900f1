//! What is queued for a target that cannot be reached, and what a target has rejected for good.

use std::time::SystemTime;

use codex_config::{Paths, Settings};
use delivery::Outbox;
use delivery::Summary;
use dispatch::Destination;
use program_log::chain;

use super::target::FailedTarget;
use crate::words::{bytes, count, line, show_access, span};
use crate::{Finding, UnfinishedTurn};

const CHECK: &str = "outbox";

const FLUSH: &str = "arize-codex flush";

/// The most unfinished turns that are named.
const MOST_UNFINISHED: usize = 3;

/// A queue of turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its name.
    pub queue: String,
    /// What its turns wait for.
    pub waits_for: WaitsFor,
    /// Its state; an error where it cannot be read.
    pub summary: Result<Summary, String>,
    /// More than this many bytes are not kept.
    pub max_bytes: u64,
}

/// What the turns in a queue wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitsFor {
    /// The target of the settings that has the same name.
    Target,
    /// A place that the environment of one run named.
    Place {
        /// The address and project.
        place: String,
        /// The variables of that run that hold credentials, without which it cannot be sent.
        missing: Vec<String>,
    },
    /// A target that the settings name no longer, and its address and project where they are known.
    Gone {
        /// The address and project.
        place: Option<String>,
    },
}

impl From<Destination> for WaitsFor {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Known(found) => {
                Self::Place { place: found.1.place(), missing: Vec::new() }
            }
            Destination::Withheld { place, variables } => Self::Place { place, missing: variables },
            Destination::Gone(place) => Self::Gone { place },
        }
    }
}

/// Looks into the queue of each target, and into those for other places that hold something.
pub fn inspect(settings: &Settings, paths: &Paths) -> Vec<QueueFacts> {
    let facts = |queue: String, outbox: &Outbox, waits_for| QueueFacts {
        summary: outbox.summary().map_err(|error| chain(&error)),
        max_bytes: settings.outbox.max_bytes,
        waits_for,
        queue,
    };
    let own = settings.targets.iter().map(|target| {
        let queue = target.queue();
        let outbox = dispatch::outbox(paths, settings, &queue);
        facts(queue, &outbox, WaitsFor::Target)
    });
    let others = dispatch::other_queues(settings, paths).into_iter();
    own.chain(others.map(|other| facts(other.name, &other.outbox, other.destination.into())))
        .collect()
}

/// What the facts mean. What cannot be sent may go to the first of the targets instead; a queue of a
/// target that failed its own check is sent when that is mended.
pub(crate) fn check(
    outboxes: &[QueueFacts],
    failed: &[FailedTarget],
    paths: &Paths,
    now: SystemTime,
) -> Vec<Finding> {
    let own = outboxes.iter().find(|facts| facts.waits_for == WaitsFor::Target);
    let target = own.map_or("TARGET", |facts| facts.queue.split('@').next().unwrap_or_default());
    let findings = outboxes.iter().flat_map(|facts| {
        let failed = failed.iter().find(|failed| failed.queue == facts.queue);
        evaluate(facts, failed, target, paths, now)
    });
    findings.collect()
}

fn evaluate(
    facts: &QueueFacts,
    failed: Option<&FailedTarget>,
    target: &str,
    paths: &Paths,
    now: SystemTime,
) -> Vec<Finding> {
    let QueueFacts { queue, summary, max_bytes, .. } = facts;
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => {
            let message = format!("the queue of {} cannot be read: {error}", shown(queue));
            let folder = paths.state_dir.join("outbox");
            return vec![Finding::failure(CHECK, message, show_access(&folder))];
        }
    };
    let all = summary.queued + summary.rejected.len();
    let decide = format!("{FLUSH} --queue {queue} --to {target}");
    match &facts.waits_for {
        WaitsFor::Target => evaluate_own(&shown(queue), summary, failed, *max_bytes, now),
        WaitsFor::Place { place, missing } if missing.is_empty() => {
            evaluate_own(place, summary, failed, *max_bytes, now)
        }
        WaitsFor::Place { place, missing } => {
            let turns = count(all, "turn is queued", "turns are queued");
            let missing = missing.join(", ");
            let message = format!(
                "{turns} for {place}; {missing} of their run is not stored: run `{FLUSH}` with the \
                 same environment, or give them to another target or `--discard {queue}`"
            );
            vec![Finding::warning(CHECK, message, decide)]
        }
        WaitsFor::Gone { place } => {
            // Of those that it has refused, too.
            let turns = count(all, "turn is queued", "turns are queued");
            let place = place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            let message = format!(
                "{turns} for {}{place}, which the settings no longer name: give them to another \
                 target or `--discard {queue}`",
                shown(queue)
            );
            vec![Finding::warning(CHECK, message, decide)]
        }
    }
}

fn evaluate_own(
    target: &str,
    summary: &Summary,
    failed: Option<&FailedTarget>,
    max_bytes: u64,
    now: SystemTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if summary.queued > 0 {
        findings.push(queued(target, summary, failed, max_bytes, now));
    }
    if summary.metrics_queued > 0 {
        let turns = count(summary.metrics_queued, "turn", "turns");
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

fn queued(
    target: &str,
    summary: &Summary,
    failed: Option<&FailedTarget>,
    max_bytes: u64,
    now: SystemTime,
) -> Finding {
    let turns = count(summary.queued, "turn is queued", "turns are queued");
    let size = bytes(summary.bytes);
    let since = summary.oldest.and_then(|oldest| now.duration_since(oldest).ok());
    let since = since.map(|since| format!(" since {}", span(since))).unwrap_or_default();
    let mut message = format!("{turns} for {target}{since} ({size})");
    let command = match failed {
        // The finding about the target has its answer.
        Some(failed) => {
            message.push_str(" until the target accepts turns");
            failed.command.as_str()
        }
        None => {
            let error = summary.last_error.as_deref();
            message.extend(error.map(|error| format!(": {}", line(error, 200))));
            FLUSH
        }
    };
    for batch in summary.unfinished.iter().take(MOST_UNFINISHED) {
        message.push_str(&format!("; {}", UnfinishedTurn::from(batch).describe(now, 300)));
    }
    // What comes next pushes the oldest out.
    if summary.bytes > max_bytes / 10 * 9 {
        let message = format!("{message}; the queue is full, and the oldest turns are dropped");
        return Finding::failure(CHECK, message, command);
    }
    Finding::warning(CHECK, message, command)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use delivery::{RejectedBatch, UnfinishedBatch};

    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};
    use crate::checks::expect;

    #[test]
    fn what_waits_is_counted_and_what_was_refused_is_quoted() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let away = Summary {
            queued: 2,
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
        let counting = Summary { metrics_queued: 2, ..Summary::default() };
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
            let (queue, waits_for) = ("phoenix".to_owned(), WaitsFor::Target);
            let facts = QueueFacts { queue, waits_for, summary, max_bytes };
            expect::only(&check(&[facts], &[], &Paths::new("/h", None), now), level, part);
        }
        let misnamed = QueueFacts {
            queue: "unknown-0".to_owned(),
            waits_for: WaitsFor::Target,
            summary: Ok(Summary::default()),
            max_bytes: 1,
        };
        let findings = check(&[misnamed], &[], &Paths::new("/h", None), now);
        expect::only(&findings, Fine, "nothing is queued for a target that the settings do not");
        let place = || "phoenix http://h, project `p`".to_owned();
        let missing = vec!["PHOENIX_API_KEY".to_owned()];
        let queued = Summary { queued: 1, ..refused.clone() };
        let one = Summary { queued: 1, ..Summary::default() };
        let own = QueueFacts {
            queue: "otlp".to_owned(),
            waits_for: WaitsFor::Target,
            summary: Ok(Summary::default()),
            max_bytes: 1 << 20,
        };
        for (summary, waits_for, part, command) in [
            (
                queued,
                WaitsFor::Gone { place: None },
                "2 turns are queued for `old`, which the settings no longer name",
                "arize-codex flush --queue old --to otlp",
            ),
            (
                refused,
                WaitsFor::Gone { place: Some(place()) },
                "1 turn is queued for `old` (phoenix http://h, project `p`), which the settings",
                "arize-codex flush --queue old --to otlp",
            ),
            (
                one.clone(),
                WaitsFor::Place { place: place(), missing: Vec::new() },
                "1 turn is queued for phoenix http://h, project `p` (",
                "arize-codex flush",
            ),
            (
                one,
                WaitsFor::Place { place: place(), missing },
                "1 turn is queued for phoenix http://h, project `p`; PHOENIX_API_KEY of their run",
                "arize-codex flush --queue old --to otlp",
            ),
        ] {
            let queue = "old".to_owned();
            let facts = QueueFacts { queue, waits_for, summary: Ok(summary), max_bytes: 1 << 20 };
            let findings = check(&[own.clone(), facts], &[], &Paths::new("/h", None), now);
            expect::only(&findings[1..], Warning, part);
            assert_eq!(findings[1].command.as_deref(), Some(command), "{part}");
        }
    }
    #[test]
    fn a_queue_is_sent_by_what_mends_its_target() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let summary = Summary {
            queued: 2,
            bytes: 2048,
            oldest: Some(now - Duration::from_secs(600)),
            last_error: Some("rejected (http status 401)".to_owned()),
            ..Summary::default()
        };
        let queue = |name: &str| QueueFacts {
            queue: name.to_owned(),
            waits_for: WaitsFor::Target,
            summary: Ok(summary.clone()),
            max_bytes: 1 << 20,
        };
        let key = "arize-config set harnesses.codex.api_key --stdin";
        let failed = FailedTarget {
            queue: "phoenix".to_owned(),
            place: "phoenix http://p".to_owned(),
            command: key.to_owned(),
        };
        let paths = Paths::new("/h", None);
        let findings = check(&[queue("phoenix"), queue("otlp")], &[failed], &paths, now);
        let said: Vec<_> = findings
            .iter()
            .map(|finding| (finding.message.as_str(), finding.command.as_deref()))
            .collect();
        let (refused, busy) = (
            "2 turns are queued for `phoenix` since 10 min (2.0 KiB) until the target accepts turns",
            "2 turns are queued for `otlp` since 10 min (2.0 KiB): rejected (http status 401)",
        );
        assert_eq!(said, [(refused, Some(key)), (busy, Some("arize-codex flush"))]);
    }
}
