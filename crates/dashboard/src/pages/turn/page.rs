//! The page of a turn.

use std::ops::Range;

use jiff::tz::TimeZone;
use maud::{Markup, html};
use otlp_model::names;
use usage::loops::{Kind, Loop};

use crate::changes::Changes;
use crate::facts::Elsewhere;
use crate::turn::{self, Totals, Trace};
use crate::{format, text, transcript, waterfall};

/// Spans on a page.
const PAGE: usize = 200;

/// The places of the spans that are shown, and of the one that is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(super) chosen: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Shown {
    /// The chosen span is among those that are shown.
    pub(super) fn of(trace: &Trace, span: Option<&str>, from: Option<usize>) -> Self {
        let chosen = span.and_then(|id| trace.place(id)).unwrap_or(0);
        let from = from.unwrap_or(chosen / PAGE * PAGE).min(trace.len().saturating_sub(1));
        Self { chosen, from, to: (from + PAGE).min(trace.len()) }
    }

    pub(super) fn places(self) -> Range<usize> {
        self.from..self.to
    }
}

pub(crate) struct Page<'p> {
    zone: &'p TimeZone,
    pub(super) trace: &'p Trace,
    pub(super) shown: Shown,
    /// Whether the page is a file of its own, without other pages to lead to.
    is_file: bool,
    /// The pages of the trace in backends.
    elsewhere: Vec<Elsewhere>,
    goes_on: bool,
}

impl<'p> Page<'p> {
    pub(super) fn new(
        zone: &'p TimeZone,
        trace: &'p Trace,
        shown: Shown,
        elsewhere: Vec<Elsewhere>,
        goes_on: bool,
    ) -> Self {
        Self { zone, trace, shown, is_file: false, elsewhere, goes_on }
    }

    /// All spans of a turn on one page.
    pub(crate) fn of_file(zone: &'p TimeZone, trace: &'p Trace) -> Self {
        // No span is chosen: there is none behind the last one.
        let all = trace.len();
        let shown = Shown { chosen: all, from: 0, to: all };
        Self { zone, trace, shown, is_file: true, elsewhere: Vec::new(), goes_on: false }
    }

    pub(crate) fn title(&self) -> String {
        let root = self.trace.root();
        let prompt = root.text(names::INPUT_VALUE).unwrap_or(&root.name);
        let words = prompt.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
        text::plain(&words).chars().take(80).collect()
    }

    pub(crate) fn body(&self) -> Markup {
        let places = self.shown.places();
        let changes = Changes::of(self.trace, places.clone());
        html! {
            (self.head())
            (self.loops(places.clone()))
            div.panes { div.column {
                section.waterfall aria-labelledby="h-time" {
                    h2 id="h-time" { "Time" }
                    (self.pages())
                    @for place in places.clone() {
                        (waterfall::row(self.trace, place, &self.link(place), place == self.shown.chosen))
                    }
                    (self.pages())
                }
                section.transcript aria-labelledby="h-said" {
                    h2 id="h-said" { "Transcript" }
                    @for place in places {
                        @let item = transcript::item(self.trace, place);
                        @if !item.0.is_empty() { (self.part(place, "said", &item)) }
                    }
                }
                } div.column {
                @if !self.is_file { (self.chosen_section()) }
                (self.changed(&changes, !self.is_all()))
                (self.costs())
                }
            }
        }
    }

    /// What a turn changed that is too large for one page.
    pub(super) fn changes_of_all(&self) -> Markup {
        let places = 0..self.trace.len();
        html! {
            h1 { (self.title()) }
            p { a href=(format!("/turn/{}", self.trace.id)) { "The turn" } }
            (self.loops(places.clone()))
            (self.changed(&Changes::of(self.trace, places), false))
        }
    }

    /// Whether the page shows all spans.
    fn is_all(&self) -> bool {
        self.shown.places().len() == self.trace.len()
    }

