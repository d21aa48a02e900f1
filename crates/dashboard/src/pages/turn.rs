//! A turn: when, what was said, what changed, and what it cost, with one span chosen in all four.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;

use maud::{Markup, html};
use otlp_model::{Span, SpanKind, UnixNanos, Value, names};
use serde::Deserialize;
use serde_json::json;
use usage::loops::Kind;

use super::failure::Failure;
use super::layout;
use crate::changes::Changes;
use crate::serve::App;
use crate::turn::{self, Totals, Trace, double};
use crate::{format, text, transcript, waterfall};

/// Spans on a page.
const PAGE: usize = 400;

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    /// The span that is chosen.
    span: Option<String>,
    /// The first span on the page.
    from: Option<usize>,
    /// `chosen` for the attributes of the chosen span alone.
    part: Option<String>,
}

pub(crate) async fn turn(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let (id, is_json) = match name.strip_suffix(".json") {
        Some(id) => (id.to_owned(), true),
        None => (name, false),
    };
    let running = app.running().spans(&id);
    let goes_on = !running.is_empty();
    let stored = app.ask(move |store| Ok(store.trace(store.find_trace(&id)?)?)).await;
    let spans = match stored {
        Ok(mut spans) => {
            spans.retain(|span| running.iter().all(|newer| newer.span_id != span.span_id));
            running.into_iter().chain(spans).collect()
        }
        Err(Failure::Find(_) | Failure::Open(_)) if goes_on => running,
        Err(failure) => return Err(failure),
    };
    let Some(trace) = Trace::new(spans) else { return Ok(super::missing().await.into_response()) };
    if is_json {
        return Ok(json(&trace, choice.span.as_deref()));
    }
    let page = Page::new(app.zone(), &trace, &choice);
    if choice.part.as_deref() == Some("chosen") {
        return Ok(layout::bare("Span", &page.chosen_section()).into_response());
    }
    let title = page.title();
    let live = if goes_on { layout::Live::Follow } else { layout::Live::Tell };
    Ok(layout::live_page(&title, live, &page.body()).into_response())
}

/// All spans, or the one that is chosen.
fn json(trace: &Trace, chosen: Option<&str>) -> Response {
    let span = |span: &Span| {
        let (status, reason) = turn::status(span);
        let attributes = span
            .attributes
            .iter()
            .map(|attribute| (attribute.key.to_string(), format::json_value(&attribute.value)));
        json!({
            "span_id": span.span_id.to_string(),
            "parent_id": span.parent_id.map(|id| id.to_string()),
            "name": span.name,
            "kind": span.kind.as_str(),
            "start": format::utc(span.start),
            "end": format::utc(span.end),
            "status": status,
            "status_message": reason,
            "attributes": attributes.collect::<serde_json::Map<_, _>>(),
        })
    };
    match chosen.and_then(|id| trace.place(id)) {
        Some(place) => super::json(&span(&trace.spans[place])),
        None => {
            let spans: Vec<_> = trace.spans.iter().map(span).collect();
            super::json(&json!({ "trace_id": trace.root().trace_id.to_string(), "spans": spans }))
        }
    }
}

pub(crate) struct Page<'p> {
    zone: &'p TimeZone,
    trace: &'p Trace,
    chosen: usize,
    /// The spans that are shown.
    from: usize,
    to: usize,
    /// Whether the page is a file of its own, without other pages to lead to.
    is_file: bool,
}

impl<'p> Page<'p> {
    fn new(zone: &'p TimeZone, trace: &'p Trace, choice: &Choice) -> Self {
        let chosen = choice.span.as_deref().and_then(|id| trace.place(id)).unwrap_or(0);
        let last = trace.spans.len().saturating_sub(1);
        // The chosen span is on the page.
        let from = choice.from.unwrap_or(chosen / PAGE * PAGE).min(last);
        Self { zone, trace, chosen, from, to: (from + PAGE).min(trace.spans.len()), is_file: false }
    }

    /// All spans of a turn on one page.
    pub(crate) fn of_file(zone: &'p TimeZone, trace: &'p Trace) -> Self {
        // No span is chosen: there is none behind the last one.
        let all = trace.spans.len();
        Self { zone, trace, chosen: all, from: 0, to: all, is_file: true }
    }

