//! What is left out of a recording: places on this machine, credentials, noise, and most of the
//! long texts that Codex brings with it.

use std::fs;
use std::path::{Path, PathBuf};

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

    /// Trims a transcript, line by line.
    fn transcript(&self, path: &Path) -> anyhow::Result<Vec<Value>> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        text.lines().map(|line| self.record(line)).collect()
    }

    fn parse(&self, text: &str) -> anyhow::Result<Value> {
        let mut value =
            serde_json::from_str(text).context("codex wrote something else than JSON")?;
        self.texts(&mut value);
        Ok(value)
    }

    fn placed(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (place, name)| {
            text.replace(&*place.to_string_lossy(), name)
        })
    }

    fn texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                *text = self.placed(text);
                if text.len() > LONGEST {
                    let beginning: String = text.chars().take(BEGINNING).collect();
                    *text = format!("{beginning} (left out)");
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.texts(value)),
            Value::Object(map) => {
                // Changed files are keys.
                let fields = std::mem::take(map);
                map.extend(fields.into_iter().map(|(key, mut value)| {
                    self.texts(&mut value);
                    (self.placed(&key), value)
                }));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Trims the transcripts of a recording and names them. Where one goes on from a place within an
/// earlier one, that place is where it is now.
pub(super) fn transcripts(trim: &Trim, paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut before: Vec<Vec<Value>> = Vec::new();
    for path in paths {
        let mut records = trim.transcript(path)?;
        if let Some(base) = records.first_mut().map(|meta| &mut meta["payload"]["history_base"])
            && base["end_byte_offset"].is_u64()
        {
            let is_base = |records: &&Vec<Value>| {
                records[0]["payload"]["id"] == base["thread_id"]
                    && records[0]["ordinal"].as_u64() < base["end_ordinal_exclusive"].as_u64()
            };
            let records =
                before.iter().rfind(is_base).context("what it goes on from is missing")?;
            let kept = records.iter().take_while(|record| {
                record["ordinal"].as_u64() < base["end_ordinal_exclusive"].as_u64()
            });
            base["end_byte_offset"] =
                kept.map(|record| record.to_string().len() + 1).sum::<usize>().into();
        }
        before.push(records);
    }
    let files = before.iter().enumerate().map(|(nth, records)| {
        let name = match nth {
            0 => "rollout.jsonl".to_owned(),
            nth => format!("rollout-{}.jsonl", nth + 1),
        };
        (name, records.iter().map(|record| format!("{record}\n")).collect())
    });
    Ok(files.collect())
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
        let record = json!({ "cwd": "/tmp/x/project", "/tmp/x/project/a": 1, "list": ["in /tmp/x/home", long, 1, null] });
        let trimmed = trim().record(&record.to_string()).unwrap();
        let cut = format!("{} (left out)", "é".repeat(BEGINNING));
        assert_eq!(
            trimmed,
            json!({ "cwd": "/home/dev/project", "/home/dev/project/a": 1, "list": ["in /home/dev/home", cut, 1, null] })
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
