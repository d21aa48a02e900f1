//! Tool calls, from what the model asked for, what Codex noted of their end, and their events.

use std::collections::{HashMap, HashSet};

use otlp_model::turn::{Outcome, Step, ToolCall};
use otlp_model::{Attribute, UnixNanos};

use super::Fusion;
use super::ends::Sent;
use crate::approval::Decision;
use crate::events::ToolResult;
use crate::tools::{self, CallItem, Evidence, ToolItem};

impl Fusion<'_> {
    pub(super) fn tool_call(&self, call: &CallItem) -> ToolCall {
        let (output, item) = (call.output.as_ref(), call.item.as_ref());
        let result = self.ends.asked.get(&call.place).copied();
        let mut tool = self.tool_from(&call.call_id, item, result, Some(call.at));
        if let (None, None, Some(output)) = (item, result, output) {
            tool.end = output.at.max(call.at);
        }
        tool.name = call.name.clone();
        tool.arguments = call.arguments.clone();
        tool.output = output.and_then(|output| output.text.clone()).or(tool.output);
        tool.sub_agent =
            tool.sub_agent.or_else(|| tools::spawned_agent(&tool.name, tool.output.as_deref()));
        if let Some(namespace) = &call.namespace {
            replace(&mut tool.attributes, "codex.tool.namespace", namespace);
        }
        tool.outcome = tools::outcome(Evidence {
            output: tool.output.as_deref(),
            exit_code: item.and_then(|item| item.exit_code),
            success: output
                .and_then(|output| output.success)
                .or_else(|| result.and_then(|(_, result)| result.success)),
            status: item.and_then(|item| item.status.as_deref()).or(call.status.as_deref()),
        });
        if tool.outcome == Outcome::Unknown {
            tool.outcome = self.stopped().unwrap_or_default();
        }
        self.note_decision(&mut tool);
        tool
    }

    fn note_decision(&self, tool: &mut ToolCall) {
        let id_is_shared = self.ends.shared_ids.contains(&*tool.call_id);
        if let Some(decisions) = self.telemetry.decisions.get(&tool.call_id)
            && let Some(decision) = Decision::on(tool, decisions, id_is_shared)
        {
            decision.note_on(tool);
        }
    }

    /// A tool call from what Codex notes of its end.
    fn tool_from(
        &self,
        call_id: &str,
        item: Option<&ToolItem>,
        result: Option<&Sent>,
        asked: Option<UnixNanos>,
    ) -> ToolCall {
        let mut tool = match result {
            Some((time, result)) => tool_from_result(*time, result),
            None => {
                let start =
                    asked.or(item.and_then(|item| item.started)).unwrap_or(self.transcript.start);
                ToolCall { call_id: call_id.to_owned(), start, end: start, ..ToolCall::default() }
            }
        };
        if let Some(item) = item {
            if result.is_none() {
                tool.end = item.completed.unwrap_or(tool.start).max(tool.start);
                tool.name = item.name.clone();
                tool.outcome = tools::outcome(Evidence {
                    output: item.output.as_deref(),
                    exit_code: item.exit_code,
                    success: None,
                    status: item.status.as_deref(),
                });
            } else if let Some(code) = item.exit_code.filter(|code| *code != 0) {
                tool.outcome = Outcome::Failed(format!("exit code {code}"));
            }
            tool.arguments = tool.arguments.or_else(|| item.arguments.clone());
            tool.output = tool.output.or_else(|| item.output.clone());
            tool.sub_agent = item.sub_agent.clone();
            if let Some(server) = &item.mcp_server {
                replace(&mut tool.attributes, "codex.tool.mcp_server", server);
            }
            if let Some(code) = item.exit_code {
                tool.attributes.push(Attribute::new("codex.tool.exit_code", code));
            }
        }
        tool
    }

    /// Calls that the model did not ask for itself: scripts of code mode make them. They go under
    /// the script that was the last to begin before them; Codex does not name it.
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
            if id.is_empty() || !known.insert(id) {
                continue;
            }
            let mut tool = self.tool_from(id, item, by_id.get(id).copied(), None);
            self.note_decision(&mut tool);
            let script = scripts
                .iter_mut()
                .filter(|script| script.start <= tool.start)
                .max_by_key(|script| script.start);
            match script {
                Some(script) => script.nested.push(tool),
                None => orphans.push(Step::Tool(tool)),
            }
        }
        steps.extend(orphans);
    }
}

/// A tool call as its `codex.tool_result` event alone tells it.
pub(crate) fn tool_from_result(time: UnixNanos, result: &ToolResult) -> ToolCall {
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
        attributes.push(Attribute::new("codex.tool.output_truncated", true));
    }
    let evidence = Evidence {
        output: result.output.as_deref(),
        success: result.success,
        ..Evidence::default()
    };
    ToolCall {
        call_id: result.call_id.clone(),
        name: result.name.clone(),
        start: time.minus(result.duration),
        end: time,
        outcome: tools::outcome(evidence),
        arguments: result.arguments.clone(),
        output: result.output.clone(),
        nested: Vec::new(),
        sub_agent: tools::spawned_agent(&result.name, result.output.as_deref()),
        approval_wait: None,
        attributes,
    }
}

fn replace(attributes: &mut Vec<Attribute>, key: &'static str, value: &str) {
    attributes.retain(|attribute| attribute.key != key);
    attributes.push(Attribute::new(key, value.to_owned()));
}
