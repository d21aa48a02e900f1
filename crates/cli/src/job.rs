//! `arize-codex flush --run`: the turns of a job, sent before its processes end.
//!
//! In a CI job or a container, the notify hook and the buffer service may be killed as soon as Codex has
//! ended. This command does their work while the job waits: it traces the turns that no process writes
//! to any more, sends what is queued, and prints one line with the result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use codex_config::{Environment, Paths, Settings};
use delivery::When;
use dispatch::ledger::{self, Entry};
use dispatch::{Delivery, TargetOutbox};
use doctor::{dollars, rounded_usd};
use otlp_model::UnixNanos;
use serde_json::json;

use crate::args::Flush;
use crate::flush::is_sendable;
use crate::{CommandError, ExitCode};

/// How long to go on where the command line does not say.
const WAIT: Duration = Duration::from_secs(30);

/// The longest time that one request to a target takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The turns that the line counts where it is not known when the run began.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most turns whose pages are named.
const MOST_PAGES: usize = 10;

/// Where a file for a summary in Markdown is named (GitHub Actions).
const SUMMARY_FILE: &str = "GITHUB_STEP_SUMMARY";

/// Traces, sends and reports.
pub(crate) fn flush(
    args: &Flush,
    environment: &Environment,
    paths: &Paths,
) -> Result<(String, ExitCode), CommandError> {
    let settings = Settings::load(paths, environment);
    if !settings.enabled {
        return Ok(("arize-codex: tracing is off\n".to_owned(), ExitCode::Success));
    }
    let until = Instant::now() + args.wait.map_or(WAIT, Duration::from_secs);
    trace(until)?;
    let left = until.saturating_duration_since(Instant::now());
    let timeout = TIMEOUT.min(left.max(Duration::from_secs(1)));
    let delivery = Delivery::to_targets(&settings, paths, timeout)
        .map_err(|error| CommandError::failed("nothing can be sent", error))?;
    let outboxes = send(&delivery, until);
    let since =
        args.since_ms.map_or_else(|| (SystemTime::now() - RECENT).into(), UnixNanos::from_millis);
    let turns = ledger::read(paths, since);
    let run = Run { turns: &turns, outboxes: &outboxes, pages: pages(&turns, &settings) };
    if let Some(file) = environment.path(SUMMARY_FILE).filter(|_| !turns.is_empty()) {
        // The job does not depend on it.
        let _ = append(&file, &run.markdown());
    }
    let is_queued = outboxes.iter().any(|outbox| outbox.summary.queued > 0);
    // The proxy asks after each Codex, also one that only printed its version.
    let has_nothing_to_say = args.since_ms.is_some() && turns.is_empty() && !is_queued;
    let text = match (args.json, has_nothing_to_say) {
        (true, _) => run.json(),
        (false, true) => String::new(),
        (false, false) => run.line(),
    };
    Ok((text, if is_queued { ExitCode::Failure } else { ExitCode::Success }))
}

/// Runs the hook until there is no turn left to trace. The notify of a turn may be at work at the same
/// time; then the hook waits for it.
fn trace(until: Instant) -> Result<(), CommandError> {
    let hook = crate::place::program("arize-hook-codex-notify")?;
    let mut command = Command::new(&hook);
    command.args(["--sweep", "--settle"]).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let sweep = command
        .spawn()
        .map_err(|error| CommandError::failed(format!("cannot run `{}`", hook.display()), error))?;
    wait(sweep, until);
    Ok(())
}

