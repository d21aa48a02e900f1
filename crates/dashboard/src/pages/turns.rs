//! The list of turns: what is asked for, page by page.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use otlp_model::TraceId;
use serde_json::{Value as Json, json};
use trace_store::usage::TurnRow;
use trace_store::{Hit, TraceStore};

use super::failure::{self, Failure};
use super::layout;
use crate::choice::{STATUSES, TurnChoice};
use crate::serve::App;
use crate::{format, text};

/// Turns on a page.
const PAGE: usize = 50;

/// So many places of the words that were searched for are sought for the turns of a page.
const HITS: usize = 500;

/// So many names are offered for a choice.
const NAMES: usize = 200;

/// A page of the list.
struct Found {
    turns: Vec<TurnRow>,
    hits: HashMap<TraceId, Hit>,
    names: Names,
    /// Whether there are more turns behind these.
    has_more: bool,
    /// Whether the store has no turn at all.
    is_empty: bool,
}

/// What can be chosen.
#[derive(Default)]
struct Names {
    projects: Vec<String>,
    repositories: Vec<String>,
    models: Vec<String>,
    tools: Vec<String>,
}

impl Names {
    fn of(store: &TraceStore) -> Result<Self, Failure> {
        let places = store.places()?;
        let of_places = |name: fn(&trace_store::usage::Place) -> &str| {
            sorted(places.values().map(|place| name(place).to_owned()))
        };
        Ok(Self {
            projects: of_places(|place| &place.project),
            repositories: of_places(|place| &place.repository),
            models: sorted(store.rates()?.into_values().map(|rate| rate.model)),
            tools: sorted(store.tool_sums()?.into_iter().map(|sum| sum.tool)),
        })
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    names.truncate(NAMES);
    names
}

async fn find(app: &App, choice: &TurnChoice) -> Result<Found, Failure> {
    let (filter, key) = (choice.filter(app.zone())?, choice.key()?);
    let is_narrowed = choice.is_narrowed();
    app.ask(move |store| {
        let mut turns = store.turns(&filter, key, PAGE + 1)?;
        let has_more = turns.len() > PAGE;
        turns.truncate(PAGE);
        let mut hits = HashMap::new();
        if let Some(text) = &filter.text {
            // The first hit of a turn is the last in time; an earlier one says more of what it is about.
            hits = store
                .search(text, None, HITS)?
                .into_iter()
                .map(|hit| (hit.trace_id, hit))
                .collect();
        }
        let is_empty = turns.is_empty() && key.is_none() && !is_narrowed;
        Ok(Found { turns, hits, names: Names::of(store)?, has_more, is_empty })
    })
    .await
}

pub(crate) async fn turns(
    State(app): State<App>,
    Query(choice): Query<TurnChoice>,
) -> Result<Response, Failure> {
    let found = find(&app, &choice).await?;
    if found.is_empty {
        return Ok(failure::empty().into_response());
    }
    Ok(page(&app, &found, &choice).into_response())
}

fn page(app: &App, found: &Found, choice: &TurnChoice) -> Html<String> {
    let more = found.turns.last().filter(|_| found.has_more).map(|last| {
        let behind = format!("{}.{}", last.key.start.0, last.key.id);
        TurnChoice { behind, ..choice.clone() }.address("/turns")
    });
    let first = TurnChoice { behind: String::new(), ..choice.clone() }.address("/turns");
    let body = html! {
        h1 { "Turns" }
        (form(choice, &found.names))
        @if found.turns.is_empty() {
            p { "No turn is like this. " a href="/turns" { "All turns" } }
        } @else {
            (table(app, &found.turns, &found.hits))
        }
        p.pages {
            @if !choice.behind.is_empty() { a href=(first) { "the newest" } }
            @if let Some(more) = more { a href=(more) rel="next" { "older" } }
            a href=(choice.address("/turns.json")) { "JSON" }
        }
    };
    layout::page("Turns", true, &body)
}

/// What can be chosen, as a form that needs no script.
fn form(choice: &TurnChoice, names: &Names) -> Markup {
    let select = |name: &str, label: &str, all: &str, chosen: &str, names: &[String]| {
        html! {
            label { (label) " "
                select name=(name) {
                    option value="" { (all) }
                    @for known in names {
                        option value=(known) selected[known == chosen] { (text::line(known, 60)) }
                    }
                    @if !chosen.is_empty() && names.iter().all(|known| known != chosen) {
                        option value=(chosen) selected { (text::line(chosen, 60)) }
                    }
                }
            }
        }
    };
    let input = |name: &str, label: &str, kind: &str, value: &str| {
        html! { label { (label) " " input type=(kind) name=(name) value=(value); } }
    };
    let statuses = STATUSES.map(str::to_owned);
    let is_open =
        TurnChoice { q: String::new(), behind: String::new(), ..choice.clone() }.is_narrowed();
    html! {
        form.filters action="/turns" method="get" role="search" {
            p {
                label { "Words " input type="search" name="q" value=(choice.q) placeholder="in prompts, answers, commands, outputs"; }
                " " button { "Search" }
                @if choice.is_narrowed() { " " a href="/turns" { "all turns" } }
            }
            details open[is_open] {
                summary { "Choose" }
                div.fields {
                    (select("status", "Ended", "all", &choice.status, &statuses))
                    (select("project", "Project", "all", &choice.project, &names.projects))
                    (select("repository", "Repository", "all", &choice.repository, &names.repositories))
                    (input("branch", "Branch", "text", &choice.branch))
                    (input("user", "User", "text", &choice.user))
                    (input("folder", "Folder", "text", &choice.folder))
                    (select("model", "Model", "all", &choice.model, &names.models))
                    (select("tool", "Tool", "all", &choice.tool, &names.tools))
                    (input("since", "From", "date", &choice.since))
                    (input("until", "To", "date", &choice.until))
                    (input("min_cost", "Costs at least $", "text", &choice.min_cost))
                    (input("min_seconds", "Takes at least s", "text", &choice.min_seconds))
                    (input("thread", "Thread", "text", &choice.thread))
                    (select("agents", "Sub-agents", "either", &choice.agents, &["with".to_owned(), "without".to_owned()]))
                }
            }
        }
    }
}

/// One row each; a row leads to its turn.
pub(super) fn table(app: &App, turns: &[TurnRow], hits: &HashMap<TraceId, Hit>) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="turns" { table.turns {
            thead { tr {
                th { "Began" } th { "Prompt" } th { "Where" } th { "Model" } th.number { "Tools" }
                th.number { "Tokens" } th.number { "Cost" } th.number { "Time" } th { "Ended" }
            } }
            tbody {
                @for turn in turns {
                    @let status = turn.status.word();
                    tr class=(status) {
                        td { time datetime=(format::utc(turn.start())) { (format::time(turn.start(), app.zone())) } }
                        td.prompt {
                            (prompt(turn))
                            @if let Some(hit) = hits.get(&turn.trace_id) { (snippet(hit)) }
                        }
                        td.folder title=(text::plain(&turn.place.folder)) { (text::line(&place(turn), 40)) }
                        td { (text::line(&or_dash(&turn.models.join(", ")), 40)) }
                        td.number { (tools(turn)) }
                        td.number { (format::count_or_dash(turn.sums.tokens())) }
                        td.number { (turn.cost().map_or("–".to_owned(), |cost| format::dollars(cost.usd()))) @if turn.unpriced > 0 && turn.cost().is_some() { "+" } }
                        td.number { (format::duration(turn.end.since(turn.start()))) }
                        td { (status) }
                    }
                }
            }
        } }
    }
}

