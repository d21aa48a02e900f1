//! Which tools the turns of a trace called, by its spans.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use otlp_model::{SpanId, TraceId};
use rusqlite::Transaction;

use super::ToolUse;

/// The tools of each turn of the traces that were asked for.
#[derive(Default)]
pub(super) struct TraceTools {
    traces: HashMap<TraceId, HashMap<SpanId, ToolUse>>,
}

/// As much of a span as says to which turn a tool belongs.
struct Node {
    parent: Option<SpanId>,
    is_agent: bool,
    /// The name, and whether the call failed.
    tool: Option<(String, bool)>,
}

impl TraceTools {
    /// Those of the turn with this root.
    pub(super) fn of(
        &mut self,
        transaction: &Transaction<'_>,
        trace: TraceId,
        root: SpanId,
    ) -> rusqlite::Result<ToolUse> {
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
) -> rusqlite::Result<HashMap<SpanId, ToolUse>> {
    let mut statement = transaction
        .prepare("SELECT span_id, parent_id, kind, name, status FROM spans WHERE trace_id = ?")?;
    let mut nodes = HashMap::new();
    let mut rows = statement.query([trace.0])?;
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(2)?.as_str()?;
        let tool = match kind {
            "TOOL" => Some((row.get(3)?, row.get_ref(4)?.as_str()? == "ERROR")),
            _ => None,
        };
        let parent = row.get::<_, Option<[u8; 8]>>(1)?.map(SpanId);
        let node = Node { parent, is_agent: kind == "AGENT", tool };
        nodes.insert(SpanId(row.get(0)?), node);
    }
    let mut of_roots: HashMap<SpanId, ToolUse> = HashMap::new();
    for node in nodes.values() {
        let Some((name, has_failed)) = &node.tool else { continue };
        // A call within a call is part of that.
        let parent = node.parent.and_then(|parent| nodes.get(&parent));
        if parent.is_some_and(|parent| parent.tool.is_some()) {
            continue;
        }
        if let Some(root) = root_of(&nodes, node) {
            of_roots.entry(root).or_default().add(name, *has_failed);
        }
    }
    Ok(of_roots)
}

/// The turn that a span belongs to: the agent above it, or the span at the top.
fn root_of(nodes: &HashMap<SpanId, Node>, node: &Node) -> Option<SpanId> {
    let mut id = node.parent?;
    // No tree is as deep as it has spans, but for one that leads back to itself.
    for _ in 0..nodes.len() {
        match nodes.get(&id) {
            Some(Node { is_agent: false, parent: Some(parent), .. }) => id = *parent,
            _ => return Some(id),
        }
    }
    None
}
