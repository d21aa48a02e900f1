//! What the pages of `arize-codex view` cost: time in the server, bytes, and memory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value as Json, json};

use super::measure::memory;
use super::usage::{print, title};
use crate::corpus;
use crate::run::{announce, succeed};

/// How much is imported, in bytes: as much as a person has after some months, or two million spans.
const USUAL: u64 = 300_000_000;
const LARGE: u64 = 6_000_000_000;

/// The model calls of the largest trace; each calls a tool.
const CALLS: u64 = 15_000;

/// How many of them come in one request, as from an agent's library.
const IN_A_REQUEST: u64 = 250;

/// Each page is asked for so often.
const TIMES: usize = 40;

/// Measures the pages, and prints a table.
pub(crate) fn run(programs: &Path, is_large: bool) -> anyhow::Result<()> {
    let program = programs.join("arize-codex");
    announce("transcripts for the view");
    let home = tempfile::tempdir()?;
    let codex_home = home.path().join(".codex");
    let files = corpus::of_recordings(&codex_home, if is_large { LARGE } else { USUAL })?;
    title(&format!(
        "{} threads, {} MB, {} calls",
        files.threads,
        files.bytes / 1_000_000,
        files.calls
    ));
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", home.path()).env("TZ", "UTC").args(arguments);
        command
    };
    let begun = Instant::now();
    succeed(command(&["import"]).stdout(Stdio::null()))?;
    print(&format!("{:38} {:>8.1} s", "import with contents", begun.elapsed().as_secs_f64()));
    // What is new is looked for beside the pages: not in this measurement.
    fs::remove_dir_all(&codex_home)?;
    let size = fs::metadata(&program)?.len();
    print(&format!("{:38} {:>8.1} MB  ≤ 15", "the program", size as f64 / 1e6));
    let begun = Instant::now();
    let view = View::start(command(&["view", "--no-open", "--receive", "0"]))?;
    print(&format!(
        "{:38} {:>8.0} ms  ≤ 100",
        "start, until the address is printed",
        millis(begun.elapsed())
    ));
    print(&format!("{:38} {:>8.1} MiB  ≤ 30", "memory before the first page", view.memory()?));
    let trace = view.newest("/turns.json")?;
    let token = fs::read_to_string(home.path().join(".arize/harness/run/otlp.token"))?;
    let begun = Instant::now();
    view.send_large(token.trim())?;
    let seconds = begun.elapsed().as_secs_f64();
    print(&format!(
        "{:38} {:>8.0} spans/s",
        "spans of another program",
        2.0 * CALLS as f64 / seconds
    ));
    let large = view.appears("/turns.json?project=large")?;
    for (name, path, mark) in [
        ("home", "/".to_owned(), ""),
        ("turns, a page of 50", "/turns".to_owned(), "≤ 50 ms, ≤ 60 kB"),
        ("turns that failed", "/turns?status=failed".to_owned(), "≤ 50 ms"),
        ("search for a word that many have", "/turns?q=output".to_owned(), "≤ 100 ms"),
        ("search for a word that none has", "/turns?q=nowhere".to_owned(), "≤ 100 ms"),
        ("a turn", format!("/turn/{trace}"), "≤ 10 ms, ≤ 100 kB"),
        ("a trace of 30,000 spans", format!("/turn/{large}"), "≤ 100 ms"),
        ("its end", format!("/turn/{large}?from=29900"), "≤ 100 ms"),
        ("all that it changed", format!("/turn/{large}?part=changes"), ""),
        ("all of it as JSON", format!("/turn/{large}.json"), ""),
        ("usage, 30 days", "/usage".to_owned(), ""),
        ("usage, all time by session", "/usage?by=session&last=all".to_owned(), ""),
        ("health", "/health".to_owned(), ""),
    ] {
        let (middle, late, bytes) = view.measure(&path)?;
        print(&format!(
            "{name:38} {:>8.1} ms  {:>6.1} ms p95  {:>6.1} kB  {:>6.1} MiB  {mark}",
            millis(middle),
            millis(late),
            bytes as f64 / 1e3,
            view.memory()?
        ));
    }
    print(&format!("{:38} {:>8.1} MiB  ≤ 64 busy", "memory after that, at most", view.memory()?));
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A model call and its tool, in a trace of very many.
fn spans(call: u64) -> [Json; 2] {
    let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let count =
        |key: &str, count: u64| json!({ "key": key, "value": { "intValue": count.to_string() } });
    let patch = format!(
        "*** Begin Patch\n*** Update File: src/file_{}.rs\n@@\n-old {call}\n+new {call}\n*** End Patch",
        call % 300
    );
    let at = |nth: u64| (1_795_262_400_000_000_000 + (call * 10 + nth) * 10_000_000).to_string();
    let span = |id: u64, parent: u64, name: &str, nth: u64, attributes: Json| {
        json!({ "traceId": LARGE_TRACE, "spanId": format!("{id:016x}"),
            "parentSpanId": format!("{parent:016x}"), "name": name,
            "startTimeUnixNano": at(nth), "endTimeUnixNano": at(nth + 1), "attributes": attributes })
    };
    let (model, tool) = (2 + 2 * call, 3 + 2 * call);
    let of_model = json!([
        text("openinference.span.kind", "LLM"),
        text("llm.model_name", "gpt-5.5"),
        count("llm.token_count.prompt", 10_000 + call),
        count("llm.token_count.completion", 60),
        text("output.value", "I rename the next one."),
    ]);
    let of_tool = json!([
        text("openinference.span.kind", "TOOL"),
        text("tool.name", "apply_patch"),
        text("input.value", &patch),
        text("output.value", "Success."),
    ]);
    [span(model, 1, "gpt-5.5", 0, of_model), span(tool, model, "apply_patch", 1, of_tool)]
}

