//! What became of turns and of what waited, and the lines about it in the log.

use std::fmt::Display;
use std::time::Duration;

use buffer_api::log::chain;
use exporters::outbox::{Flushed, OutboxError, Stopped, Summary};

use crate::lane::{Fate, Why};
use crate::log::Log;
use crate::metrics::UnsentMetrics;

/// What became of a turn at one target.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// What the target is called among all.
    pub(crate) name: String,
    /// The target, for people.
    pub(crate) target: String,
    /// What the turn's root span is called.
    pub(crate) turn: String,
    pub(crate) spans: usize,
    pub(crate) took: Duration,
    pub(crate) fate: Fate,
}

/// What became of what waited for one target.
#[derive(Debug)]
pub struct TargetFlush {
    /// The name of the queue.
    pub name: String,
    /// The target, for people.
    pub target: String,
    /// What came of it.
    pub result: Result<Flushed, OutboxError>,
    /// What did not come of the numbers about what it accepted.
    pub metrics: UnsentMetrics,
    /// What came of the numbers that waited.
    pub waiting_metrics: Result<Flushed, OutboxError>,
}

/// What waits for one target.
#[derive(Debug)]
pub struct TargetOutbox {
    /// The name of the queue: that of its target, or a mark behind it for a place that the environment
    /// of one process named.
    pub name: String,
    /// The target, for people; none where the settings do not lead to it.
    pub target: Option<String>,
    /// Its address and project where they are known.
    pub place: Option<String>,
    /// What waits, and how it stands with the target; empty where the outbox cannot be read.
    pub summary: Summary,
}

impl Told {
    /// Logs an answer that came after its turn was put away, where it says more than that.
    pub(crate) fn log_late(&self, log: &Log) {
        let Self { target, turn, .. } = self;
        match &self.fate {
            Fate::Accepted => log.info(format_args!("{turn}: accepted late by {target}")),
            Fate::Waiting { why: Why::Refused(why), .. }
            | Fate::SetAside(why)
            | Fate::Lost(why) => {
                log.error(format_args!("{turn} for {target}: {}", without_place(why, target)));
            }
            Fate::Waiting { .. } | Fate::SampledOut => {}
        }
    }

    /// Logs what became of a turn that was told with so many events.
    pub(crate) fn log(&self, log: &Log, thread_id: &str, events: usize) {
        let Self { target, turn, spans, took, .. } = self;
        let what = format_args!("{turn} of thread {thread_id}");
        match &self.fate {
            Fate::Accepted => log.info(format_args!(
                "{what}: {spans} spans to {target} in {} ms, with {events} events",
                took.as_millis()
            )),
            Fate::Waiting { why: Why::BehindOthers, .. } => {
                log.info(format_args!("{what} is queued for {target}, behind earlier turns"));
            }
            Fate::Waiting { why: Why::InParts, .. } => {
                log.info(format_args!("{what}: {spans} spans go to {target} in several requests"));
            }
            Fate::Waiting { why: Why::NoAnswerYet, .. } => {
                log.info(format_args!("{what} is queued for {target}, which has not answered yet"));
            }
            Fate::Waiting { why: Why::Refused(why), .. } => {
                let why = without_place(why, target);
                log.error(format_args!("{what} is queued for {target}: {why}"));
            }
            Fate::SampledOut => log.verbose(format_args!("{what} is not among those for {target}")),
            Fate::SetAside(why) => {
                let why = without_place(why, target);
                log.error(format_args!("{what} was rejected by {target}: {why}"));
            }
            Fate::Lost(why) => {
                let why = without_place(why, target);
                log.error(format_args!("{what} could not be sent to {target}: {why}"));
            }
        }
        if let Fate::Waiting { dropped: dropped @ 1.., .. } = self.fate {
            log.error(format_args!("dropped {} for {target}: the queue is full", queued(dropped)));
        }
    }
}

impl TargetFlush {
    /// Logs what came of it, where something did.
    pub(crate) fn log(&self, log: &Log) {
        let target = &self.target;
        self.metrics.log(log, target);
        self.log_waiting_metrics(log);
        let flushed = match &self.result {
            Ok(flushed) => flushed,
            Err(error) => return log.error(format_args!("{target}: {}", chain(error))),
        };
        if flushed.accepted > 0 {
            log.info(format_args!("sent {} to {target}", queued(flushed.accepted)));
        }
        for aside in &flushed.set_aside {
            let aside = aside.to_string();
            let aside = without_place(&aside, target);
            log.error(format_args!("{target} rejected a queued turn: {aside}"));
        }
        if flushed.dropped > 0 {
            log.error(format_args!("dropped {} for {target}: too old", queued(flushed.dropped)));
        }
        let waiting = flushed.waiting;
        match &flushed.stopped {
            Some(Stopped::Refused(why)) => {
                let why = without_place(why, target);
                log.error(format_args!("{} for {target}: {why}", queued(waiting)));
            }
            Some(stopped) => {
                log.verbose(format_args!("{} for {target}: {stopped:?}", queued(waiting)))
            }
            None => {}
        }
    }

    fn log_waiting_metrics(&self, log: &Log) {
        let target = &self.target;
        match &self.waiting_metrics {
            Ok(flushed) => {
                let why = match &flushed.stopped {
                    Some(Stopped::Refused(why)) => Some(why.clone()),
                    _ => None,
                };
                let waiting = why.as_ref().map_or(0, |_| flushed.waiting);
                UnsentMetrics { waiting, lost: flushed.dropped, why }.log(log, target);
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
