//! Chat messages as attributes: flattened for Phoenix, as chat JSON for MLflow.

use serde_json::{Map, Value as Json, json};

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
    json!({ "messages": messages.iter().map(chat_message).collect::<Vec<_>>() }).to_string()
}

fn chat_message(message: &Message) -> Json {
    let mut chat = Map::new();
    // MLflow gives up on the whole chat over one `developer`.
    let role = if message.role == "developer" { "system" } else { &message.role };
    chat.insert("role".into(), role.into());
    let texts: Vec<&str> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Reasoning(_) | Part::ToolCall { .. } => None,
        })
        .collect();
    let calls: Vec<Json> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { id, name, arguments } => Some(json!({
                "id": id,
                "type": "function",
                "function": { "name": name, "arguments": arguments },
            })),
            Part::Text(_) | Part::Reasoning(_) => None,
        })
        .collect();
    let content =
        if texts.is_empty() && !calls.is_empty() { Json::Null } else { texts.join("\n").into() };
    chat.insert("content".into(), content);
    if !calls.is_empty() {
        chat.insert("tool_calls".into(), calls.into());
    }
    if let Some(id) = &message.tool_call_id {
        chat.insert("tool_call_id".into(), id.clone().into());
    }
    Json::Object(chat)
}

/// Whether the message's contents are one text, which `message.content` can hold.
fn only_text(message: &Message) -> bool {
    message.parts.iter().filter(|part| !matches!(part, Part::ToolCall { .. })).count() == 1
}
