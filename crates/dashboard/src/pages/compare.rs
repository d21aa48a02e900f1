//! Two turns beside each other.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use trace_store::usage::{TurnFilter, TurnRow};
use usage::compare::{Comparison, Pair, Side, Step};

use super::failure::Failure;
use super::layout;
use crate::choice::address;
use crate::serve::App;
use crate::{format, text};

/// Turns that are offered beside one.
const OFFERED: usize = 30;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    a: String,
    b: String,
}

impl Choice {
    /// None where one of them is to be chosen first.
    async fn comparison(&self, app: &App) -> Result<Option<Comparison>, Failure> {
        let Self { a, b } = self.clone();
        if a.is_empty() || b.is_empty() {
            return Ok(None);
        }
        app.ask(move |store| {
            let spans = |id: &str| Ok::<_, Failure>(store.trace(store.find_trace(id)?)?);
            Ok(Comparison::of(&spans(&a)?, &spans(&b)?))
        })
        .await
    }
}

pub(crate) async fn compare(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Failure> {
    let body = match choice.comparison(&app).await? {
        Some(comparison) => page(&comparison, &choice),
        None => {
            let list = move |store: &trace_store::TraceStore| {
                Ok(store.turns(&TurnFilter::default(), None, OFFERED)?)
            };
            offer(&app, &app.ask(list).await?, &choice)
        }
    };
    Ok(layout::page("Compare", false, &body))
}

pub(crate) async fn compare_json(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let comparison = choice.comparison(&app).await?;
    let comparison = comparison
        .ok_or_else(|| Failure::Choice("two turns are needed: ?a=TRACE&b=TRACE".to_owned()))?;
    Ok(super::json(&as_json(&comparison)))
}

/// The turns from which those that are missing can be chosen.
fn offer(app: &App, turns: &[TurnRow], choice: &Choice) -> Markup {
    let known = [&choice.a, &choice.b].into_iter().find(|id| !id.is_empty());
    html! {
        h1 { "Compare two turns" }
        p {
            @if known.is_some() { "Choose the other one." } @else { "Choose the first one." }
        }
        table.turns { tbody {
            @for turn in turns.iter().filter(|turn| turn.has_spans) {
                @let id = turn.trace_id.to_string();
                @let link = match known {
                    Some(first) => address("/compare", &[("a", first), ("b", &id)]),
                    None => address("/compare", &[("a", &id)]),
                };
                tr {
                    td { time datetime=(format::utc(turn.start())) { (format::time(turn.start(), app.zone())) } }
                    td.prompt { a href=(link) { (text::line(turn.prompt.as_deref().unwrap_or("(no prompt is stored)"), 120)) } }
                    td { (text::line(&turn.models.join(", "), 40)) }
                }
            }
        } }
    }
}

fn page(comparison: &Comparison, choice: &Choice) -> Markup {
    let Comparison { first, second, pairs } = comparison;
    let divergence = comparison.first_divergence();
    let turned = address("/compare", &[("a", &choice.b), ("b", &choice.a)]);
    html! {
        h1 { "Two turns" }
        table.usage {
            thead { tr {
                th {}
                th.number { (turn(first)) }
                th.number { (turn(second)) }
                th.number { "Difference" }
            } }
            tbody {
                (figure("Ended", &ended(first), &ended(second), ""))
                (figure("Time", &format::duration(first.duration), &format::duration(second.duration), &more(first.duration, second.duration)))
                (number("Model calls", first.calls as i64, second.calls as i64))
                (number("Tokens in", first.input_tokens, second.input_tokens))
                (number("Tokens out", first.output_tokens, second.output_tokens))
                (figure("Cost", &cost(first), &cost(second), &dearer(first, second)))
                (number("Files of patches", first.files.len() as i64, second.files.len() as i64))
            }
        }
        @if first.files != second.files {
            p {
                @for file in first.files.difference(&second.files) { span.removed { "- " (text::line(file, 120)) } br; }
                @for file in second.files.difference(&first.files) { span.added { "+ " (text::line(file, 120)) } br; }
            }
        }
        h2 { "Calls of tools" }
        @match divergence {
            None => p { "All " (pairs.len()) " are the same." },
            Some(at) => p { "They part at call " a href="#part" { (at + 1) } "." },
        }
        div.scroll tabindex="0" role="group" aria-label="calls of both" { table.pairs {
            tbody {
                @for (nth, pair) in pairs.iter().enumerate() {
                    @let is_part = divergence == Some(nth);
                    @let (one, other, kind) = sides(pair);
                    tr id=[is_part.then_some("part")] class=(kind) {
                        td.number { (nth + 1) }
                        td { (step(one)) }
                        td { (step(other)) }
                    }
                }
            }
        } }
        p.pages {
            a href=(turned) { "the other way round" }
            a href=(address("/compare.json", &[("a", &choice.a), ("b", &choice.b)])) { "JSON" }
        }
    }
}

fn turn(side: &Side) -> Markup {
    let id = side.trace_id.to_string();
    html! { a href=(format!("/turn/{id}")) { (id[..8]) } }
}

fn figure(name: &str, one: &str, other: &str, difference: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td.number { (one) } td.number { (other) } td.number { (difference) } } }
}

