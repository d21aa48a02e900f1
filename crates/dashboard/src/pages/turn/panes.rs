//! What stands beside the time and the transcript of a turn: the chosen span, changes and costs.

use maud::{Markup, html};
use otlp_model::{Span, SpanKind, UnixNanos, Value, names};

use super::page::{Page, cost};
use crate::changes::Changes;
use crate::{arguments, format, text, turn};

impl Page<'_> {
    pub(super) fn chosen_section(&self) -> Markup {
        html! { section.chosen aria-labelledby="h-span" aria-live="polite" { (self.chosen()) } }
    }

    /// The attributes of the chosen span.
    fn chosen(&self) -> Markup {
        let Some(span) = self.trace.span(self.shown.chosen) else { return html! {} };
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

    /// The name of a span.
    fn name(&self, place: usize) -> Markup {
        let name = self.trace.span(place).map_or("", |span| &span.name);
        text::line(name, 60)
    }

    /// The command that a tool ran.
    fn command(&self, place: usize) -> Markup {
        let input = self.trace.span(place).and_then(|span| span.text(names::INPUT_VALUE));
        text::line(&input.and_then(arguments::command).unwrap_or_default(), 100)
    }

    /// What was changed; `is_part` where the turn may have changed more.
    pub(super) fn changed(&self, changes: &Changes, is_part: bool) -> Markup {
        html! {
            section.changes aria-labelledby="h-changed" {
                h2 id="h-changed" { "Changes" }
                @if is_part {
                    p { "By the spans of this page. " a href="?part=changes" { "All changes of the turn" } }
                }
                @if changes.files.is_empty() { p { "No patch changed a file." } }
                @for file in &changes.files {
                    @let (added, removed) = file.counts();
                    details open[changes.files.len() <= 5] {
                        summary { code { (text::line(&file.path, 120)) } " +" (added) " −" (removed) }
                        @for part in &file.parts {
                            (self.part(part.span, "changed", &html! {
                                p.facts { a href=(self.link(part.span)) { (part.kind.name()) " by " (self.name(part.span)) } }
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
                            li { a href=(self.link(*place)) { (self.command(*place)) } }
                        } }
                    }
                }
            }
        }
    }

    pub(super) fn costs(&self) -> Markup {
        let calls = self.trace.range(self.shown.places());
        let calls = calls.filter(|(_, span)| span.kind == SpanKind::Llm);
        let totals = self.trace.totals();
        html! {
            section.costs aria-labelledby="h-cost" {
                h2 id="h-cost" { "Cost" }
                div.scroll tabindex="0" role="group" aria-label="cost of each call" { table {
                    thead { tr {
                        th { "Call" } th.number { "Input" } th.number { "Cached" } th.number { "Output" }
                        th.number { "Reasoning" } th.number { "Cost" }
                    } }
                    tbody {
                        @for (place, call) in calls {
                            @let int = |key: &str| call.int(key).map_or("–".to_owned(), format::count);
                            tr.part data-span=(call.span_id.to_string()) aria-current=[(place == self.shown.chosen).then_some("true")] {
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

/// The cost of a call with the kinds of tokens that make it up and their price.
fn explained(call: &Span) -> Markup {
    let Some(total) = call.double(names::LLM_COST_TOTAL) else {
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
                    @if let Some(dollars) = call.double(key) {
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
