//! What is going on: the service, the targets, today's use, the last turns.
//!
//! All of it is read from what the programs leave on disk; only the service is asked.

mod threads;
mod view;

use std::time::{Duration, SystemTime};

use buffer_api::process::{Running, Status};
use codex_config::{Paths, Settings, TargetSettings};
use dispatch::ledger::{self, Entry};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use otlp_model::UnixNanos;
use serde::Serialize;

use crate::Context;
use crate::UnfinishedTurn;
use crate::checks::outbox::{self, WaitsFor};
use crate::checks::service;
use crate::words::{millis, rounded_usd};
use threads::ThreadNames;

pub use view::text;

/// How many turns are shown.
const TURNS: usize = 10;

/// How far back turns are shown.
const DAYS: u64 = 30;

/// What is going on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The buffer service.
    pub service: ServiceState,
    /// The targets, in the order of the settings, and those that they no longer name.
    pub targets: Vec<TargetState>,
    /// The turns that ended since midnight.
    pub today: Today,
    /// The last turns, the newest first.
    pub turns: Vec<TurnLine>,
}

/// The buffer service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    /// Whether it answers.
    pub running: bool,
    /// Where it listens, or is to listen.
    pub endpoint: String,
    /// Its process id.
    pub pid: Option<u32>,
    /// Its version.
    pub version: Option<String>,
    /// Seconds since it started.
    pub uptime_seconds: Option<u64>,
    /// Threads with buffered events.
    pub threads: Option<u64>,
    /// Buffered events.
    pub events: Option<u64>,
}

/// One target. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetState {
    /// The name of its queue: its own among all targets, with a mark behind it for a place that the
    /// environment of one run named.
    pub name: String,
    /// What it is and where; none where the settings do not lead to it.
    pub target: Option<String>,
    /// The page on which it shows the project, where it has one.
    pub page: Option<String>,
    /// The address and project, for a place that the environment of one run named, and for a target
    /// that the settings no longer name.
    pub place: Option<String>,
    /// Whether the settings no longer name it.
    pub is_gone: bool,
    /// Turns that it accepted, ever.
    pub sent: u64,
    /// When it last did.
    pub last_sent_ms: Option<u64>,
    /// Turns that wait for it.
    pub queued: usize,
    /// Their size in bytes.
    pub queued_bytes: u64,
    /// Those of them that it has in part, or at which it fails.
    pub unfinished: Vec<UnfinishedTurn>,
    /// When it is tried again; none where nothing waits, or the time has come.
    pub next_attempt_ms: Option<u64>,
    /// Turns that it refused for good.
    pub dead_letters: usize,
    /// Turns that were given up because too many waited, or for too long.
    pub dropped: u64,
    /// Turns that it was not to get, because only a share of all is sent.
    pub sampled_out: u64,
    /// Turns whose metrics wait for it.
    pub metrics_queued: usize,
    /// Turns whose metrics did not arrive, as far as it is known.
    pub metrics_lost: u64,
    /// What it said when it last refused something that is queued or a dead letter.
    pub last_error: Option<String>,
}

/// The turns of a day.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Today {
    /// How many turns.
    pub turns: usize,
    /// How many of them failed.
    pub failed: usize,
    /// How many of them were interrupted.
    pub interrupted: usize,
    /// All tokens of their requests.
    pub input_tokens: u64,
    /// Those of `input_tokens` that came from a cache.
    pub cached_tokens: u64,
    /// All tokens of the responses.
    pub output_tokens: u64,
    /// US dollars, of the turns with a known price.
    pub cost_usd: f64,
    /// How many turns have no known price.
    pub unpriced: usize,
}