    pub(crate) fn title(&self) -> String {
        let root = self.trace.root();
        let prompt = root.text(names::INPUT_VALUE).unwrap_or(&root.name);
        let words = prompt.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
        text::plain(&words).chars().take(80).collect()
    }

    pub(crate) fn body(&self) -> Markup {
        let changes = Changes::of(self.trace);
        html! {
            (self.head())
            (self.loops())
            div.panes { div.column {
                section.waterfall aria-labelledby="h-time" {
                    h2 id="h-time" { "Time" }
                    (self.pages())
                    @for place in self.from..self.to {
                        (waterfall::row(self.trace, place, &self.link(place), place == self.chosen))
                    }
                    (self.pages())
                }
                section.transcript aria-labelledby="h-said" {
                    h2 id="h-said" { "Transcript" }
                    @for place in self.from..self.to {
                        @let item = transcript::item(self.trace, place);
                        @if !item.0.is_empty() { (self.part(place, "said", &item)) }
                    }
                }
                } div.column {
                @if !self.is_file { (self.chosen_section()) }
                (self.changed(&changes))
                (self.costs())
                }
            }
        }
    }

    /// Calls that go round in circles, with the first of them.
    fn loops(&self) -> Markup {
        let found = usage::loops::loops(&self.trace.spans);
        html! {
            @if !found.is_empty() {
                section.loops {
                    h2 { "Calls that repeat themselves" }
                    ul { @for it in &found {
                        li {
                            @match it.kind {
                                Kind::Same => { "the same call " (it.times) " times in a row: " },
                                Kind::Alike => { "calls that differ in numbers only, " (it.times) " in a row: " },
                                Kind::Round(length) => { (length) " calls in turn, " (it.times) " times: " },
                            }
                            @let place = it.spans.first().and_then(|id| self.trace.spans.iter().position(|span| span.span_id == *id));
                            @let words = text::line(&format!("{} {}", it.tool, it.arguments), 100);
                            @match place {
                                Some(place) => a href=(self.link(place)) { (words) },
                                None => (words),
                            }
                        }
                    } }
                }
            }
        }
    }

    fn link(&self, place: usize) -> String {
        let id = self.trace.spans[place].span_id;
        if self.is_file { format!("#said-{id}") } else { format!("?span={id}#row-{id}") }
    }

    /// A part of a pane that belongs to a span.
    fn part(&self, place: usize, pane: &str, content: &Markup) -> Markup {
        let id = self.trace.spans[place].span_id.to_string();
        let chosen = (place == self.chosen).then_some("true");
        html! {
            div.part id=(format!("{pane}-{id}")) data-span=(id) aria-current=[chosen] { (content) }
        }
    }

    fn head(&self) -> Markup {
        let root = self.trace.root();
        let totals = self.trace.totals();
        let (_, reason) = turn::status(root);
        let status = turn::own_text(root, "turn.status").unwrap_or(turn::status(root).0);
        let first_token = turn::own(root, "turn.time_to_first_token_ms");
        html! {
            h1 { (text::line(root.text(names::INPUT_VALUE).unwrap_or(&root.name), 160)) }
            @if let Some(reason) = reason { p.error { (text::visible(reason)) } }
            dl.facts {
                (fact("Ended", &html! { span.status { (text::line(status, 20)) } }))
                (fact("Began", &html! { (format::time(root.start, self.zone)) }))
                (fact("Took", &html! { (format::duration(self.trace.end.since(self.trace.start))) }))
                @if let Some(millis) = first_token {
                    (fact("First token", &html! { (format::duration(millis.unsigned_abs() * 1_000_000)) }))
                }
                (fact("Cost", &cost(&totals)))
                (fact("Tokens", &html! {
                    (format::count(totals.input)) " in, " (format::share(totals.cached, totals.input)) " cached, "
                    (format::count(totals.output)) " out"
                }))
                @if let Some(branch) = turn::own_text(root, "git.branch") {
                    (fact("Branch", &text::line(branch, 60)))
                }
                @if let Some(session) = root.text(names::SESSION_ID) {
                    (fact("Session", &self.session(session)))
                }
                (fact("Trace", &html! {
                    code { (root.trace_id) }
                    @if !self.is_file { " " a href=(format!("/turn/{}.json", root.trace_id)) { "JSON" } " " a href=(format!("/compare?a={}", root.trace_id)) { "compare" } }
                }))
            }
            (waterfall::split(self.trace))
        }
    }

