//! Two turns beside each other: which tool calls they share, where they part, and what differs.
//!
//! Calls are the same if a tool was called with the same arguments. [`Comparison::of`] aligns them in
//! their order, as a diff aligns lines.

use std::collections::BTreeSet;

use otlp_model::{Span, SpanKind, SpanStatus, TraceId, names};
use serde_json::Value as Json;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use trace_store::usage::TurnStatus;

/// How the lines of a patch that name a file begin.
const PATCH_FILES: [&str; 4] =
    ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The tool.
    pub name: String,
    /// What it was called with.
    pub arguments: String,
    /// Whether it failed.
    pub has_failed: bool,
    /// How long it took, in nanoseconds.
    pub duration: u64,
}

/// What one of the turns came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its trace.
    pub trace_id: TraceId,
    /// How long it took, in nanoseconds.
    pub duration: u64,
    /// Tokens of the requests of all its calls.
    pub input_tokens: i64,
    /// Tokens of the responses.
    pub output_tokens: i64,
    /// US dollars; none where no call has a price.
    pub cost: Option<f64>,
    /// Model calls.
    pub calls: usize,
    /// How it ended.
    pub status: TurnStatus,
    /// The files that its patches name.
    pub files: BTreeSet<String>,
}

impl Side {
    /// Whether it failed, was interrupted or denied.
    pub fn has_failed(&self) -> bool {
        matches!(self.status, TurnStatus::Failed | TurnStatus::Interrupted | TurnStatus::Denied)
    }
}

/// Two tool calls in the same place, or one where the other turn has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// The same call, with what became of each.
    Same(Step, Step),
    /// The same tool with other arguments.
    Changed(Step, Step),
    /// Only in the first turn.
    First(Step),
    /// Only in the second turn.
    Second(Step),
}

impl Pair {
    /// Whether both turns did the same with the same success.
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same(first, second) if first.has_failed == second.has_failed)
    }
}

/// Two turns beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The first turn.
    pub first: Side,
    /// The second turn.
    pub second: Side,
    /// Their tool calls, aligned.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// Compares two turns by the spans of their traces. None where one of them has no spans.
    pub fn of(first: &[Span], second: &[Span]) -> Option<Self> {
        let pairs = aligned(steps(first), steps(second));
        Some(Self { first: side(first)?, second: side(second)?, pairs })
    }

    /// The place of the first pair that is not the same.
    pub fn first_divergence(&self) -> Option<usize> {
        self.pairs.iter().position(|pair| !pair.is_same())
    }

    /// Whether both did the same: the same calls with the same success, and the same end.
    pub fn is_same(&self) -> bool {
        self.first_divergence().is_none() && self.first.status == self.second.status
    }
}

fn side(spans: &[Span]) -> Option<Side> {
    let root = root(spans)?;
    let models = || spans.iter().filter(|span| span.kind == SpanKind::Llm);
    let tokens =
        |name: &str| models().filter_map(|span| span.int(name)).fold(0, i64::saturating_add);
    let costs = models().filter_map(|span| match span.attribute(names::LLM_COST_TOTAL)? {
        otlp_model::Value::Double(cost) => Some(*cost),
        _ => None,
    });
    let texts = tools(spans).filter_map(|tool| tool.text(names::INPUT_VALUE));
    let mut files = BTreeSet::new();
    texts.for_each(|text| add_files(text, &mut files));
    Some(Side {
        trace_id: root.trace_id,
        duration: root.end.since(root.start),
        input_tokens: tokens(names::LLM_TOKEN_COUNT_PROMPT),
        output_tokens: tokens(names::LLM_TOKEN_COUNT_COMPLETION),
        cost: costs.reduce(|sum, cost| sum + cost),
        calls: models().count(),
        status: status(root),
        files,
    })
}

fn root(spans: &[Span]) -> Option<&Span> {
    spans.iter().find(|span| span.parent_id.is_none()).or(spans.first())
}

/// As its harness says, else as its span does.
fn status(root: &Span) -> TurnStatus {
    let agent = root.text(names::AGENT_NAME).unwrap_or_default();
    match root.text(&format!("{agent}.turn.status")) {
        Some(word) => TurnStatus::of_word(word),
        None => TurnStatus::of_span(&root.status),
    }
}

fn is_error(span: &Span) -> bool {
    matches!(span.status, SpanStatus::Error(_))
}

/// The tool calls in their order, with those of sub-agents.
fn tools(spans: &[Span]) -> impl Iterator<Item = &Span> {
    let mut tools: Vec<&Span> = spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    tools.sort_by_key(|tool| tool.start);
    tools.into_iter()
}

fn steps(spans: &[Span]) -> Vec<Step> {
    let step = |tool: &Span| Step {
        name: tool.name.clone(),
        arguments: tool.text(names::INPUT_VALUE).unwrap_or_default().to_owned(),
        has_failed: is_error(tool),
        duration: tool.end.since(tool.start),
    };
    tools(spans).map(step).collect()
}

/// What makes two calls the same. The order of the keys in an object says nothing.
fn key(step: &Step) -> (String, String) {
    let arguments = match serde_json::from_str::<Json>(&step.arguments) {
        Ok(mut json) => {
            json.sort_all_objects();
            json.to_string()
        }
        Err(_) => step.arguments.clone(),
    };
    (step.name.clone(), arguments)
}

