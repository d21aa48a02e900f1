//! Handing events out, and removing them.

use std::time::Duration;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use buffer_api::{Health, wire::Removed};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::{
    App,
    answer::{Refusal, json, json_text},
};
use crate::store::StoredEvent;

/// The longest that a request may ask to wait.
const MAX_WAIT_MS: u64 = 10 * 60 * 1000;

/// The most bytes of events in one answer of the cursor form, unless a single one is larger; the next
/// answer has the rest.
const ANSWER_BYTES: u64 = 1024 * 1024;

/// What `GET /drain/{thread}` is asked.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since_ns: u64,
    #[serde(default)]
    wait_ms: u64,
    #[serde(default)]
    quiet_ms: u64,
}

/// What `GET /events/{thread}` is asked.
#[derive(Debug, Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

/// What `POST /ack/{thread}` is asked.
#[derive(Debug, Deserialize)]
pub(super) struct Through {
    through: u64,
}

/// What `/flush-idle` is asked.
#[derive(Debug, Deserialize)]
pub(super) struct Idle {
    idle_ms: u64,
}

/// `GET /health`.
pub(super) async fn health(State(app): State<App>) -> Response {
    let health: Health = app.health();
    json(&health)
}

/// `GET /events/{thread}?after&wait_ms`: the events after a cursor, as soon as there are any.
pub(super) async fn events(
    State(app): State<App>,
    Path(thread): Path<String>,
    Query(query): Query<After>,
) -> Result<Response, Refusal> {
    let deadline = deadline(query.wait_ms);
    let mut news = app.news();
    loop {
        // Before the store is read: what arrives after that is news.
        let closing = news.borrow_and_update().closing;
        let (thread, after) = (thread.clone(), query.after);
        let now_ms = app.now_ms();
        let events =
            app.with_store(move |store| store.after(&thread, after, ANSWER_BYTES, now_ms)).await?;
        let done = closing || !events.is_empty();
        if done || timeout_at(deadline, news.changed()).await.is_err() {
            return Ok(drained(&events, query.after));
        }
    }
}

/// `GET /drain/{thread}?since_ns&wait_ms&quiet_ms`: the events that happened after a time, once
/// none arrived for a while; each is handed out here once, and stays for the hook.
pub(super) async fn drain(
    State(app): State<App>,
    Path(thread): Path<String>,
    Query(query): Query<Since>,
) -> Result<Response, Refusal> {
    let deadline = deadline(query.wait_ms);
    let since_ns = query.since_ns;
    let mut news = app.news();
    loop {
        let closing = news.borrow_and_update().closing;
        let (of_thread, now_ms) = (thread.clone(), app.now_ms());
        let newest = app
            .with_store(move |store| store.newest_to_drain(&of_thread, since_ns, now_ms))
            .await?;
        let wake = match newest {
            Some(newest) => {
                let quiet = app.now_ms().saturating_sub(newest.received_ms);
                let left = query.quiet_ms.min(MAX_WAIT_MS).saturating_sub(quiet);
                deadline.min(Instant::now() + Duration::from_millis(left))
            }
            None => deadline,
        };
        if closing || Instant::now() >= wake {
            break;
        }
        // Either something arrived or it was quiet for long enough; the next round knows.
        let _ = timeout_at(wake, news.changed()).await;
    }
    let (of_thread, now_ms) = (thread.clone(), app.now_ms());
    let events = app.with_store(move |store| store.drain(&of_thread, since_ns, now_ms)).await?;
    Ok(drained_since(&thread, &events))
}

/// `POST /ack/{thread}?through`: removes the events up to and with a cursor.
pub(super) async fn acknowledge(
    State(app): State<App>,
    Path(thread): Path<String>,
    Query(query): Query<Through>,
) -> Result<Response, Refusal> {
    let (through, now_ms) = (query.through, app.now_ms());
    let removed =
        app.with_store(move |store| store.remove_through(&thread, through, now_ms)).await?;
    if removed > 0 {
        app.tidy_later();
    }
    Ok(json(&Removed { removed }))
}

/// `GET /flush/{thread}`: hands out all events of a thread and removes them.
pub(super) async fn flush(
    State(app): State<App>,
    Path(thread): Path<String>,
) -> Result<Response, Refusal> {
    let now_ms = app.now_ms();
    let events = app
        .with_store(move |store| {
            let events = store.after(&thread, 0, u64::MAX, now_ms)?;
            if let Some(last) = events.last() {
                store.remove_through(&thread, last.seq, now_ms)?;
            }
            Ok(events)
        })
        .await?;
    if !events.is_empty() {
        app.tidy_later();
    }
    Ok(drained(&events, 0))
}

/// `/flush-idle?idle_ms`: removes the threads that nothing arrived for in that time.
pub(super) async fn flush_idle(
    State(app): State<App>,
    Query(query): Query<Idle>,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Flushed {
        count: u64,
    }
    let now_ms = app.now_ms();
    let before_ms = now_ms.saturating_sub(query.idle_ms);
    let count = app.with_store(move |store| store.remove_idle(before_ms, now_ms)).await?;
    if count > 0 {
        app.tidy_later();
    }
    Ok(json(&Flushed { count }))
}

fn deadline(wait_ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(wait_ms.min(MAX_WAIT_MS))
}

/// A `Drained`, put together from the stored JSON as it is.
fn drained(events: &[StoredEvent], after: u64) -> Response {
    let next = events.last().map_or(after, |event| event.seq);
    let mut text = Vec::with_capacity(size(events));
    text.extend_from_slice(b"{\"events\":");
    write_events(&mut text, events);
    text.extend_from_slice(format!(",\"next\":{next}}}").as_bytes());
    json_text(text)
}

fn drained_since(thread: &str, events: &[StoredEvent]) -> Response {
    let mut text = Vec::with_capacity(size(events));
    let thread_id = serde_json::Value::from(thread);
    text.extend_from_slice(format!("{{\"thread_id\":{thread_id},\"events\":").as_bytes());
    write_events(&mut text, events);
    text.extend_from_slice(format!(",\"count\":{}}}", events.len()).as_bytes());
    json_text(text)
}

fn write_events(text: &mut Vec<u8>, events: &[StoredEvent]) {
    text.push(b'[');
    for (place, event) in events.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        let head = format!("{{\"seq\":{},\"time_ns\":{},", event.seq, event.time_ns);
        text.extend_from_slice(head.as_bytes());
        // A stored body is an object with at least a name.
        text.extend_from_slice(event.body.trim_start_matches('{').as_bytes());
    }
    text.push(b']');
}

fn size(events: &[StoredEvent]) -> usize {
    events.iter().map(|event| event.body.len() + 64).sum::<usize>() + 256
}
