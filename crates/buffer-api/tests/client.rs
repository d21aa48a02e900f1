//! The client in front of services that misbehave, and of what is no service of ours.

#![expect(clippy::unwrap_used, reason = "what a test cannot do is what it reports")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use buffer_api::{
    Client, ClientError, Endpoint, Token,
    secrets::{INSTANCE_HEADER, PROOF_HEADER},
};

/// What our service puts in front of every answer.
const OURS: &str = "server: arize-codex-buffer\r\n";

/// The token of the client.
const TOKEN: &str = "s3cret";

/// Serves requests with what `answer` writes, which gets the request as well; returns what the client
/// makes of the last one, and all that it sent.
fn serve(
    answer: impl FnMut(&mut TcpStream, &Endpoint, &str) + Send + 'static,
) -> (ClientError, String) {
    serve_one_that_waits(Duration::ZERO, answer)
}

/// The same for a client that lets the service wait for events for some time.
fn serve_one_that_waits(
    wait: Duration,
    answer: impl FnMut(&mut TcpStream, &Endpoint, &str) + Send + 'static,
) -> (ClientError, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint { port: listener.local_addr().unwrap().port(), ..Endpoint::default() };
    let client = Client::new(&endpoint, Some(TOKEN.to_owned()));
    let (heard, sent) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = answer;
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
            heard.send(request.clone()).unwrap();
            answer(&mut stream, &endpoint, &request);
        }
    });
    let error = client.drain("a thread", 3, wait).unwrap_err();
    let sent: String = sent.try_iter().collect();
    assert!(!sent.contains(TOKEN), "{sent}");
    assert!(!format!("{error:?} {error} {client:?}").contains(TOKEN), "{error:?}");
    (error, sent)
}

/// Serves the question for events with `answer`, after a proof, and returns what the client makes of
/// it.
fn check(answer: impl FnOnce(&mut TcpStream, &str) + Send + 'static) -> ClientError {
    let mut answer = Some(answer);
    let (error, sent) = serve(move |stream, endpoint, request| {
        let ours = OURS.to_owned() + &proof(request, &Token::new(TOKEN), endpoint);
        if request.starts_with("get /health ") {
            return stream.write_all(http("200 OK", &ours, HEALTH).as_bytes()).unwrap();
        }
        if let Some(answer) = answer.take() {
            answer(stream, &ours);
        }
    });
    assert!(sent.contains("get /events/a%20thread?after=3&wait_ms=0 "), "{sent}");
    assert!(sent.contains("authorization: bearer "), "{sent}");
    error
}

/// What an answer to a request proves with.
fn proof(request: &str, token: &Token, endpoint: &Endpoint) -> String {
    let nonce = request.lines().find_map(|line| line.strip_prefix("x-arize-nonce: ")).unwrap();
    let proof = token.proof(nonce, "1", endpoint).unwrap();
    format!("{INSTANCE_HEADER}: 1\r\n{PROOF_HEADER}: {proof}\r\nconnection: close\r\n")
}

const HEALTH: &str = "{\"status\":\"ok\",\"service\":\"arize-codex-buffer\",\"pid\":1,\
    \"version\":\"1\",\"executable\":\"/x\",\"uptime_seconds\":1,\"threads\":0,\"events\":0,\
    \"bytes\":0,\"received\":0,\"dropped\":0,\"skipped\":0,\"unthreaded\":0}";

/// Answers the question for events with a status and a body.
fn check_answer(status: &'static str, body: &'static str) -> ClientError {
    check(move |stream, ours| stream.write_all(http(status, ours, body).as_bytes()).unwrap())
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint { port: listener.local_addr().unwrap().port(), ..Endpoint::default() };
    drop(listener);
    let error = Client::new(&endpoint, None).health().unwrap_err();
    assert!(error.is_refused(), "{error:?}");
}

#[test]
fn other_services_are_recognised_and_get_no_credential() {
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        http("200 OK", "", "{\"events\":[],\"next\":1}"),
        http("200 OK", "server: nginx\r\n", "<html>"),
        http("401 Unauthorized", "", ""),
        http("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
    ] {
        let text = answer.clone();
        let (error, sent) = serve(move |stream, _, _| stream.write_all(text.as_bytes()).unwrap());
        assert!(matches!(error, ClientError::Foreign { .. }), "{answer:?}: {error:?}");
        assert!(!sent.contains("authorization"), "{sent}");
    }
}

/// A program that takes the port first knows how our service answers, and not the token.
#[test]
fn what_cannot_prove_that_it_knows_the_token_gets_no_credential() {
    let elsewhere = Endpoint { port: 1, ..Endpoint::default() };
    let proofs: [fn(&str, &Endpoint, &Endpoint) -> String; 4] = [
        |_, _, _| String::new(),
        |request, here, _| proof(request, &Token::new("guess"), here),
        // It asks the service, which listens at another address, and passes the answer on.
        |request, _, elsewhere| proof(request, &Token::new(TOKEN), elsewhere),
        // It has seen a proof before.
        |_, here, _| proof("x-arize-nonce: ab", &Token::new(TOKEN), here),
    ];
    for (case, make) in proofs.into_iter().enumerate() {
        let elsewhere = elsewhere.clone();
        let (error, sent) = serve(move |stream, here, request| {
            let ours = OURS.to_owned() + &make(request, here, &elsewhere);
            stream.write_all(http("200 OK", &ours, HEALTH).as_bytes()).unwrap();
        });
        assert!(matches!(error, ClientError::Unproven { .. }), "{case}: {error:?}");
        assert!(!sent.contains("authorization"), "{case}: {sent}");
    }
}

#[test]
fn events_without_a_proof_are_not_believed() {
    let error = check(|stream, _| {
        let body = "{\"events\":[],\"next\":1}";
        stream.write_all(http("200 OK", OURS, body).as_bytes()).unwrap();
    });
    assert!(matches!(error, ClientError::Unproven { .. }), "{error:?}");
}

#[test]
fn a_service_that_breaks_off_is_unreachable() {
    let error = check(|_, _| {});
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(!error.is_refused());
}

#[test]
fn a_service_that_hangs_is_given_up() {
    let started = Instant::now();
    // Waits for the client to hang up.
    let error = check(|stream, _| drop(stream.read(&mut [0; 1])));
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn refusals_are_classified() {
    let error = check_answer("401 Unauthorized", "{}");
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error:?}");
    let error = check_answer("503 Service Unavailable", "the disk is full");
    assert!(error.to_string().ends_with("answered with status 503: the disk is full"), "{error}");
}

#[test]
fn answers_that_make_no_sense_are_said_to() {
    for body in ["", "garbage", "{\"events\":[", "{\"events\":7,\"next\":1}", "{\"next\":1}"] {
        let error = check_answer("200 OK", body);
        assert!(matches!(error, ClientError::Malformed { .. }), "{body:?}: {error:?}");
    }
}

#[test]
fn endless_answers_are_not_read() {
    // A busy machine needs longer for the many bytes than a client that waits for nothing gives it.
    let (error, _) = serve_one_that_waits(Duration::from_secs(120), |stream, here, request| {
        let ours = OURS.to_owned() + &proof(request, &Token::new(TOKEN), here);
        if request.starts_with("get /health ") {
            return stream.write_all(http("200 OK", &ours, HEALTH).as_bytes()).unwrap();
        }
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{ours}\r\n").as_bytes()).unwrap();
        let piece = vec![b' '; 1024 * 1024];
        while stream.write_all(&piece).is_ok() {}
    });
    assert!(matches!(error, ClientError::TooLong { .. }), "{error:?}");
}
