//! Chat messages as attributes: flattened for Phoenix, as chat JSON for MLflow.

use std::borrow::Cow;

use serde::Serialize;

use crate::content::{ContentKind, ContentPolicy};
use crate::span::Attribute;
use crate::turn::{Message, Part};

/// A copy of the messages with the policy applied to every text in them.
pub(crate) fn clear_messages(messages: &[Message], policy: &ContentPolicy) -> Vec<Message> {
    messages
        .iter()
        .map(|message| {
            let text_kind = match message.role.as_str() {
                "tool" => ContentKind::ToolContent,
                _ => ContentKind::Prompt,
            };
            let clear = |kind, text: &str| policy.clear(kind, text).text.into_owned();
            let parts = message.parts.iter().map(|part| match part {
                Part::Text(text) => Part::Text(clear(text_kind, text)),
                Part::Reasoning(text) => Part::Reasoning(clear(ContentKind::Prompt, text)),
                Part::ToolCall { id, name, arguments } => Part::ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: clear(ContentKind::ToolDetails, arguments),
                },
            });
            Message { parts: parts.collect(), ..message.clone() }
        })
        .collect()
}

/// The messages as OpenInference's flattened list under `prefix`, such as `llm.input_messages`.
pub(crate) fn flatten(prefix: &str, messages: &[Message]) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = |name: &str| format!("{prefix}.{index}.message.{name}");
        attributes.push(Attribute::new(at("role"), message.role.clone()));
        if let Some(id) = &message.tool_call_id {
            attributes.push(Attribute::new(at("tool_call_id"), id.clone()));
        }
        let mut calls = 0;
        let mut contents = 0;
        for part in &message.parts {
            match part {
                Part::Text(text) if only_text(message) => {
                    attributes.push(Attribute::new(at("content"), text.clone()));
                }
                Part::Text(text) | Part::Reasoning(text) => {
                    let kind = if matches!(part, Part::Text(_)) { "text" } else { "reasoning" };
                    let at =
                        |name: &str| at(&format!("contents.{contents}.message_content.{name}"));
                    attributes.push(Attribute::new(at("type"), kind));
                    attributes.push(Attribute::new(at("text"), text.clone()));
                    contents += 1;
                }
                Part::ToolCall { id, name, arguments } => {
                    let at = |name: &str| at(&format!("tool_calls.{calls}.tool_call.{name}"));
                    attributes.push(Attribute::new(at("id"), id.clone()));
                    attributes.push(Attribute::new(at("function.name"), name.clone()));
                    attributes.push(Attribute::new(at("function.arguments"), arguments.clone()));
                    calls += 1;
                }
            }
        }
    }
    attributes
}

/// `{"messages":[…]}` in the shape of OpenAI's chat API, the one that MLflow renders as a chat.
pub(crate) fn chat_json(messages: &[Message]) -> String {
    let chat = Chat { messages: messages.iter().map(ChatMessage::of).collect() };
    serde_json::to_string(&chat).unwrap_or_default()
}

/// Keys are in the order of the alphabet.
#[derive(Serialize)]
struct Chat<'a> {
    messages: Vec<ChatMessage<'a>>,
}

#[derive(Serialize)]
struct ChatMessage<'a> {
    content: Option<Cow<'a, str>>,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ChatCall<'a>>,
}

#[derive(Serialize)]
struct ChatCall<'a> {
    function: ChatFunction<'a>,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct ChatFunction<'a> {
    arguments: &'a str,
    name: &'a str,
}

impl<'a> ChatMessage<'a> {
    fn of(message: &'a Message) -> Self {
        let texts: Vec<&str> = message
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Reasoning(_) | Part::ToolCall { .. } => None,
            })
            .collect();
        let calls = message.parts.iter().filter_map(|part| match part {
            Part::ToolCall { id, name, arguments } => {
                Some(ChatCall { function: ChatFunction { arguments, name }, id, kind: "function" })
            }
            Part::Text(_) | Part::Reasoning(_) => None,
        });
        let tool_calls: Vec<ChatCall<'a>> = calls.collect();
        let content = match texts[..] {
            [] if !tool_calls.is_empty() => None,
            [text] => Some(text.into()),
            _ => Some(texts.join("\n").into()),
        };
        Self {
            content,
            // MLflow gives up on the whole chat over one `developer`.
            role: if message.role == "developer" { "system" } else { &message.role },
            tool_call_id: message.tool_call_id.as_deref(),
            tool_calls,
        }
    }
}

/// Whether the message's contents are one text, which `message.content` can hold.
fn only_text(message: &Message) -> bool {
    message.parts.iter().filter(|part| !matches!(part, Part::ToolCall { .. })).count() == 1
}
