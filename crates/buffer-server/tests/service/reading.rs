//! Events go out: by cursor, by time, once and for all.

use std::time::{Duration, Instant};

use crate::harness::{Server, export, numbers};

const LONG: Duration = Duration::from_secs(8);

#[test]
fn a_cursor_leads_through_a_thread() {
    let server = Server::start();
    let client = server.client();
    server.post(&export("a", [1, 2]));
    server.post(&export("b", [3]));
    let first = client.drain("a", 0, LONG).unwrap();
    assert_eq!(numbers(&first.events), [1, 2]);
    assert_eq!(first.next, first.events[1].seq);
    assert_eq!(first.events[0].time_ns, 1);
    assert_eq!(first.events[0].name, "codex.test");
    server.post(&export("a", [4]));
    let second = client.drain("a", first.next, LONG).unwrap();
    assert_eq!(numbers(&second.events), [4]);
    let none = client.drain("a", second.next, Duration::ZERO).unwrap();
    assert_eq!((none.events.len(), none.next), (0, second.next));
    assert_eq!(numbers(&server.events("a")), [1, 2, 4], "reading removes nothing");
}

#[test]
fn threads_may_have_any_name() {
    let server = Server::start();
    for thread in ["a/b", "a b?c#d", "…", "..", "%2F"] {
        server.post(&export(thread, [7]));
        assert_eq!(numbers(&server.events(thread)), [7], "{thread}");
    }
}

#[test]
fn a_client_that_waits_is_woken_at_once() {
    let server = Server::start();
    let woken = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let drained = server.client().drain("t", 0, LONG).unwrap();
            (numbers(&drained.events), Instant::now())
        });
        // Other threads' events do not wake it, nor does the wait start after its own.
        for number in 0..5 {
            server.post(&export("other", [number]));
        }
        assert!(!waiting.is_finished());
        let posted = Instant::now();
        server.post(&export("t", [1]));
        let (found, answered) = waiting.join().unwrap();
        assert_eq!(found, [1]);
        answered.saturating_duration_since(posted)
    });
    assert!(woken < Duration::from_millis(200), "{woken:?}");
}

#[test]
fn a_wait_ends_with_nothing() {
    let server = Server::start();
    let started = Instant::now();
    let drained = server.client().drain("t", 5, Duration::from_millis(50)).unwrap();
    assert_eq!((drained.events.len(), drained.next), (0, 5));
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[test]
fn the_end_of_the_service_answers_those_who_wait() {
    let mut server = Server::start();
    let client = server.client();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || client.drain("t", 3, LONG));
        // The request is in flight when the server has seen its connection.
        let probe = server.client();
        for _ in 0..20 {
            probe.health().unwrap();
        }
        let started = Instant::now();
        server.stop();
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!(waiting.join().unwrap().unwrap().next, 3);
    });
    assert!(!server.paths.pid_file.exists());
}

#[test]
fn what_is_acknowledged_is_gone() {
    let server = Server::start();
    let client = server.client();
    server.post(&export("a", [1, 2, 3]));
    server.post(&export("b", [4]));
    let events = server.events("a");
    assert_eq!(client.acknowledge("a", events[1].seq).unwrap(), 2);
    assert_eq!(client.acknowledge("a", events[1].seq).unwrap(), 0);
    assert_eq!(numbers(&server.events("a")), [3]);
    assert_eq!(client.acknowledge("a", u64::MAX).unwrap(), 1);
    let health = server.health();
    assert_eq!((health.events, health.threads, health.dropped), (1, 1, 0));
}

#[test]
fn flushing_hands_out_and_removes() {
    let server = Server::start();
    server.post(&export("a", [1, 2]));
    assert_eq!(numbers(&server.client().flush("a").unwrap().events), [1, 2]);
    assert_eq!(server.client().flush("a").unwrap().events, []);
    assert_eq!(server.health().events, 0);
}

#[test]
fn idle_threads_are_flushed() {
    let server = Server::start();
    server.post(&export("a", [1, 2]));
    assert_eq!(server.get("/flush-idle?idle_ms=60000")["count"], 0);
    assert_eq!(server.get("/flush-idle?idle_ms=0")["count"], 2);
    assert_eq!(server.health().events, 0);
}

#[test]
fn draining_hands_each_event_out_once() {
    let server = Server::start();
    let thread = "/drain/a%20%22t%22";
    server.post(&export("a \"t\"", [10, 20, 30]));
    let drained = server.get(&format!("{thread}?since_ns=10"));
    assert_eq!(drained["thread_id"], "a \"t\"");
    assert_eq!(drained["count"], 2);
    assert_eq!(drained["events"][0]["time_ns"], 20);
    assert_eq!(drained["events"][1]["attributes"]["number"], 30);
    assert_eq!(server.get(&format!("{thread}?since_ns=10&wait_ms=20"))["count"], 0);
    server.post(&export("a \"t\"", [40]));
    let drained = server.get(&format!("{thread}?since_ns=10"));
    assert_eq!((&drained["count"], &drained["events"][0]["time_ns"]), (&1.into(), &40.into()));
    assert_eq!(server.get(thread)["events"][0]["time_ns"], 10, "what no call asked for stays");
    assert_eq!(server.get(thread)["count"], 0);
    assert_eq!(server.get("/drain/unknown")["count"], 0);
}

/// The hook and a reader of the old interface may be there at the same time.
#[test]
fn what_is_drained_is_still_there_for_the_hook() {
    let server = Server::start();
    server.post(&export("t", [1, 2]));
    assert_eq!(server.get("/drain/t")["count"], 2);
    let events = server.events("t");
    assert_eq!(numbers(&events), [1, 2]);
    assert_eq!(server.client().acknowledge("t", events[0].seq).unwrap(), 1);
    server.post(&export("t", [3]));
    assert_eq!(server.get("/drain/t")["events"][0]["attributes"]["number"], 3);
    assert_eq!(numbers(&server.events("t")), [2, 3]);
}

#[test]
fn draining_waits_for_quiet() {
    let server = Server::start();
    let drained = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.get("/drain/t?wait_ms=8000&quiet_ms=300"));
        for number in 1..=4 {
            server.post(&export("t", [number]));
            std::thread::sleep(Duration::from_millis(20));
        }
        waiting.join().unwrap()
    });
    let count = drained["count"].as_u64().unwrap();
    // A busy machine may be quiet between two events; then the next call has the rest.
    let rest = server.get("/drain/t?wait_ms=1&quiet_ms=1")["count"].as_u64().unwrap();
    assert!(count >= 1 && count + rest == 4, "{count} and {rest}");
}

#[test]
fn draining_does_not_wait_where_it_was_quiet_for_long_enough() {
    let server = Server::start();
    server.post(&export("t", [1]));
    let started = Instant::now();
    assert_eq!(server.get("/drain/t?wait_ms=60000&quiet_ms=1")["count"], 1);
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
}
