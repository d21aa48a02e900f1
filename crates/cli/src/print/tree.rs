//! The spans of a trace as a tree.

use std::fmt::Write as _;

use ::doctor::{Style, cut, dollars};
use otlp_model::{Span, SpanKind, SpanStatus, names};
use textwrap::Options;
use textwrap::core::display_width;

use super::{Page, arguments, duration, local, status};

/// How much is shown of a prompt, an answer or an error, in columns.
const LONGEST_TEXT: usize = 240;

/// The columns in which the beginning of a tool's arguments still says something.
const LEAST_ARGUMENTS: usize = 8;

/// The spans of a trace as an indented tree; parents come before their children.
pub fn tree(spans: &[Span], page: Page<'_>) -> String {
    let width = page.style.width;
    let mut text = String::new();
    for root in spans.iter().filter(|span| is_root(span, spans)) {
        root_lines(&mut text, root, spans, page);
        let rows = rows(root, root, spans, "");
        let longest = rows.iter().map(|row| display_width(&row.name)).max().unwrap_or(0);
        for row in &rows {
            let _ = writeln!(text, "{}", row.line(longest.min(width * 2 / 5), page.style));
        }
        let answer = root.text(names::OUTPUT_VALUE);
        // The output of a turn that failed ends with its error.
        let is_error = |answer: &&str| error(root).is_some_and(|error| answer.ends_with(error));
        if let Some(answer) = answer.filter(|answer| !is_error(answer)) {
            text.push_str(&wrapped('<', answer, width));
        }
    }
    text
}

fn root_lines(text: &mut String, root: &Span, spans: &[Span], page: Page<'_>) {
    let Page { style, zone, .. } = page;
    let spans = subtree(root, spans);
    let count = |key: &str| -> i64 {
        spans
            .iter()
            .filter(|span| span.kind == SpanKind::Llm)
            .filter_map(|span| span.int(key))
            .sum()
    };
    let cost: f64 = spans.iter().filter_map(|span| span.double(names::LLM_COST_TOTAL)).sum();
    let cost = if cost > 0.0 { format!("  {}", dollars(cost)) } else { String::new() };
    let name = cut(&root.name, style.width / 2);
    let time = duration(root.end.since(root.start));
    let kind = root.kind.as_str();
    let tokens = Tokens {
        input: count(names::LLM_TOKEN_COUNT_PROMPT),
        cached: count(names::LLM_TOKEN_COUNT_CACHE_READ),
        output: count(names::LLM_TOKEN_COUNT_COMPLETION),
        reasoning: count(names::LLM_TOKEN_COUNT_REASONING),
    };
    let status = status(&root.status);
    let used = [&name, kind, &time, status, &cost].map(display_width).iter().sum::<usize>() + 8;
    // A turn that failed before the first response used none.
    let tokens = match tokens.input + tokens.output {
        0 => String::new(),
        _ => format!("  {}", tokens.within(style.width.saturating_sub(used))),
    };
    let (name, status) = (style.bold(&name), painted(style, &root.status, status));
    let _ = writeln!(text, "{name}  {kind}  {time}  {status}{tokens}{cost}");
    let start = local(root.start, zone, "%F %H:%M:%S%.3f %Z");
    let _ = writeln!(text, "{}", style.dim(&start));
    let _ = writeln!(text, "{}", style.dim(&format!("trace {}", root.trace_id)));
    if let Some(session) = root.text(names::SESSION_ID) {
        let session = terminal_text::line(session);
        let _ = writeln!(text, "{}", style.dim(&format!("session {session}")));
    }
    if let Some(message) = error(root) {
        text.push_str(&style.red(wrapped('!', message, style.width).trim_end()));
        text.push('\n');
    }
    if let Some(prompt) = root.text(names::INPUT_VALUE) {
        text.push_str(&wrapped('>', prompt, style.width));
    }
}

fn error(span: &Span) -> Option<&str> {
    match &span.status {
        SpanStatus::Error(message) => Some(message),
        SpanStatus::Ok | SpanStatus::Unset => None,
    }
}

