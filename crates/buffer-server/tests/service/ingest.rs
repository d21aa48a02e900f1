//! Events come in, in every form, and stay.

use std::{
    fs,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::harness::{JSON, PROTOBUF, Server, captured, export, numbers};

/// The thread of a captured body: what looks like an id after the attribute that holds it.
fn thread_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let from = text.find("conversation.id").unwrap();
    let is_id = |word: &&[u8]| {
        word.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let id = text.as_bytes()[from..].windows(36).find(is_id).unwrap();
    String::from_utf8(id.to_vec()).unwrap()
}

#[test]
fn json_and_protobuf_of_codex_give_the_same_events() {
    let mut shapes = Vec::new();
    for (case, header) in [("0.169.0/basic", JSON), ("0.169.0/basic_binary", PROTOBUF)] {
        let server = Server::start();
        let answer = server.send("POST /v1/logs", header, &captured(case));
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains(header[0]), "{}", answer.head);
        assert!(answer.body.is_empty() == (header == PROTOBUF));
        let events = server.events(&thread_of(&captured(case)));
        let shape = |event: &buffer_api::BufferedEvent| {
            let types = event.attributes.iter().map(|(key, value)| {
                let kind = match value {
                    Value::String(_) => "text",
                    Value::Number(_) => "number",
                    Value::Bool(_) => "bool",
                    _ => "other",
                };
                format!("{key}: {kind}")
            });
            (event.name.clone(), types.collect::<Vec<_>>(), event.resource.clone())
        };
        shapes.push(events.iter().map(shape).collect::<Vec<_>>());
        let health = server.health();
        assert_eq!((health.received, health.events), (30, 16));
        assert_eq!((health.skipped, health.unthreaded, health.threads), (13, 1, 1));
    }
    assert_eq!(shapes[0].len(), 16);
    let binary = shapes.pop().unwrap();
    for (json, binary) in shapes[0].iter().zip(&binary) {
        assert_eq!(json, binary);
    }
}

#[test]
fn gzip_and_the_root_path_are_accepted() {
    let server = Server::start();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(export("t", [1, 2]).to_string().as_bytes()).unwrap();
    let headers = ["content-type: Application/JSON; charset=utf-8", "content-encoding: gzip"];
    let answer = server.send("POST /?from=codex", &headers, &packed.finish().unwrap());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(numbers(&server.events("t")), [1, 2]);
}

#[test]
fn trap_09_spans_sent_to_the_logs_address_are_accepted_and_dropped() {
    let server = Server::start();
    server.post(&json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "turn"}]}]}]}));
    let health = server.health();
    assert_eq!((health.span_exports, health.received, health.events), (1, 0, 0));
}

#[test]
fn records_that_make_no_sense_or_have_no_thread_are_counted() {
    let server = Server::start();
    let mut body = export("t", [1]);
    let records = &mut body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    records.as_array_mut().unwrap().extend([json!(3), json!({"body": {"stringValue": "x"}})]);
    server.post(&body);
    let health = server.health();
    assert_eq!((health.received, health.events), (3, 1));
    assert_eq!((health.malformed, health.unthreaded), (1, 1));
}

#[test]
fn senders_at_the_same_time_lose_nothing() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for sender in 0..8_u64 {
            let server = &server;
            scope.spawn(move || {
                for post in 0..20 {
                    server.post(&export(&format!("thread {sender}"), post * 5..post * 5 + 5));
                }
            });
        }
    });
    let all: Vec<u64> = (0..100).collect();
    for sender in 0..8 {
        assert_eq!(numbers(&server.events(&format!("thread {sender}"))), all);
    }
    assert_eq!(server.health().events, 800);
}

#[test]
fn bounds_give_up_the_oldest_events_and_say_so() {
    let server = Server::with(|config| config.limits.thread_bytes = 1000);
    server.post(&export("t", 0..50));
    let kept = numbers(&server.events("t"));
    let health = server.health();
    assert_eq!(*kept.last().unwrap(), 49);
    assert_eq!(kept.len() as u64, health.events);
    assert_eq!(health.events + health.dropped, 50);
    assert!((500..=1000).contains(&health.bytes), "{}", health.bytes);
    let log = fs::read_to_string(&server.paths.log).unwrap();
    assert!(log.contains(&format!("gave up {} oldest events", health.dropped)), "{log}");
}

#[test]
fn events_expire_without_any_request() {
    let server = Server::with(|config| config.limits.age = Duration::from_millis(100));
    server.post(&export("t", [1]));
    crate::harness::wait_for(|| (server.health().events == 0).then_some(()));
    assert_eq!(server.health().dropped, 1);
}

