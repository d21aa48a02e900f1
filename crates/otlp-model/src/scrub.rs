//! Replacing what is secret in a turn, before anything else sees it.

use serde_json::{Map, Value as Json};

use crate::attributes::own;
use crate::content::without_nul;
use crate::cut::drop_margin;
use crate::span::{Attribute, Value};
use crate::turn::{Agent, LlmCall, Message, Outcome, Part, Step, ToolCall, Turn};

/// A text without its secrets, and how many they were; none where it has no secret. A JSON text must
/// stay one.
pub type Scrub<'a> = dyn Fn(&str) -> Option<(String, u64)> + 'a;

/// Replaces every text of a turn, however long, that `scrub` has a replacement for. Names and ids stay
/// as they are. A text that was cut when it was read loses its margin, which was kept for this
/// (see [`cut`](crate::cut)). Each span that lost secrets says how many (`<agent>.scrubbed`).
pub fn scrub_turn(turn: &mut Turn, scrub: &Scrub<'_>) {
    let mut texts = Texts { scrub, secrets: 0 };
    let own = [&mut turn.prompt, &mut turn.answer, &mut turn.environment];
    for text in own.into_iter().flatten() {
        texts.text(text);
    }
    texts.outcome(&mut turn.outcome);
    texts.attributes(&mut turn.attributes);
    for event in &mut turn.events {
        texts.attributes(&mut event.attributes);
        texts.attributes(&mut event.details);
    }
    texts.object(&mut turn.metadata);
    for step in &mut turn.steps {
        match step {
            Step::Llm(call) => scrub_llm_call(call, &turn.agent, scrub),
            Step::Tool(call) => scrub_tool_call(call, &turn.agent, scrub),
            Step::Compaction(compaction) => {
                let mut texts = Texts { scrub, secrets: 0 };
                compaction.summary.iter_mut().for_each(|summary| texts.text(summary));
                texts.count(&turn.agent, &mut compaction.attributes);
            }
        }
    }
    texts.count(&turn.agent, &mut turn.attributes);
}

fn scrub_llm_call(call: &mut LlmCall, agent: &Agent, scrub: &Scrub<'_>) {
    let mut texts = Texts { scrub, secrets: 0 };
    call.input.iter_mut().chain(&mut call.output).for_each(|message| texts.message(message));
    texts.object(&mut call.parameters);
    texts.outcome(&mut call.outcome);
    texts.attributes(&mut call.attributes);
    texts.count(agent, &mut call.attributes);
    call.tools.iter_mut().for_each(|tool| scrub_tool_call(tool, agent, scrub));
}

fn scrub_tool_call(call: &mut ToolCall, agent: &Agent, scrub: &Scrub<'_>) {
    let mut texts = Texts { scrub, secrets: 0 };
    for text in [&mut call.arguments, &mut call.output].into_iter().flatten() {
        texts.text(text);
    }
    texts.outcome(&mut call.outcome);
    texts.attributes(&mut call.attributes);
    texts.count(agent, &mut call.attributes);
    call.nested.iter_mut().for_each(|nested| scrub_tool_call(nested, agent, scrub));
}

/// The texts of one span, and the secrets that were in them.
struct Texts<'a> {
    scrub: &'a Scrub<'a>,
    secrets: u64,
}

impl Texts<'_> {
    /// A text without its secrets, which it counts; none where it has no secret. It is read as a span
    /// will hold it, without NUL: a secret that is spread out by NUL here would be whole there.
    fn scrubbed(&mut self, text: &str) -> Option<String> {
        let (scrubbed, secrets) = (self.scrub)(&without_nul(text))?;
        self.secrets += secrets;
        Some(scrubbed)
    }

    fn text(&mut self, text: &mut String) {
        if let Some(scrubbed) = self.scrubbed(text) {
            *text = scrubbed;
        }
        drop_margin(text);
    }

    fn message(&mut self, message: &mut Message) {
        for part in &mut message.parts {
            match part {
                Part::Text(text) | Part::Reasoning(text) => self.text(text),
                Part::ToolCall { arguments, .. } => self.text(arguments),
            }
        }
    }

    fn outcome(&mut self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Failed(reason) | Outcome::Denied(reason) | Outcome::Cancelled(reason) => {
                self.text(reason)
            }
            Outcome::Unknown | Outcome::Ok => {}
        }
    }

    fn attributes(&mut self, attributes: &mut [Attribute]) {
        for attribute in attributes {
            match &mut attribute.value {
                Value::String(text) => {
                    if let Some(scrubbed) = self.scrubbed(text) {
                        *text = scrubbed.into();
                    }
                }
                Value::Strings(texts) => texts.iter_mut().for_each(|text| self.text(text)),
                Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
            }
        }
    }

    /// As one text: the name beside a value may be what makes it a secret.
    fn object(&mut self, object: &mut Map<String, Json>) {
        if object.is_empty() {
            return;
        }
        let text = Json::Object(object.clone()).to_string();
        if let Some(scrubbed) = self.scrubbed(&text) {
            *object = serde_json::from_str(&scrubbed).unwrap_or_default();
        }
    }

    fn count(&self, agent: &Agent, attributes: &mut Vec<Attribute>) {
        if self.secrets > 0 {
            attributes.push(Attribute::new(own(agent, "scrubbed"), self.secrets));
        }
    }
}
