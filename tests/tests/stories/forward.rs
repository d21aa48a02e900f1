//! Codex's log events go to another receiver, too: the one that the user had before.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stories::http::{self, Request, Server};
use stories::{Home, Protocol, Script, Step, USAGE, wait};

use crate::{check, stage};

/// A home whose buffer service passes events on to this server.
fn home(project: &str, receiver: &Server) -> Home {
    let home = stage::home(project);
    let file = home.root().join("home/.arize/harness/config.yaml");
    let mut file = OpenOptions::new().append(true).open(file).expect("config.yaml");
    let (six, eight) = (" ".repeat(6), " ".repeat(8));
    let forward = format!(
        "{six}forward:\n{eight}endpoint: {}/logs\n{eight}headers: {{x-key: secret}}\n",
        receiver.url()
    );
    file.write_all(forward.as_bytes()).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    home
}

#[test]
fn a_receiver_gets_what_codex_sent() {
    let project = "forward";
    let received: Arc<Mutex<Vec<Request>>> = Arc::default();
    let receiver = Server::start({
        let received = Arc::clone(&received);
        move |request, stream| {
            received.lock().expect("a list").push(request);
            http::respond(stream, 200, &[], b"")
        }
    });
    let receiver = receiver.expect("a receiver");
    let home = home(project, &receiver);
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
fn a_receiver_that_hangs_holds_nobody_up() {
    let project = "forward-hang";
    let receiver = Server::start(|_, stream| http::hang(stream)).expect("a receiver");
    let home = home(project, &receiver);
    let script = Script::new("Say hello").step(Step::new(USAGE).message("Hello."));
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    // Codex waits at its end for a receiver of its events, up to five seconds.
    assert!(played.exec.finished.took < Duration::from_secs(4), "{:?}", played.exec.finished);
    check::turn(&stage::spans(project), &script, "Turn 1", &played.exec);
    check::telemetry(&stage::spans(project));
}