#[test]
fn a_corrupt_database_is_replaced_and_named_in_the_log() {
    let server = Server::with(|config| {
        private_files::write(&config.paths.database, &[b'x'; 10_000]).unwrap();
    });
    server.post(&export("t", [1]));
    assert_eq!(numbers(&server.events("t")), [1]);
    let log = fs::read_to_string(&server.paths.log).unwrap();
    let aside = buffer_api::paths::set_aside(&server.paths.database);
    assert!(log.contains(&aside[0].display().to_string()), "{log}");
}

/// A clock that is a day and an hour ahead from when a test says so.
static AHEAD: AtomicBool = AtomicBool::new(false);

fn clock_that_jumps() -> SystemTime {
    let jump = if AHEAD.load(Ordering::Relaxed) { 25 } else { 0 };
    SystemTime::now() + Duration::from_secs(jump * 60 * 60)
}

#[test]
fn a_clock_that_is_ahead_for_a_moment_gives_up_nothing() {
    let mut server = Server::with(|config| config.wall_clock = clock_that_jumps);
    server.post(&export("t", [1]));
    AHEAD.store(true, Ordering::Relaxed);
    server.post(&export("t", [2]));
    assert_eq!(numbers(&server.events("t")), [1, 2]);
    // Nor where the service is started meanwhile.
    server.restart(|config| config.wall_clock = clock_that_jumps);
    server.post(&export("t", [3]));
    assert_eq!(numbers(&server.events("t")), [1, 2, 3]);
    AHEAD.store(false, Ordering::Relaxed);
    server.post(&export("t", [4]));
    assert_eq!(numbers(&server.events("t")), [1, 2, 3, 4]);
    assert_eq!(server.health().dropped, 0);
}

#[test]
fn what_was_acknowledged_is_in_no_file() {
    let mut server = Server::start();
    let mut body = export("t", 0..50);
    for record in body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array_mut().unwrap() {
        let prompt = json!({"key": "prompt", "value": {"stringValue": "SECRET ".repeat(100)}});
        record["attributes"].as_array_mut().unwrap().push(prompt);
    }
    server.post(&body);
    let holds = |path: &std::path::Path| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(6).any(|window| window == b"SECRET")
    };
    let home = server.home.path().to_owned();
    let with_secret = || -> Vec<_> { files(&home).into_iter().filter(|it| holds(it)).collect() };
    assert!(!with_secret().is_empty());
    let last = server.events("t").last().unwrap().seq;
    assert_eq!(server.client().acknowledge("t", last).unwrap(), 50);
    // It is overwritten after the answer.
    crate::harness::wait_for(|| with_secret().is_empty().then_some(()));
    server.stop();
    assert_eq!(with_secret(), [""; 0].map(std::path::PathBuf::from));
}

/// Asking for what is not there wrote the whole log of the database to its file.
#[test]
fn the_log_of_the_database_is_written_back_only_where_something_was_removed() {
    let server = Server::start();
    server.post(&export("t", 0..50));
    let logs = || files(server.home.path()).into_iter().filter(|it| it.ends_with("buffer.db-wal"));
    let length = || logs().map(|log| fs::metadata(log).unwrap().len()).sum::<u64>();
    let written = length();
    assert_ne!(written, 0);
    for _ in 0..3 {
        assert_eq!(server.client().acknowledge("t", 0).unwrap(), 0);
        assert_eq!(server.client().flush("of-no-event").unwrap().events, []);
        assert_eq!(server.get("/flush-idle?idle_ms=600000")["count"], 0);
        // It is tidied, if at all, after the answer, and before the next question is answered.
        assert_eq!(server.events("t").len(), 50);
        assert_eq!(length(), written);
    }
    assert_eq!(server.client().acknowledge("t", u64::MAX).unwrap(), 50);
    crate::harness::wait_for(|| (length() == 0).then_some(()));
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn contents_stay_out_of_the_log() {
    let mut server = Server::start();
    server.post(&export("secret thread", [1]));
    let broken = br#"{"resourceLogs": [{"secret prompt"#;
    assert_eq!(server.send("POST /v1/logs", JSON, broken).status, 400);
    server.stop();
    let log = fs::read_to_string(&server.paths.log).unwrap();
    assert!(log.contains("refused") && log.contains("stopped"), "{log}");
    assert!(!log.contains("secret") && !log.contains(&server.token), "{log}");
    assert!(server.home.path().join("logs").is_dir());
}
