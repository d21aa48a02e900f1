//! `arize-codex flush`.

use std::fmt::Write;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use codex_config::{Environment, Settings};
use delivery::{DeadLetter, Flushed, Stopped, When};
use dispatch::{DecideError, Decided, Delivery, TargetFlush, TargetOutbox};
use doctor::UnfinishedTurn;
use otlp_model::UnixNanos;
use program_log::chain;
use serde_json::json;

use crate::args::Flush;
use crate::{CommandError, ExitCode};

/// The longest time that one request to a target takes: a person waits for it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// After this time no further request begins.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long to wait for another process that sends the same batches.
const BUSY_PATIENCE: Duration = Duration::from_secs(15);

/// The most unfinished turns that are named for a target.
const MOST_UNFINISHED: usize = 3;

/// What became of what waited for a target.
struct Line {
    outbox: TargetOutbox,
    sent: usize,
    dead_letters: Vec<DeadLetter>,
    /// Why something still waits.
    reason: Option<String>,
    /// Why metrics still wait.
    metrics_reason: Option<String>,
}

impl Line {
    /// Turns that the target has in part, or at which it fails.
    fn unfinished(&self) -> Vec<UnfinishedTurn> {
        self.outbox.summary.unfinished.iter().map(UnfinishedTurn::from).collect()
    }

    fn new(outbox: TargetOutbox) -> Self {
        Self { outbox, sent: 0, dead_letters: Vec::new(), reason: None, metrics_reason: None }
    }
}

/// Sends to each target what is queued for it, now, and reports the result. Ends with `Failure` where
/// something still waits.
pub(crate) fn flush(
    args: &Flush,
    environment: &Environment,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    if args.run {
        return crate::job::flush(args, environment, &paths);
    }
    let settings = Settings::load(&paths, environment);
    let delivery = Delivery::to_targets(&settings, &paths, TIMEOUT)
        .map_err(|error| CommandError::failed("nothing can be sent", error))?;
    if let Some(queue) = &args.discard {
        return discard(&delivery, queue, args.json);
    }
    let moved = match (&args.from, &args.to) {
        (Some(folder), to) => delivery.import(folder, to.as_deref()).map_err(undecided)?,
        (None, Some(to)) => delivery.redirect(args.queue.as_deref(), to).map_err(undecided)?,
        (None, None) => Vec::new(),
    };
    if args.rejected {
        delivery.requeue_dead_letters().map_err(|error| {
            CommandError::failed("rejected turns cannot be queued again", error)
        })?;
    }
    let mut flushes = rounds(&delivery);
    let until = Instant::now() + Duration::from_secs(args.wait.unwrap_or_default());
    while let Some(left) = until.checked_duration_since(Instant::now())
        && delivery.outboxes().iter().any(is_sendable)
    {
        sleep(left.min(Duration::from_millis(500)));
        flushes.extend(delivery.flush(until, When::Due));
    }
    let lines: Vec<Line> =
        delivery.outboxes().into_iter().map(|outbox| line(outbox, &flushes)).collect();
    let text = match args.json {
        true => as_json(&lines, &moved),
        false => moved_lines(&moved, args) + &as_text(&lines, SystemTime::now()),
    };
    let waits = lines.iter().any(|Line { outbox: TargetOutbox { summary, .. }, .. }| {
        summary.queued + summary.metrics_queued > 0
    });
    Ok((text, if waits { ExitCode::Failure } else { ExitCode::Success }))
}

/// Whether turns are queued for a target that the settings name.
pub(crate) fn is_sendable(outbox: &TargetOutbox) -> bool {
    outbox.target.is_some() && outbox.summary.queued > 0
}

/// Gives the turns of a queue up.
fn discard(
    delivery: &Delivery,
    queue: &str,
    json: bool,
) -> Result<(String, ExitCode), CommandError> {
    let Decided { queue, turns } = delivery.discard(queue).map_err(undecided)?;
    let text = match json {
        true => format!("{:#}\n", json!({ "discarded": { "queue": queue, "turns": turns } })),
        false => format!("{} of `{queue}` discarded\n", counted(turns)),
    };
    Ok((text, ExitCode::Success))
}

fn undecided(error: DecideError) -> CommandError {
    CommandError::failed("nothing was sent", error)
}

/// A line for each queue whose turns were moved or copied.
fn moved_lines(moved: &[Decided], args: &Flush) -> String {
    let line = |Decided { queue, turns }: &Decided| match (&args.from, &args.to) {
        (Some(_), _) => format!("{} of `{queue}` taken from the folder\n", counted(*turns)),
        (None, Some(target)) => {
            format!("{} of `{queue}` moved to `{target}`\n", counted(*turns))
        }
        (None, None) => String::new(),
    };
    match (&args.from, &args.to) {
        (Some(folder), _) if moved.is_empty() => {
            format!("no turn is queued in `{}`\n", folder.display())
        }
        (None, Some(_)) if moved.is_empty() => {
            "no turn is queued for a target that the settings do not name\n".to_owned()
        }
        _ => moved.iter().map(line).collect(),
    }
}