    fn session(&self, id: &str) -> Markup {
        html! {
            @if self.is_file { (text::line(id, 40)) }
            @else { a href=(format!("/session?id={}", encoded(id))) { (text::line(id, 40)) } }
        }
    }

    /// Links to the other pages of a turn with very many spans.
    fn pages(&self) -> Markup {
        let all = self.trace.spans.len();
        html! {
            @if all > PAGE && !self.is_file {
                nav.pages aria-label="spans" {
                    @if self.from > 0 { a href=(format!("?from={}", self.from.saturating_sub(PAGE))) { "earlier" } }
                    span { "spans " (self.from + 1) " to " (self.to) " of " (all) }
                    @if self.to < all { a href=(format!("?from={}", self.to)) { "later" } }
                }
            }
        }
    }

    fn chosen_section(&self) -> Markup {
        html! { section.chosen aria-labelledby="h-span" aria-live="polite" { (self.chosen()) } }
    }

    /// The attributes of the chosen span.
    fn chosen(&self) -> Markup {
        let span = &self.trace.spans[self.chosen];
        let (status, reason) = turn::status(span);
        html! {
            h2 id="h-span" { (text::line(&span.name, 80)) }
            p.facts {
                span { (span.kind.as_str()) } span { (status) }
                span { "+" (format::duration(span.start.since(self.trace.start))) }
                span { (format::duration(span.end.since(span.start))) }
                span { a href=(format!("/turn/{}.json?span={}", span.trace_id, span.span_id)) { "JSON" } }
            }
            @if let Some(reason) = reason { p.error { (text::visible(reason)) } }
            details {
                summary { (span.attributes.len()) " attributes" }
                table.attributes {
                    @for attribute in &span.attributes {
                        tr {
                            th { (text::line(&attribute.key, 120)) }
                            td { (attribute_value(&attribute.value)) }
                        }
                    }
                }
            }
            (events(span, self.trace.start))
        }
    }

    fn changed(&self, changes: &Changes) -> Markup {
        html! {
            section.changes aria-labelledby="h-changed" {
                h2 id="h-changed" { "Changes" }
                @if changes.files.is_empty() { p { "No patch changed a file." } }
                @for file in &changes.files {
                    @let (added, removed) = file.counts();
                    details open[changes.files.len() <= 5] {
                        summary { code { (text::line(&file.path, 120)) } " +" (added) " −" (removed) }
                        @for part in &file.parts {
                            (self.part(part.span, "changed", &html! {
                                p.facts { a href=(self.link(part.span)) { (part.kind.name()) " by " (text::line(&self.trace.spans[part.span].name, 60)) } }
                                pre.diff { @for line in &part.lines { (diff_line(line)) } }
                            }))
                        }
                    }
                }
                @if !changes.commands.is_empty() {
                    details {
                        summary { (changes.commands.len())
                            @if changes.commands.len() == 1 { " command" } @else { " commands" }
                            " may have changed files, which is not recorded" }
                        ul { @for place in &changes.commands {
                            li { a href=(self.link(*place)) { (text::line(&crate::arguments::command(
                                self.trace.spans[*place].text(names::INPUT_VALUE).unwrap_or_default()).unwrap_or_default(), 100)) } }
                        } }
                    }
                }
            }
        }
    }

