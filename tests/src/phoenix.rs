//! A real Phoenix: started empty, asked over its own interfaces, gone without a trace.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use humantime::parse_rfc3339;
use serde_json::{Map, Value, json};

use crate::guard::Guard;
use crate::port::free_port;
use crate::server_process::ServerProcess;
use crate::wait;

/// Runs a Phoenix on free ports of 127.0.0.1, with a database of its own.
///
/// One instance serves all stories, each with its own project. It is ended with the process that
/// started it, also when it is kept in a static.
#[derive(Debug)]
pub struct Phoenix {
    url: String,
    grpc_url: String,
    agent: ureq::Agent,
    settled: AtomicU64,
    server: ServerProcess,
}

/// One span as Phoenix returns it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Its trace, in hex.
    pub trace_id: String,
    /// Its id, in hex.
    pub span_id: String,
    /// Its parent's id, in hex.
    pub parent_id: Option<String>,
    /// `AGENT`, `LLM`, `TOOL`, ...
    pub kind: String,
    /// `OK`, `ERROR` or `UNSET`.
    pub status: String,
    /// What the status says beside its code.
    pub status_message: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Its attributes, with dotted names.
    pub attributes: Map<String, Value>,
}

impl Span {
    /// Returns an attribute's text, if it is one.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    /// Returns an attribute's whole number, if it is one.
    pub fn number(&self, attribute: &str) -> Option<u64> {
        self.attributes.get(attribute)?.as_u64()
    }
}

/// What Phoenix itself counts in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Traces.
    pub traces: u64,
    /// Tokens of the requests, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of the answers, reasoning included.
    pub completion_tokens: u64,
}

