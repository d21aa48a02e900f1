//! A transcript's turn and the log events of its time, joined field by field.
//!
//! The transcript is the truth for messages, tools, tokens and settings. The events add exact times,
//! time to first token, HTTP attempts and approvals. Each works without the other.

mod ends;
mod tool_calls;

use otlp_model::turn::{LlmCall, Message, Outcome, ParentTurn, Part, Step};
use otlp_model::{Attribute, Turn, UnixNanos};
use serde_json::{Map, Value as Json};

pub(crate) use tool_calls::tool_from_event;

use ends::Ends;

use crate::agent;
use crate::events::LogEvent;
use crate::json;
use crate::telemetry::{NO_RESPONSE, Telemetry, TelemetryCall};
use crate::transcript::{ModelItem, Response, TranscriptStep, TranscriptTurn, TurnEnd};

/// The turn that a transcript and the events of its time tell together.
pub fn fuse(transcript: &TranscriptTurn, events: &[&LogEvent]) -> Turn {
    let telemetry = Telemetry::of(events);
    let fusion = Fusion::new(transcript, &telemetry);
    let mut steps = fusion.steps();
    fusion.nest(&mut steps);
    let start = match telemetry.prompted {
        // Old versions write a turn's first record when its first response is there.
        Some(prompted) if transcript.meta.has_no_turn_markers() => prompted.min(transcript.start),
        _ => transcript.start,
    };
    let settings = &transcript.settings;
    Turn {
        agent: agent(transcript.meta.cli_version.clone().or(telemetry.version.clone())),
        session_id: transcript.meta.root_thread_id.clone(),
        thread_id: transcript.meta.thread_id.clone(),
        parent: fusion.parent(),
        caller: None,
        turn_id: transcript.turn_id.clone().unwrap_or_default(),
        key: transcript.key(),
        number: transcript.number,
        start,
        end: fusion.end,
        silent_since: fusion.silent_since(),
        prompt: transcript.prompts.first().cloned().or(telemetry.prompt.clone()),
        answer: transcript.answer.clone(),
        outcome: fusion.outcome(),
        model: settings.model.clone().or(telemetry.model.clone()),
        steps,
        attributes: fusion.attributes(),
        events: telemetry.network.clone(),
        environment: telemetry.environment.clone(),
        metadata: fusion.metadata(),
    }
}

/// The last record or, where Codex was gone before the turn ended, event: it may have gone on to ask a
/// model that it could not reach.
fn last_sign(transcript: &TranscriptTurn, telemetry: &Telemetry) -> UnixNanos {
    let event = telemetry.last.filter(|_| transcript.is_lost());
    event.unwrap_or_default().max(transcript.end)
}

struct Fusion<'a> {
    transcript: &'a TranscriptTurn,
    telemetry: &'a Telemetry,
    /// When the turn ended.
    end: UnixNanos,
    /// The events of the tools' ends, by call; a turn may have thousands.
    ends: Ends<'a>,
}

impl<'a> Fusion<'a> {
    fn new(transcript: &'a TranscriptTurn, telemetry: &'a Telemetry) -> Self {
        let end = transcript.gone.unwrap_or_default().max(last_sign(transcript, telemetry));
        Self { transcript, telemetry, end, ends: Ends::of(transcript, telemetry) }
    }

    /// Since when nothing came of a turn, until its Codex was gone.
    fn silent_since(&self) -> Option<UnixNanos> {
        let last = last_sign(self.transcript, self.telemetry);
        (last < self.end).then_some(last)
    }

    /// A sub-agent's transcript names the turn that set it to work since Codex 0.164; since 0.157 it
    /// names the one at the root, which is the same for the sub-agents of the first level.
    fn parent(&self) -> Option<ParentTurn> {
        let turn = self.transcript;
        let thread_id = turn.meta.parent_thread_id.clone().filter(|_| !turn.is_at_root())?;
        let root_key = turn.root_turn_id.clone()?;
        let first_level = (thread_id == turn.meta.root_thread_id).then(|| root_key.clone());
        let key = turn.parent_turn_id.clone().or(first_level)?;
        Some(ParentTurn {
            thread_id,
            key,
            nth_call: 1,
            root_thread_id: turn.meta.root_thread_id.clone(),
            root_key,
        })
    }