fn counted(turns: usize) -> String {
    if turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") }
}

/// Several where another process is at work: then what it leaves.
fn rounds(delivery: &Delivery) -> Vec<TargetFlush> {
    let begun = Instant::now();
    let mut all = delivery.flush(begun + PATIENCE, When::Now);
    let is_busy = |flush: &TargetFlush| {
        flush.result.as_ref().is_ok_and(|flushed| flushed.stopped == Some(Stopped::Busy))
    };
    while all.iter().any(is_busy) && begun.elapsed() < BUSY_PATIENCE {
        sleep(Duration::from_millis(100));
        all.retain(|flush| !is_busy(flush));
        all.extend(delivery.flush(begun + PATIENCE, When::Due));
    }
    all
}

fn line(outbox: TargetOutbox, flushes: &[TargetFlush]) -> Line {
    let mut line = Line::new(outbox);
    for flush in flushes.iter().filter(|flush| flush.name == line.outbox.name) {
        match &flush.result {
            Ok(flushed) => {
                line.sent += flushed.accepted;
                line.dead_letters.extend(flushed.dead_letters.iter().cloned());
            }
            Err(error) => line.reason = Some(chain(error)),
        }
        line.metrics_reason = match &flush.queued_metrics {
            Ok(Flushed { stopped: Some(Stopped::Refused(why)), .. }) => Some(why.clone()),
            Ok(_) => None,
            Err(error) => Some(chain(error)),
        };
    }
    if line.outbox.summary.queued > 0 && line.reason.is_none() {
        line.reason = line.outbox.summary.last_error.clone();
    }
    line
}

fn as_json(lines: &[Line], moved: &[Decided]) -> String {
    let millis = |time: SystemTime| UnixNanos::from(time).millis();
    let targets: Vec<_> = lines
        .iter()
        .map(|line| {
            let summary = &line.outbox.summary;
            json!({
                "name": line.outbox.name,
                "target": line.outbox.target,
                "place": line.outbox.place,
                "sent": line.sent,
                "queued": summary.queued,
                "queued_bytes": summary.bytes,
                "unfinished": line.unfinished(),
                "metrics_queued": summary.metrics_queued,
                "next_attempt_ms": summary.next_attempt.map(millis),
                "rejected": summary.rejected.len(),
                "dead_letters": line.dead_letters.iter().map(|letter| {
                    json!({"trace_id": letter.trace_id, "spans": letter.spans, "answer": letter.answer})
                }).collect::<Vec<_>>(),
                "reason": line.reason,
            })
        })
        .collect();
    let moved: Vec<_> = moved
        .iter()
        .map(|Decided { queue, turns }| json!({ "queue": queue, "turns": turns }))
        .collect();
    format!("{:#}\n", json!({ "moved": moved, "targets": targets }))
}

