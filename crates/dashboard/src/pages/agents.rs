//! The agents of a session: its thread, and those that it set to work, with the cost of each.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Value as Json, json};
use trace_store::usage::{Sums, TurnRow};

use crate::choice::TurnChoice;
use crate::{format, text};

/// Threads below threads are shown so deep.
const DEPTH: usize = 16;

/// What a thread did.
#[derive(Debug, Default, Clone)]
struct Agent {
    parent: Option<String>,
    turns: i64,
    sums: Sums,
    unpriced: u64,
}

/// The threads of these turns, by their ids.
fn agents(turns: &[TurnRow]) -> BTreeMap<&str, Agent> {
    let mut agents = BTreeMap::<&str, Agent>::new();
    for turn in turns {
        let agent = agents.entry(&turn.thread.thread_id).or_default();
        agent.parent.clone_from(&turn.thread.parent_id);
        agent.turns += 1;
        agent.sums += turn.sums;
        agent.unpriced += turn.unpriced;
    }
    agents
}

/// A tree of the agents; nothing where there is only one.
pub(super) fn tree(turns: &[TurnRow]) -> Markup {
    let agents = agents(turns);
    // Of some, what is above is not stored: they are at the top, too.
    let is_known = |parent: &String| agents.contains_key(parent.as_str());
    let tops = agents.iter().filter(|(_, agent)| !agent.parent.as_ref().is_some_and(is_known));
    html! {
        @if agents.len() > 1 {
            section {
                h2 { "Agents" }
                ul.agents { @for (id, _) in tops { (branch(&agents, id, DEPTH)) } }
            }
        }
    }
}

fn branch(agents: &BTreeMap<&str, Agent>, id: &str, depth: usize) -> Markup {
    let agent = agents.get(id).cloned().unwrap_or_default();
    let below: Vec<&str> = agents
        .iter()
        .filter(|(_, other)| other.parent.as_deref() == Some(id) && depth > 0)
        .map(|(id, _)| *id)
        .collect();
    let turns = TurnChoice { thread: id.to_owned(), ..TurnChoice::default() };
    html! {
        li {
            a href=(turns.address("/turns")) { (text::line(id, 40)) }
            span.note {
                " " (format::plural(agent.turns, "turn")) ", " (format::count(agent.sums.tokens())) " tokens, "
                (format::dollars(agent.sums.cost.usd())) @if agent.unpriced > 0 { "+" }
            }
            @if !below.is_empty() {
                ul { @for id in below { (branch(agents, id, depth - 1)) } }
            }
        }
    }
}

pub(super) fn json(turns: &[TurnRow]) -> Json {
    let agents = agents(turns);
    let agent = agents.iter().map(|(id, agent)| {
        json!({
            "thread_id": id,
            "parent_id": agent.parent,
            "turns": agent.turns,
            "tokens": agent.sums.tokens(),
            "cost_usd": agent.sums.cost.usd(),
            "calls_without_price": agent.unpriced,
        })
    });
    agent.collect()
}
