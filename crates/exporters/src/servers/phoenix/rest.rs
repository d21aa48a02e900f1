//! Phoenix's own interface for spans, which says of each span what is wrong with it.
//!
//! It takes no slash in a project's name, stores nothing of a request in which one span is known, and
//! is of use from 12.4 on: before, it did not exist, or left messages and tokens as texts that no page
//! reads.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant, UNIX_EPOCH};

use humantime::format_rfc3339_nanos;
use otlp_model::{Attribute, Span, SpanBatch, SpanStatus, UnixNanos, Value, names};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, json};
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{HeaderMap, HeaderValue, StatusCode};

use super::VERSION_HEADER;
use crate::servers::http::{Answer, HttpClient};
use crate::{AnswerStatus, ExportError, RetryClass};

/// The first version with which it is of use.
const FIRST_VERSION: (u32, u32) = (12, 4);

/// Texts that Phoenix reads as JSON when they come as OTLP, and leaves as texts when they come here.
const JSON_TEXTS: [&str; 2] = [names::METADATA, names::TOOL_PARAMETERS];

/// The interface of one server, for one project.
pub(super) struct Rest {
    base: String,
    project: String,
    /// Whether this server has it, once that is known.
    is_there: OnceLock<bool>,
}

/// Who took the spans.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// This interface.
    Here,
    /// None yet: they are to be sent as OTLP.
    NotHere,
}

impl Rest {
    pub(super) fn new(base: String, project: String) -> Self {
        Self { base, project, is_there: OnceLock::new() }
    }

    /// Delivers a batch, unless this server or this project wants OTLP.
    pub(super) fn export(
        &self,
        http: &HttpClient,
        batch: &SpanBatch,
        deadline: Instant,
    ) -> Result<Taken, ExportError> {
        if self.project.is_empty()
            || self.project.contains('/')
            || !self.is_there(http, deadline)?
        {
            return Ok(Taken::NotHere);
        }
        let project = utf8_percent_encode(&self.project, NON_ALPHANUMERIC);
        let url = format!("{}/v1/projects/{project}/spans", self.base);
        let form =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let mut spans: Vec<&Span> = batch.spans.iter().collect();
        while !spans.is_empty() {
            let data: Vec<_> = spans.iter().map(|span| to_json(span)).collect();
            let body = json!({ "data": data }).to_string();
            let answer = http.ask(&url, &form, body.as_bytes(), deadline)?;
            match answer.status {
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                    return Ok(Taken::NotHere);
                }
                StatusCode::UNPROCESSABLE_ENTITY => {
                    return Err(rejected(url, answer.status, wrong_fields(&answer)));
                }
                _ => {}
            }
            let known = duplicates(&answer);
            let before = spans.len();
            spans.retain(|span| !known.contains(&span.span_id.to_string()));
            if spans.len() == before {
                if let Some(invalid) = answer.json()["total_invalid"].as_u64() {
                    let said = format!("{invalid} of {before} spans are invalid");
                    return Err(rejected(url, answer.status, said));
                }
                http.judge(&url, answer, body.len())?;
                break;
            }
        }
        Ok(Taken::Here)
    }

    fn is_there(&self, http: &HttpClient, deadline: Instant) -> Result<bool, ExportError> {
        if let Some(is_there) = self.is_there.get() {
            return Ok(*is_there);
        }
        let url = format!("{}/arize_phoenix_version", self.base);
        let is_there = match http.get(&url, deadline) {
            Ok(answer) => {
                let version = answer.headers.get(VERSION_HEADER).map(HeaderValue::as_bytes);
                has_interface(&String::from_utf8_lossy(version.unwrap_or(&answer.body)))
            }
            // A gateway before the server refuses the question, or the server is too old for it.
            Err(error) => match error.retry_class() {
                RetryClass::Retry(_) | RetryClass::RetrySuspect => return Err(error),
                _ => false,
            },
        };
        Ok(*self.is_there.get_or_init(|| is_there))
    }
}

fn has_interface(version: &str) -> bool {
    let mut parts = version.trim().split('.').map_while(|part| part.parse().ok());
    let version = parts.next().zip(parts.next());
    version.is_some_and(|version| version >= FIRST_VERSION)
}

/// The ids of the spans that the server has already, because of which it took none of the others.
fn duplicates(answer: &Answer) -> BTreeSet<String> {
    let listed = answer.json();
    let spans = listed["duplicate_spans"].as_array().filter(|_| !answer.status.is_success());
    let ids = spans.into_iter().flatten().filter_map(|span| span["span_id"].as_str());
    ids.map(str::to_owned).collect()
}

/// A refusal in our words: those of the server repeat what it was sent, prompts included.
fn rejected(url: String, status: StatusCode, answer: String) -> ExportError {
    let status = AnswerStatus::Http(status.as_u16());
    ExportError::Refused { url, status, answer, retry_after: None }
}

/// Which fields are wrong, and how.
fn wrong_fields(answer: &Answer) -> String {
    let problems = answer.json();
    let problems = problems["detail"].as_array().into_iter().flatten().filter_map(|problem| {
        let place = problem["loc"].as_array()?.iter().map(|part| match part.as_str() {
            Some(name) => name.to_owned(),
            None => part.to_string(),
        });
        let place = place.collect::<Vec<_>>().join(".");
        Some(format!("{place}: {}", problem["type"].as_str()?))
    });
    problems.take(3).collect::<Vec<_>>().join("; ")
}

fn to_json(span: &Span) -> serde_json::Value {
    let (status_code, status_message) = match &span.status {
        SpanStatus::Unset => ("UNSET", ""),
        SpanStatus::Ok => ("OK", ""),
        SpanStatus::Error(message) => ("ERROR", message.as_str()),
    };
    let events = span.events.iter().map(|event| {
        json!({
            "name": event.name,
            "timestamp": rfc3339(event.time),
            "attributes": attributes(&event.attributes),
        })
    });
    json!({
        "name": span.name,
        "context": {
            "trace_id": span.trace_id.to_string(),
            "span_id": span.span_id.to_string(),
        },
        "parent_id": span.parent_id.map(|parent| parent.to_string()),
        "span_kind": span.kind.as_str(),
        "start_time": rfc3339(span.start),
        "end_time": rfc3339(span.end),
        "status_code": status_code,
        "status_message": status_message,
        "attributes": attributes(&span.attributes),
        "events": events.collect::<Vec<_>>(),
    })
}

fn attributes(attributes: &[Attribute]) -> Map<String, serde_json::Value> {
    let pairs = attributes.iter().map(|Attribute { key, value }| {
        let value = match value {
            Value::String(text) if JSON_TEXTS.contains(&key.as_ref()) => {
                serde_json::from_str(text).unwrap_or_else(|_| text.as_ref().into())
            }
            Value::String(text) => text.as_ref().into(),
            Value::Int(number) => (*number).into(),
            Value::Double(number) => (*number).into(),
            Value::Bool(truth) => (*truth).into(),
            Value::Strings(texts) => texts.clone().into(),
        };
        (key.to_string(), value)
    });
    pairs.collect()
}

fn rfc3339(time: UnixNanos) -> String {
    format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(time.0)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_is_of_use_from_12_4_on() {
        for version in ["12.4.0", "12.10.1", "13.0.0", "20.26.1", " 12.4 \n", "12.4.0rc1"] {
            assert!(has_interface(version), "{version}");
        }
        for version in ["12.3.0", "10.12.0", "9.99.9", "", "<!doctype html>", "12", "x.y"] {
            assert!(!has_interface(version), "{version}");
        }
    }
}