fn number(name: &str, one: i64, other: i64) -> Markup {
    let difference = format!("{:+}", other.saturating_sub(one));
    figure(name, &format::count(one), &format::count(other), &difference)
}

fn more(one: u64, other: u64) -> String {
    match other.checked_sub(one) {
        Some(more) => format!("+{}", format::duration(more)),
        None => format!("-{}", format::duration(one - other)),
    }
}

fn ended(side: &Side) -> String {
    side.status.word().to_owned()
}

fn cost(side: &Side) -> String {
    side.cost.map_or_else(|| "–".to_owned(), format::dollars)
}

fn dearer(one: &Side, other: &Side) -> String {
    match (one.cost, other.cost) {
        (Some(one), Some(other)) if other < one => format!("-{}", format::dollars(one - other)),
        (Some(one), Some(other)) => format!("+{}", format::dollars(other - one)),
        _ => String::new(),
    }
}

fn sides(pair: &Pair) -> (Option<&Step>, Option<&Step>, &'static str) {
    match pair {
        Pair::Same(one, other) => (Some(one), Some(other), "same"),
        Pair::Changed(one, other) => (Some(one), Some(other), "changed"),
        Pair::First(one) => (Some(one), None, "first"),
        Pair::Second(other) => (None, Some(other), "second"),
    }
}

fn step(step: Option<&Step>) -> Markup {
    html! {
        @match step {
            None => span.note { "–" },
            Some(step) => {
                strong { (text::line(&step.name, 40)) }
                " " span.note { (format::duration(step.duration)) }
                @if step.has_failed { " " span.error { "failed" } }
                (text::block(&step.arguments))
            }
        }
    }
}

fn as_json(comparison: &Comparison) -> Json {
    let side = |side: &Side| {
        json!({
            "trace_id": side.trace_id.to_string(),
            "duration_ns": side.duration,
            "model_calls": side.calls,
            "input_tokens": side.input_tokens,
            "output_tokens": side.output_tokens,
            "cost_usd": side.cost,
            "status": side.status.word(),
            "failed": side.has_failed(),
            "files": side.files,
        })
    };
    let step = |step: Option<&Step>| {
        step.map(|step| {
            json!({
                "tool": step.name,
                "arguments": step.arguments,
                "failed": step.has_failed,
                "duration_ns": step.duration,
            })
        })
    };
    let pairs = comparison.pairs.iter().map(|pair| {
        let (one, other, kind) = sides(pair);
        json!({ "kind": kind, "first": step(one), "second": step(other) })
    });
    json!({
        "first": side(&comparison.first),
        "second": side(&comparison.second),
        "first_divergence": comparison.first_divergence(),
        "calls": pairs.collect::<Vec<_>>(),
    })
}
