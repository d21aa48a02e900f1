//! `cargo xtask compare`: the same transcripts counted by us and by other programs, beside what Codex
//! counted itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value as Json;

use crate::peers::Peer;
use crate::workspace::{build_shipped, root};

/// What became of the files of a recording.
#[derive(Debug, Clone, Copy)]
enum Files {
    /// They are as Codex left them.
    Recorded,
    /// They were archived.
    Archived,
    /// They were packed.
    Packed,
    /// They are there and in the archive.
    Copied,
    /// The last of them ends within a line, behind its last count.
    Torn,
}

/// What is counted: its name, the recording, its files, and the tokens by Codex's own counts, by hand
/// where Codex's last count is not what was used (it counts on from the other thread in a fork of 0.98 and
/// in a second front end, and forgets what was taken back).
const CASES: &[(&str, &str, Files, u64)] = &[
    ("a turn with tools", "0.169.0/basic", Files::Recorded, 3066),
    ("several turns", "0.169.0/tui_multi", Files::Recorded, 5134),
    ("resumed", "0.169.0/resume", Files::Recorded, 2042),
    ("forked", "0.171.0/fork", Files::Recorded, 3060),
    ("forked by 0.98", "0.98.0/fork", Files::Recorded, 3060),
    ("messages taken back", "0.171.0/revert", Files::Recorded, 4080),
    ("two sub-agents", "0.169.0/subagent_v1", Files::Recorded, 7182),
    ("a sub-agent that forks its parent", "0.169.0/subagent_v2", Files::Recorded, 8216),
    ("a sub-agent with a second task", "0.171.0/followup_task", Files::Recorded, 7140),
    ("review", "0.171.0/review", Files::Recorded, 2040),
    ("compaction", "0.171.0/auto_compact", Files::Recorded, 100_760),
    ("retried requests", "0.169.0/retry500", Files::Recorded, 1026),
    ("interrupted", "0.171.0/interrupted", Files::Recorded, 2040),
    ("failed", "0.171.0/failed", Files::Recorded, 2040),
    ("two front ends of one thread", "0.145.0/two_front_ends", Files::Recorded, 8669),
    ("response ids used again", "0.171.0/reused_ids", Files::Recorded, 5100),
    ("0.44", "0.44.0/basic", Files::Recorded, 3066),
    ("0.80", "0.80.0/basic", Files::Recorded, 3066),
    ("0.107", "0.107.0/basic", Files::Recorded, 3066),
    ("archived", "0.169.0/basic", Files::Archived, 3066),
    ("packed", "0.169.0/basic", Files::Packed, 3066),
    ("also copied to the archive", "0.169.0/basic", Files::Copied, 3066),
    ("cut off within a line", "0.169.0/basic", Files::Torn, 3066),
];

/// Counts each case with each program that is installed, and prints a table.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(crate) fn run() -> anyhow::Result<()> {
    let ours = build_shipped()?.join("arize-codex");
    let mut peers = Vec::new();
    for peer in Peer::ALL {
        match peer.program()? {
            Some(program) => peers.push((peer, program)),
            None => println!("{} is not installed: {}", peer.name(), peer.hint()),
        }
    }
    let names: Vec<&str> = peers.iter().map(|(peer, _)| peer.name()).collect();
    println!("| Transcripts | Codex | arize-codex | {} |", names.join(" | "));
    println!("|{}", " --- |".repeat(3 + peers.len()));
    let mut wrong = 0;
    for (name, recording, files, expected) in CASES {
        let home = tempfile::tempdir()?;
        write(home.path(), &root()?.join("crates/codex-turn/tests/data").join(recording), *files)?;
        let found = count(&ours, home.path())?;
        wrong += usize::from(found != *expected);
        let mut cells = vec![(*name).to_owned(), grouped(*expected), grouped(found)];
        for (peer, program) in &peers {
            cells.push(grouped(peer.total(program, home.path())?));
        }
        println!("| {} |", cells.join(" | "));
    }
    ensure!(wrong == 0, "{wrong} of our totals are not those of Codex");
    Ok(())
}

fn count(program: &Path, home: &Path) -> anyhow::Result<u64> {
    let mut report = Command::new(program);
    report.env_clear().env("HOME", home).env("TZ", "UTC");
    let output = report.args(["report", "--all", "--by", "month", "--json"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: Json = serde_json::from_slice(&output.stdout)?;
    json["total"]["total_tokens"].as_u64().context("no total")
}

/// Writes the transcripts of a recording into a home of Codex, under the names that Codex gives them.
fn write(home: &Path, recording: &Path, what: Files) -> anyhow::Result<()> {
    let day = home.join(".codex/sessions/2026/11/20");
    let archive = home.join(".codex/archived_sessions");
    fs::create_dir_all(&day)?;
    fs::create_dir_all(&archive)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(recording).with_context(|| recording.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("rollout") {
            files.push(path);
        }
    }
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let first: Json = serde_json::from_str(text.lines().next().unwrap_or_default())?;
        let thread = first["payload"]["id"].as_str().context("no thread")?;
        let plain = format!("rollout-2026-11-20T10-00-00-{thread}.jsonl");
        // A second file of a thread is a segment of it.
        let name = match day.join(&plain).exists() {
            true => plain.replace(".jsonl", "_01a1fb19-70ee-75f3-adb9-9f3249767227.jsonl"),
            false => plain,
        };
        match what {
            Files::Recorded => fs::write(day.join(name), text)?,
            Files::Archived => fs::write(archive.join(name), text)?,
            Files::Packed => pack(&day.join(name), &text)?,
            Files::Copied => {
                fs::write(day.join(&name), &text)?;
                fs::write(archive.join(&name), &text)?;
            }
            Files::Torn => fs::write(day.join(name), &text[..text.trim_end().len() - 20])?,
        }
    }
    Ok(())
}

fn pack(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text)?;
    let status = Command::new("zstd").args(["-q", "--rm"]).arg(file).status();
    ensure!(status.context("`zstd` does not start: install it")?.success(), "zstd fails");
    Ok(())
}

/// A whole number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
