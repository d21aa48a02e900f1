//! Span trees and lists of turns, as text for a terminal and as JSON for programs.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use otlp_model::{Attribute, Span, SpanKind, SpanStatus, UnixNanos, Value, names};
use serde_json::{Map, Value as Json, json};
use trace_store::TraceSummary;

/// How much of a text fits a line, in characters.
const SHORT: usize = 60;

/// The spans of a trace as an indented tree; parents come before their children.
pub fn tree(spans: &[Span]) -> String {
    let mut text = String::new();
    for root in spans.iter().filter(|span| is_root(span, spans)) {
        root_lines(&mut text, root, spans);
        children(&mut text, root, root, spans, "");
        if let Some(answer) = root.text(names::OUTPUT_VALUE) {
            let _ = writeln!(text, "< {}", shorten(answer, 4 * SHORT));
        }
    }
    text
}

/// The spans of a trace as a JSON array.
pub fn spans_json(spans: &[Span]) -> String {
    let spans: Vec<Json> = spans.iter().map(span_json).collect();
    format!("{:#}\n", Json::Array(spans))
}

/// A line per turn, the last one first.
pub fn summaries(traces: &[TraceSummary]) -> String {
    let mut text = format!(
        "{:8}  {:19}  {:10} {:11} {:>9}  {:>8}  {:>7}  {}\n",
        "TRACE", "START (UTC)", "TURN", "STATUS", "TIME", "IN", "OUT", "MODEL"
    );
    for trace in traces {
        let count = |tokens: Option<u64>| tokens.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let _ = writeln!(
            text,
            "{:8}  {:19}  {:10} {:11} {:>9}  {:>8}  {:>7}  {}",
            &trace.trace_id.to_string()[..8],
            &rfc3339(trace.start).replace('T', " ")[..19],
            shorten(&trace.name, 10),
            status(&trace.status),
            duration(trace.end.since(trace.start)),
            count(trace.input_tokens),
            count(trace.output_tokens),
            trace.model.as_deref().unwrap_or("-"),
        );
    }
    text
}

/// The turns as a JSON array.
pub fn summaries_json(traces: &[TraceSummary]) -> String {
    let traces: Vec<Json> = traces
        .iter()
        .map(|trace| {
            json!({
                "trace_id": trace.trace_id.to_string(),
                "name": trace.name,
                "session_id": trace.session_id,
                "project": trace.project,
                "start": rfc3339(trace.start),
                "end": rfc3339(trace.end),
                "duration_ms": trace.end.since(trace.start) as f64 / 1e6,
                "status": status(&trace.status),
                "spans": trace.spans,
                "input_tokens": trace.input_tokens,
                "output_tokens": trace.output_tokens,
                "model": trace.model,
            })
        })
        .collect();
    format!("{:#}\n", Json::Array(traces))
}

fn root_lines(text: &mut String, root: &Span, spans: &[Span]) {
    let spans = subtree(root, spans);
    let count = |key: &str| -> i64 {
        spans
            .iter()
            .filter(|span| span.kind == SpanKind::Llm)
            .filter_map(|span| span.int(key))
            .sum()
    };
    let cost: f64 = spans.iter().filter_map(|span| double(span, names::LLM_COST_TOTAL)).sum();
    let cost = if cost > 0.0 { format!("  ${cost:.4}") } else { String::new() };
    let _ = writeln!(
        text,
        "{}  {}  {}  {}  {} tokens in ({} cached), {} out ({} reasoning){cost}",
        root.name,
        root.kind.as_str(),
        duration(root.end.since(root.start)),
        status(&root.status),
        count(names::LLM_TOKEN_COUNT_PROMPT),
        count(names::LLM_TOKEN_COUNT_CACHE_READ),
        count(names::LLM_TOKEN_COUNT_COMPLETION),
        count(names::LLM_TOKEN_COUNT_REASONING),
    );
    let _ = writeln!(text, "{}  trace {}", rfc3339(root.start).replace('T', " "), root.trace_id);
    if let Some(session) = root.text(names::SESSION_ID) {
        let _ = writeln!(text, "session {session}");
    }
    if let SpanStatus::Error(message) = &root.status {
        let _ = writeln!(text, "! {}", shorten(message, 4 * SHORT));
    }
    if let Some(prompt) = root.text(names::INPUT_VALUE) {
        let _ = writeln!(text, "> {}", shorten(prompt, 4 * SHORT));
    }
}

