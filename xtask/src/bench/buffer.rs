//! What the buffer service costs.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::measure::memory;
use super::scene::{RECORDED_THREAD, Scene};
use crate::workspace::root;

/// What was measured.
pub(crate) struct Buffer {
    pub(crate) idle_mib: f64,
    pub(crate) full_mib: f64,
    pub(crate) held: u64,
    pub(crate) dropped: u64,
    pub(crate) events_per_second: f64,
}

/// As many records as Codex puts into one request at most.
const RECORDS: u64 = 512;
const EVENTS: u64 = 100_000;

/// Measures a service of its own: idle, then while it takes in 100,000 recorded events in requests
/// of 512, each thread's in a few requests.
pub(crate) fn measure(scene: &Scene) -> anyhow::Result<Buffer> {
    let scene = scene.again()?;
    std::thread::sleep(Duration::from_millis(500));
    let rss = || {
        memory(scene.buffer_pid(), "VmRSS:")
            .map(|kib| kib as f64 / 1024.0)
            .context("no such process")
    };
    let idle_mib = rss()?;

    let body =
        fs::read(root()?.join("crates/buffer-server/tests/data/0.169.0/basic_binary/logs.body"))?;
    let thread = find_thread(&body)?;
    let agent = ureq::agent();
    let post = |body: &[u8]| {
        agent.post(scene.buffer_url("/v1/logs")).content_type("application/x-protobuf").send(body)
    };
    post(&body)?;
    let count = |name: &str| -> anyhow::Result<u64> {
        scene.health()?[name].as_u64().context("no such count")
    };
    // What it stores: records of single stream events are left out, as always.
    let stored = || -> anyhow::Result<u64> { Ok(count("events")? + count("dropped")?) };
    let in_one = stored()?;
    // Requests put together are a request: all they hold is repeated.
    let request = body.repeat(usize::try_from(RECORDS / in_one.max(1))?);
    let requests = EVENTS / (RECORDS / in_one.max(1) * in_one);
    let bodies: Vec<Vec<u8>> =
        (0..requests).map(|number| rename(&request, &thread, number / 4)).collect();

    let begun = Instant::now();
    for body in &bodies {
        post(body)?;
    }
    let took = begun.elapsed();
    let stored = stored()? - in_one;
    Ok(Buffer {
        idle_mib,
        full_mib: rss()?,
        held: count("events")?,
        dropped: count("dropped")?,
        events_per_second: stored as f64 / took.as_secs_f64(),
    })
}

/// The thread that a recorded body is about.
fn find_thread(body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let key = b"conversation.id";
    let Some(at) = body.windows(key.len()).position(|window| window == key) else {
        bail!("the recorded body names no thread")
    };
    let id = body[at..].windows(RECORDED_THREAD.len()).find(|window| {
        window.iter().filter(|byte| **byte == b'-').count() == 4
            && window.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
    });
    Ok(id.context("the recorded body names no thread")?.to_vec())
}

/// The body with another thread's id, of the same length.
fn rename(body: &[u8], thread: &[u8], number: u64) -> Vec<u8> {
    let mut body = body.to_vec();
    let end = format!("{number:08}");
    let mut at = 0;
    while let Some(found) = body[at..].windows(thread.len()).position(|window| window == thread) {
        let id = at + found;
        body[id + thread.len() - end.len()..id + thread.len()].copy_from_slice(end.as_bytes());
        at = id + thread.len();
    }
    body
}
