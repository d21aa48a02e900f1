//! Span trees and lists of turns, as text for a terminal and as JSON for programs. No line of a text
//! is longer than the terminal is wide, but for ids: what has no room is cut, and JSON has it all.

mod json;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use ::doctor::cut;
use otlp_model::{Span, SpanKind, SpanStatus, UnixNanos, Value, names};
use textwrap::Options;
use textwrap::core::display_width;
use trace_store::TraceSummary;

pub use self::json::{spans_json, summaries_json};

/// How much is shown of a prompt, an answer or an error, in columns.
const LONGEST_TEXT: usize = 240;

/// The columns in which the beginning of a tool's arguments still says something.
const LEAST_ARGUMENTS: usize = 8;

/// The spans of a trace as an indented tree of this width; parents come before their children.
pub fn tree(spans: &[Span], width: usize) -> String {
    let mut text = String::new();
    for root in spans.iter().filter(|span| is_root(span, spans)) {
        root_lines(&mut text, root, spans, width);
        let rows = rows(root, root, spans, "");
        let longest = rows.iter().map(|row| display_width(&row.name)).max().unwrap_or(0);
        for row in &rows {
            let _ = writeln!(text, "{}", row.line(longest.min(width * 2 / 5), width).trim_end());
        }
        if let Some(answer) = root.text(names::OUTPUT_VALUE) {
            wrapped(&mut text, '<', answer, width);
        }
    }
    text
}

/// A line of this width per turn, the last one first.
pub fn summaries(traces: &[TraceSummary], width: usize) -> String {
    let head = format!(
        "{:8}  {:16}  {:8} {:6}{:>8} {:>7} {:>6}  {}",
        "TRACE", "START (UTC)", "TURN", "STATUS", "TIME", "IN", "OUT", "MODEL"
    );
    let mut text = cut(&head, width) + "\n";
    for trace in traces {
        let count = |tokens: Option<u64>| tokens.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let line = format!(
            "{:8}  {:16}  {:8} {:6}{:>8} {:>7} {:>6}  {}",
            &trace.trace_id.to_string()[..8],
            &rfc3339(trace.start).replace('T', " ")[..16],
            cut(&trace.name, 8),
            status(&trace.status),
            duration(trace.end.since(trace.start)),
            count(trace.input_tokens),
            count(trace.output_tokens),
            trace.model.as_deref().unwrap_or("-"),
        );
        let _ = writeln!(text, "{}", cut(&line, width));
    }
    text
}

fn root_lines(text: &mut String, root: &Span, spans: &[Span], width: usize) {
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
    let head = format!(
        "{}  {}  {}  {}  ",
        root.name,
        root.kind.as_str(),
        duration(root.end.since(root.start)),
        status(&root.status),
    );
    let tokens = Tokens {
        input: count(names::LLM_TOKEN_COUNT_PROMPT),
        cached: count(names::LLM_TOKEN_COUNT_CACHE_READ),
        output: count(names::LLM_TOKEN_COUNT_COMPLETION),
        reasoning: count(names::LLM_TOKEN_COUNT_REASONING),
    };
    let room = width.saturating_sub(display_width(&head) + cost.len());
    let _ = writeln!(text, "{}", cut(&format!("{head}{}{cost}", tokens.within(room)), width));
    let _ = writeln!(text, "{}  trace {}", rfc3339(root.start).replace('T', " "), root.trace_id);
    if let Some(session) = root.text(names::SESSION_ID) {
        let _ = writeln!(text, "session {}", terminal_text::line(session));
    }
    if let SpanStatus::Error(message) = &root.status {
        wrapped(text, '!', message, width);
    }
    if let Some(prompt) = root.text(names::INPUT_VALUE) {
        wrapped(text, '>', prompt, width);
    }
}

/// A span below the root.
struct Row<'a> {
    /// Its name behind the branches of the tree.
    name: String,
    span: &'a Span,
    root: &'a Span,
}

impl Row<'_> {
    fn line(&self, name_width: usize, width: usize) -> String {
        let Self { name, span, root } = self;
        let name = cut(name, name_width);
        let padding = " ".repeat(name_width - display_width(&name));
        let line = format!(
            "{name}{padding} {:5} {:>9} {:>8}  {:5}  ",
            span.kind.as_str(),
            format!("+{}", duration(span.start.since(root.start))),
            duration(span.end.since(span.start)),
            status(&span.status),
        );
        let room = width.saturating_sub(display_width(&line));
        cut(&format!("{line}{}", details(span, room)), width)
    }
}

fn rows<'a>(root: &'a Span, parent: &Span, spans: &'a [Span], indent: &str) -> Vec<Row<'a>> {
    let children: Vec<&Span> =
        spans.iter().filter(|span| span.parent_id == Some(parent.span_id)).collect();
    let mut rows = Vec::new();
    for (index, &span) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        rows.push(Row { name: format!("{indent}{branch}{}", span.name), span, root });
        rows.extend(self::rows(root, span, spans, &format!("{indent}{below}")));
    }
    rows
}

