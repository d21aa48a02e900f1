//! A database that version 0.1 has left is read by every later version.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::harness::Server;

/// When the sample was made, in seconds since the Unix epoch: events are kept for a day.
const MADE: u64 = 1_796_084_215;

#[test]
fn the_events_of_0_1_are_handed_out() {
    let mut server = Server::start();
    server.stop();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/0.1/buffer.db");
    fs::copy(sample, &server.paths.database).unwrap();
    server.restart(|config| {
        config.wall_clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(MADE + 60);
    });
    let events = server.events("01a1fb18-d745-76d3-8970-09f42d282b30");
    assert_eq!(events.len(), 16, "{events:?}");
    assert!(events.iter().any(|event| event.name == "codex.user_prompt"), "{events:?}");
    assert!(!server.health().in_memory);
}
