//! Codex's log events go to another receiver, too: the one that the user had before.

#[path = "../../../crates/exporters/tests/tls/server.rs"]
mod tls;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use stories::http::{self, Request, Server};
use stories::port::free_port;
use stories::{Home, Protocol, Script, Step, USAGE, wait};

use crate::stage::Runs;
use crate::{check, stage};

/// A home whose buffer service passes events on to this server, and to no other.
fn home(project: &str, server: &str, more: &[String]) -> Home {
    let home = stage::home(project);
    let file = home.root().join("home/.arize/harness/config.yaml");
    let mut file = OpenOptions::new().append(true).open(file).expect("config.yaml");
    let lines = [format!("endpoint: {server}/logs"), "headers: {x-key: secret}".to_owned()];
    let lines: Vec<&str> = lines.iter().chain(more).map(String::as_str).collect();
    let indent = format!("\n{}", " ".repeat(8));
    let forward = format!("      forward:{indent}{}\n", lines.join(&indent));
    file.write_all(forward.as_bytes()).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    home
}

#[test]
fn a_receiver_gets_what_codex_sent() {
    let project = "forward";
    let (receiver, received) = Server::keeping().expect("a receiver");
    let home = home(project, &receiver.url(), &[]);
    let script = Script::new("Say hello").step(Step::new(USAGE).message("Hello."));
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    check::turn(&stage::spans(project), &script, "Turn 1", &played.exec);
    check::telemetry(&stage::spans(project));
    wait::until("the prompt at the receiver", Duration::from_secs(5), || {
        let received = received.lock().expect("a list");
        let has_prompt = |request: &Request| {
            let body = String::from_utf8_lossy(&request.body);
            body.contains("codex.user_prompt") && body.contains("Say hello")
        };
        received.iter().any(has_prompt).then_some(())
    })
    .expect("events");
    for request in received.lock().expect("a list").iter() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/logs"));
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(request.header("x-key"), Some("secret"));
    }
}

#[test]
fn a_receiver_that_hangs_delays_no_request() {
    let project = "forward-hang";
    let receiver = Server::start(|_, stream| http::hang(stream)).expect("a receiver");
    let home = home(project, &receiver.url(), &[]);
    let script = Script::new("Say hello").step(Step::new(USAGE).message("Hello."));
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    // Codex waits at its end for a receiver of its events, up to five seconds.
    assert!(played.exec.finished.took < Duration::from_secs(4), "{:?}", played.exec.finished);
    check::turn(&stage::spans(project), &script, "Turn 1", &played.exec);
    check::telemetry(&stage::spans(project));
}

/// A receiver with TLS that knows its clients by their certificates, and what it got.
fn with_tls(port: u16) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let received: Arc<Mutex<Vec<Request>>> = Arc::default();
    let receiver = Server::accept(port, {
        let (received, config) = (Arc::clone(&received), tls::config());
        move |stream| {
            let connection =
                ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            let Some(request) = http::read_request(&mut stream)? else { return Ok(()) };
            received.lock().expect("a list").push(request);
            http::respond(&mut stream, 200, &[], b"")?;
            stream.conn.send_close_notify();
            stream.flush()
        }
    });
    (receiver.expect("a receiver"), received)
}

#[test]
fn a_receiver_with_tls_that_was_away_gets_everything_once() {
    let (project, port) = ("forward-tls", free_port().expect("a port"));
    let files = [("ca_file", "ca.pem"), ("client_certificate", "client.pem")];
    let files = files.into_iter().chain([("client_key", "client.key")]);
    let files: Vec<String> =
        files.map(|(key, name)| format!("{key}: {}", tls::file(name).display())).collect();
    let home = home(project, &format!("https://127.0.0.1:{port}"), &files);
    let scripts = ["Say hello", "Say goodbye"]
        .map(|prompt| Script::new(prompt).step(Step::new(USAGE).message("Hello.")));
    let runs = Runs::new(&home, &scripts, Protocol::Binary);
    runs.turn(&[], &scripts[0]);
    let (_receiver, received) = with_tls(port);
    runs.turn(&[], &scripts[1]);
    runs.hook_runs(2);
    let health = || -> Option<Value> {
        let url = format!("http://127.0.0.1:{}/health", home.buffer_port());
        serde_json::from_str(&ureq::get(url).call().ok()?.body_mut().read_to_string().ok()?).ok()
    };
    // Each record has one name, and the service counts those that it got.
    let count = |what: &str| -> usize {
        let received = received.lock().expect("a list");
        received.iter().map(|r| String::from_utf8_lossy(&r.body).matches(what).count()).sum()
    };
    wait::until("all events at the receiver", Duration::from_secs(30), || {
        (count("event.name") as u64 >= health()?["received"].as_u64()?).then_some(())
    })
    .expect("events");
    let health = health().expect("health");
    assert_eq!(
        (count("event.name") as u64, &health["forward_given_up"]),
        (health["received"].as_u64().expect("a count"), &json!(0))
    );
    for script in &scripts {
        assert_eq!(count(&script.prompt), 1, "{}", script.prompt);
    }
    assert!(received.lock().expect("a list").iter().all(|r| r.header("x-key") == Some("secret")));
}
