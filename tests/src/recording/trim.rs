//! What is left out of a recording: places on this machine, credentials, noise, and most of the
//! long texts that Codex brings with it.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};

use crate::Home;

/// The longest text that is kept whole: longer ones are instructions, the same in each recording.
const LONGEST: usize = 1000;

/// How much of a longer one is kept, in characters.
const BEGINNING: usize = 40;

/// Trims the records of one home.
#[derive(Debug)]
pub(super) struct Trim {
    /// Folders of this machine, and what stands for them; the deepest first.
    places: Vec<(PathBuf, &'static str)>,
}

impl Trim {
    pub(super) fn new(home: &Home) -> Self {
        Self {
            places: vec![
                (home.project_folder(), "/home/dev/project"),
                (home.codex_home(), "/home/dev/.codex"),
                (home.root().join("home"), "/home/dev"),
                (home.root().to_owned(), "/home/dev"),
            ],
        }
    }

    /// Trims a record of a transcript, or a notification.
    pub(super) fn record(&self, text: &str) -> anyhow::Result<Value> {
        let mut record = self.parse(text)?;
        // The state that Codex shows the model; nothing in it happened.
        if record["type"] == "world_state" {
            record["payload"]["state"] = json!({});
        }
        Ok(record)
    }

    /// Trims an OTLP body with log records.
    pub(super) fn events(&self, text: &str) -> anyhow::Result<Value> {
        let mut body = self.parse(text)?;
        for sender in array(&mut body, "resourceLogs") {
            for attribute in array(&mut sender["resource"], "attributes") {
                if attribute["key"] == "host.name" {
                    attribute["value"] = json!({ "stringValue": "host" });
                }
            }
            for scope in array(sender, "scopeLogs") {
                let records = array(scope, "logRecords");
                records.retain(|record| !is_plain_sse_event(record));
                for record in records {
                    array(record, "attributes").retain(|attribute| {
                        !attribute["key"].as_str().is_some_and(|key| key.starts_with("auth."))
                    });
                }
            }
        }
        Ok(body)
    }

    fn parse(&self, text: &str) -> anyhow::Result<Value> {
        let mut value =
            serde_json::from_str(text).context("codex wrote something else than JSON")?;
        self.texts(&mut value);
        Ok(value)
    }

    fn texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for (place, name) in &self.places {
                    *text = text.replace(&*place.to_string_lossy(), name);
                }
                if text.len() > LONGEST {
                    let beginning: String = text.chars().take(BEGINNING).collect();
                    *text = format!("{beginning} (left out)");
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.texts(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.texts(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The array under a key; an empty one where there is none.
fn array<'a>(value: &'a mut Value, key: &str) -> &'a mut Vec<Value> {
    if !value[key].is_array() {
        value[key] = json!([]);
    }
    match &mut value[key] {
        Value::Array(values) => values,
        _ => unreachable!("it was made one"),
    }
}

/// Whether a record only says that a piece of a response arrived: there are hundreds of them.
fn is_plain_sse_event(record: &Value) -> bool {
    let attributes = record["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |wanted: &str| attributes.iter().any(|attribute| attribute["key"] == wanted);
    let named =
        |name: &str| attributes.iter().any(|attribute| attribute["value"]["stringValue"] == name);
    named("codex.sse_event") && !has("input_token_count") && !has("error.message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trim() -> Trim {
        Trim {
            places: vec![
                ("/tmp/x/project".into(), "/home/dev/project"),
                ("/tmp/x".into(), "/home/dev"),
            ],
        }
    }

    #[test]
    fn places_get_other_names_and_long_texts_are_cut() {
        let long = "é".repeat(LONGEST);
        let record = json!({ "cwd": "/tmp/x/project", "list": ["in /tmp/x/home", long, 1, null] });
        let trimmed = trim().record(&record.to_string()).unwrap();
        let cut = format!("{} (left out)", "é".repeat(BEGINNING));
        assert_eq!(
            trimmed,
            json!({ "cwd": "/home/dev/project", "list": ["in /home/dev/home", cut, 1, null] })
        );
    }

    #[test]
    fn noise_and_credentials_are_left_out_of_events() {
        let record = |attributes: &[(&str, &str)]| {
            let attributes = attributes
                .iter()
                .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }));
            json!({ "attributes": attributes.collect::<Vec<_>>() })
        };
        let body = |records: &[Value]| {
            json!({ "resourceLogs": [{ "resource": { "attributes": [] },
                "scopeLogs": [{ "logRecords": records }] }] })
        };
        let event = ("event.name", "codex.sse_event");
        let full = body(&[
            record(&[event]),
            record(&[event, ("input_token_count", "5"), ("auth.mode", "secret")]),
            record(&[event, ("error.message", "cut")]),
            record(&[("event.name", "codex.user_prompt")]),
        ]);
        let kept = body(&[
            record(&[event, ("input_token_count", "5")]),
            record(&[event, ("error.message", "cut")]),
            record(&[("event.name", "codex.user_prompt")]),
        ]);
        assert_eq!(trim().events(&full.to_string()).unwrap(), kept);
    }
}