/// What else there is to say of a span in this room. An error goes before arguments.
fn details(span: &Span, room: usize) -> String {
    let error = match &span.status {
        SpanStatus::Error(message) => cut(&format!("! {message}"), room),
        SpanStatus::Ok | SpanStatus::Unset => String::new(),
    };
    let separator = if error.is_empty() { "" } else { "  " };
    let rest = room.saturating_sub(display_width(&error) + separator.len());
    let details = match span.kind {
        SpanKind::Llm => Tokens::of(span).map(|tokens| tokens.within(rest)).unwrap_or_default(),
        SpanKind::Tool if rest >= LEAST_ARGUMENTS => {
            cut(span.text(names::INPUT_VALUE).unwrap_or_default(), rest)
        }
        _ => String::new(),
    };
    if details.is_empty() { error } else { format!("{details}{separator}{error}") }
}

/// What a model was given and has said, in tokens.
struct Tokens {
    input: i64,
    cached: i64,
    output: i64,
    reasoning: i64,
}

impl Tokens {
    fn of(span: &Span) -> Option<Self> {
        Some(Self {
            input: span.int(names::LLM_TOKEN_COUNT_PROMPT)?,
            cached: span.int(names::LLM_TOKEN_COUNT_CACHE_READ).unwrap_or(0),
            output: span.int(names::LLM_TOKEN_COUNT_COMPLETION)?,
            reasoning: span.int(names::LLM_TOKEN_COUNT_REASONING).unwrap_or(0),
        })
    }

    /// As much as there is room for.
    fn within(&self, room: usize) -> String {
        let Self { input, cached, output, reasoning } = self;
        let both = format!("in ({cached} cached), {output} out ({reasoning} reasoning)");
        let forms = [format!("{input} tokens {both}"), format!("{input} {both}")];
        let fitting = forms.into_iter().find(|form| form.len() <= room);
        fitting.unwrap_or_else(|| cut(&format!("{input} in, {output} out"), room))
    }
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

/// Adds a text of somebody's behind a mark, on as many lines as it needs.
fn wrapped(text: &mut String, mark: char, words: &str, width: usize) {
    let mark = format!("{mark} ");
    let options = Options::new(width).initial_indent(&mark).subsequent_indent("  ");
    let _ = writeln!(text, "{}", textwrap::fill(&cut(words, LONGEST_TEXT), options));
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use otlp_model::{Attribute, SpanId, TraceId};

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

    pub(super) fn turn() -> Vec<Span> {
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
            > one ␛[31mtwo
            ├─ gpt-5.5         LLM      +10 ms   1.98 s  ok     1000 tokens in (0 cached), 20 out (0 reasoning)
            │  └─ exec_command TOOL     +20 ms   2.97 s  ERROR  ! exit code 3
            └─ compaction      CHAIN    +30 ms   3.96 s  ok
            < done
            lost  TOOL  4.95 s  ok  0 tokens in (0 cached), 0 out (0 reasoning)
            2026-11-20 22:34:31.050Z  trace 07070707070707070707070707070707
        "#]].assert_eq(&tree(&turn(), 100));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = |key| Attribute::new(key, "a long text, 長い ".repeat(30));
        let error = SpanStatus::Error("exit code 3".to_owned());
        let mut spans = turn();
        spans.extend([
            span(6, Some(2), "a_tool_with_a_very_long_name_of_somebody", SpanKind::Tool, vec![]),
            span(7, Some(6), "exec_command", SpanKind::Tool, vec![long("input.value")]),
            Span {
                status: error,
                ..span(8, Some(6), "bad", SpanKind::Tool, vec![long("input.value")])
            },
            span(9, None, "Turn 2", SpanKind::Agent, vec![long("input.value")]),
        ]);
        let summary = TraceSummary {
            trace_id: TraceId([7; 16]),
            name: "Turn 1 (sub-agent)".to_owned(),
            session_id: None,
            project: None,
            start: spans[0].start,
            end: spans[0].end,
            status: SpanStatus::Ok,
            spans: 3,
            input_tokens: Some(12_345_678),
            output_tokens: None,
            model: Some("a-model-with-a-long-name".to_owned()),
        };
        for width in [64, 80, 100, 200] {
            let text = tree(&spans, width) + &summaries(std::slice::from_ref(&summary), width);
            for line in text.lines() {
                assert!(display_width(line) <= width, "{width}: {line}");
            }
            assert!(width < 80 || text.contains("! exit code 3"), "{text}");
        }
        assert!(tree(&spans, 200).contains("a_tool_with_a_very_long_name_of_somebody"));
    }
}