fn children(text: &mut String, root: &Span, parent: &Span, spans: &[Span], indent: &str) {
    let children: Vec<&Span> =
        spans.iter().filter(|span| span.parent_id == Some(parent.span_id)).collect();
    for (index, span) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let name = format!("{indent}{branch}{}", span.name);
        let line = format!(
            "{name:36} {:5} {:>10} {:>9}  {:5}  {}",
            span.kind.as_str(),
            format!("+{}", duration(span.start.since(root.start))),
            duration(span.end.since(span.start)),
            status(&span.status),
            details(span),
        );
        let _ = writeln!(text, "{}", line.trim_end());
        self::children(text, root, span, spans, &format!("{indent}{below}"));
    }
}

fn details(span: &Span) -> String {
    let int = |key: &str| span.int(key);
    let mut details = match (
        span.kind,
        int(names::LLM_TOKEN_COUNT_PROMPT),
        int(names::LLM_TOKEN_COUNT_COMPLETION),
    ) {
        (SpanKind::Llm, Some(input), Some(output)) => {
            let cached = int(names::LLM_TOKEN_COUNT_CACHE_READ).unwrap_or(0);
            let reasoning = int(names::LLM_TOKEN_COUNT_REASONING).unwrap_or(0);
            format!("{input} tokens in ({cached} cached), {output} out ({reasoning} reasoning)")
        }
        (SpanKind::Tool, ..) => shorten(span.text(names::INPUT_VALUE).unwrap_or_default(), SHORT),
        _ => String::new(),
    };
    if let SpanStatus::Error(message) = &span.status {
        let separator = if details.is_empty() { "" } else { "  " };
        details.push_str(&format!("{separator}! {}", shorten(message, SHORT)));
    }
    details
}

fn span_json(span: &Span) -> Json {
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_id": span.parent_id.map(|id| id.to_string()),
        "name": span.name,
        "kind": span.kind.as_str(),
        "start": rfc3339(span.start),
        "end": rfc3339(span.end),
        "duration_ms": span.end.since(span.start) as f64 / 1e6,
        "status": status(&span.status),
        "status_message": match &span.status {
            SpanStatus::Error(message) => Some(message),
            SpanStatus::Ok | SpanStatus::Unset => None,
        },
        "attributes": attributes_json(&span.attributes),
        "events": span.events.iter().map(|event| json!({
            "name": event.name,
            "time": rfc3339(event.time),
            "attributes": attributes_json(&event.attributes),
        })).collect::<Vec<_>>(),
    })
}

fn attributes_json(attributes: &[Attribute]) -> Map<String, Json> {
    let pairs = attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            Value::String(text) => Json::from(text.as_ref()),
            Value::Int(number) => Json::from(*number),
            Value::Double(number) => Json::from(*number),
            Value::Bool(truth) => Json::from(*truth),
            Value::Strings(texts) => Json::from(texts.clone()),
        };
        (attribute.key.clone().into_owned(), value)
    });
    pairs.collect()
}

/// A span and all below it.
fn subtree<'a>(root: &'a Span, spans: &'a [Span]) -> Vec<&'a Span> {
    let below = spans.iter().filter(|span| span.parent_id == Some(root.span_id));
    std::iter::once(root).chain(below.flat_map(|span| subtree(span, spans))).collect()
}

/// A span whose parent is not among the spans is shown like a root.
fn is_root(span: &Span, spans: &[Span]) -> bool {
    span.parent_id.is_none_or(|parent| spans.iter().all(|other| other.span_id != parent))
}

fn status(status: &SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "-",
        SpanStatus::Ok => "ok",
        SpanStatus::Error(_) => "ERROR",
    }
}