    fn costs(&self) -> Markup {
        let calls = (self.from..self.to).map(|place| (place, &self.trace.spans[place]));
        let calls = calls.filter(|(_, span)| span.kind == SpanKind::Llm);
        let totals = self.trace.totals();
        html! {
            section.costs aria-labelledby="h-cost" {
                h2 id="h-cost" { "Cost" }
                div.scroll { table {
                    thead { tr {
                        th { "Call" } th.number { "Input" } th.number { "Cached" } th.number { "Output" }
                        th.number { "Reasoning" } th.number { "Cost" }
                    } }
                    tbody {
                        @for (place, call) in calls {
                            @let int = |key: &str| call.int(key).map_or("–".to_owned(), format::count);
                            tr.part data-span=(call.span_id.to_string()) aria-current=[(place == self.chosen).then_some("true")] {
                                td { a href=(self.link(place)) { (text::line(&call.name, 40)) } }
                                td.number { (int(names::LLM_TOKEN_COUNT_PROMPT)) }
                                td.number { (int(names::LLM_TOKEN_COUNT_CACHE_READ)) }
                                td.number { (int(names::LLM_TOKEN_COUNT_COMPLETION)) }
                                td.number { (int(names::LLM_TOKEN_COUNT_REASONING)) }
                                td.number { (explained(call)) }
                            }
                        }
                    }
                    tfoot { tr {
                        th { (totals.calls) " calls" }
                        td.number { (format::count(totals.input)) } td.number { (format::count(totals.cached)) }
                        td.number { (format::count(totals.output)) } td.number { (format::count(totals.reasoning)) }
                        td.number { (cost(&totals)) }
                    } }
                } }
            }
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn cost(totals: &Totals) -> Markup {
    let is_unknown = totals.unpriced > 0 && totals.dollars == 0.0;
    html! {
        @if totals.calls == 0 || is_unknown { "no price" } @else { (format::dollars(totals.dollars)) }
        @if totals.unpriced > 0 && !is_unknown { " (" (totals.unpriced) " calls without a price)" }
    }
}

/// The cost of a call with the kinds of tokens that make it up and their price.
fn explained(call: &Span) -> Markup {
    let Some(total) = double(call, names::LLM_COST_TOTAL) else {
        return html! { "no price" };
    };
    let int = |key: &str| call.int(key).unwrap_or(0);
    let (input, cached) =
        (int(names::LLM_TOKEN_COUNT_PROMPT), int(names::LLM_TOKEN_COUNT_CACHE_READ));
    let written = int(names::LLM_TOKEN_COUNT_CACHE_WRITE);
    let kinds = [
        ("input", input - cached - written, names::LLM_COST_INPUT),
        ("cached", cached, names::LLM_COST_CACHE_READ),
        ("cache write", written, names::LLM_COST_CACHE_WRITE),
        ("output", int(names::LLM_TOKEN_COUNT_COMPLETION), names::LLM_COST_OUTPUT),
    ];
    let table = turn::own_text(call, "cost.price_table");
    let tier = turn::own_text(call, "cost.service_tier");
    html! {
        details {
            summary { (format::dollars(total)) }
            ul.explained {
                @for (name, tokens, key) in kinds {
                    @if let Some(dollars) = double(call, key) {
                        @if tokens > 0 {
                            li {
                                (format::count(tokens)) " " (name) " × "
                                (format!("${:.3}", dollars * 1e6 / tokens as f64)) "/M = " (format::dollars(dollars))
                            }
                        }
                    }
                }
                @if let Some(tier) = tier { li { "tier " (text::line(tier, 30)) } }
                @if let Some(table) = table { li { "API list prices of " (text::line(table, 30)) } }
            }
        }
    }
}

fn attribute_value(value: &Value) -> Markup {
    match value {
        Value::String(value) => text::block(value),
        Value::Int(number) => html! { (number) },
        Value::Double(number) => html! { (number) },
        Value::Bool(truth) => html! { (truth) },
        Value::Strings(values) => text::block(&values.join("\n")),
    }
}

fn events(span: &Span, start: UnixNanos) -> Markup {
    html! {
        @if !span.events.is_empty() {
            details {
                summary { (span.events.len()) " events" }
                ul { @for event in &span.events {
                    li { "+" (format::duration(event.time.since(start))) " " (text::line(&event.name, 80)) }
                } }
            }
        }
    }
}

fn diff_line(line: &str) -> Markup {
    let class = match line.as_bytes().first() {
        Some(b'+') => "added",
        Some(b'-') => "removed",
        Some(b'@') => "hunk",
        _ => "same",
    };
    html! { span class=(class) { (text::visible(line)) "\n" } }
}

/// A text in the query of an address.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