const LARGE_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A running view.
struct View {
    process: Child,
    base: String,
    /// Where it takes spans.
    receiver: String,
    cookie: String,
}

impl View {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
        let address = lines.next().context("a line")??;
        let receiver = lines.nth(2).context("the address of the receiver")??;
        let receiver = receiver.split('=').nth(1).context("an address")?.to_owned();
        let opened = ureq::get(&address).call()?;
        let cookie = opened.headers().get("set-cookie").context("a cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let base = address.split("/open").next().unwrap_or_default().to_owned();
        Ok(Self { process, base, receiver, cookie })
    }

    /// Sends a trace of very many spans, the one at the top last.
    fn send_large(&self, token: &str) -> anyhow::Result<()> {
        let service = json!({ "key": "service.name", "value": { "stringValue": "large" } });
        let send = |spans: Vec<Json>| -> anyhow::Result<()> {
            let request = json!({ "resourceSpans": [{ "resource": { "attributes": [service] },
                "scopeSpans": [{ "spans": spans }] }] });
            ureq::post(&self.receiver)
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {token}"))
                .send(request.to_string())?;
            Ok(())
        };
        for first in (0..CALLS).step_by(usize::try_from(IN_A_REQUEST)?) {
            send((first..first + IN_A_REQUEST).flat_map(spans).collect())?;
        }
        let end = 1_795_262_400_000_000_000 + CALLS * 100_000_000;
        send(vec![json!({ "traceId": LARGE_TRACE, "spanId": format!("{:016x}", 1), "name": "Turn",
            "startTimeUnixNano": "1795262400000000000", "endTimeUnixNano": end.to_string() })])
    }

    /// The trace of a list, as soon as there is one.
    fn appears(&self, path: &str) -> anyhow::Result<String> {
        let begun = Instant::now();
        loop {
            match self.newest(path) {
                Err(_) if begun.elapsed() < Duration::from_secs(60) => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                found => return found,
            }
        }
    }

    /// The trace of the newest turn of a list.
    fn newest(&self, path: &str) -> anyhow::Result<String> {
        let turns: Json = serde_json::from_slice(&self.get(path)?)?;
        Ok(turns["turns"][0]["trace_id"].as_str().context("no turn")?.to_owned())
    }

    fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer =
            ureq::get(format!("{}{path}", self.base)).header("cookie", &self.cookie).call()?;
        let mut bytes = Vec::new();
        answer.into_body().into_reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The middle and the late one of many times, and the bytes of the page.
    fn measure(&self, path: &str) -> anyhow::Result<(Duration, Duration, usize)> {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..TIMES {
            let begun = Instant::now();
            bytes = self.get(path)?.len();
            times.push(begun.elapsed());
        }
        ensure!(bytes > 0, "{path} is empty");
        times.sort();
        Ok((times[TIMES / 2], times[TIMES * 95 / 100], bytes))
    }

    /// The most memory that it had, in MiB.
    fn memory(&self) -> anyhow::Result<f64> {
        let kib = memory(self.process.id(), "VmHWM:").context("its memory")?;
        Ok(kib as f64 / 1024.0)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
