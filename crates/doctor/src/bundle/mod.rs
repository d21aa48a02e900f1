//! What a bug report needs, as one text that can be shown to anyone: findings, versions, settings,
//! queues and the last lines of the logs.
//!
//! Settings are shown by a list of what says nothing of anyone, texts are cleaned ([`clean`]), and no
//! transcript, span or queued turn is read.

mod clean;
mod settings;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use codex_home::HOOK_PROGRAM;
use humantime::format_rfc3339_seconds;
use jiff::tz::TimeZone;
use machine::Codex;
use processes::{answer, without_keys};

use crate::checks::outbox;
use crate::words::bytes;
use crate::{Context, Level, Report, logs};
use clean::Cleaner;

/// How many of the last lines of the logs are in it.
const LINES: usize = 200;

/// How long a program may take to print its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// The text, in Markdown.
pub fn bundle(context: &Context<'_>, report: &Report) -> String {
    let cleaner = Cleaner::of(context);
    let mut text = format!(
        "# Report of arize-codex doctor\n\n{}. Secrets, prompts, outputs, answers of servers and names \
         of users are left out; please read it before you send it.\n",
        format_rfc3339_seconds(context.now)
    );
    let parts = [
        ("Findings", findings(report)),
        ("Versions", versions(context)),
        ("Settings (config.yaml)", settings::ours(&context.machine.paths)),
        ("Codex (config.toml: notify, otel)", settings::of_codex(&context.machine.paths)),
        ("Queues", queues(context)),
        ("Logs", log_lines(context)),
    ];
    for (title, lines) in parts {
        text.push_str(&format!("\n## {title}\n\n```\n"));
        for line in lines {
            text.push_str(cleaner.line(&line).trim_end());
            text.push('\n');
        }
        text.push_str("```\n");
    }
    text
}

fn findings(report: &Report) -> Vec<String> {
    let line = |finding: &crate::Finding| {
        let level = match finding.level {
            Level::Ok => "ok  ",
            Level::Warning => "warn",
            Level::Failure => "FAIL",
        };
        let line = format!("{level} {}: {}", finding.check, finding.message);
        let command = finding.command.as_ref().map(|command| format!("     run: {command}"));
        std::iter::once(line).chain(command)
    };
    report.findings.iter().flat_map(line).collect()
}

fn versions(context: &Context<'_>) -> Vec<String> {
    let programs = ["arize-codex", "arize-codex-buffer", "arize-codex-proxy", "arize-config"];
    let mut lines: Vec<String> = programs
        .into_iter()
        .chain([HOOK_PROGRAM])
        .map(|name| {
            let program =
                context.machine.programs.join(name).with_extension(std::env::consts::EXE_EXTENSION);
            first_line(&program).unwrap_or_else(|| format!("{name}: does not run"))
        })
        .collect();
    let found = Codex::inspect(context.machine);
    let version = found.version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
    lines.push(format!("codex {version}, {} on PATH", found.commands.len()));
    lines.push(format!("{} {}, {}", std::env::consts::OS, std::env::consts::ARCH, system()));
    lines
}

/// What a program prints as its version.
fn first_line(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    let said = answer(without_keys(command.arg("--version")), PATIENCE).ok()?;
    let said = String::from_utf8_lossy(&said.stdout).lines().next()?.to_owned();
    said.starts_with("ar").then_some(said)
}

/// The name of the system, where it says one.
fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "name unknown".to_owned(), |name| name.trim_matches('"').to_owned())
}

fn queues(context: &Context<'_>) -> Vec<String> {
    let line = |facts: outbox::QueueFacts| match facts.summary {
        Err(error) => format!("{}: cannot be read: {error}", facts.queue),
        Ok(summary) => format!(
            "{}: {} accepted, {} queued ({}), {} rejected, {} dropped, {} sampled out, metrics of {} queued and of {} lost{}",
            facts.queue,
            summary.accepted,
            summary.queued,
            bytes(summary.bytes),
            summary.rejected.len(),
            summary.dropped,
            summary.sampled_out,
            summary.metrics_queued,
            summary.metrics_lost,
            summary.last_error.map(|error| format!("; last error: {error}")).unwrap_or_default(),
        ),
    };
    outbox::inspect(context.settings, &context.machine.paths).into_iter().map(line).collect()
}

/// The last lines of both logs. A line without a time goes on with another, and is left out: nothing
/// says what it is.
fn log_lines(context: &Context<'_>) -> Vec<String> {
    let sources = [logs::buffer(&context.machine.paths), logs::hook(context.settings)];
    let lines = logs::last(&sources, LINES);
    let shown = |line: &logs::Line| line.shown(&TimeZone::UTC);
    lines.iter().filter(|line| line.time.is_some()).map(shown).collect()
}