fn aligned(first: Vec<Step>, second: Vec<Step>) -> Vec<Pair> {
    let keys = |steps: &[Step]| steps.iter().map(key).collect::<Vec<_>>();
    let ops = capture_diff_slices(Algorithm::Myers, &keys(&first), &keys(&second));
    let mut pairs = Vec::with_capacity(first.len().max(second.len()));
    for op in ops {
        let (of_first, of_second) = (op.old_range(), op.new_range());
        let (mut ones, mut others) =
            (first[of_first].iter().cloned(), second[of_second].iter().cloned());
        if let DiffOp::Equal { .. } = op {
            pairs.extend(ones.zip(others).map(|(one, other)| Pair::Same(one, other)));
            continue;
        }
        let mut rest = Vec::new();
        for one in ones.by_ref() {
            match others.next() {
                Some(other) if one.name == other.name => pairs.push(Pair::Changed(one, other)),
                Some(other) => {
                    pairs.push(Pair::First(one));
                    rest.push(other);
                }
                None => pairs.push(Pair::First(one)),
            }
        }
        pairs.extend(rest.into_iter().chain(others).map(Pair::Second));
    }
    pairs
}

/// Adds the files that a patch names, wherever in the arguments it is.
fn add_files(text: &str, files: &mut BTreeSet<String>) {
    if !text.contains("*** ") {
        return;
    }
    match serde_json::from_str::<Json>(text) {
        Ok(Json::String(text)) => add_files(&text, files),
        Ok(Json::Array(parts)) => add_files_of(parts.iter(), files),
        Ok(Json::Object(parts)) => add_files_of(parts.values(), files),
        _ => {
            for line in text.lines() {
                let name = PATCH_FILES.iter().find_map(|start| line.strip_prefix(start));
                files.extend(name.map(|name| name.trim().to_owned()));
            }
        }
    }
}

fn add_files_of<'j>(parts: impl Iterator<Item = &'j Json>, files: &mut BTreeSet<String>) {
    for part in parts {
        match part {
            Json::String(text) => add_files(text, files),
            Json::Array(parts) => add_files_of(parts.iter(), files),
            Json::Object(parts) => add_files_of(parts.values(), files),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::{Attribute, SpanId, UnixNanos};

    use super::*;

    fn span(id: u8, parent: Option<u8>, kind: SpanKind, name: &str) -> Span {
        Span {
            trace_id: TraceId([7; 16]),
            span_id: SpanId([id; 8]),
            parent_id: parent.map(|parent| SpanId([parent; 8])),
            name: name.to_owned(),
            kind,
            start: UnixNanos(u64::from(id) * 10),
            end: UnixNanos(u64::from(id) * 10 + 5),
            attributes: Vec::new(),
            events: Vec::new(),
            status: SpanStatus::Ok,
        }
    }

    fn turn(tools: &[(&str, &str)]) -> Vec<Span> {
        let mut model = span(2, Some(1), SpanKind::Llm, "m");
        model.attributes = vec![
            Attribute::new(names::LLM_TOKEN_COUNT_PROMPT, 10_i64 * tools.len() as i64),
            Attribute::new(names::LLM_TOKEN_COUNT_COMPLETION, 1_i64),
            Attribute::new(names::LLM_COST_TOTAL, 0.5),
        ];
        let mut spans = vec![span(1, None, SpanKind::Agent, "Turn 1"), model];
        for (nth, (name, arguments)) in (3_u8..).zip(tools) {
            let mut tool = span(nth, Some(2), SpanKind::Tool, name);
            tool.attributes = vec![Attribute::new(names::INPUT_VALUE, (*arguments).to_owned())];
            spans.push(tool);
        }
        spans
    }

    /// The pairs as signs, with the names of the tools.
    fn signs(comparison: &Comparison) -> Vec<String> {
        let sign = |pair: &Pair| match pair {
            Pair::Same(one, _) => format!("= {}", one.name),
            Pair::Changed(one, _) => format!("~ {}", one.name),
            Pair::First(one) => format!("- {}", one.name),
            Pair::Second(other) => format!("+ {}", other.name),
        };
        comparison.pairs.iter().map(sign).collect()
    }

    #[test]
    fn calls_are_aligned_by_their_arguments() {
        let first = turn(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let second = turn(&[("a", "1"), ("b", "2"), ("c", "1"), ("e", "1"), ("d", "1")]);
        let comparison = Comparison::of(&first, &second).unwrap();
        assert_eq!(signs(&comparison), ["= a", "~ b", "= c", "+ e", "= d"]);
        assert_eq!(comparison.first_divergence(), Some(1));
        assert!(!comparison.is_same());
        assert_eq!((comparison.first.input_tokens, comparison.second.input_tokens), (40, 50));
        assert_eq!(comparison.first.cost, Some(0.5));
    }

    #[test]
    fn the_same_calls_are_the_same_turn_unless_one_failed() {
        let first = turn(&[("a", r#"{"x":1,"y":2}"#)]);
        let mut second = turn(&[("a", r#"{"y":2,"x":1}"#)]);
        assert!(Comparison::of(&first, &second).unwrap().is_same());
        assert!(Comparison::of(&first, &first).unwrap().is_same());
        second[2].status = SpanStatus::Error("no".to_owned());
        let comparison = Comparison::of(&first, &second).unwrap();
        assert!(!comparison.is_same());
        assert_eq!(comparison.first_divergence(), Some(0));
        assert_eq!(signs(&comparison), ["= a"]);
        assert_eq!(Comparison::of(&first, &[]), None);
    }

    #[test]
    fn files_are_those_of_patches_in_any_form() {
        let patch =
            "*** Begin Patch\n*** Add File: a.rs\n+x\n*** Update File: b c.rs\n*** End Patch";
        let in_shell = serde_json::json!({"cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF")});
        for arguments in [patch.to_owned(), in_shell.to_string()] {
            let spans = turn(&[("t", &arguments)]);
            let files = Comparison::of(&spans, &spans).unwrap().first.files;
            assert!(files.iter().eq(["a.rs", "b c.rs"]), "{files:?}");
        }
    }
}