    fn outcome(&self) -> Outcome {
        let turn = self.transcript;
        match &turn.ended {
            TurnEnd::Completed => Outcome::Ok,
            TurnEnd::Failed(reason) => Outcome::Failed(reason.clone()),
            TurnEnd::Aborted(reason) => Outcome::Cancelled(reason.clone()),
            TurnEnd::Lost => Outcome::Cancelled("codex ended before the turn did".to_owned()),
            TurnEnd::Unread => Outcome::Unknown,
            TurnEnd::Implied | TurnEnd::Open if turn.is_answered() => Outcome::Ok,
            TurnEnd::Implied | TurnEnd::Open | TurnEnd::Unclear => {
                let error = turn.error.clone().or_else(|| self.telemetry.failure());
                error.map_or(Outcome::Unknown, Outcome::Failed)
            }
        }
    }

    /// What became of that which was still going on when the turn was stopped.
    fn stopped(&self) -> Option<Outcome> {
        match &self.transcript.ended {
            TurnEnd::Aborted(reason) => Some(Outcome::Cancelled(reason.clone())),
            TurnEnd::Lost => Some(Outcome::Cancelled("interrupted".to_owned())),
            TurnEnd::Completed
            | TurnEnd::Failed(_)
            | TurnEnd::Unclear
            | TurnEnd::Implied
            | TurnEnd::Unread
            | TurnEnd::Open => None,
        }
    }

    /// Responses in order, each with the events that report the same usage, or with the request
    /// that was not answered to its end; in between the attempts that failed.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut calls = self.telemetry.calls.iter().peekable();
        let mut now = self.transcript.start;
        for step in &self.transcript.steps {
            match step {
                TranscriptStep::Compaction(compaction) => {
                    steps.push(Step::Compaction(compaction.clone()));
                }
                TranscriptStep::Response(response) => {
                    let rest = calls.clone();
                    let known = response
                        .usage
                        .and_then(|usage| rest.clone().position(|call| call.answers(usage)))
                        .or_else(|| rest.clone().next()?.is_open().then_some(0));
                    let mut matched = None;
                    for call in calls.by_ref().take(known.map_or(0, |position| position + 1)) {
                        steps.extend(call.failed_attempts().map(Step::Llm));
                        matched = Some(call);
                    }
                    let call = self.llm_call(response, matched, now);
                    now = call.end;
                    steps.push(Step::Llm(call));
                }
            }
        }
        let before = steps.len();
        for call in calls.filter(|call| call.completed.is_none()) {
            steps.extend(call.failed_attempts().map(Step::Llm));
            steps.extend(call.open_attempt().map(|call| Step::Llm(self.unanswered(call))));
        }
        if steps.len() == before {
            steps.extend(self.failed_request(now).map(Step::Llm));
        }
        self.give_reason(&mut steps);
        steps
    }

    /// Events have only the HTTP status of a request that failed. The transcript has what the provider
    /// said, where the turn failed with it.
    fn give_reason(&self, steps: &mut [Step]) {
        let Some(Step::Llm(last)) = steps.last_mut() else { return };
        if let (Outcome::Failed(reason), Outcome::Failed(known)) =
            (self.outcome(), &mut last.outcome)
        {
            let is_said = known == NO_RESPONSE || reason.contains(known.as_str());
            *known = if is_said { reason } else { format!("{known}: {reason}") };
        }
    }

    /// The request that a turn failed with, where no event tells of it.
    fn failed_request(&self, before: UnixNanos) -> Option<LlmCall> {
        let TurnEnd::Failed(reason) = &self.transcript.ended else { return None };
        let request = self.transcript.unanswered.as_ref()?;
        let call = self.llm_call(request, None, before);
        let end = self.end.max(call.start);
        Some(LlmCall { end, outcome: Outcome::Failed(reason.clone()), ..call })
    }

    /// A request to which there is no response in the transcript.
    fn unanswered(&self, call: LlmCall) -> LlmCall {
        LlmCall {
            end: self.end.max(call.end),
            provider: self.transcript.meta.model_provider.clone(),
            outcome: self.stopped().unwrap_or(Outcome::Failed(NO_RESPONSE.to_owned())),
            ..call
        }
    }

    fn llm_call(
        &self,
        response: &Response,
        events: Option<&TelemetryCall>,
        before: UnixNanos,
    ) -> LlmCall {
        let settings = &self.transcript.settings;
        let start = response.asked.unwrap_or(before).max(before);
        let mut parameters = Map::new();
        let known = [
            ("reasoning_effort", &settings.reasoning_effort),
            ("reasoning_summary", &settings.reasoning_summary),
            ("service_tier", &settings.service_tier),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                parameters.insert(name.to_owned(), value.clone().into());
            }
        }
        let stopped = self.stopped().filter(|_| response.usage.is_none());
        let mut call = LlmCall {
            start,
            end: response.answered.unwrap_or(start).max(start),
            model: response
                .model
                .clone()
                .or_else(|| settings.model.clone())
                .or_else(|| self.telemetry.model.clone()),
            provider: self.transcript.meta.model_provider.clone(),
            response_id: response.response_id.clone(),
            input: response.input.clone(),
            output: output_messages(&response.items),
            usage: response.usage,
            merged: response.merged.clone(),
            parameters,
            outcome: stopped.clone().unwrap_or(Outcome::Ok),
            ..LlmCall::default()
        };
        if let Some(events) = events {
            events.complete(&mut call);
            if events.is_open() && stopped.is_some() {
                call.end = self.end.max(call.end);
            }
        }
        call.tools = response
            .items
            .iter()
            .filter_map(|item| match item {
                ModelItem::Call(item) => Some(self.tool_call(item)),
                ModelItem::Reasoning(_) | ModelItem::Text(_) => None,
            })
            .collect();
        call
    }

    fn attributes(&self) -> Vec<Attribute> {
        let (turn, telemetry) = (self.transcript, self.telemetry);
        let settings = &turn.settings;
        let first_token = turn.time_to_first_token.or(telemetry.time_to_first_token);
        let mut attributes = Vec::new();
        let texts = [
            (
                "codex.sandbox_mode",
                settings.sandbox_mode.as_ref().or(telemetry.sandbox_policy.as_ref()),
            ),
            (
                "codex.approval_mode",
                settings.approval_policy.as_ref().or(telemetry.approval_policy.as_ref()),
            ),
            ("codex.trace_id", settings.trace_id.as_ref().or(telemetry.trace_id.as_ref())),
            ("codex.originator", turn.meta.originator.as_ref()),
            ("codex.parent_thread_id", turn.meta.parent_thread_id.as_ref()),
            ("codex.forked_from_thread_id", turn.meta.forked_from_id.as_ref()),
            ("codex.agent.path", turn.meta.agent_path.as_ref()),
            ("codex.agent.nickname", turn.meta.agent_nickname.as_ref()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                attributes.push(Attribute::new(name, value.clone()));
            }
        }
        let git = turn.meta.git.as_ref();
        let git_facts = [
            ("codex.git.repository", "repository_url"),
            ("codex.git.branch", "branch"),
            ("codex.git.commit", "commit_hash"),
        ];
        for (name, key) in git_facts {
            if let Some(value) = git.and_then(|git| json::text(git, &[key])) {
                attributes
                    .push(Attribute::new(name, json::without_credentials(value).into_owned()));
            }
        }
        if let Some(nanos) = first_token {
            attributes.push(Attribute::new("codex.turn.time_to_first_token_ms", nanos / 1_000_000));
        }
        attributes.extend(cut_attributes(turn));
        attributes
    }

    fn metadata(&self) -> Map<String, Json> {
        let turn = self.transcript;
        let texts = [
            ("cwd", turn.settings.cwd.as_ref().or(turn.meta.cwd.as_ref())),
            ("codex_version", turn.meta.cli_version.as_ref()),
            ("originator", turn.meta.originator.as_ref()),
            ("model_provider", turn.meta.model_provider.as_ref()),
        ];
        let mut metadata = Map::new();
        for (name, value) in texts {
            if let Some(value) = value {
                metadata.insert(name.to_owned(), value.clone().into());
            }
        }
        metadata
    }
}

