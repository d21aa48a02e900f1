//! Which call of a turn set a sub-agent to work.
//!
//! A sub-agent works for the turn that spawned it, and for those that give it more to do later
//! (`send_input`, `followup_task`), some of them more than once.

use otlp_model::UnixNanos;
use otlp_model::turn::{Step, ToolCall, Turn};
use serde_json::Value as Json;

use crate::fuse;
use crate::json;
use crate::notify::uuid_v7_time;
use crate::transcript::TranscriptTurn;

/// Which of the calls of `parent` that set the sub-agent to work led to `child`, one of its turns:
/// from 1, in the order of the spans.
pub fn nth_call(parent: &TranscriptTurn, child: &TranscriptTurn) -> usize {
    let fused = fuse(parent, &[]);
    let calls = calls_to(&fused, &child.meta.thread_id);
    let turn_id = child.turn_id.as_deref();
    let named = turn_id.and_then(|id| calls.iter().position(|call| begins(call, id)));
    // Since its second generation no record names both. The turn begins with the call, or after
    // what the sub-agent does for an earlier one.
    let begun = turn_id.and_then(uuid_v7_time).unwrap_or(child.start);
    let nearest = || {
        let earlier = calls.iter().enumerate().filter(|(_, call)| call.start <= begun);
        earlier.min_by_key(|(_, call)| distance(call.end, begun)).map(|(index, _)| index)
    };
    named.or_else(nearest).unwrap_or(0) + 1
}

/// The calls that set a sub-agent to work, in the order of their spans.
fn calls_to<'t>(turn: &'t Turn, thread_id: &str) -> Vec<&'t ToolCall> {
    fn collect<'t>(tools: &'t [ToolCall], found: &mut Vec<&'t ToolCall>) {
        for tool in tools {
            found.push(tool);
            collect(&tool.nested, found);
        }
    }
    let mut found = Vec::new();
    for step in &turn.steps {
        match step {
            Step::Llm(call) => collect(&call.tools, &mut found),
            Step::Tool(tool) => collect(std::slice::from_ref(tool), &mut found),
            Step::Compaction(_) => {}
        }
    }
    found.retain(|tool| tool.sub_agent.as_deref() == Some(thread_id));
    found
}

/// Whether a call of `send_input` says in its output that this is the turn that it began.
fn begins(call: &ToolCall, turn_id: &str) -> bool {
    let output = call.output.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    output.is_some_and(|output| json::text(&output, &["submission_id"]) == Some(turn_id))
}

fn distance(one: UnixNanos, other: UnixNanos) -> u64 {
    one.since(other).max(other.since(one))
}
