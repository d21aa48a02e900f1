//! Tool calls, from what the model asked for, what Codex noted of their end, and their events.

use std::collections::{HashMap, HashSet};

use otlp_model::turn::{Step, ToolCall};
use otlp_model::{Attribute, UnixNanos};

use super::Fusion;
use super::ends::Sent;
use crate::approval::Decision;
use crate::events::ToolResult;
use crate::outcome::{End, Evidence, end};
use crate::tools::{self, CallItem, ToolItem};

/// Of an output that only an event tells, which has its beginning.
const OUTPUT_TRUNCATED: &str = "codex.tool.output_truncated";

impl Fusion<'_> {
    pub(super) fn tool_call(&self, call: &CallItem) -> ToolCall {
        let result = self.ends.asked.get(&call.place).copied();
        let mut tool = self.tool_from(&call.call_id, Some(call), call.item.as_ref(), result);
        tool.name = call.name.clone();
        tool.arguments = call.arguments.clone();
        tool.sub_agent = tools::set_to_work(&tool);
        if let Some(namespace) = &call.namespace {
            replace(&mut tool.attributes, "codex.tool.namespace", namespace);
        }
        tool
    }

    /// A tool call from what is known of it: what the model asked for, what Codex notes of its end,
    /// and its event.
    fn tool_from(
        &self,
        call_id: &str,
        call: Option<&CallItem>,
        item: Option<&ToolItem>,
        result: Option<&Sent>,
    ) -> ToolCall {
        let output = call.and_then(|call| call.output.as_ref());
        let mut tool = match result {
            Some((time, result)) => without_end(*time, result),
            None => {
                let asked = call.map(|call| call.at).or(item.and_then(|item| item.started));
                let start = asked.unwrap_or(self.transcript.start);
                let written = output.map(|output| output.at);
                let end = item.map_or(written, |item| item.completed).unwrap_or(start).max(start);
                ToolCall { call_id: call_id.to_owned(), start, end, ..ToolCall::default() }
            }
        };
        if let Some(item) = item {
            if result.is_none() {
                tool.name = item.name.clone();
            }
            tool.arguments = tool.arguments.or_else(|| item.arguments.clone());
            tool.sub_agent = item.sub_agent.clone();
            if let Some(server) = &item.mcp_server {
                replace(&mut tool.attributes, "codex.tool.mcp_server", server);
            }
        }
        let shown = tool.output.take();
        let decision = self.decision(&tool);
        let arguments = tool.arguments.take();
        let evidence = Evidence {
            own_tool: own_tool(call, item, result.map(|(_, result)| result)),
            arguments: call.and_then(|call| call.arguments.as_deref()).or(arguments.as_deref()),
            output: output.and_then(|output| output.text.as_deref()),
            event_output: shown.as_deref(),
            success: output
                .and_then(|output| output.success)
                .or_else(|| result.and_then(|(_, result)| result.success)),
            declined: decision.is_some_and(Decision::is_no),
            item,
            status: call.and_then(|call| call.status.as_deref()),
        };
        note_end(&mut tool, &evidence);
        if evidence.is_empty() {
            tool.outcome = self.stopped().unwrap_or_default();
            // It was going on until then.
            if self.transcript.is_lost() {
                tool.end = self.end.max(tool.end);
            }
        }
        // The event has the beginning of a long output.
        let is_given = evidence.output.is_some();
        if let Some(whole) = item.and_then(|item| item.output.as_ref()).filter(|_| !is_given) {
            tool.output = Some(whole.clone());
        }
        if is_given || item.is_some_and(|item| item.output.is_some()) {
            tool.attributes.retain(|attribute| attribute.key != OUTPUT_TRUNCATED);
        }
        tool.arguments = arguments;
        if let Some(decision) = decision {
            decision.note_on(&mut tool);
        }
        tool
    }

    fn decision(&self, tool: &ToolCall) -> Option<&Decision> {
        let id_is_shared = self.ends.shared_ids.contains(&*tool.call_id);
        Decision::on(tool, self.telemetry.decisions.get(&tool.call_id)?, id_is_shared)
    }

    /// Calls that the model did not ask for itself. Scripts of code mode make them: those go under the
    /// script that was the last to begin before them; Codex does not name it. The user's commands are
    /// the turn's own.
    pub(super) fn nest(&self, steps: &mut Vec<Step>) {
        let mut orphans = Vec::new();
        let mut scripts: Vec<&mut ToolCall> = steps
            .iter_mut()
            .flat_map(|step| match step {
                Step::Llm(call) => call.tools.as_mut_slice(),
                Step::Tool(_) | Step::Compaction(_) => &mut [],
            })
            .filter(|call| call.name == "exec")
            .collect();
        let mut known = HashSet::new();
        let items = self.transcript.other_items.iter().map(|item| (item.id.as_str(), Some(item)));
        let events = self.ends.others.iter().map(|event| (event.1.call_id.as_str(), None));
        let by_id = self.ends.others.iter().rev().map(|event| (event.1.call_id.as_str(), *event));
        let by_id: HashMap<_, _> = by_id.collect();
        for (id, item) in items.chain(events) {
            let is_of_user = item.is_some_and(|item| item.name == tools::USER_SHELL);
            if !is_of_user && (id.is_empty() || !known.insert(id)) {
                continue;
            }
            let event = by_id.get(id).copied().filter(|_| !is_of_user);
            let tool = self.tool_from(id, None, item, event);
            let script = scripts
                .iter_mut()
                .filter(|script| !is_of_user && script.start <= tool.start)
                .max_by_key(|script| script.start);
            match script {
                Some(script) => script.nested.push(tool),
                None => orphans.push(Step::Tool(tool)),
            }
        }
        steps.extend(orphans);
    }
}