/// What is missing of a turn that was too large.
fn cut_attributes(turn: &TranscriptTurn) -> Vec<Attribute> {
    let cut = &turn.cut;
    let missing = [
        ("codex.turn.cut.text_bytes", cut.text_limit.unwrap_or_default() as u64),
        ("codex.turn.cut.tool_calls", cut.calls),
        ("codex.turn.cut.messages", cut.messages),
        ("codex.turn.cut.responses", cut.responses),
    ];
    let mut attributes: Vec<Attribute> = missing
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| Attribute::new(name, count))
        .collect();
    if turn.ended == TurnEnd::Unread {
        attributes.push(Attribute::new("codex.turn.cut.reason", "time"));
    } else if !attributes.is_empty() {
        attributes.push(Attribute::new("codex.turn.cut.reason", "size"));
    }
    attributes
}

/// A response's items as one assistant message.
fn output_messages(items: &[ModelItem]) -> Vec<Message> {
    let parts: Vec<Part> = items
        .iter()
        .filter_map(|item| match item {
            ModelItem::Reasoning(text) => text.clone().map(Part::Reasoning),
            ModelItem::Text(text) => Some(Part::Text(text.clone())),
            ModelItem::Call(call) => Some(Part::ToolCall {
                id: call.call_id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone().unwrap_or_default(),
            }),
        })
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    vec![Message { role: "assistant".to_owned(), parts, tool_call_id: None }]
}