/// Waits for a program, which ends at the time limit at the latest.
fn wait(mut program: Child, until: Instant) {
    while matches!(program.try_wait(), Ok(None)) {
        if Instant::now() >= until {
            // It may have ended by itself; what it has not sent yet, the next run sends.
            let _ = program.kill();
            let _ = program.wait();
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

/// Sends what is queued until nothing is, or the time is over.
fn send(delivery: &Delivery, until: Instant) -> Vec<TargetOutbox> {
    let mut when = When::Now;
    loop {
        delivery.flush(until, when);
        let outboxes = delivery.outboxes();
        if !outboxes.iter().any(is_sendable) || Instant::now() >= until {
            return outboxes;
        }
        sleep(Duration::from_millis(500).min(until.saturating_duration_since(Instant::now())));
        when = When::Due;
    }
}

/// The first page of each turn, by its trace id.
fn pages(turns: &[Entry], settings: &Settings) -> BTreeMap<String, String> {
    let traces = turns.iter().filter_map(|turn| turn.trace_id.as_deref()).take(MOST_PAGES);
    let page = |trace: &str| {
        let page = settings.targets.iter().find_map(|target| target.trace_page(trace))?;
        Some((trace.to_owned(), page))
    };
    traces.filter_map(page).collect()
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(text.as_bytes())
}

/// What became of the turns of a run.
struct Run<'a> {
    turns: &'a [Entry],
    outboxes: &'a [TargetOutbox],
    /// By trace id.
    pages: BTreeMap<String, String>,
}

impl Run<'_> {
    /// One line, for the log of the job.
    fn line(&self) -> String {
        let mut text = "arize-codex: ".to_owned();
        match self.turns {
            [] => text.push_str("no turn was traced"),
            turns => {
                let not_completed = turns.iter().filter(|turn| turn.status != "completed").count();
                let word = if turns.len() == 1 { "turn" } else { "turns" };
                let _ = write!(text, "traced {} {word}", turns.len());
                if not_completed > 0 {
                    let _ = write!(text, " ({not_completed} not completed)");
                }
                let cost: f64 = turns.iter().filter_map(|turn| turn.cost_usd).sum();
                if cost > 0.0 {
                    let _ = write!(text, ", {}", dollars(cost));
                }
                let page = turns.iter().find_map(|turn| self.pages.get(turn.trace_id.as_ref()?));
                if let Some(page) = page {
                    let _ = write!(text, ": {page}");
                }
            }
        }
        for outbox in self.outboxes.iter().filter(|outbox| outbox.summary.queued > 0) {
            let summary = &outbox.summary;
            let name = outbox.target.as_deref().unwrap_or(&outbox.name);
            let _ = write!(text, "; {} queued for {name}", summary.queued);
            if let Some(error) = &summary.last_error {
                let _ = write!(text, " ({error})");
            }
        }
        terminal_text::line(&text) + "\n"
    }

    fn json(&self) -> String {
        let turns: Vec<_> = self
            .turns
            .iter()
            .map(|turn| {
                json!({
                    "trace_id": turn.trace_id,
                    "thread": turn.thread,
                    "status": turn.status,
                    "cost_usd": turn.cost_usd.map(rounded_usd),
                    "page": turn.trace_id.as_ref().and_then(|trace| self.pages.get(trace)),
                })
            })
            .collect();
        let queued: BTreeMap<&str, usize> = self
            .outboxes
            .iter()
            .map(|outbox| (outbox.name.as_str(), outbox.summary.queued))
            .collect();
        format!("{:#}\n", json!({ "turns": turns, "queued": queued }))
    }

    /// A list for the summary of a job. It has nothing that a model or a repository wrote.
    fn markdown(&self) -> String {
        let mut text = "### Codex turns\n\n".to_owned();
        // The ledger has the last one first.
        for turn in self.turns.iter().rev().take(MOST_PAGES) {
            let status = match turn.status.as_str() {
                known @ ("completed" | "failed" | "interrupted") => known,
                _ => "unknown",
            };
            let seconds = turn.end_ms.saturating_sub(turn.start_ms) as f64 / 1e3;
            let _ = write!(text, "- {status}, {seconds:.1} s");
            if let Some(cost) = turn.cost_usd {
                let _ = write!(text, ", {}", dollars(cost));
            }
            if let Some(page) = turn.trace_id.as_ref().and_then(|trace| self.pages.get(trace)) {
                let _ = write!(text, ", [trace](<{page}>)");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use delivery::Summary;
    use expect_test::expect;

    use super::*;

    const TRACE: &str = "8f997398c0a639f4f157e73cb3e837aa";

    fn turn(status: &str) -> Entry {
        Entry {
            trace_id: Some(TRACE.to_owned()),
            status: status.to_owned(),
            start_ms: 1_000,
            end_ms: 84_500,
            cost_usd: Some(0.1234),
            ..Entry::default()
        }
    }

    fn outbox(queued: usize) -> TargetOutbox {
        let error = "no\u{1b}[31m answer".to_owned();
        TargetOutbox {
            name: "phoenix".to_owned(),
            target: Some("phoenix http://h".to_owned()),
            place: None,
            summary: Summary { queued, last_error: Some(error), ..Summary::default() },
        }
    }

    #[test]
    fn a_line_says_what_became_of_the_turns_of_a_run() {
        let page = "http://h/redirects/traces/8f99".to_owned();
        let pages = BTreeMap::from([(TRACE.to_owned(), page)]);
        let (turns, sent, queued) = ([turn("completed"), turn("failed")], [outbox(0)], [outbox(2)]);
        let run = |turns, outboxes| Run { turns, outboxes, pages: pages.clone() };
        let lines =
            [run(&turns[..1], &sent).line(), run(&turns, &queued).line(), run(&[], &sent).line()];
        expect![[r#"
            arize-codex: traced 1 turn, $0.1234: http://h/redirects/traces/8f99
            arize-codex: traced 2 turns (1 not completed), $0.2468: http://h/redirects/traces/8f99; 2 queued for phoenix http://h (no␛[31m answer)
            arize-codex: no turn was traced
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn a_summary_has_nothing_that_a_model_wrote() {
        let hostile = Entry { model: Some("](x)".to_owned()), ..turn("**odd**") };
        let turns = [turn("interrupted"), hostile];
        let run = Run { turns: &turns, outboxes: &[], pages: BTreeMap::new() };
        expect![[r#"
            ### Codex turns

            - unknown, 83.5 s, $0.1234
            - interrupted, 83.5 s, $0.1234
        "#]]
        .assert_eq(&run.markdown());
    }
}
