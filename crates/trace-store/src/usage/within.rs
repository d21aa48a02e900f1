//! Which tools and which model calls belong to the turns of a trace, by its spans.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use otlp_model::{Span, SpanId, TraceId, names};
use rusqlite::Transaction;

use super::ToolUse;
use crate::row;

/// What belongs to each turn of the traces that were asked for.
#[derive(Default)]
pub(super) struct Traces {
    traces: HashMap<TraceId, HashMap<SpanId, Within>>,
}

/// What is in a turn.
#[derive(Debug, Default, Clone)]
pub(super) struct Within {
    pub(super) tools: ToolUse,
    /// Its model calls with tokens. One within another is part of that.
    pub(super) calls: Vec<SpanId>,
}

/// As much of a span as says to which turn others belong.
struct Node {
    parent: Option<SpanId>,
    is_turn: bool,
    is_call: bool,
    /// The name, and whether the call failed.
    tool: Option<(String, bool)>,
}

/// Whether a span is a turn of an agent whose harness says so. Agents of other programs are steps of
/// their traces.
pub(super) fn is_turn(span: &Span) -> bool {
    let agent = span.text(names::AGENT_NAME);
    agent.is_some_and(|agent| span.attribute(&format!("{agent}.thread_id")).is_some())
}

impl Traces {
    /// What is in the turn with this root.
    pub(super) fn within(
        &mut self,
        transaction: &Transaction<'_>,
        trace: TraceId,
        root: SpanId,
    ) -> rusqlite::Result<Within> {
        let of_roots = match self.traces.entry(trace) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(of_trace(transaction, trace)?),
        };
        Ok(of_roots.get(&root).cloned().unwrap_or_default())
    }
}

fn of_trace(
    transaction: &Transaction<'_>,
    trace: TraceId,
) -> rusqlite::Result<HashMap<SpanId, Within>> {
    let mut nodes = HashMap::new();
    let mut order = Vec::new();
    let mut statement = transaction.prepare(
        "SELECT span_id, parent_id, kind, name, status, input_tokens FROM spans
         WHERE trace_id = ? ORDER BY start_ns, rowid",
    )?;
    let mut rows = statement.query([trace.0])?;
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(2)?.as_str()?;
        let tool = match kind {
            "TOOL" => Some((row.get(3)?, row.get_ref(4)?.as_str()? == "ERROR")),
            _ => None,
        };
        let parent = row.get::<_, Option<[u8; 8]>>(1)?.map(SpanId);
        // Whose turn an agent is, is among its attributes.
        let is_call = kind == "LLM" && row.get::<_, Option<u32>>(5)?.is_some();
        let node = Node { parent, is_turn: kind == "AGENT", is_call, tool };
        let id = SpanId(row.get(0)?);
        order.push(id);
        nodes.insert(id, node);
    }
    mark_turns(transaction, &mut nodes)?;
    let mut of_roots: HashMap<SpanId, Within> = HashMap::new();
    for id in order {
        let node = &nodes[&id];
        let Some(Above { root, parent, has_call }) = above(&nodes, node) else { continue };
        if let Some((name, has_failed)) = &node.tool {
            if parent.is_none_or(|parent| parent.tool.is_none()) {
                of_roots.entry(root).or_default().tools.add(name, *has_failed);
            }
        } else if node.is_call && !has_call {
            of_roots.entry(root).or_default().calls.push(id);
        }
    }
    Ok(of_roots)
}

/// Of the agents, those remain that are turns.
fn mark_turns(
    transaction: &Transaction<'_>,
    nodes: &mut HashMap<SpanId, Node>,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT {} FROM spans WHERE span_id = ?", row::COLUMNS);
    let mut statement = transaction.prepare(&sql)?;
    for (id, node) in nodes.iter_mut().filter(|(_, node)| node.is_turn) {
        node.is_turn = is_turn(&statement.query_row([id.0], row::read)?);
    }
    Ok(())
}

/// What is above a span.
struct Above<'n> {
    /// The turn that it belongs to, or the span at the top.
    root: SpanId,
    parent: Option<&'n Node>,
    /// Whether it is within a model call of the same turn.
    has_call: bool,
}

fn above<'n>(nodes: &'n HashMap<SpanId, Node>, node: &Node) -> Option<Above<'n>> {
    let parent = node.parent?;
    let (mut root, mut has_call) = (parent, false);
    // No tree is as deep as it has spans, but for one that leads back to itself.
    for _ in 0..nodes.len() {
        let at = nodes.get(&root);
        has_call |= at.is_some_and(|at| at.is_call);
        match at {
            Some(Node { is_turn: false, parent: Some(next), .. }) => root = *next,
            _ => return Some(Above { root, parent: nodes.get(&parent), has_call }),
        }
    }
    None
}