fn painted(style: Style, status: &SpanStatus, text: &str) -> String {
    match status {
        SpanStatus::Error(_) => style.red(text),
        SpanStatus::Ok | SpanStatus::Unset => text.to_owned(),
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
    fn line(&self, name_width: usize, style: Style) -> String {
        let Self { name, span, root } = self;
        let name = cut(name, name_width);
        let padding = " ".repeat(name_width - display_width(&name));
        let times = format!(
            "{name}{padding} {:5} {:>9} {:>8}  ",
            span.kind.as_str(),
            format!("+{}", duration(span.start.since(root.start))),
            duration(span.end.since(span.start)),
        );
        let status = format!("{:5}", status(&span.status));
        let room = style.width.saturating_sub(display_width(&times) + status.len() + 2);
        let (details, error) = details(span, room);
        let separator = if details.is_empty() || error.is_empty() { "" } else { "  " };
        let status =
            if details.is_empty() && error.is_empty() { status.trim_end() } else { &status };
        let status = painted(style, &span.status, status);
        format!("{times}{status}  {details}{separator}{}", style.red(&error)).trim_end().to_owned()
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

/// The tokens or arguments of a span and its error, which goes first where there is no room for both.
fn details(span: &Span, room: usize) -> (String, String) {
    let error = error(span).map(|message| cut(&format!("! {message}"), room)).unwrap_or_default();
    let separator = if error.is_empty() { 0 } else { 2 };
    let rest = room.saturating_sub(display_width(&error) + separator);
    let details = match span.kind {
        SpanKind::Llm => Tokens::of(span).map(|tokens| tokens.within(rest)).unwrap_or_default(),
        SpanKind::Tool if rest >= LEAST_ARGUMENTS => cut(&arguments::of(span), rest),
        _ => String::new(),
    };
    (details, error)
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

/// A text behind a mark, on as many lines as it needs.
fn wrapped(mark: char, words: &str, width: usize) -> String {
    let mark = format!("{mark} ");
    let options = Options::new(width).initial_indent(&mark).subsequent_indent("  ");
    textwrap::fill(&cut(words, LONGEST_TEXT), options) + "\n"
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use expect_test::expect;
    use jiff::tz::TimeZone;
    use otlp_model::{Attribute, SpanId, TraceId, UnixNanos};

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

    pub(in crate::print) fn turn() -> Vec<Span> {
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

    static UTC: TimeZone = TimeZone::UTC;

    fn page(width: usize) -> Page<'static> {
        let style = Style { width, colour: false };
        Page { style, zone: &UTC, now: UnixNanos(0), home: Path::new("/home/ada") }
    }

    #[test]
    fn a_tree_reads_from_top_to_bottom_and_does_nothing_to_the_terminal() {
        expect![[r#"
            Turn 1  AGENT  990 ms  ok  1000 tokens in (0 cached), 20 out (0 reasoning)  $0.0123
            2026-11-20 22:34:31.010 UTC
            trace 07070707070707070707070707070707
            > one ␛[31mtwo
            ├─ gpt-5.5         LLM      +10 ms   1.98 s  ok     1000 tokens in (0 cached), 20 out (0 reasoning)
            │  └─ exec_command TOOL     +20 ms   2.97 s  ERROR  ! exit code 3
            └─ compaction      CHAIN    +30 ms   3.96 s  ok
            < done
            lost  TOOL  4.95 s  ok
            2026-11-20 22:34:31.050 UTC
            trace 07070707070707070707070707070707
        "#]].assert_eq(&tree(&turn(), page(100)));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = |key| Attribute::new(key, "a long text, 長い ".repeat(30));
        let error = SpanStatus::Error("exit code 3".to_owned());
        let mut spans = turn();
        spans.extend([
            span(6, Some(2), "a_tool_with_a_very_long_name_of_a_server", SpanKind::Tool, vec![]),
            span(7, Some(6), "exec_command", SpanKind::Tool, vec![long("input.value")]),
            Span {
                status: error,
                ..span(8, Some(6), "bad", SpanKind::Tool, vec![long("input.value")])
            },
            span(9, None, "Turn 2", SpanKind::Agent, vec![long("input.value")]),
        ]);
        for width in [64, 80, 100, 200] {
            let text = tree(&spans, page(width));
            for line in text.lines() {
                assert!(display_width(line) <= width, "{width}: {line}");
            }
            assert!(width < 80 || text.contains("! exit code 3"), "{text}");
        }
        assert!(tree(&spans, page(200)).contains("a_tool_with_a_very_long_name_of_a_server"));
    }
}
