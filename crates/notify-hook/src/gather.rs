//! Collecting what the buffer service holds of a thread.

use std::time::{Duration, Instant};

use buffer_api::{BufferedEvent, Client};
use codex_turn::LogEvent;
use otlp_model::UnixNanos;
use program_log::chain;

use program_log::Log;

/// So many bytes of events are kept as they are.
const WHOLE_BYTES: usize = 1024 * 1024;

/// So many bytes of events are kept at most.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The events of a thread that were not acknowledged yet; where they are too many, the first of them.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<LogEvent>,
    /// When each event happened and its cursor, also of those that are left out.
    received: Vec<(UnixNanos, u64)>,
    /// Bytes of the events, about.
    size: usize,
    service: Service,
    next: u64,
    /// Whether the last answer had no events.
    is_at_end: bool,
    /// Whether events are left out.
    is_cut: bool,
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
            // What the service has already takes no waiting.
            if left.is_zero() && self.is_at_end {
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
                self.is_at_end = drained.events.is_empty();
                let left_out = self.take(drained.events);
                if left_out > 0 && !std::mem::replace(&mut self.is_cut, true) {
                    log.limit(format_args!(
                        "thread {thread_id} has more than {} MiB of telemetry; the rest is left out",
                        MOST_BYTES / 1024 / 1024
                    ));
                }
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

    /// Keeps events; returns how many it left out.
    fn take(&mut self, events: Vec<BufferedEvent>) -> usize {
        let mut left_out = 0;
        for event in events {
            let cursor = event.seq;
            let mut event = log_event(event);
            self.received.push((event.time, cursor));
            if self.size > WHOLE_BYTES {
                event.shorten();
            }
            let size = event.size();
            if self.size + size > MOST_BYTES {
                left_out += 1;
                continue;
            }
            self.size += size;
            self.events.push(event);
        }
        left_out
    }

    /// The cursor up to which the service can drop events when those up to a time are told.
    fn cursor(&self, through: UnixNanos) -> Option<u64> {
        let told = self.received.iter().filter(|(time, _)| *time <= through);
        told.map(|(_, cursor)| *cursor).max()
    }

    /// Tells the service that all events up to a time are told, so that it can drop them.
    pub(crate) fn acknowledge(
        &self,
        client: Option<&Client>,
        thread_id: &str,
        through: UnixNanos,
        log: &Log,
    ) {
        if let (Some(client), Some(last)) = (client, self.cursor(through))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A result of a tool as Codex tells it, of so many bytes.
    fn result(seq: u64, bytes: usize) -> BufferedEvent {
        let attributes = json!({ "call_id": format!("call_{seq}"), "tool_name": "exec_command",
            "duration_ms": 12, "success": "true", "output": "x".repeat(bytes),
            "user.account_id": "x".repeat(40), "terminal.type": "xterm" });
        BufferedEvent {
            seq,
            time_ns: seq,
            name: "codex.tool_result".to_owned(),
            trace_id: None,
            attributes: attributes.as_object().cloned().unwrap(),
            resource: json!({ "service.version": "1", "host.name": "here" })
                .as_object()
                .cloned()
                .unwrap(),
        }
    }

    #[test]
    fn of_too_much_telemetry_the_beginning_is_kept_and_all_is_acknowledged() {
        let mut gathered = Gathered::default();
        let mut left_out = 0;
        for page in 0..100 {
            left_out += gathered.take((0..1000).map(|n| result(page * 1000 + n, 1000)).collect());
        }
        assert_eq!(gathered.events.len() + left_out, 100_000);
        let kept = gathered.events.len();
        assert!(kept > 2000, "{kept}");
        assert!(gathered.events.iter().map(LogEvent::size).sum::<usize>() <= MOST_BYTES);
        // The first are whole; of the others there is what a span needs.
        assert_eq!(gathered.events[0], log_event(result(0, 1000)));
        let last = gathered.events.last().unwrap();
        let names: Vec<&str> = last.attributes.keys().map(String::as_str).collect();
        let expected =
            ["call_id", "duration_ms", "output", "output_truncated", "success", "tool_name"];
        assert_eq!(names, expected);
        assert_eq!(gathered.cursor(UnixNanos(99_999)), Some(99_999));
        assert_eq!(gathered.cursor(UnixNanos(500)), Some(500));
    }
}
