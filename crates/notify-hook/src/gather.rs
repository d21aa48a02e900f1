//! Collecting what the buffer service holds of a thread.

use std::time::{Duration, Instant};

use buffer_api::log::chain;
use buffer_api::{BufferedEvent, Client};
use codex_turn::LogEvent;
use otlp_model::UnixNanos;

use crate::log::Log;

/// The events of a thread that were not acknowledged yet.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<LogEvent>,
    /// The cursor of each event, in the same order.
    sequence: Vec<u64>,
    service: Service,
    next: u64,
}

/// What is known of the service.
#[derive(Default, PartialEq, Eq)]
enum Service {
    /// It was not asked yet: a look that finds nothing to tell has no use for events.
    #[default]
    Unasked,
    Answers,
    Fails,
}

impl Gathered {
    /// Takes what the service holds of the thread now, and waits for more until `enough` says so,
    /// `until` has come or the service fails.
    pub(crate) fn wait(
        &mut self,
        client: Option<&Client>,
        thread_id: &str,
        until: Instant,
        log: &Log,
        enough: impl Fn(&[LogEvent]) -> bool,
    ) {
        let Some(client) = client else { return };
        if self.service == Service::Unasked {
            self.more(client, thread_id, Duration::ZERO, log);
        }
        while self.service == Service::Answers && !enough(&self.events) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.more(client, thread_id, left, log);
        }
    }

    fn more(&mut self, client: &Client, thread_id: &str, wait: Duration, log: &Log) {
        match client.drain(thread_id, self.next, wait) {
            Ok(drained) => {
                self.service = Service::Answers;
                self.next = drained.next;
                self.sequence.extend(drained.events.iter().map(|event| event.seq));
                self.events.extend(drained.events.into_iter().map(log_event));
            }
            Err(error) => {
                self.service = Service::Fails;
                if error.is_nobody_there() {
                    log.warn(format_args!(
                        "the buffer service is not running; going on without telemetry"
                    ));
                    return;
                }
                let error = chain(&error);
                log.warn(format_args!("buffer service: {error}; going on without telemetry"));
            }
        }
    }

    /// Tells the service that all events up to a time are told, so that it can drop them.
    pub(crate) fn acknowledge(
        &self,
        client: Option<&Client>,
        thread_id: &str,
        through: UnixNanos,
        log: &Log,
    ) {
        let told = self.events.iter().zip(&self.sequence);
        let last =
            told.filter(|(event, _)| event.time <= through).map(|(_, sequence)| *sequence).max();
        if let (Some(client), Some(last)) = (client, last)
            && let Err(error) = client.acknowledge(thread_id, last)
        {
            log.verbose(format_args!(
                "buffer service: {}; it keeps the events until they are too old",
                chain(&error)
            ));
        }
    }
}

fn log_event(event: BufferedEvent) -> LogEvent {
    LogEvent {
        time: UnixNanos(event.time_ns),
        name: event.name,
        trace_id: event.trace_id,
        attributes: event.attributes,
        resource: event.resource,
    }
}
