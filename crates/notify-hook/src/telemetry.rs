//! The telemetry that the buffer service holds of a thread.

use std::time::{Duration, Instant};

use buffer_api::{BufferedEvent, Client};
use codex_turn::LogEvent;
use otlp_model::UnixNanos;
use program_log::{Log, chain};

/// So many bytes of events are kept as they are.
const WHOLE_BYTES: usize = 1024 * 1024;

/// So many bytes of events are kept at most.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The events of a thread that were not acknowledged yet; where they are too many, the first of them.
pub(crate) struct BufferedTelemetry<'a> {
    /// The buffer service; none where it cannot be asked.
    client: Option<&'a Client>,
    thread_id: &'a str,
    log: &'a Log,
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

/// The state of the service.
#[derive(PartialEq, Eq)]
enum Service {
    /// It was not asked yet: without a turn that is due there is no use for events.
    Unasked,
    Answers,
    Fails,
}

impl<'a> BufferedTelemetry<'a> {
    /// Asks for nothing yet.
    pub(crate) fn new(client: Option<&'a Client>, thread_id: &'a str, log: &'a Log) -> Self {
        Self {
            client,
            thread_id,
            log,
            events: Vec::new(),
            received: Vec::new(),
            size: 0,
            service: Service::Unasked,
            next: 0,
            is_at_end: false,
            is_cut: false,
        }
    }

    /// Takes what the service holds of the thread now, and waits for more until `enough` says so,
    /// `until` has come or the service fails.
    pub(crate) fn wait(&mut self, until: Instant, enough: impl Fn(&[LogEvent]) -> bool) {
        let Some(client) = self.client else { return };
        if self.service == Service::Unasked {
            self.drain(client, Duration::ZERO);
        }
        while self.service == Service::Answers && !enough(&self.events) {
            let left = until.saturating_duration_since(Instant::now());
            // Events that the service has already take no waiting.
            if left.is_zero() && self.is_at_end {
                return;
            }
            self.drain(client, left);
        }
    }

    fn drain(&mut self, client: &Client, wait: Duration) {
        match client.drain(self.thread_id, self.next, wait) {
            Ok(drained) => {
                self.service = Service::Answers;
                self.next = drained.next;
                self.is_at_end = drained.events.is_empty();
                let left_out = self.take(drained.events);
                if left_out > 0 && !std::mem::replace(&mut self.is_cut, true) {
                    self.log.limit(format_args!(
                        "thread {} has more than {} MiB of telemetry; the rest is left out",
                        self.thread_id,
                        MOST_BYTES / 1024 / 1024
                    ));
                }
            }
            Err(error) => {
                self.service = Service::Fails;
                if error.is_refused() {
                    self.log.warn(format_args!(
                        "the buffer service is not running; going on without telemetry"
                    ));
                    return;
                }
                let error = chain(&error);
                self.log.warn(format_args!("buffer service: {error}; going on without telemetry"));
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

    /// The cursor up to which the service can drop events when the turns up to a time are exported.
    fn cursor(&self, through: UnixNanos) -> Option<u64> {
        let exported = self.received.iter().filter(|(time, _)| *time <= through);
        exported.map(|(_, cursor)| *cursor).max()
    }

    /// Acknowledges all events up to a time, so that the service can drop them.
    pub(crate) fn acknowledge(&self, through: UnixNanos) {
        if let (Some(client), Some(last)) = (self.client, self.cursor(through))
            && let Err(error) = client.acknowledge(self.thread_id, last)
        {
            self.log.verbose(format_args!(
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

    /// A tool result in Codex's form, of so many bytes.
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
        let log = Log::new("/dev/null".into(), false);
        let mut telemetry = BufferedTelemetry::new(None, "thread", &log);
        let mut left_out = 0;
        for page in 0..100 {
            left_out += telemetry.take((0..1000).map(|n| result(page * 1000 + n, 1000)).collect());
        }
        assert_eq!(telemetry.events.len() + left_out, 100_000);
        let kept = telemetry.events.len();
        assert!(kept > 2000, "{kept}");
        assert!(telemetry.events.iter().map(LogEvent::size).sum::<usize>() <= MOST_BYTES);
        // The first are whole; of the others there is what a span needs.
        assert_eq!(telemetry.events[0], log_event(result(0, 1000)));
        let last = telemetry.events.last().unwrap();
        let names: Vec<&str> = last.attributes.keys().map(String::as_str).collect();
        let expected =
            ["call_id", "duration_ms", "output", "output_truncated", "success", "tool_name"];
        assert_eq!(names, expected);
        assert_eq!(telemetry.cursor(UnixNanos(99_999)), Some(99_999));
        assert_eq!(telemetry.cursor(UnixNanos(500)), Some(500));
    }
}