/// A tool call as its `codex.tool_result` event and the decisions on calls of its id tell it.
pub(crate) fn tool_from_event(
    time: UnixNanos,
    result: &ToolResult,
    decisions: &[Decision],
    id_is_shared: bool,
) -> ToolCall {
    let mut tool = without_end(time, result);
    let decision = Decision::on(&tool, decisions, id_is_shared);
    let evidence = Evidence {
        own_tool: own_tool(None, None, Some(result)),
        arguments: result.arguments.as_deref(),
        event_output: result.output.as_deref(),
        success: result.success,
        declined: decision.is_some_and(Decision::is_no),
        ..Evidence::default()
    };
    note_end(&mut tool, &evidence);
    if let Some(decision) = decision {
        decision.note_on(&mut tool);
    }
    tool
}

/// A tool call as its event tells it, but for how it ended.
fn without_end(time: UnixNanos, result: &ToolResult) -> ToolCall {
    let mut attributes = Vec::new();
    let texts = [
        ("codex.tool.namespace", &result.namespace),
        ("codex.tool.mcp_server", &result.mcp_server),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            attributes.push(Attribute::new(name, value.clone()));
        }
    }
    if result.output_truncated {
        attributes.push(Attribute::new(OUTPUT_TRUNCATED, true));
    }
    let mut tool = ToolCall {
        call_id: result.call_id.clone(),
        name: result.name.clone(),
        start: time.minus(result.duration),
        end: time,
        arguments: result.arguments.clone(),
        output: result.output.clone(),
        attributes,
        ..ToolCall::default()
    };
    tool.sub_agent = tools::set_to_work(&tool);
    tool
}

fn note_end(tool: &mut ToolCall, evidence: &Evidence<'_>) {
    let End { outcome, exit_code, answer, failed_by_exit_code, output } = end(evidence);
    (tool.outcome, tool.failed_by_exit_code) = (outcome, failed_by_exit_code);
    let code = exit_code.map(|code| Attribute::new("codex.tool.exit_code", code));
    let answer = answer.map(|answer| Attribute::new("codex.tool.exit_code_answer", answer));
    tool.attributes.extend(code.into_iter().chain(answer));
    tool.output = match output {
        Some(framed) => {
            tool.attributes.extend(framed.notes);
            Some(framed.body.into_owned())
        }
        None => evidence.output.or(evidence.event_output).map(str::to_owned),
    };
}

/// The tool's name where it is one of Codex's own, and not of an MCP server.
fn own_tool<'a>(
    call: Option<&'a CallItem>,
    item: Option<&'a ToolItem>,
    result: Option<&'a ToolResult>,
) -> Option<&'a str> {
    const MCP: &str = "mcp__";
    let is_of_server = |namespace: &Option<String>| {
        namespace.as_ref().is_some_and(|namespace| namespace.starts_with(MCP))
    };
    let (name, is_of_server) = match (call, result, item) {
        (Some(call), ..) => (&call.name, is_of_server(&call.namespace)),
        (None, Some(result), _) => {
            (&result.name, is_of_server(&result.namespace) || result.mcp_server.is_some())
        }
        (None, None, item) => (&item?.name, item?.mcp_server.is_some()),
    };
    (!is_of_server && !name.starts_with(MCP)).then_some(name)
}

fn replace(attributes: &mut Vec<Attribute>, key: &'static str, value: &str) {
    attributes.retain(|attribute| attribute.key != key);
    attributes.push(Attribute::new(key, value.to_owned()));
}
