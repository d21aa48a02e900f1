//! When each span was at work, as bars below each other.

use maud::{Markup, html};
use otlp_model::{Span, SpanKind, names};

use crate::turn::{self, Trace};
use crate::{arguments, changes, format, text};

/// Deeper spans are indented no further.
const DEEPEST: usize = 12;

/// The narrowest bar that can be seen, in percent.
const NARROWEST: f64 = 0.2;

/// The row of a span; `link` leads to the page with this span chosen.
pub(crate) fn row(trace: &Trace, place: usize, link: &str, is_chosen: bool) -> Markup {
    let Some(span) = trace.span(place) else { return html! {} };
    let id = span.span_id.to_string();
    let depth = trace.depths[place].min(DEEPEST);
    let (status, _) = turn::status(span);
    let kind = span.kind.as_str().to_lowercase();
    let classes = format!("row d{depth} {kind} {status}");
    let chosen = is_chosen.then_some("true");
    html! {
        a class=(classes) id=(format!("row-{id}")) data-span=(id) href=(link) aria-current=[chosen] {
            span.name { (label(span)) }
            span.time { (format::duration(span.end.since(span.start))) }
            (bar(trace, span))
        }
    }
}

/// The name of a span; of a tool the files of its patch, or its command.
fn label(span: &Span) -> Markup {
    let input = span.text(names::INPUT_VALUE).filter(|_| span.kind == SpanKind::Tool);
    let patched = input.map(changes::patched_files).filter(|files| !files.is_empty());
    match (patched, input.and_then(arguments::command)) {
        (Some(files), _) => html! { "patch " (text::line(&files.join(" "), 60)) },
        (None, Some(command)) => html! { "$ " (text::line(&command, 60)) },
        (None, None) => text::line(&span.name, 60),
    }
}

fn bar(trace: &Trace, span: &Span) -> Markup {
    let whole = trace.end.since(trace.start).max(1) as f64;
    let percent = |nanos: u64| 100.0 * nanos as f64 / whole;
    let from = percent(span.start.since(trace.start));
    let width = percent(span.end.since(span.start)).max(NARROWEST).min(100.0 - from.min(99.8));
    let token = first_token(span).map(|nanos| from + percent(nanos));
    let wait = turn::own(span, "tool.approval_wait_ms").filter(|wait| *wait > 0);
    let wait = wait.map(|wait| percent(wait.unsigned_abs().saturating_mul(1_000_000)).min(width));
    let title = format!(
        "{} after the start, for {}",
        format::duration(span.start.since(trace.start)),
        format::duration(span.end.since(span.start))
    );
    html! {
        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(title) {
            rect.span x=(round(from)) y="1" width=(round(width)) height="8" {}
            @if let Some(wait) = wait {
                rect.wait x=(round(from)) y="1" width=(round(wait)) height="8" {}
            }
            @if let Some(token) = token {
                rect.token x=(round(token)) y="0" width="0.3" height="10" {}
            }
        }
    }
}

/// Nanoseconds until the first token of a response.
fn first_token(span: &Span) -> Option<u64> {
    let seconds = span.double(names::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK)?;
    (seconds > 0.0).then_some((seconds * 1e9) as u64)
}

fn round(percent: f64) -> String {
    format!("{percent:.2}")
}

/// The parts of the turn's time as one bar, and as a list that adds up.
pub(crate) fn split(trace: &Trace) -> Markup {
    let times = trace.times();
    let whole: i64 = times.iter().map(|(.., millis)| millis).sum();
    if whole <= 0 {
        return html! {};
    }
    let percent = |millis: i64| 100.0 * millis as f64 / whole as f64;
    let mut from = 0.0;
    let bars: Vec<_> = times
        .iter()
        .map(|(key, _, millis)| {
            let x = from;
            from += percent(*millis);
            (*key, round(x), round(percent(*millis)))
        })
        .collect();
    html! {
        div.split {
            svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="where the time went" {
                @for (key, x, width) in &bars {
                    rect class=(format!("part {key}")) x=(x) y="0" width=(width) height="10" {}
                }
            }
            ul {
                @for (key, name, millis) in &times {
                    li class=(key) {
                        (name) " " b { (format::duration(millis.unsigned_abs() * 1_000_000)) }
                        " " (format!("{:.0} %", percent(*millis)))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::{Attribute, SpanKind};

    use super::*;
    use crate::turn::tests::span;

    #[test]
    fn bars_stand_where_the_time_was() {
        let mut tool = span("tool", Some("root"), SpanKind::Tool, (250, 750));
        tool.attributes = vec![
            Attribute::new("codex.tool.approval_wait_ms", 250_i64),
            Attribute::new(names::INPUT_VALUE, r#"{"cmd":"ls <a>"}"#),
        ];
        let trace = Trace::new(vec![span("root", None, SpanKind::Agent, (0, 1000)), tool]).unwrap();
        let row = row(&trace, 1, "?span=x", true).into_string();
        for part in [
            r#"<rect class="span" x="25.00" y="1" width="50.00""#,
            r#"<rect class="wait" x="25.00" y="1" width="25.00""#,
            "$ ls &lt;a&gt;",
            r#"class="row d1 tool ok""#,
            r#"aria-current="true""#,
        ] {
            assert!(row.contains(part), "{part}: {row}");
        }
        // The shortest span at the very end can be seen, within the picture.
        let root = span("root", None, SpanKind::Agent, (0, 1000));
        let last = span("last", Some("root"), SpanKind::Llm, (1000, 1000));
        let bar = bar(&Trace::new(vec![root, last.clone()]).unwrap(), &last).into_string();
        assert!(bar.contains(r#"x="100.00" y="1" width="0.20""#), "{bar}");
    }

    #[test]
    fn the_parts_of_the_time_add_up() {
        let mut root = span("root", None, SpanKind::Agent, (0, 1000));
        let part =
            |name: &str, millis: i64| Attribute::new(format!("codex.turn.time.{name}_ms"), millis);
        root.attributes = vec![part("model", 600), part("human", 400), part("tool", 0)];
        let split = split(&Trace::new(vec![root]).unwrap()).into_string();
        assert!(split.contains(r#"class="part human" x="60.00" y="0" width="40.00""#), "{split}");
        assert!(split.contains("waiting for you <b>400 ms</b> 40 %"), "{split}");
    }
}
