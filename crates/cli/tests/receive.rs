//! `arize-codex view --receive`: what another program sends is on the pages.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use exporters::{Exporter, Otlp, OtlpConfig};
use otlp_model::{Attribute, Span, SpanBatch, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use serde_json::Value as Json;

struct View {
    process: Child,
    /// What it prints first: the address of its pages, and how to send spans.
    lines: Vec<String>,
}

impl View {
    fn start(home: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(["view", "--no-open", "--receive", "0"]).env_clear().env("HOME", home);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines: lines.take(6).map(Result::unwrap).collect() }
    }

    /// The value of a variable that senders need.
    fn variable(&self, name: &str) -> &str {
        let start = format!("  export {name}=");
        self.lines.iter().find_map(|line| line.strip_prefix(&start)).unwrap()
    }

    fn sender(&self, token: &str) -> Otlp {
        let endpoint = self.variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let mut config = OtlpConfig::new(endpoint.strip_suffix("/v1/traces").unwrap());
        config.headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Otlp::new(config).unwrap()
    }

    /// Opens the pages as a browser would, and asks for turns until there are some.
    fn turns(&self) -> Json {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build(),
        );
        let opened = agent.get(&self.lines[0]).call().unwrap();
        let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
        let cookie = cookie.split(';').next().unwrap();
        let base = self.lines[0].split("/open").next().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let page = agent.get(format!("{base}/turns.json")).header("cookie", cookie);
            let text = page.call().unwrap().body_mut().read_to_string().unwrap();
            let turns: Json = serde_json::from_str(&text).unwrap();
            if !turns["turns"].as_array().unwrap().is_empty() {
                return turns;
            }
            assert!(Instant::now() < end, "no turn on the pages: {text}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn span(name: &str, parent: Option<&str>, kind: SpanKind, attributes: Vec<Attribute>) -> Span {
    Span {
        trace_id: TraceId::derive(&["foreign"]),
        span_id: SpanId::derive(&[name]),
        parent_id: parent.map(|parent| SpanId::derive(&[parent])),
        name: name.to_owned(),
        kind,
        start: UnixNanos::from_millis(1_795_262_400_000),
        end: UnixNanos::from_millis(1_795_262_401_000),
        attributes,
        events: Vec::new(),
        status: SpanStatus::Ok,
    }
}

/// A trace in the words of OpenTelemetry, with a secret in it.
fn batch() -> SpanBatch {
    SpanBatch {
        resource: vec![Attribute::new("service.name", "research")],
        spans: vec![
            span(
                "answer a question",
                None,
                SpanKind::Chain,
                vec![
                    Attribute::new("input.value", "Which papers? password=hunter2-and-more"),
                    Attribute::new("db.password", "another-secret"),
                ],
            ),
            span(
                "chat",
                Some("answer a question"),
                SpanKind::Llm,
                vec![
                    Attribute::new("gen_ai.operation.name", "chat"),
                    Attribute::new("gen_ai.request.model", "sonnet"),
                    Attribute::new("gen_ai.usage.input_tokens", 900_i64),
                    Attribute::new("gen_ai.usage.output_tokens", 40_i64),
                ],
            ),
        ],
    }
}

#[test]
fn a_trace_of_another_program_is_on_the_pages_without_its_secrets() {
    let home = tempfile::tempdir().unwrap();
    let view = View::start(home.path());
    let file = home.path().join(".arize/harness/run/otlp.token");
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    let headers = view.variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    assert_eq!(headers, format!("\"authorization=Bearer%20$(cat '{}')\"", file.display()));
    assert!(!view.lines.concat().contains(&token), "the token is on the terminal");

    assert!(view.sender("a guess").export(&batch()).is_err());
    view.sender(&token).export(&batch()).unwrap();
    view.sender(&token).export(&batch()).unwrap();

    let turns = view.turns();
    let [turn] = &turns["turns"].as_array().unwrap()[..] else { panic!("{turns}") };
    assert_eq!(turn["project"], "research", "{turn}");
    let text = turn.to_string();
    assert!(text.contains("Which papers?") && text.contains("sonnet"), "{text}");
    let store = home.path().join(".arize/harness/traces.db");
    let stored = trace_store::TraceStore::open_read_only(store).unwrap();
    let spans = stored.trace(TraceId::derive(&["foreign"])).unwrap();
    let texts = format!("{spans:?}");
    assert_eq!(spans.len(), 2);
    assert!(!texts.contains("hunter2") && !texts.contains("another-secret"), "{texts}");
}

#[test]
fn where_prompts_are_held_back_no_text_of_another_program_stays() {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join(".arize/harness/config.yaml");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    fs::write(settings, "logging:\n  prompts: false\n").unwrap();
    let view = View::start(home.path());
    let token = fs::read_to_string(home.path().join(".arize/harness/run/otlp.token")).unwrap();

    view.sender(token.trim()).export(&batch()).unwrap();

    let turns = view.turns().to_string();
    assert!(turns.contains("sonnet") && !turns.contains("papers"), "{turns}");
}