fn double(span: &Span, key: &str) -> Option<f64> {
    match span.attribute(key)? {
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

/// A duration in the unit that reads best.
fn duration(nanos: u64) -> String {
    let millis = nanos as f64 / 1e6;
    match nanos {
        0..10_000_000 => format!("{millis:.1} ms"),
        10_000_000..1_000_000_000 => format!("{millis:.0} ms"),
        1_000_000_000..60_000_000_000 => format!("{:.2} s", millis / 1e3),
        _ => format!("{}m{:02}s", nanos / 60_000_000_000, nanos / 1_000_000_000 % 60),
    }
}

fn rfc3339(time: UnixNanos) -> String {
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_nanos(time.0))
        .to_string()
}

/// The beginning of a text on one line, without characters that a terminal acts on.
fn shorten(text: &str, max: usize) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max).collect();
    if text.chars().nth(max).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use otlp_model::{SpanId, TraceId};

    use super::*;

    fn span(
        id: u8,
        parent: Option<u8>,
        name: &str,
        kind: SpanKind,
        attributes: Vec<Attribute>,
    ) -> Span {
        let at = |millis: u64| UnixNanos::from_millis(1_795_214_071_000 + millis);
        Span {
            trace_id: TraceId([7; 16]),
            span_id: SpanId([id; 8]),
            parent_id: parent.map(|parent| SpanId([parent; 8])),
            name: name.to_owned(),
            kind,
            start: at(u64::from(id) * 10),
            end: at(u64::from(id) * 1000),
            attributes,
            events: Vec::new(),
            status: SpanStatus::Ok,
        }
    }

    fn turn() -> Vec<Span> {
        let prompt = vec![
            Attribute::new("input.value", "one\n\x1b[31mtwo"),
            Attribute::new("output.value", "done"),
        ];
        let tokens = vec![
            Attribute::new("llm.token_count.prompt", 1000_i64),
            Attribute::new("llm.token_count.completion", 20_i64),
            Attribute::new("llm.cost.total", 0.01234),
        ];
        let failed = SpanStatus::Error("exit code 3".to_owned());
        vec![
            span(1, None, "Turn 1", SpanKind::Agent, prompt),
            span(2, Some(1), "gpt-5.5", SpanKind::Llm, tokens),
            Span { status: failed, ..span(3, Some(2), "exec_command", SpanKind::Tool, Vec::new()) },
            span(4, Some(1), "compaction", SpanKind::Chain, Vec::new()),
            span(5, Some(9), "lost", SpanKind::Tool, Vec::new()),
        ]
    }

    #[test]
    fn a_tree_reads_from_top_to_bottom_and_does_nothing_to_the_terminal() {
        expect![[r#"
            Turn 1  AGENT  990 ms  ok  1000 tokens in (0 cached), 20 out (0 reasoning)  $0.0123
            2026-11-20 22:34:31.010Z  trace 07070707070707070707070707070707
            > one  [31mtwo
            ├─ gpt-5.5                           LLM       +10 ms    1.98 s  ok     1000 tokens in (0 cached), 20 out (0 reasoning)
            │  └─ exec_command                   TOOL      +20 ms    2.97 s  ERROR  ! exit code 3
            └─ compaction                        CHAIN     +30 ms    3.96 s  ok
            < done
            lost  TOOL  4.95 s  ok  0 tokens in (0 cached), 0 out (0 reasoning)
            2026-11-20 22:34:31.050Z  trace 07070707070707070707070707070707
        "#]].assert_eq(&tree(&turn()));
    }

    #[test]
    fn json_has_every_attribute_with_its_type() {
        let spans: Json = serde_json::from_str(&spans_json(&turn())).unwrap();
        assert_eq!(spans[1]["attributes"]["llm.token_count.prompt"], 1000);
        assert_eq!(spans[1]["parent_id"], "0101010101010101");
        assert_eq!(spans[2]["status"], "ERROR");
        assert_eq!(spans[2]["status_message"], "exit code 3");
    }
}