impl Phoenix {
    /// Starts `program` (the `phoenix` command) and waits until it is ready, about ten seconds.
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        Self::start_with(program, None)
    }

    /// The same, of a Phoenix that lets in only some.
    pub fn start_guarded(program: &Path, guard: &Guard) -> anyhow::Result<Self> {
        Self::start_with(program, Some(guard))
    }

    fn start_with(program: &Path, guard: Option<&Guard>) -> anyhow::Result<Self> {
        let (port, grpc_port) = (free_port()?, free_port()?);
        let server = ServerProcess::start(program, |phoenix, folder| {
            phoenix
                .arg("serve")
                .env("PHOENIX_WORKING_DIR", folder)
                .env("PHOENIX_HOST", "127.0.0.1")
                .env("PHOENIX_PORT", port.to_string())
                .env("PHOENIX_GRPC_PORT", grpc_port.to_string())
                .env("PHOENIX_TELEMETRY_ENABLED", "false")
                .env("PHOENIX_ALLOW_EXTERNAL_RESOURCES", "false")
                .envs(guard.map(Guard::environment).unwrap_or_default());
        })?;
        let scheme = guard.map_or("http", Guard::scheme);
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false);
        if let Some(guard) = guard {
            config = config.tls_config(guard.tls()?).middleware(guard.middleware());
        }
        let phoenix = Self {
            url: format!("{scheme}://127.0.0.1:{port}"),
            grpc_url: format!("{scheme}://127.0.0.1:{grpc_port}"),
            agent: config.build().into(),
            settled: AtomicU64::new(0),
            server,
        };
        phoenix.server.wait(Duration::from_secs(120), || phoenix.is_ready())?;
        Ok(phoenix)
    }

    /// Returns the address that the exporters are configured with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address for OTLP over gRPC.
    pub fn grpc_url(&self) -> &str {
        &self.grpc_url
    }

    /// Returns all spans of a project, oldest first; none if there is no such project.
    ///
    /// Whatever Phoenix accepted before the call is included, see [`settle`](Self::settle).
    pub fn spans(&self, project: &str) -> anyhow::Result<Vec<Span>> {
        self.settle()?;
        let mut spans = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/projects/{project}/spans?limit=1000{cursor}");
            let Some(page) = self.get(&path)? else { return Ok(spans) };
            for span in page["data"].as_array().context("no `data` in the answer")? {
                spans.push(read_span(span).with_context(|| format!("unexpected span {span}"))?);
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        spans.sort_by_key(|span| span.start);
        Ok(spans)
    }

    /// Returns the id of a project, by which one can be asked for that has a slash in its name.
    pub fn project_id(&self, name: &str) -> anyhow::Result<String> {
        self.settle()?;
        let page = self.get("/v1/projects?limit=1000")?.context("no projects")?;
        let projects = page["data"].as_array().context("no `data` in the answer")?;
        let found = projects.iter().find(|project| project["name"] == name);
        let id = found.with_context(|| format!("no `{name}` in {page}"))?["id"].as_str();
        Ok(id.context("a project without an id")?.to_owned())
    }

    /// Returns what Phoenix counts in an existing project.
    pub fn totals(&self, project: &str) -> anyhow::Result<Totals> {
        self.settle()?;
        let found = self.get(&format!("/v1/projects/{project}"))?.context("no such project")?;
        let query = "query ($id: ID!) { node(id: $id) { ... on Project {
            traceCount tokenCountPrompt tokenCountCompletion } } }";
        let request = json!({ "query": query, "variables": { "id": found["data"]["id"] } });
        let answer = self.post("/graphql", &request)?;
        let count = |field: &str| {
            let value = answer["data"]["node"][field].as_f64();
            value.map(|value| value as u64).with_context(|| format!("no `{field}` in {answer}"))
        };
        Ok(Totals {
            traces: count("traceCount")?,
            prompt_tokens: count("tokenCountPrompt")?,
            completion_tokens: count("tokenCountCompletion")?,
        })
    }

    /// Waits until everything that was accepted so far can be read.
    ///
    /// Phoenix answers before it stores, and stores in the order of arrival: when a span sent now
    /// can be read, so can all before it. That makes "nothing else has come" a fact, too.
    pub fn settle(&self) -> anyhow::Result<()> {
        let number = self.settled.fetch_add(1, Ordering::Relaxed) + 1;
        let trace_id = format!("{number:032x}");
        let time = "2026-01-01T00:00:00Z";
        let span = json!({ "name": "settled", "span_kind": "CHAIN", "status_code": "OK",
            "context": { "trace_id": trace_id, "span_id": format!("{number:016x}") },
            "start_time": time, "end_time": time });
        self.post("/v1/projects/settled/spans", &json!({ "data": [span] }))?;
        let path = format!("/v1/projects/settled/spans?trace_id={trace_id}");
        wait::until("phoenix to store what it accepted", Duration::from_secs(30), || {
            let stored = self.get(&path).transpose()?;
            let stored = stored.map(|page| page["data"].as_array().map_or(0, Vec::len));
            (!matches!(stored, Ok(0))).then_some(stored)
        })??;
        Ok(())
    }

    fn is_ready(&self) -> Option<()> {
        let answer = self.agent.get(format!("{}/healthz", self.url)).call().ok()?;
        answer.status().is_success().then_some(())
    }

    fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call()?;
        let text = answer.body_mut().with_config().limit(BODY_LIMIT).read_to_string()?;
        match answer.status().as_u16() {
            200 => Ok(Some(serde_json::from_str(&text).with_context(|| format!("GET {path}"))?)),
            404 => Ok(None),
            status => bail!("GET {path}: {status} {text}"),
        }
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let mut answer =
            request.header("content-type", "application/json").send(body.to_string())?;
        let text = answer.body_mut().with_config().limit(BODY_LIMIT).read_to_string()?;
        if !answer.status().is_success() {
            bail!("POST {path}: {} {text}", answer.status());
        }
        serde_json::from_str(&text).with_context(|| format!("POST {path}"))
    }
}

/// Bytes; far more than a story sends.
const BODY_LIMIT: u64 = 256 << 20;

fn read_span(json: &Value) -> Option<Span> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    // Phoenix writes UTC as an offset of zero.
    let time = |value: &Value| parse_rfc3339(&value.as_str()?.replace("+00:00", "Z")).ok();
    Some(Span {
        name: text(&json["name"])?,
        trace_id: text(&json["context"]["trace_id"])?,
        span_id: text(&json["context"]["span_id"])?,
        parent_id: text(&json["parent_id"]),
        kind: text(&json["span_kind"])?,
        status: text(&json["status_code"])?,
        status_message: text(&json["status_message"]).unwrap_or_default(),
        start: time(&json["start_time"])?,
        end: time(&json["end_time"])?,
        attributes: json["attributes"].as_object()?.clone(),
    })
}