fn prompt(turn: &TurnRow) -> Markup {
    let words = turn.prompt.as_deref().filter(|prompt| !prompt.trim().is_empty());
    let words = text::line(words.unwrap_or("(no prompt is stored)"), 120);
    html! {
        @if turn.has_spans { a href=(format!("/turn/{}", turn.trace_id)) { (words) } }
        @else { span title="only its numbers are stored" { (words) } }
        @if turn.sub_agents > 0 { " " span.note { (turn.sub_agents) " sub-agents" } }
    }
}

/// Where the words that were searched for are.
fn snippet(hit: &Hit) -> Markup {
    let (before, rest) = hit.snippet.split_at(hit.found.start);
    let (word, after) = rest.split_at(hit.found.len());
    html! {
        p.hit { span.note { (text::line(&hit.name, 30)) ": " }
            (text::visible(before)) mark { (text::visible(word)) } (text::visible(after)) }
    }
}

fn tools(turn: &TurnRow) -> Markup {
    html! {
        @match &turn.tools {
            None => "–",
            Some(tools) => {
                span title=(text::plain(&tools.names.iter().cloned().collect::<Vec<_>>().join(", "))) { (tools.calls) }
                @if tools.failed > 0 { span.error title="failed" { " (" (tools.failed) ")" } }
            }
        }
    }
}

/// The last part of the folder in which the turn ran, and the branch.
fn place(turn: &TurnRow) -> String {
    let folder = turn.place.folder.rsplit(['/', '\\']).next().unwrap_or_default();
    [folder, &turn.place.branch]
        .map(str::to_owned)
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { text.to_owned() }
}

pub(crate) async fn turns_json(
    State(app): State<App>,
    Query(choice): Query<TurnChoice>,
) -> Result<Response, Failure> {
    let found = find(&app, &choice).await?;
    let next = found.turns.last().filter(|_| found.has_more);
    let next = next.map(|last| format!("{}.{}", last.key.start.0, last.key.id));
    Ok(super::json(&json!({ "turns": turns_value(&found.turns), "behind": next })))
}

/// Turns for programs.
pub(super) fn turns_value(turns: &[TurnRow]) -> Json {
    let turns = turns.iter().map(|turn| {
        json!({
            "trace_id": turn.trace_id.to_string(),
            "span_id": turn.span_id.to_string(),
            "thread_id": turn.thread.thread_id,
            "session_id": turn.thread.session_id,
            "project": turn.place.project,
            "repository": turn.place.repository,
            "branch": turn.place.branch,
            "folder": turn.place.folder,
            "prompt": turn.prompt,
            "start": format::utc(turn.start()),
            "end": format::utc(turn.end),
            "status": turn.status.word(),
            "models": turn.models,
            "input_tokens": turn.sums.input,
            "output_tokens": turn.sums.output,
            "cost_usd": turn.cost().map(|cost| cost.usd()),
            "calls_without_price": turn.unpriced,
            "tool_calls": turn.tools.as_ref().map(|tools| tools.calls),
            "failed_tool_calls": turn.tools.as_ref().map(|tools| tools.failed),
            "sub_agents": turn.sub_agents,
            "has_spans": turn.has_spans,
        })
    });
    Json::Array(turns.collect())
}
