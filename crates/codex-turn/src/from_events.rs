//! Turns from log events alone, for threads without a transcript (`codex exec --ephemeral`).

use std::collections::HashMap;

use otlp_model::turn::{LlmCall, Message, Outcome, Part, Step, ToolCall};
use otlp_model::{Attribute, Turn, UnixNanos};

use crate::agent;
use crate::events::LogEvent;
use crate::fuse::tool_from_event;
use crate::notify::{NotifyPayload, turn_from_notify};
use crate::telemetry::Telemetry;
use crate::tools::NESTED_ID;

/// The turn that a notify payload and a thread's events since its last traced turn tell; none where
/// the events know of no model call and no tool call.
pub fn turn_from_events(
    payload: &NotifyPayload,
    thread_id: &str,
    events: &[&LogEvent],
    now: UnixNanos,
) -> Option<Turn> {
    let telemetry = Telemetry::of(events);
    if telemetry.calls.is_empty() && telemetry.results.is_empty() {
        return None;
    }
    let known = events.iter().filter(|event| event.fact().is_some());
    let end = known.map(|event| event.time).max()?;
    let mut turn = turn_from_notify(payload, thread_id, now);
    turn.agent = agent(telemetry.version.clone());
    turn.start = events.iter().filter_map(|event| event.begun()).min().unwrap_or(end).min(end);
    turn.end = end;
    turn.prompt = turn.prompt.or_else(|| telemetry.prompt.clone());
    turn.model = telemetry.model.clone();
    turn.steps = steps(&telemetry, &turn);
    turn.events.clone_from(&telemetry.network);
    turn.environment.clone_from(&telemetry.environment);
    let texts = [
        ("codex.sandbox_mode", &telemetry.sandbox_policy),
        ("codex.approval_mode", &telemetry.approval_policy),
        ("codex.trace_id", &telemetry.trace_id),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            turn.attributes.push(Attribute::new(name, value.clone()));
        }
    }
    Some(turn)
}

/// Model calls in order; each tool under the last call that was sent before the tool began.
fn steps(telemetry: &Telemetry, turn: &Turn) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for call in &telemetry.calls {
        steps.extend(call.failed_attempts().chain(call.open_attempt()).map(Step::Llm));
        let Some((time, completed)) = &call.completed else { continue };
        let start = call.start().unwrap_or(*time);
        let mut llm = LlmCall {
            start,
            model: call.model.clone(),
            usage: Some(completed.usage),
            outcome: Outcome::Ok,
            ..LlmCall::default()
        };
        call.complete(&mut llm);
        llm.end = *time;
        steps.push(Step::Llm(llm));
    }
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for (_, result) in &telemetry.results {
        *ids.entry(&result.call_id).or_default() += 1;
    }
    for (time, result) in &telemetry.results {
        let decisions = telemetry.decisions.get(&result.call_id).map_or(&[][..], Vec::as_slice);
        let tool = tool_from_event(*time, result, decisions, ids[&*result.call_id] > 1);
        place(&mut steps, tool);
    }
    fill_messages(&mut steps, turn);
    steps
}

fn place(steps: &mut Vec<Step>, tool: ToolCall) {
    let caller = steps.iter_mut().rev().find_map(|step| match step {
        Step::Llm(call) if is_answered(call) && call.start <= tool.start => Some(call),
        _ => None,
    });
    let Some(caller) = caller else { return steps.push(Step::Tool(tool)) };
    // Scripts of code mode make calls of their own, which end before the script does.
    if tool.name == "exec" {
        let (nested, tools) = std::mem::take(&mut caller.tools)
            .into_iter()
            .partition(|other| other.call_id.starts_with(NESTED_ID) && other.start >= tool.start);
        caller.tools = tools;
        caller.tools.push(ToolCall { nested, ..tool });
    } else {
        caller.tools.push(tool);
    }
}

/// Whether it got an answer, as far as one can tell: the event that says so may be lost.
fn is_answered(call: &LlmCall) -> bool {
    !matches!(call.outcome, Outcome::Failed(_))
}

/// What was said follows from what was done: the prompt went in first, results go into the next
/// call, the answer is the last output.
fn fill_messages(steps: &mut [Step], turn: &Turn) {
    let message = |role: &str, parts| Message { role: role.to_owned(), parts, tool_call_id: None };
    let mut input: Vec<Message> = turn
        .prompt
        .iter()
        .map(|prompt| message("user", vec![Part::Text(prompt.clone())]))
        .collect();
    let mut last = None;
    for step in steps {
        let Step::Llm(call) = step else { continue };
        if !is_answered(call) {
            continue;
        }
        call.input = std::mem::take(&mut input);
        let asked: Vec<Part> = call
            .tools
            .iter()
            .map(|tool| Part::ToolCall {
                id: tool.call_id.clone(),
                name: tool.name.clone(),
                arguments: tool.arguments.clone().unwrap_or_default(),
            })
            .collect();
        if !asked.is_empty() {
            call.output = vec![message("assistant", asked)];
        }
        input.extend(call.tools.iter().map(|tool| Message {
            role: "tool".to_owned(),
            parts: vec![Part::Text(tool.output.clone().unwrap_or_default())],
            tool_call_id: Some(tool.call_id.clone()),
        }));
        last = Some(call);
    }
    if let (Some(call), Some(answer)) = (last, &turn.answer)
        && call.output.is_empty()
    {
        call.output = vec![message("assistant", vec![Part::Text(answer.clone())])];
    }
}
