//! Taking events in.

use std::sync::atomic::Ordering;

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

use super::{
    App, Origin, Shared,
    answer::{Refusal, json_text},
    state::now_ns,
};
use crate::{
    decode::{self, Encoding, Export, Logs},
    forward::Parcel,
    log::Topic,
};

/// Whether a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
}

/// What a body held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Logs,
    Spans,
}

/// `POST /v1/logs`: answers when the events are durable, with an empty
/// `ExportLogsServiceResponse` in the encoding of the request.
pub(super) async fn receive(State(app): State<App>, request: Request) -> Response {
    match accept(&app, request).await {
        Ok(encoding) => empty_response(encoding),
        Err(refusal) => {
            app.log.line_on(Topic::Refused, format_args!("refused: {}", refusal.reason));
            refusal.into_response()
        }
    }
}

async fn accept(app: &App, request: Request) -> Result<Encoding, Refusal> {
    let headers = request.headers().clone();
    let encoding = encoding(&headers)?;
    let packing = packing(&headers)?;
    let origin = request.extensions().get().copied().unwrap_or(Origin::Unknown);
    let _permit = app.room_for_body(origin).await;
    let body =
        tokio::time::timeout(app.limits.body, read_body(app, request, origin)).await.map_err(
            |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        )??;
    // Sharing a body costs nothing; where nothing is passed on, it is gone once it is decoded.
    let forwarded = app.forwarder.as_ref().map(|forwarder| (forwarder, body.clone()));
    let taken = app.blocking(move |app| take_in(app, body, encoding, packing, origin)).await?;
    app.announce_arrival();
    if let (Taken::Logs, Some((forwarder, body))) = (taken, forwarded) {
        forwarder.pass_on(Parcel::new(&headers, body));
    }
    Ok(encoding)
}

async fn read_body(app: &Shared, mut request: Request, origin: Origin) -> Result<Bytes, Refusal> {
    let limit = match origin {
        Origin::Owner => app.limits.body_bytes,
        Origin::Unknown => app.limits.unknown_body_bytes,
    };
    DefaultBodyLimit::max(limit).apply(&mut request);
    Bytes::from_request(request, &())
        .await
        .map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))
}

/// Decodes and stores a body; runs where blocking is allowed.
fn take_in(
    app: &Shared,
    body: Bytes,
    encoding: Encoding,
    packing: Packing,
    origin: Origin,
) -> Result<Taken, Refusal> {
    let unpacked_bytes = match origin {
        Origin::Owner => app.limits.unpacked_bytes,
        Origin::Unknown => app.limits.unknown_body_bytes as u64,
    };
    let plain = match packing {
        Packing::Plain => body,
        Packing::Gzip => {
            let plain = decode::gunzip(&body, unpacked_bytes)?;
            drop(body);
            plain.into()
        }
    };
    match decode::decode(plain, encoding, now_ns())? {
        Export::Logs(logs) => store(app, logs, origin).map(|()| Taken::Logs),
        Export::Spans => {
            app.counters.span_exports.fetch_add(1, Ordering::Relaxed);
            Ok(Taken::Spans)
        }
    }
}

fn store(app: &Shared, logs: Logs, origin: Origin) -> Result<(), Refusal> {
    if !logs.events.is_empty() {
        let now_ms = app.now_ms();
        let dropped = app.use_store(|store| store.insert(&logs.events, origin, now_ms))?;
        app.count_dropped(dropped);
        app.announce_changes(&logs.events);
    }
    let counters = &app.counters;
    counters.received.fetch_add(logs.received(), Ordering::Relaxed);
    counters.skipped.fetch_add(logs.skipped, Ordering::Relaxed);
    counters.unthreaded.fetch_add(logs.unthreaded, Ordering::Relaxed);
    counters.malformed.fetch_add(logs.malformed, Ordering::Relaxed);
    if logs.malformed > 0 {
        let malformed = logs.malformed;
        app.log.line_on(Topic::Malformed, format_args!("{malformed} records make no sense"));
    }
    Ok(())
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let full = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = full.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Ok(Encoding::Json)
    } else if kind.eq_ignore_ascii_case("application/x-protobuf") {
        Ok(Encoding::Protobuf)
    } else {
        let reason = "the content type is not application/json or application/x-protobuf";
        Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
    }
}

fn packing(headers: &HeaderMap) -> Result<Packing, Refusal> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Packing::Plain) };
    let value = value.to_str().unwrap_or("?").trim();
    if value.eq_ignore_ascii_case("gzip") {
        Ok(Packing::Gzip)
    } else if value.is_empty() || value.eq_ignore_ascii_case("identity") {
        Ok(Packing::Plain)
    } else {
        let reason = "the content encoding is not gzip or identity";
        Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
    }
}

fn empty_response(encoding: Encoding) -> Response {
    match encoding {
        Encoding::Json => json_text(b"{}".to_vec()),
        Encoding::Protobuf => [(CONTENT_TYPE, "application/x-protobuf")].into_response(),
    }
}