/// A line per target; below it, the turns that it rejected, and why others are queued.
fn as_text(lines: &[Line], now: SystemTime) -> String {
    let mut text = String::new();
    for line in lines {
        let Line { outbox, sent, dead_letters, reason, metrics_reason } = line;
        let summary = &outbox.summary;
        let name = match (&outbox.target, &outbox.place) {
            (Some(target), _) => target.clone(),
            (None, Some(place)) => format!("{} ({place})", outbox.name),
            (None, None) => outbox.name.clone(),
        };
        let _ = write!(text, "{name}: {sent} sent, {} queued", summary.queued);
        if !summary.rejected.is_empty() {
            let _ = write!(text, ", {} rejected", summary.rejected.len());
        }
        text.push('\n');
        for letter in dead_letters {
            let _ = writeln!(text, "  rejected: {letter}");
        }
        if let Some(reason) = reason {
            let _ = writeln!(text, "  {reason}");
        }
        let unfinished = line.unfinished();
        for turn in unfinished.iter().take(MOST_UNFINISHED) {
            let _ = writeln!(text, "  {}", turn.describe(now, 300));
        }
        if let Some(more @ 1..) = unfinished.len().checked_sub(MOST_UNFINISHED) {
            let _ = writeln!(text, "  and {} more", counted(more));
        }
        if summary.metrics_queued > 0 {
            let turns = if summary.metrics_queued == 1 { "turn" } else { "turns" };
            let _ = write!(text, "  the metrics of {} {turns} are queued", summary.metrics_queued);
            let why = metrics_reason.as_ref().map(|why| format!(": {why}"));
            let _ = writeln!(text, "{}", why.unwrap_or_default());
        }
        if outbox.target.is_none() {
            let name = &outbox.name;
            let _ = writeln!(
                text,
                "  hint: `arize-codex flush --queue {name} --to TARGET` or `--discard {name}`"
            );
        }
        let next = summary.next_attempt.and_then(|next| next.duration_since(now).ok());
        if let Some(wait) = next.filter(|_| outbox.target.is_some()) {
            let _ = writeln!(text, "  tried again in {} s", wait.as_secs());
        }
    }
    if lines.iter().any(|line| !line.outbox.summary.rejected.is_empty()) {
        text.push_str("hint: `arize-codex flush --rejected` sends rejected turns again\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use delivery::{RejectedBatch, Summary, UnfinishedBatch};
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_line_per_target_says_what_came_of_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let outbox = |name: &str, target: Option<&str>, summary| TargetOutbox {
            name: name.to_owned(),
            target: target.map(str::to_owned),
            place: target.is_none().then(|| "phoenix http://o, project `p`".to_owned()),
            summary,
        };
        let line = |outbox, sent| Line { sent, ..Line::new(outbox) };
        let away = Summary {
            queued: 2,
            metrics_queued: 3,
            bytes: 3000,
            unfinished: vec![UnfinishedBatch {
                trace_id: "8f997398".to_owned(),
                created: now - Duration::from_secs(60),
                spans: 9,
                spans_done: 3,
                bytes: 2900,
                bytes_done: 1000,
                failures: 1,
                next_attempt: Some(now + Duration::from_secs(32)),
                last_error: Some("no answer".to_owned()),
            }],
            next_attempt: Some(now + Duration::from_secs(32)),
            ..Summary::default()
        };
        let rejected = RejectedBatch {
            trace_id: "8f997398".to_owned(),
            created: now,
            spans: 3,
            attempts: 1,
            answer: "no".to_owned(),
        };
        let picky = Summary { rejected: vec![rejected], ..Summary::default() };
        let letter =
            DeadLetter { trace_id: "8f997398".to_owned(), spans: 3, answer: "no".to_owned() };
        let gone = Summary { queued: 1, ..Summary::default() };
        let lines = [
            line(outbox("local", Some("local /home/ada/traces.db"), Summary::default()), 0),
            Line {
                reason: Some("`http://h`: cannot connect".to_owned()),
                metrics_reason: Some("http status 503".to_owned()),
                ..line(outbox("phoenix", Some("phoenix http://h"), away), 1)
            },
            Line {
                dead_letters: vec![letter],
                ..line(outbox("team", Some("team (otlp http://c)"), picky), 0)
            },
            line(outbox("old", None, gone), 0),
        ];
        expect![[r#"
            local /home/ada/traces.db: 0 sent, 0 queued
            phoenix http://h: 1 sent, 2 queued
              `http://h`: cannot connect
              3 of 9 spans (1000 bytes of 2.8 KiB) of trace 8f997398 sent since 60 s, tried again in 32 s, failed 1 time: no answer
              the metrics of 3 turns are queued: http status 503
              tried again in 32 s
            team (otlp http://c): 0 sent, 0 queued, 1 rejected
              rejected: 3 spans of trace 8f997398: no
            old (phoenix http://o, project `p`): 0 sent, 1 queued
              hint: `arize-codex flush --queue old --to TARGET` or `--discard old`
            hint: `arize-codex flush --rejected` sends rejected turns again
        "#]]
        .assert_eq(&as_text(&lines, now));
        let moved = [Decided { queue: "old".to_owned(), turns: 1 }];
        expect![[r#"
            {
              "moved": [
                {
                  "queue": "old",
                  "turns": 1
                }
              ],
              "targets": [
                {
                  "dead_letters": [],
                  "metrics_queued": 3,
                  "name": "phoenix",
                  "next_attempt_ms": 1800000032000,
                  "place": null,
                  "queued": 2,
                  "queued_bytes": 3000,
                  "reason": "`http://h`: cannot connect",
                  "rejected": 0,
                  "sent": 1,
                  "target": "phoenix http://h",
                  "unfinished": [
                    {
                      "bytes": 2900,
                      "bytes_done": 1000,
                      "failures": 1,
                      "last_error": "no answer",
                      "next_attempt_ms": 1800000032000,
                      "queued_since_ms": 1799999940000,
                      "spans": 9,
                      "spans_done": 3,
                      "trace_id": "8f997398"
                    }
                  ]
                },
                {
                  "dead_letters": [
                    {
                      "answer": "no",
                      "spans": 3,
                      "trace_id": "8f997398"
                    }
                  ],
                  "metrics_queued": 0,
                  "name": "team",
                  "next_attempt_ms": null,
                  "place": null,
                  "queued": 0,
                  "queued_bytes": 0,
                  "reason": null,
                  "rejected": 1,
                  "sent": 0,
                  "target": "team (otlp http://c)",
                  "unfinished": []
                }
              ]
            }
        "#]]
        .assert_eq(&as_json(&lines[1..3], &moved));
    }
}
