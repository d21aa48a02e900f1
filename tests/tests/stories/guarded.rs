//! Phoenixes that want a key, speak TLS with a private authority, or do both and know their clients by
//! their certificates.

use std::path::Path;
use std::sync::LazyLock;

use stories::guard::AsksFor;
use stories::{Guard, Home, Phoenix, Protocol};

use crate::complete::script;
use crate::stage::Played;
use crate::{check, stage};

static GUARD: LazyLock<Guard> = LazyLock::new(|| guard(AsksFor::All));

pub(crate) static PHOENIX: LazyLock<Phoenix> = LazyLock::new(|| guarded_by(&GUARD));

fn guard(asks_for: AsksFor) -> Guard {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/exporters/tests/tls");
    Guard::with_files_in(&files, asks_for)
}

fn guarded_by(guard: &Guard) -> Phoenix {
    Phoenix::start_guarded(&stage::path("STORIES_PHOENIX"), guard).expect("phoenix starts")
}

#[test]
fn lets_in_clients_with_key_and_certificate() {
    let key = format!("api_key: {}", Guard::KEY);
    let bearer = format!("headers: {{ authorization: 'Bearer {}' }}", Guard::KEY);
    for (project, target) in [
        ("guarded-http", format!("target: phoenix\n    {key}\n    endpoint: {}", PHOENIX.url())),
        (
            "guarded-rest",
            format!(
                "target: phoenix\n    phoenix_api: rest\n    {key}\n    endpoint: {}",
                PHOENIX.url()
            ),
        ),
        (
            "guarded-grpc",
            format!(
                "target: otlp\n    protocol: grpc\n    {bearer}\n    endpoint: {}",
                PHOENIX.grpc_url()
            ),
        ),
        // Phoenix wants the word before the key; without a scheme an address is one with TLS.
        (
            "guarded-arize",
            format!(
                "target: arize\n    api_key: Bearer {}\n    space_id: U3BhY2U6MTIz\n    endpoint: {}",
                Guard::KEY,
                PHOENIX.grpc_url().trim_start_matches("https://")
            ),
        ),
    ] {
        let (home, played) =
            play(project, &format!("{target}\n    {}\n    {}", authority(), client()));
        arrived(&PHOENIX, project, &home, &played);
    }
}

#[test]
fn lets_in_clients_with_the_key_without_tls() {
    let phoenix = guarded_by(&guard(AsksFor::Key));
    let targets = over_http_and_grpc(&phoenix, |name| match name {
        "http" => format!("api_key: {}", Guard::KEY),
        _ => format!("headers: {{ authorization: 'Bearer {}' }}", Guard::KEY),
    });
    for (name, target) in &targets {
        let project = format!("guarded-by-key-{name}");
        let (home, played) = play(&project, target);
        arrived(&phoenix, &project, &home, &played);
    }
    for (name, target) in over_http_and_grpc(&phoenix, |_| "metrics: false".to_owned()) {
        let project = format!("guarded-by-key-{name}-without");
        let (home, _) = play(&project, &target);
        let expected =
            if name == "http" { "http status 401" } else { "grpc status Unauthenticated" };
        assert!(home.log().contains(expected), "{}", home.log());
        assert_eq!(phoenix.spans(&project).expect("phoenix answers"), []);
    }
}

#[test]
fn lets_in_clients_over_tls_that_know_its_authority() {
    let guard = guard(AsksFor::Tls);
    let phoenix = guarded_by(&guard);
    for (name, target) in over_http_and_grpc(&phoenix, |_| authority()) {
        let project = format!("guarded-by-tls-{name}");
        let (home, played) = play(&project, &target);
        arrived(&phoenix, &project, &home, &played);
    }
}

/// A target for OTLP over each, with one more line.
fn over_http_and_grpc(
    phoenix: &Phoenix,
    more: impl Fn(&str) -> String,
) -> [(&'static str, String); 2] {
    let (http, grpc) = (phoenix.url(), phoenix.grpc_url());
    [
        ("http", format!("target: phoenix\n    endpoint: {http}\n    {}", more("http"))),
        (
            "grpc",
            format!("target: otlp\n    protocol: grpc\n    endpoint: {grpc}\n    {}", more("grpc")),
        ),
    ]
}

fn arrived(phoenix: &Phoenix, project: &str, home: &Home, played: &Played) {
    let spans = phoenix.spans(project).expect("phoenix answers");
    check::turn(&spans, &played.script, "Turn 1", &played.exec);
    assert!(!home.log().contains(Guard::KEY), "{}", home.log());
}

#[test]
fn tells_others_in_the_log_why_not() {
    let wrong = "api_key: a-key-that-is-wrong";
    let (http, grpc) = (PHOENIX.url(), PHOENIX.grpc_url());
    for (project, target, expected) in [
        (
            "guarded-key",
            format!(
                "target: phoenix\n    {wrong}\n    endpoint: {http}\n    {}\n    {}",
                authority(),
                client()
            ),
            "http status 401",
        ),
        (
            "guarded-key-grpc",
            format!(
                "target: otlp\n    protocol: grpc\n    endpoint: {grpc}\n    {}\n    {}",
                authority(),
                client()
            ),
            "grpc status Unauthenticated",
        ),
        (
            "guarded-certificate",
            format!("target: phoenix\n    endpoint: {http}\n    {}", authority()),
            http,
        ),
        (
            "guarded-authority",
            format!("target: phoenix\n    endpoint: {http}\n    {}", client()),
            http,
        ),
    ] {
        let (home, _) = play(project, &target);
        let log = home.log();
        assert!(
            log.contains(expected) && !log.contains("a-key-that-is-wrong"),
            "{expected}: {log}"
        );
        assert_eq!(PHOENIX.spans(project).expect("phoenix answers"), []);
    }
}

fn play(project: &str, target: &str) -> (Home, Played) {
    let home = Home::new(&stage::programs(), project).expect("a home");
    home.configure(target).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    (home, played)
}

pub(crate) fn authority() -> String {
    format!("ca_file: {}", GUARD.authority.display())
}

pub(crate) fn client() -> String {
    let (certificate, key) = (&GUARD.client_certificate, &GUARD.client_key);
    format!("client_certificate: {}\n    client_key: {}", certificate.display(), key.display())
}
