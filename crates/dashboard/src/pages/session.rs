//! The turns of a session.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;
use serde::Deserialize;
use serde_json::json;
use trace_store::usage::{Sums, TurnFilter, TurnRow};

use super::context::Context;
use super::failure::Failure;
use super::{agents, layout, turns};
use crate::serve::App;
use crate::{chart, choice, format, text};

/// So many turns of a session are shown, the last ones.
const MOST: usize = 1_000;

/// So many model calls are in the chart of the context, the last ones.
const CALLS: usize = 400;

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    id: String,
}

impl Choice {
    /// The turns of the session in the order of time, at least one.
    async fn turns(&self, app: &App) -> Result<Vec<TurnRow>, Failure> {
        let filter = TurnFilter {
            thread: Some(self.id.clone()).filter(|id| !id.is_empty()),
            with_sub_agents: true,
            ..TurnFilter::default()
        };
        let mut turns = app.ask(move |store| Ok(store.turns(&filter, None, MOST)?)).await?;
        turns.retain(|turn| turn.thread.session_id == self.id || turn.thread.thread_id == self.id);
        turns.reverse();
        if turns.is_empty() { Err(Failure::NoSession) } else { Ok(turns) }
    }

    async fn context(&self, app: &App, turns: &[TurnRow]) -> Result<Context, Failure> {
        // The address may name one of its threads.
        let session = turns[0].thread.session_id.clone();
        app.ask(move |store| {
            let calls = store.session_calls(&session, CALLS)?;
            Ok(Context { calls, compactions: store.session_compactions(&session)? })
        })
        .await
    }
}

pub(crate) async fn session(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Failure> {
    let found = choice.turns(&app).await?;
    let context = choice.context(&app, &found).await?;
    // One turn may end while the next is going on.
    let end = found.iter().map(|turn| turn.end).max().unwrap_or_default();
    let mut all = Sums::default();
    found.iter().for_each(|turn| all += turn.sums);
    let of_agents = |turn: &&TurnRow| turn.thread.parent_id.is_some();
    let agents = found.iter().filter(of_agents).count();
    let costs: Vec<chart::Bar> = found
        .iter()
        .map(|turn| chart::Bar {
            label: format::time(turn.start(), app.zone()),
            value: turn.sums.cost.usd(),
            shown: format::dollars(turn.sums.cost.usd()),
        })
        .collect();
    let body = html! {
        h1 { "Session" }
        p.id { (text::line(&choice.id, 80)) }
        dl.facts {
            div { dt { "turns" } dd { (found.len() - agents) } }
            @if agents > 0 { div { dt { "of sub-agents" } dd { (agents) } } }
            div { dt { "within" } dd { (format::duration(end.since(found[0].start()))) } }
            div { dt { "tokens" } dd { (format::count(all.tokens())) } }
            div { dt { "from the cache" } dd { (format::share(all.cached_input, all.input)) } }
            div { dt { "cost" } dd { (format::dollars(all.cost.usd())) } }
        }
        (context.section(&found[0].thread.session_id, app.zone()))
        (agents::tree(&found))
        (chart::columns("Cost of each turn", &costs))
        (turns::table(&app, &found, &HashMap::new()))
        p.pages { a href=(choice::address("/session.json", &[("id", &choice.id)])) { "JSON" } }
    };
    Ok(layout::page("Session", true, &body))
}

pub(crate) async fn session_json(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let found = choice.turns(&app).await?;
    let context = choice.context(&app, &found).await?;
    Ok(super::json(&json!({
        "turns": turns::turns_value(&found),
        "agents": agents::json(&found),
        "context": context.json(),
    })))
}
