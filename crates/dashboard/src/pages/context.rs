//! The context of a session: how large each request was, where it was shortened, and which model got it.

use jiff::tz::TimeZone;
use maud::{Markup, html};
use otlp_model::UnixNanos;
use serde_json::{Value as Json, json};
use trace_store::usage::SessionCall;

use crate::chart::{self, Bar};
use crate::{format, text};

/// What is known of the context of a session.
#[derive(Debug)]
pub(super) struct Context {
    /// The last calls, in the order of time.
    pub(super) calls: Vec<SessionCall>,
    /// When it was shortened.
    pub(super) compactions: Vec<UnixNanos>,
}

/// Something that happened to it.
#[derive(Debug, PartialEq, Eq)]
struct Change<'c> {
    at: UnixNanos,
    /// The model that the calls of a thread go to from then on; none where it was shortened.
    model: Option<&'c str>,
}

impl Context {
    /// Model changes within threads and compactions, in the order of time.
    fn changes(&self) -> Vec<Change<'_>> {
        let mut models = std::collections::HashMap::new();
        let mut changes: Vec<Change<'_>> = self
            .calls
            .iter()
            .filter(|call| {
                let before = models.insert(&*call.thread_id, &*call.model);
                before.is_some_and(|before| before != call.model)
            })
            .map(|call| Change { at: call.end, model: Some(&call.model) })
            .collect();
        let first = self.calls.first().map_or(UnixNanos(0), |call| call.end);
        let shortened = self.compactions.iter().filter(|at| **at >= first);
        changes.extend(shortened.map(|at| Change { at: *at, model: None }));
        changes.sort_by_key(|change| change.at);
        changes
    }

    /// A chart of the requests of one thread, and what happened to it; nothing for fewer than two calls.
    pub(super) fn section(&self, thread: &str, zone: &TimeZone) -> Markup {
        let bars: Vec<Bar> = self
            .calls
            .iter()
            .filter(|call| call.thread_id == thread)
            .map(|call| Bar {
                label: format!("{} {}", format::time(call.end, zone), text::plain(&call.model)),
                value: call.input as f64,
                shown: format!("{} tokens", format::count(call.input.cast_signed())),
            })
            .collect();
        let changes = self.changes();
        html! {
            (chart::columns("Context of each model call", &bars))
            @if !changes.is_empty() {
                ul.note { @for change in &changes { li {
                    (format::time(change.at, zone)) ": "
                    @match change.model {
                        Some(model) => { "the model is " (text::line(model, 60)) " from here on" },
                        None => { "the context was shortened (compaction)" },
                    }
                } } }
            }
        }
    }

    pub(super) fn json(&self) -> Json {
        let calls = self.calls.iter().map(|call| {
            json!({
                "thread_id": call.thread_id,
                "trace_id": call.trace_id.to_string(),
                "end_ms": call.end.millis(),
                "model": call.model,
                "input_tokens": call.input,
            })
        });
        let compactions = self.compactions.iter().map(|at| at.millis());
        json!({
            "calls": calls.collect::<Vec<_>>(),
            "compactions_ms": compactions.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::TraceId;

    use super::*;

    #[test]
    fn a_change_of_model_is_one_within_a_thread() {
        let call = |at, thread: &str, model: &str| SessionCall {
            thread_id: thread.to_owned(),
            trace_id: TraceId([1; 16]),
            end: UnixNanos(at),
            model: model.to_owned(),
            input: 5,
        };
        let context = Context {
            calls: vec![
                call(10, "a", "large"),
                call(20, "b", "small"),
                call(30, "a", "large"),
                call(50, "a", "small"),
            ],
            compactions: vec![UnixNanos(5), UnixNanos(40)],
        };
        let expected = [
            Change { at: UnixNanos(40), model: None },
            Change { at: UnixNanos(50), model: Some("small") },
        ];
        assert_eq!(context.changes(), expected);
    }
}
