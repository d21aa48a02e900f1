//! Two turns beside each other.

use std::fmt::Write as _;

use doctor::{Style, cut, dollars};
use serde_json::{Value as Json, json};
use trace_store::TraceStore;
use usage::compare::{Comparison, Pair, Side, Step};

use super::{find, unread, without_spans};
use crate::print::{Page, arguments_shown, duration};
use crate::{CommandError, ExitCode};

/// Compares two turns; what differs decides the exit code.
pub(super) fn compare(
    store: &TraceStore,
    [first, second]: [&String; 2],
    is_json: bool,
    page: Page<'_>,
) -> Result<(String, ExitCode), CommandError> {
    let spans = |prefix: &str| {
        let trace = find(store, prefix)?;
        store.trace(trace).map_err(|error| unread(store, error))
    };
    let comparison = Comparison::of(&spans(first)?, &spans(second)?).ok_or_else(without_spans)?;
    let code = if comparison.is_same() { ExitCode::Success } else { ExitCode::Failure };
    let text = if is_json { as_json(&comparison) } else { text(&comparison, page.style) };
    Ok((text, code))
}

fn text(comparison: &Comparison, style: Style) -> String {
    let Comparison { first, second, pairs } = comparison;
    let mut text = String::new();
    let ids = [first, second].map(|side| side.trace_id.to_string()[..8].to_owned());
    let head = format!("{:14}  {:>12}  {:>12}  {:>12}", "", ids[0], ids[1], "DIFFERENCE");
    let _ = writeln!(text, "{}", style.dim(&head));
    for [name, one, other, difference] in figures(first, second) {
        let _ = writeln!(text, "{name:14}  {one:>12}  {other:>12}  {difference:>12}");
    }
    files(&mut text, first, second, style);
    let Some(at) = comparison.first_divergence() else {
        let calls = if pairs.len() == 1 { "call" } else { "calls" };
        let _ = writeln!(text, "\n{} tool {calls}, all the same", pairs.len());
        return text;
    };
    let _ = writeln!(text, "\nfirst divergence at tool call {}", at + 1);
    // What was the same before says little.
    let from = at.saturating_sub(2);
    if from > 0 {
        let _ = writeln!(text, "{}", style.dim(&format!("  … {from} the same")));
    }
    for pair in &pairs[from..] {
        pair_lines(&mut text, pair, style);
    }
    text
}

/// Rows of figures: a name, both values, and the difference.
fn figures(first: &Side, second: &Side) -> Vec<[String; 4]> {
    let signed = |difference: i64| format!("{difference:+}");
    let number = |name: &str, one: i64, other: i64| {
        let difference = other.saturating_sub(one);
        [name.to_owned(), one.to_string(), other.to_string(), signed(difference)]
    };
    let time = match second.duration.checked_sub(first.duration) {
        Some(more) => format!("+{}", duration(more)),
        None => format!("-{}", duration(first.duration - second.duration)),
    };
    let cost = |cost: Option<f64>| cost.map_or_else(|| "-".to_owned(), dollars);
    let dearer = match (first.cost, second.cost) {
        (Some(one), Some(other)) if other < one => format!("-{}", dollars(one - other)),
        (Some(one), Some(other)) => format!("+{}", dollars(other - one)),
        _ => String::new(),
    };
    let ended = |side: &Side| side.status.word().to_owned();
    vec![
        ["status".to_owned(), ended(first), ended(second), String::new()],
        ["time".to_owned(), duration(first.duration), duration(second.duration), time],
        number("model calls", count(first.calls), count(second.calls)),
        number("tokens in", first.input_tokens, second.input_tokens),
        number("tokens out", first.output_tokens, second.output_tokens),
        ["cost".to_owned(), cost(first.cost), cost(second.cost), dearer],
        number("files", count(first.files.len()), count(second.files.len())),
    ]
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The files that only one of them changed.
fn files(text: &mut String, first: &Side, second: &Side, style: Style) {
    for (mark, one, other) in [('-', first, second), ('+', second, first)] {
        for file in one.files.difference(&other.files) {
            let line = cut(&format!("  {mark} {file}"), style.width);
            let _ = writeln!(text, "{line}");
        }
    }
}

fn pair_lines(text: &mut String, pair: &Pair, style: Style) {
    let line = |mark: char, step: &Step| {
        let failed = if step.has_failed { "  ERROR" } else { "" };
        let room = style.width.saturating_sub(failed.len());
        let shown = format!("{mark} {}  {}", step.name, arguments_shown(&step.arguments));
        format!("{}{}", cut(&shown, room), style.red(failed))
    };
    let _ = match pair {
        Pair::Same(one, _) if pair.is_same() => writeln!(text, "{}", style.dim(&line(' ', one))),
        Pair::Same(one, other) | Pair::Changed(one, other) => {
            writeln!(text, "{}\n{}", line('-', one), line('+', other))
        }
        Pair::First(one) => writeln!(text, "{}", line('-', one)),
        Pair::Second(other) => writeln!(text, "{}", line('+', other)),
    };
}

fn as_json(comparison: &Comparison) -> String {
    let side = |side: &Side| {
        json!({
            "trace_id": side.trace_id.to_string(),
            "status": side.status.word(),
            "failed": side.has_failed(),
            "duration_ms": side.duration as f64 / 1e6,
            "model_calls": side.calls,
            "input_tokens": side.input_tokens,
            "output_tokens": side.output_tokens,
            "cost_usd": side.cost.map(doctor::rounded_usd),
            "files": side.files,
        })
    };
    let step = |step: &Step| {
        json!({
            "tool": step.name,
            "arguments": step.arguments,
            "failed": step.has_failed,
            "duration_ms": step.duration as f64 / 1e6,
        })
    };
    let pair = |pair: &Pair| {
        let (kind, first, second) = match pair {
            Pair::Same(one, other) => ("same", Some(one), Some(other)),
            Pair::Changed(one, other) => ("changed", Some(one), Some(other)),
            Pair::First(one) => ("first", Some(one), None),
            Pair::Second(other) => ("second", None, Some(other)),
        };
        json!({ "kind": kind, "first": first.map(step), "second": second.map(step) })
    };
    let pairs: Vec<Json> = comparison.pairs.iter().map(pair).collect();
    let json = json!({
        "same": comparison.is_same(),
        "first_divergence": comparison.first_divergence(),
        "first": side(&comparison.first),
        "second": side(&comparison.second),
        "tool_calls": pairs,
    });
    format!("{json:#}\n")
}