    /// Calls that go round in circles, with the first of them.
    fn loops(&self, places: Range<usize>) -> Markup {
        let spans = self.trace.range(places).map(|(_, span)| span);
        let found = usage::loops::loops_among(&self.trace.outline, spans);
        html! {
            @if !found.is_empty() {
                section.loops {
                    h2 { "Calls that repeat themselves" }
                    ul { @for it in &found { li { (kind(it)) (self.first_call(it)) } } }
                }
            }
        }
    }

    fn first_call(&self, it: &Loop) -> Markup {
        let is_first = |span: &trace_store::SpanOutline| it.spans.first() == Some(&span.span_id);
        let words = text::line(&format!("{} {}", it.tool, it.arguments), 100);
        html! {
            @match self.trace.outline.iter().position(is_first) {
                Some(place) => a href=(self.link(place)) { (words) },
                None => (words),
            }
        }
    }

    pub(super) fn link(&self, place: usize) -> String {
        let id = self.trace.outline[place].span_id;
        if self.is_file { format!("#said-{id}") } else { format!("?span={id}#row-{id}") }
    }

    /// A part of a pane that belongs to a span.
    pub(super) fn part(&self, place: usize, pane: &str, content: &Markup) -> Markup {
        let id = self.trace.outline[place].span_id.to_string();
        let chosen = (place == self.shown.chosen).then_some("true");
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
                    code { (self.trace.id) }
                    @if !self.is_file { " " a href=(format!("/compare?a={}", self.trace.id)) { "compare" } }
                }))
                @if !self.is_file { (fact("Files", &self.files())) }
                @if !self.elsewhere.is_empty() {
                    (fact("Open in", &html! {
                        @for page in &self.elsewhere {
                            a href=(page.address) rel="noreferrer noopener" target="_blank" title=(page.address) { (text::line(&page.name, 40)) } " "
                        }
                    }))
                }
            }
            (waterfall::split(self.trace))
        }
    }

    /// The turn as files; of those to hand on, secrets are taken out.
    fn files(&self) -> Markup {
        let file = |ending: &str| format!("/turn/{}{ending}", self.trace.id);
        html! {
            a href=(file(".json")) { "JSON" }
            @if !self.goes_on {
                " " a href=(file(".html")) title="one file to hand on, without secrets" { "page" }
                " " a href=(file(".perfetto.json")) title="for ui.perfetto.dev, without secrets" { "Perfetto" }
            }
        }
    }

    fn session(&self, id: &str) -> Markup {
        html! {
            @if self.is_file { (text::line(id, 40)) }
            @else { a href=(format!("/session?id={}", super::encoded(id))) { (text::line(id, 40)) } }
        }
    }

    /// Links to the other pages of a turn with very many spans.
    fn pages(&self) -> Markup {
        let Shown { from, to, .. } = self.shown;
        let all = self.trace.len();
        html! {
            @if all > PAGE && !self.is_file {
                nav.pages aria-label="spans" {
                    @if from > 0 { a href=(format!("?from={}", from.saturating_sub(PAGE))) { "earlier" } }
                    span { "spans " (from + 1) " to " (to) " of " (all) }
                    @if to < all { a href=(format!("?from={}", to)) { "later" } }
                }
            }
        }
    }
}

fn kind(it: &Loop) -> Markup {
    let times = it.times;
    html! {
        @match it.kind {
            Kind::Same => { "the same call " (times) " times in a row: " },
            Kind::Alike => { "calls that differ in numbers only, " (times) " in a row: " },
            Kind::Round(length) => { (length) " calls in turn, " (times) " times: " },
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

pub(super) fn cost(totals: &Totals) -> Markup {
    let is_unknown = totals.unpriced > 0 && totals.dollars == 0.0;
    html! {
        @if totals.calls == 0 || is_unknown { "no price" } @else { (format::dollars(totals.dollars)) }
        @if totals.unpriced > 0 && !is_unknown { " (" (totals.unpriced) " calls without a price)" }
    }
}
