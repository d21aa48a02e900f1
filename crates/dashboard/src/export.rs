//! A turn as a file to hand on: a page that loads nothing, or a trace for Perfetto.
//!
//! Both are free of what the rules of [`scrub`] take for a secret, also where the spans were stored with
//! it: people hand these files on.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, html};
use otlp_model::{Span, Value};
use scrub::Scrubber;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::pages::turn::Page;
use crate::turn::{self, Trace};
use crate::{assets, text};

/// A file, and what is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its text.
    pub text: String,
    /// How many secrets were replaced, by the attribute that had them.
    pub replaced: BTreeMap<String, usize>,
}

/// Replaces secrets by hashes that compare with those of no other file.
///
/// # Errors
///
/// When the system gives no random numbers.
pub fn scrubber() -> std::io::Result<Scrubber> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)?;
    Ok(Scrubber::new(salt, &[]))
}

/// A page with the whole turn, for any browser; none where there are no spans. Parents come before
/// their children in `spans`.
pub fn html(spans: Vec<Span>, zone: &TimeZone, scrubber: &Scrubber) -> Option<Exported> {
    let (spans, replaced) = scrubbed(spans, scrubber);
    let trace = Trace::new(spans)?;
    let page = Page::of_file(zone, &trace);
    // The page may use this style sheet, and nothing else.
    let style = BASE64_STANDARD.encode(Sha256::digest(assets::STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{style}'");
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title()) }
                style { (maud::PreEscaped(assets::STYLE)) }
            }
            body { main {
                (page.body())
                @if !replaced.is_empty() {
                    section {
                        h2 { "Replaced before this file was written" }
                        ul { @for (key, count) in &replaced { li { (count) " in " (text::line(key, 80)) } } }
                    }
                }
            } }
        }
    };
    Some(Exported { text: text.into_string(), replaced })
}

/// The turn in the trace event format, which Perfetto and Chromium's tracing page open; none where there
/// are no spans.
pub fn perfetto(spans: Vec<Span>, scrubber: &Scrubber) -> Option<Exported> {
    let (spans, replaced) = scrubbed(spans, scrubber);
    let trace = Trace::new(spans)?;
    let events: Vec<_> = trace
        .range(0..trace.len())
        .zip(tracks(&trace))
        .map(|((_, span), track)| {
            let (status, reason) = turn::status(span);
            let attributes = span.attributes.iter().map(|attribute| {
                (attribute.key.to_string(), crate::format::json_value(&attribute.value))
            });
            let attributes: serde_json::Map<_, _> = attributes.collect();
            json!({
                "ph": "X",
                "name": span.name,
                "cat": span.kind.as_str(),
                "ts": micros(span.start.0),
                "dur": micros(span.end.since(span.start)),
                "pid": 1,
                "tid": track,
                "args": { "status": status, "error": reason, "attributes": attributes },
            })
        })
        .collect();
    let text = json!({ "traceEvents": events, "displayTimeUnit": "ms" }).to_string();
    Some(Exported { text, replaced })
}

/// The format counts microseconds; the rest is behind the point.
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// A track for each span. On one track, spans lie within each other and do not overlap, so that calls at
/// the same time are on several.
fn tracks(trace: &Trace) -> Vec<usize> {
    let mut tracks: Vec<Vec<(u64, u64)>> = Vec::new();
    let mut order: Vec<usize> = (0..trace.len()).collect();
    // What is around others comes first.
    let times = |place: usize| (trace.outline[place].start.0, trace.outline[place].end.0);
    order.sort_by_key(|place| (times(*place).0, std::cmp::Reverse(times(*place).1), *place));
    let mut of_spans = vec![0; trace.len()];
    for place in order {
        let (start, end) = times(place);
        let fits = |open: &mut Vec<(u64, u64)>| {
            open.retain(|(_, until)| *until > start);
            open.last().is_none_or(|(_, until)| end <= *until)
        };
        let track = tracks.iter_mut().position(fits).unwrap_or_else(|| {
            tracks.push(Vec::new());
            tracks.len() - 1
        });
        tracks[track].push((start, end));
        of_spans[place] = track;
    }
    of_spans
}

fn scrubbed(spans: Vec<Span>, scrubber: &Scrubber) -> (Vec<Span>, BTreeMap<String, usize>) {
    let mut replaced = BTreeMap::new();
    let mut scrub = |key: &str, text: &mut String| {
        let scrubbed = scrubber.scrub(text);
        if scrubbed.secrets > 0 {
            *replaced.entry(key.to_owned()).or_default() += scrubbed.secrets;
            *text = scrubbed.text.into_owned();
        }
    };
    let mut attributes = |attributes: &mut Vec<otlp_model::Attribute>| {
        for attribute in attributes {
            match &mut attribute.value {
                Value::String(value) => {
                    let mut text = value.to_string();
                    scrub(&attribute.key, &mut text);
                    *value = text.into();
                }
                Value::Strings(texts) => {
                    texts.iter_mut().for_each(|text| scrub(&attribute.key, text));
                }
                Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
            }
        }
    };
    let mut spans = spans;
    for span in &mut spans {
        attributes(&mut span.attributes);
        span.events.iter_mut().for_each(|event| attributes(&mut event.attributes));
    }
    for span in &mut spans {
        scrub("name", &mut span.name);
        if let otlp_model::SpanStatus::Error(reason) = &mut span.status {
            scrub("status", reason);
        }
    }
    (spans, replaced)
}

#[cfg(test)]
mod tests {
    use otlp_model::{Attribute, SpanKind, names};

    use super::*;
    use crate::turn::tests::span;

    const KEY: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH";

    fn spans() -> Vec<Span> {
        let mut root = span("Turn 1", None, SpanKind::Agent, (0, 100));
        root.attributes = vec![Attribute::new(names::INPUT_VALUE, format!("use <{KEY}>"))];
        let mut spans = vec![root];
        for (name, at) in [("a", (10, 50)), ("b", (20, 60)), ("c", (60, 90))] {
            spans.push(span(name, Some("Turn 1"), SpanKind::Tool, at));
        }
        spans
    }

    fn scrubber() -> Scrubber {
        Scrubber::new([7; 32], &[])
    }

    #[test]
    fn a_page_has_the_turn_without_secrets_and_loads_nothing() {
        let file = html(spans(), &TimeZone::UTC, &scrubber()).unwrap();
        assert!(!file.text.contains(KEY), "the key");
        assert_eq!(file.replaced[names::INPUT_VALUE], 1);
        for part in ["<li>1 in input.value</li>", "use &lt;", "style-src 'sha256-", "#said-"] {
            assert!(file.text.contains(part), "{part}");
        }
        for part in ["<script", "src=", "<link", "?span=", "href=\"/"] {
            assert!(!file.text.contains(part), "{part}");
        }
        assert_eq!(html(vec![], &TimeZone::UTC, &scrubber()), None);
    }

    #[test]
    fn spans_at_the_same_time_have_tracks_of_their_own() {
        let file = perfetto(spans(), &scrubber()).unwrap();
        assert!(!file.text.contains(KEY), "the key");
        let json: serde_json::Value = serde_json::from_str(&file.text).unwrap();
        let events = json["traceEvents"].as_array().unwrap();
        let of = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
        assert_eq!(
            (of("a")["ts"].as_f64(), of("a")["dur"].as_f64()),
            (Some(10_000.0), Some(40_000.0))
        );
        let tracks = ["Turn 1", "a", "b", "c"].map(|name| of(name)["tid"].as_u64().unwrap());
        assert_eq!(tracks, [0, 0, 1, 0]);
    }
}
