//! What was said and done in a turn, in order.

use maud::{Markup, html};
use otlp_model::{Attribute, Span, SpanKind, Value, names};

use crate::turn::{self, Trace};
use crate::{arguments, format, markdown, text};

/// The part of a span; empty where it has nothing to say.
pub(crate) fn item(trace: &Trace, place: usize) -> Markup {
    let Some(span) = trace.span(place) else { return html! {} };
    match span.kind {
        SpanKind::Agent => agent(trace, span),
        SpanKind::Llm => model(span),
        SpanKind::Tool => tool(span),
        SpanKind::Chain => html! { p.note { (text::line(&span.name, 80)) } },
    }
}

fn agent(trace: &Trace, span: &Span) -> Markup {
    let prompt = span.text(names::INPUT_VALUE);
    // The answer of the turn itself is that of its last call, or an error, which stands in the header.
    let is_root = std::ptr::eq(span, trace.root());
    let answer = span.text(names::OUTPUT_VALUE).filter(|_| !is_root);
    html! {
        @if !is_root { p.note { (text::line(&span.name, 80)) } }
        @if let Some(prompt) = prompt { div.prompt { (text::block(prompt)) } }
        @if let Some(answer) = answer { div.answer { (markdown::page(answer)) } }
    }
}

/// A part of a message of a model.
enum Part<'s> {
    Text(&'s str),
    Reasoning(&'s str),
}

fn model(span: &Span) -> Markup {
    let (_, error) = turn::status(span);
    html! {
        @for part in span.attributes.iter().filter_map(|attribute| part(span, attribute)) {
            @match part {
                Part::Text(text) => div.answer { (markdown::page(text)) },
                Part::Reasoning(text) => div.reasoning { (text::block(text)) },
            }
        }
        @if let Some(error) = error { p.error { (text::visible(error)) } }
    }
}

/// The part of a message that an attribute is.
fn part<'s>(span: &Span, attribute: &'s Attribute) -> Option<Part<'s>> {
    let Value::String(text) = &attribute.value else { return None };
    let key = attribute.key.strip_prefix(names::LLM_OUTPUT_MESSAGES)?;
    if key.ends_with(".message.content") {
        return Some(Part::Text(text));
    }
    let content = attribute.key.strip_suffix(".text").filter(|key| key.ends_with("_content"))?;
    let kind = span.text(&format!("{content}.type"));
    Some(if kind == Some("reasoning") { Part::Reasoning(text) } else { Part::Text(text) })
}

fn tool(span: &Span) -> Markup {
    let input = span.text(names::INPUT_VALUE).unwrap_or_default();
    let output = span.text(names::OUTPUT_VALUE).unwrap_or_default();
    let (_, error) = turn::status(span);
    html! {
        div.call {
            @if let Some(command) = arguments::command(input) {
                div.command { (text::block(&format!("$ {command}"))) }
            } @else {
                p.tool-name { (text::line(&span.name, 80)) }
                @if !input.is_empty() && input != "{}" { (text::block(&arguments::pretty(input))) }
            }
            @if !output.is_empty() { div.output { (text::block(output)) } }
            (facts(span))
            @if let Some(error) = error { p.error { (text::visible(error)) } }
        }
    }
}

/// Exit code, approval and the wait for it.
fn facts(span: &Span) -> Markup {
    let exit_code = turn::own(span, "tool.exit_code").filter(|code| *code != 0);
    let approval = turn::own_text(span, "tool.approval_status");
    let source = turn::own_text(span, "tool.approval_source");
    let wait = turn::own(span, "tool.approval_wait_ms").filter(|wait| *wait > 0);
    html! {
        @if exit_code.is_some() || approval.is_some() {
            p.facts {
                @if let Some(code) = exit_code { span { "exit code " (code) } }
                @if let Some(approval) = approval {
                    span {
                        (text::line(approval, 40))
                        @if let Some(source) = source { " (" (text::line(source, 40)) ")" }
                        @if let Some(wait) = wait {
                            " after " (format::duration(wait.unsigned_abs() * 1_000_000))
                        }
                    }
                }
            }
        }
    }
}
