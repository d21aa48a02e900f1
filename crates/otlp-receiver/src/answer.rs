//! Answers, as OTLP/HTTP has them.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use crate::body::Encoding;
use crate::spans::Rejected;

/// All spans were taken, or all but those that could not be read.
pub(crate) fn taken(encoding: Encoding, rejected: &Rejected) -> Response {
    let body = match (encoding, rejected.spans) {
        (Encoding::Protobuf, 0) => Vec::new(),
        (Encoding::Protobuf, rejected_spans) => {
            let error_message = rejected.reason.clone();
            let partial = ExportTracePartialSuccess { rejected_spans, error_message };
            ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        }
        (Encoding::Json, 0) => b"{}".to_vec(),
        (Encoding::Json, spans) => {
            // 64-bit numbers are texts in the JSON of protobuf.
            let count = spans.to_string();
            let partial = json!({ "rejectedSpans": count, "errorMessage": rejected.reason });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    ([(CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// Nothing was taken. The body is a `google.rpc.Status`, of which OTLP senders show the message.
pub(crate) fn refused(encoding: Encoding, status: StatusCode, message: &str) -> Response {
    let body = match encoding {
        Encoding::Protobuf => {
            Status { code: rpc_code(status), message: message.to_owned() }.encode_to_vec()
        }
        Encoding::Json => {
            json!({ "code": rpc_code(status), "message": message }).to_string().into_bytes()
        }
    };
    (status, [(CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// The first two fields of `google.rpc.Status`; the third has details that no sender needs.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// gRPC's code for a status of HTTP.
fn rpc_code(status: StatusCode) -> i32 {
    const INVALID_ARGUMENT: i32 = 3;
    const PERMISSION_DENIED: i32 = 7;
    const RESOURCE_EXHAUSTED: i32 = 8;
    const UNAVAILABLE: i32 = 14;
    const UNAUTHENTICATED: i32 = 16;
    match status {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => PERMISSION_DENIED,
        StatusCode::PAYLOAD_TOO_LARGE => RESOURCE_EXHAUSTED,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        _ => INVALID_ARGUMENT,
    }
}
