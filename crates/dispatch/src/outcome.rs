//! Delivery results, and how they are logged.

use std::fmt::Display;
use std::time::Duration;

use delivery::{Flushed, OutboxError, Stopped, Summary};
use program_log::chain;

use crate::metrics::UnsentMetrics;
use crate::queued_exporter::{DeliveryStatus, QueueReason};
use program_log::Log;

/// The result of delivering a turn to one target.
#[derive(Debug, Clone)]
pub struct TargetOutcome {
    /// What the target is called among all.
    pub name: String,
    /// The target, for people.
    pub target: String,
    /// What the turn's root span is called.
    pub turn: String,
    /// Its spans.
    pub spans: usize,
    /// How long the target took to answer.
    pub took: Duration,
    /// The result.
    pub status: DeliveryStatus,
}

/// The result of sending the queue of one target.
#[derive(Debug)]
pub struct TargetFlush {
    /// The name of the queue.
    pub name: String,
    /// The target, for people.
    pub target: String,
    /// The result for spans.
    pub result: Result<Flushed, OutboxError>,
    /// Metrics of accepted turns that were not sent.
    pub metrics: UnsentMetrics,
    /// The result for queued metrics.
    pub queued_metrics: Result<Flushed, OutboxError>,
}

/// The queue of one target.
#[derive(Debug)]
pub struct TargetOutbox {
    /// The name of the queue: that of its target, or a mark behind it for a place that the environment
    /// of one process named.
    pub name: String,
    /// The target, for people; none where the settings do not lead to it.
    pub target: Option<String>,
    /// Its address and project where they are known.
    pub place: Option<String>,
    /// What is queued, and the state of its target; empty where the queue cannot be read.
    pub summary: Summary,
}

impl TargetOutcome {
    /// Logs an answer that came after its turn was queued, where it says more than that.
    pub fn log_late(&self, log: &Log) {
        let Self { target, turn, .. } = self;
        match &self.status {
            DeliveryStatus::Accepted => log.info(format_args!("{turn}: accepted late by {target}")),
            DeliveryStatus::Queued { why: QueueReason::Refused(why), .. }
            | DeliveryStatus::DeadLettered(why)
            | DeliveryStatus::Failed(why) => {
                log.error(format_args!("{turn} for {target}: {}", without_place(why, target)));
            }
            DeliveryStatus::Queued { .. } | DeliveryStatus::SampledOut => {}
        }
    }

    /// Logs the result for a turn that was exported with so many events.
    pub fn log(&self, log: &Log, thread_id: &str, events: usize) {
        let Self { target, turn, spans, took, .. } = self;
        let what = format_args!("{turn} of thread {thread_id}");
        match &self.status {
            DeliveryStatus::Accepted => log.info(format_args!(
                "{what}: {spans} spans to {target} in {} ms, with {events} events",
                took.as_millis()
            )),
            DeliveryStatus::Queued { why: QueueReason::BehindOthers, .. } => {
                log.info(format_args!("{what} is queued for {target}, behind earlier turns"));
            }
            DeliveryStatus::Queued { why: QueueReason::InParts, .. } => {
                log.info(format_args!("{what}: {spans} spans go to {target} in several requests"));
            }
            DeliveryStatus::Queued { why: QueueReason::NoAnswerYet, .. } => {
                log.info(format_args!("{what} is queued for {target}, which has not answered yet"));
            }
            DeliveryStatus::Queued { why: QueueReason::Refused(why), .. } => {
                let why = without_place(why, target);
                log.error(format_args!("{what} is queued for {target}: {why}"));
            }
            DeliveryStatus::SampledOut => {
                log.verbose(format_args!("{what} is not among those for {target}"))
            }
            DeliveryStatus::DeadLettered(why) => {
                let why = without_place(why, target);
                log.error(format_args!("{what} was rejected by {target}: {why}"));
            }
            DeliveryStatus::Failed(why) => {
                let why = without_place(why, target);
                log.error(format_args!("{what} could not be sent to {target}: {why}"));
            }
        }
        if let DeliveryStatus::Queued { dropped: dropped @ 1.., .. } = self.status {
            log.error(format_args!("dropped {} for {target}: the queue is full", queued(dropped)));
        }
    }
}

impl TargetFlush {
    /// Logs what came of it, where something did.
    pub fn log(&self, log: &Log) {
        let target = &self.target;
        self.metrics.log(log, target);
        self.log_queued_metrics(log);
        let flushed = match &self.result {
            Ok(flushed) => flushed,
            Err(error) => return log.error(format_args!("{target}: {}", chain(error))),
        };
        if flushed.accepted > 0 {
            log.info(format_args!("sent {} to {target}", queued(flushed.accepted)));
        }
        for letter in &flushed.dead_letters {
            let letter = letter.to_string();
            let letter = without_place(&letter, target);
            log.error(format_args!("{target} rejected a queued turn: {letter}"));
        }
        if flushed.dropped > 0 {
            log.error(format_args!("dropped {} for {target}: too old", queued(flushed.dropped)));
        }
        let batches = flushed.queued;
        match &flushed.stopped {
            Some(Stopped::Refused(why)) => {
                let why = without_place(why, target);
                log.error(format_args!("{} for {target}: {why}", queued(batches)));
            }
            Some(stopped) => {
                log.verbose(format_args!("{} for {target}: {stopped:?}", queued(batches)))
            }
            None => {}
        }
    }

    fn log_queued_metrics(&self, log: &Log) {
        let target = &self.target;
        match &self.queued_metrics {
            Ok(flushed) => {
                let why = match &flushed.stopped {
                    Some(Stopped::Refused(why)) => Some(why.clone()),
                    _ => None,
                };
                let queued = why.as_ref().map_or(0, |_| flushed.queued);
                UnsentMetrics { queued, lost: flushed.dropped, why }.log(log, target);
            }
            Err(error) => log.error(format_args!("{target}: {}", chain(error))),
        }
    }
}

/// Queued turns, by their number.
fn queued(turns: impl Display + PartialEq + From<u8>) -> String {
    format!("{turns} queued {}", if turns == 1.into() { "turn" } else { "turns" })
}

/// Why something failed, without the address where the target in front of it has it already.
fn without_place<'w>(why: &'w str, target: &str) -> &'w str {
    let rest = why.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
    rest.filter(|(place, _)| target.contains(place)).map_or(why, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_once() {
        let why = "`http://h:1/v1/traces`: rejected (http status 401): no";
        let short = "rejected (http status 401): no";
        assert_eq!(without_place(why, "phoenix http://h:1/v1/traces"), short);
        assert_eq!(without_place(why, "the local store"), why);
        assert_eq!(without_place(short, "phoenix http://h:1/v1/traces"), short);
    }

    #[test]
    fn turns_are_counted() {
        assert_eq!((queued(1), queued(2)), ("1 queued turn".into(), "2 queued turns".into()));
    }
}
