//! What a receiver says that took a request but not all that is in it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

use crate::servers::http::Answer;

/// What a receiver rejected for good, as the OTLP specification has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// How many spans, or data points of metrics.
    pub(crate) count: i64,
    /// Why, in the receiver's words.
    pub(crate) message: String,
}

impl Rejection {
    /// The same in words, where it is about metrics.
    pub(crate) fn of_data_points(&self) -> String {
        format!("{} data points rejected: {}", self.count, self.message)
    }
}

/// The rejected spans in an accepting answer; none in one that cannot be understood, because releases
/// differ in what they send: Phoenix before 11.0 answers protobuf with JSON.
pub(crate) fn of_spans(answer: &Answer) -> Option<Rejection> {
    of(answer, "rejectedSpans")
}

/// The same for metrics.
pub(crate) fn of_metrics(answer: &Answer) -> Option<Rejection> {
    of(answer, "rejectedDataPoints")
}

/// The same in an answer that is known to be protobuf, where spans and metrics have one form.
pub(crate) fn from_protobuf(body: &[u8]) -> Option<Rejection> {
    let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
    rejection(partial.rejected_spans, partial.error_message)
}

fn of(answer: &Answer, count: &str) -> Option<Rejection> {
    match answer.media_type().as_str() {
        "application/json" => from_json(&serde_json::from_slice(&answer.body).ok()?, count),
        _ => from_protobuf(&answer.body),
    }
}

fn from_json(body: &Value, count: &str) -> Option<Rejection> {
    let partial = body.get("partialSuccess")?;
    let count = partial.get(count)?;
    // A 64-bit number is a text in OTLP's JSON; not every server knows.
    let count = count.as_i64().or_else(|| count.as_str()?.parse().ok())?;
    let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    rejection(count, message.to_owned())
}

/// A message where nothing was rejected is a warning, which is for the server's own people.
fn rejection(count: i64, message: String) -> Option<Rejection> {
    (count > 0).then_some(Rejection { count, message })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
    use ureq::http::header::CONTENT_TYPE;
    use ureq::http::{HeaderMap, StatusCode};

    use super::*;

    #[track_caller]
    fn check(media_type: &str, body: &[u8], expected: Option<(i64, &str)>) {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().unwrap())]);
        let answer = Answer { status: StatusCode::OK, headers, body: body.to_vec() };
        let expected =
            expected.map(|(count, message)| Rejection { count, message: message.to_owned() });
        assert_eq!(of_spans(&answer), expected);
    }

    #[test]
    fn rejected_spans_are_found_in_both_encodings() {
        let protobuf = |rejected_spans, error_message: &str| {
            let error_message = error_message.to_owned();
            let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
            ExportTraceServiceResponse { partial_success }.encode_to_vec()
        };
        check("application/x-protobuf", &protobuf(2, "no ids"), Some((2, "no ids")));
        check("", &protobuf(1, ""), Some((1, "")));
        check("application/x-protobuf", &protobuf(0, "a warning"), None);
        let json = "application/json";
        let text = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"full"}}"#;
        check(json, text, Some((3, "full")));
        check(json, br#"{"partialSuccess":{"rejectedSpans":3}}"#, Some((3, "")));
        check(json, br#"{"partialSuccess":{"errorMessage":"a warning"}}"#, None);
    }

    #[test]
    fn other_answers_are_success() {
        for body in [&b""[..], b"{}", b"\"{}\"", b"ok", br#"{"partialSuccess":null}"#] {
            check("application/json", body, None);
            check("application/x-protobuf", body, None);
            check("text/plain", body, None);
        }
    }
}