/// A turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnLine {
    /// What Codex calls the thread, where it has a name.
    pub title: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What the hook recorded.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Overview {
    /// As JSON, the form of which `docs/doctor.md` describes.
    pub fn json(&self) -> String {
        // Texts and numbers have nothing to fail on.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The state of everything; days begin at midnight in this time zone.
pub fn overview(context: &Context<'_>, zone: &TimeZone) -> Overview {
    let outboxes = outbox::inspect(context.settings, &context.machine.paths);
    let since = context.now - Duration::from_secs(DAYS * 24 * 60 * 60);
    let entries = ledger::read(&context.machine.paths, UnixNanos::from_millis(millis(since)));
    let names = ThreadNames::read(&context.machine.paths.codex_home);
    Overview {
        service: service(context),
        targets: outboxes.into_iter().map(|outbox| target(outbox, context)).collect(),
        today: today(&entries, midnight(context.now, zone)),
        turns: entries
            .into_iter()
            .take(TURNS)
            .map(|entry| TurnLine {
                title: names.of(&entry.thread),
                duration_ms: entry.end_ms.saturating_sub(entry.start_ms),
                entry: Entry { cost_usd: entry.cost_usd.map(rounded_usd), ..entry },
            })
            .collect(),
    }
}

fn service(context: &Context<'_>) -> ServiceState {
    let collector = &context.settings.collector;
    match service::status(context) {
        Ok(Status::Running(Running { endpoint, health })) => ServiceState {
            running: true,
            endpoint: endpoint.to_string(),
            pid: Some(health.pid),
            version: Some(health.version),
            uptime_seconds: Some(health.uptime_seconds),
            threads: Some(health.threads),
            events: Some(health.events),
        },
        _ => ServiceState {
            running: false,
            endpoint: format!("{}:{}", collector.host, collector.port),
            pid: None,
            version: None,
            uptime_seconds: None,
            threads: None,
            events: None,
        },
    }
}

fn target(outbox: outbox::QueueFacts, context: &Context<'_>) -> TargetState {
    // One that cannot be read is empty here: the doctor says why.
    let summary = outbox.summary.unwrap_or_default();
    let refused = summary.rejected.last().map(|batch| batch.answer.clone());
    let settings = context.settings.targets.iter().find(|target| target.queue() == outbox.queue);
    let destination = settings.and_then(|settings| destination(settings, &context.machine.paths));
    let (described, page) =
        destination.map_or((None, None), |found| (Some(found.target), found.page));
    let (for_place, is_gone) = match outbox.waits_for {
        WaitsFor::Target => (None, false),
        WaitsFor::Place { place, .. } => (Some(place), false),
        WaitsFor::Gone { place } => (place, true),
    };
    TargetState {
        target: described,
        page,
        name: outbox.queue,
        place: for_place,
        is_gone,
        sent: summary.accepted,
        last_sent_ms: summary.last_success.map(millis),
        queued: summary.queued,
        queued_bytes: summary.bytes,
        unfinished: summary.unfinished.iter().map(UnfinishedTurn::from).collect(),
        next_attempt_ms: summary.next_attempt.map(millis),
        dead_letters: summary.rejected.len(),
        dropped: summary.dropped,
        sampled_out: summary.sampled_out,
        metrics_queued: summary.metrics_queued,
        metrics_lost: summary.metrics_lost,
        last_error: summary.last_error.filter(|_| summary.queued > 0).or(refused),
    }
}

/// Where turns are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// What the target is, and its address.
    pub target: String,
    /// The page on which it shows the project, where it has one.
    pub page: Option<String>,
}

/// The targets of the settings, without those that are not set up rightly.
pub fn destinations(settings: &Settings, paths: &Paths) -> Vec<Destination> {
    settings.targets.iter().filter_map(|target| destination(target, paths)).collect()
}

fn destination(settings: &TargetSettings, paths: &Paths) -> Option<Destination> {
    let target = settings.target.as_ref().ok()?;
    let exporter = dispatch::exporter(target, settings, paths, Duration::from_secs(1)).ok()?;
    Some(Destination { target: exporter.target().to_owned(), page: settings.web_page() })
}

/// What the turns that ended since then came to.
fn today(entries: &[Entry], since_ms: u64) -> Today {
    let mut today = Today::default();
    for entry in entries.iter().filter(|entry| entry.end_ms >= since_ms) {
        today.turns += 1;
        today.failed += usize::from(entry.status == "failed");
        today.interrupted += usize::from(entry.status == "interrupted");
        today.input_tokens += entry.input_tokens;
        today.cached_tokens += entry.cached_tokens;
        today.output_tokens += entry.output_tokens;
        today.cost_usd += entry.cost_usd.unwrap_or_default();
        // A turn that failed before the first response has nothing to price.
        let used = entry.input_tokens + entry.output_tokens > 0;
        today.unpriced += usize::from(used && entry.cost_usd.is_none());
    }
    today.cost_usd = rounded_usd(today.cost_usd);
    today
}

/// The beginning of the day in milliseconds since the Unix epoch.
fn midnight(now: SystemTime, zone: &TimeZone) -> u64 {
    let now = Timestamp::try_from(now).unwrap_or_default();
    let day = now.to_zoned(zone.clone()).start_of_day();
    let begin = day.map_or(now, |day| day.timestamp());
    u64::try_from(begin.as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_where_the_user_is() {
        let now = humantime::parse_rfc3339("2026-11-21T03:00:00Z").unwrap();
        for (zone, begin) in [
            ("UTC", "2026-11-21T00:00:00Z"),
            ("America/New_York", "2026-11-20T05:00:00Z"),
            ("Asia/Tokyo", "2026-11-20T15:00:00Z"),
        ] {
            let begin = millis(humantime::parse_rfc3339(begin).unwrap());
            assert_eq!(midnight(now, &TimeZone::get(zone).unwrap()), begin, "{zone}");
        }
    }

    #[test]
    fn only_what_ended_today_is_summed() {
        let entry = |end_ms, status: &str, cost_usd| Entry {
            end_ms,
            status: status.to_owned(),
            cost_usd,
            input_tokens: 100,
            cached_tokens: 60,
            output_tokens: 10,
            ..Entry::default()
        };
        let entries = [
            entry(30, "completed", Some(0.5)),
            entry(20, "failed", None),
            Entry {
                input_tokens: 0,
                cached_tokens: 0,
                output_tokens: 0,
                ..entry(25, "failed", None)
            },
            entry(26, "interrupted", Some(0.1 + 0.2)),
            entry(10, "completed", Some(9.0)),
        ];
        let expected = Today {
            turns: 4,
            failed: 2,
            interrupted: 1,
            input_tokens: 300,
            cached_tokens: 180,
            output_tokens: 30,
            cost_usd: 0.8,
            unpriced: 1,
        };
        assert_eq!(today(&entries, 20), expected);
    }
}
