//! Transcripts in any number, made of recorded ones or of bare counts.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde_json::Value as Json;

use crate::workspace::root;

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Corpus {
    pub(crate) threads: u64,
    pub(crate) bytes: u64,
    pub(crate) calls: u64,
    /// Tokens by the records that Codex wrote.
    pub(crate) tokens: u64,
}

/// Recorded sessions with one thread each, whose turns differ.
const RECORDINGS: [&str; 12] = [
    "0.169.0/basic",
    "0.169.0/apply_patch",
    "0.169.0/auto_compact",
    "0.169.0/large_output",
    "0.169.0/mcp",
    "0.169.0/parallel",
    "0.169.0/tui_approvals",
    "0.169.0/tui_multi",
    "0.171.0/code_mode",
    "0.171.0/failed",
    "0.171.0/interrupted",
    "0.171.0/terminal",
];

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Writes about so many bytes of transcripts into a home of Codex, of threads spread over the year
/// before now. Outputs of commands are made as long as they usually are.
pub(crate) fn of_recordings(home: &Path, bytes: u64) -> anyhow::Result<Corpus> {
    let templates: Vec<Template> = RECORDINGS
        .iter()
        .map(|name| {
            let file =
                root()?.join("crates/codex-turn/tests/data").join(name).join("rollout.jsonl");
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            Template::of(&text).with_context(|| file.display().to_string())
        })
        .collect::<anyhow::Result<_>>()?;
    let size: u64 = templates.iter().map(|template| template.size).sum();
    let threads = (bytes * templates.len() as u64).div_ceil(size);
    let mut corpus = Corpus::default();
    for number in 0..threads {
        let template = &templates[usize::try_from(number)? % templates.len()];
        let start = start(number, threads)?;
        let (thread, text) = template.fill(number, start)?;
        write(home, start, &thread, &text)?;
        corpus.threads += 1;
        corpus.bytes += text.len() as u64;
        corpus.calls += template.calls;
        corpus.tokens += template.tokens;
    }
    Ok(corpus)
}

/// Writes threads of turns of calls that have counts and nothing else.
pub(crate) fn of_counts(
    home: &Path,
    threads: u64,
    turns: u64,
    calls: u64,
) -> anyhow::Result<Corpus> {
    let mut corpus = Corpus::default();
    for number in 0..threads {
        let start = start(number, threads)?;
        let thread = id(start, number, 0);
        let folder = format!("/home/dev/project-{}", number % 40);
        let mut text = Vec::new();
        let at =
            |second: u64| humantime::format_rfc3339_millis(start + Duration::from_secs(second));
        writeln!(
            text,
            r#"{{"timestamp":"{}","type":"session_meta","payload":{{"id":"{thread}","timestamp":"{}","cwd":"{folder}","originator":"codex_exec","cli_version":"0.171.0","source":"exec","git":{{"branch":"branch-{}","repository_url":"https://github.com/acme/project-{}.git"}}}}}}"#,
            at(0),
            at(0),
            number % 5,
            number % 40
        )?;
        for turn in 0..turns {
            let turn_id = id(start, number, turn + 1);
            let model =
                ["gpt-5.5", "gpt-5.4", "gpt-6.1-sol"][usize::try_from((number + turn) % 3)?];
            let begun = turn * 600 + 1;
            writeln!(
                text,
                r#"{{"timestamp":"{}","type":"event_msg","payload":{{"type":"task_started","turn_id":"{turn_id}"}}}}"#,
                at(begun)
            )?;
            writeln!(
                text,
                r#"{{"timestamp":"{}","type":"turn_context","payload":{{"turn_id":"{turn_id}","cwd":"{folder}","model":"{model}"}}}}"#,
                at(begun)
            )?;
            for call in 0..calls {
                let (input, output) = (10_000 + call * 900 + number % 700, 200 + call % 90);
                corpus.calls += 1;
                corpus.tokens += input + output;
                writeln!(
                    text,
                    r#"{{"timestamp":"{}","type":"token_usage_record","payload":{{"turn_id":"{turn_id}","response_id":"resp_{turn}_{call}","usage":{{"input_tokens":{input},"cached_input_tokens":{},"output_tokens":{output},"reasoning_output_tokens":50}}}}}}"#,
                    at(begun + call * 20 + 10),
                    input / 2
                )?;
            }
            writeln!(
                text,
                r#"{{"timestamp":"{}","type":"event_msg","payload":{{"type":"task_complete","turn_id":"{turn_id}"}}}}"#,
                at(begun + calls * 20 + 11)
            )?;
        }
        corpus.threads += 1;
        corpus.bytes += text.len() as u64;
        write(home, start, &thread, std::str::from_utf8(&text)?)?;
    }
    Ok(corpus)
}

/// When a thread began: the last one an hour ago.
fn start(number: u64, threads: u64) -> anyhow::Result<SystemTime> {
    let share = (threads - number) as f64 / threads as f64;
    let before = Duration::from_secs(3600) + YEAR.mul_f64(share * 0.99);
    SystemTime::now().checked_sub(before).context("the clock is before 1971")
}

fn write(home: &Path, start: SystemTime, thread: &str, text: &str) -> anyhow::Result<()> {
    let time = humantime::format_rfc3339_seconds(start).to_string();
    let (day, clock) = time.trim_end_matches('Z').split_once('T').context("no time")?;
    let folder = home.join("sessions").join(day.replace('-', "/"));
    fs::create_dir_all(&folder)?;
    let name = format!("rollout-{day}T{}-{thread}.jsonl", clock.replace(':', "-"));
    let file = fs::File::create(folder.join(name)).with_context(|| folder.display().to_string())?;
    (&file).write_all(text.as_bytes())?;
    // Nothing was written to it since.
    Ok(file.set_modified(start + Duration::from_secs(3600))?)
}

/// A version 7 UUID.
fn id(time: SystemTime, thread: u64, nth: u64) -> String {
    let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
        + u128::from(nth);
    let millis = format!("{millis:012x}");
    format!(
        "{}-{}-7{:03x}-8{:03x}-{:012x}",
        &millis[..8],
        &millis[8..],
        nth & 0xfff,
        nth >> 12,
        thread
    )
}

/// A recorded transcript with its ids and times taken out.
struct Template {
    parts: Vec<Part>,
    /// How many ids there are; the first is the thread's.
    ids: u64,
    size: u64,
    calls: u64,
    tokens: u64,
}

enum Part {
    Text(String),
    Id(u64),
    /// So long after the beginning.
    Time(Duration),
}

const TIME: &str = r#""timestamp":""#;
const EXITED: &str = "Process exited with code 0";
const OUTPUT: usize = 3000;

impl Template {
    fn of(text: &str) -> anyhow::Result<Self> {
        let text = text.replace(EXITED, &format!("{EXITED} {}", "x".repeat(OUTPUT)));
        let first: Json = serde_json::from_str(text.lines().next().context("it is empty")?)?;
        let begun = humantime::parse_rfc3339(first["timestamp"].as_str().context("no time")?)?;
        let thread = first["payload"]["id"].as_str().context("no thread")?;
        let mut template =
            Self { parts: Vec::new(), ids: 1, size: text.len() as u64, calls: 0, tokens: 0 };
        let mut ids = HashMap::from([(thread.to_owned(), 0)]);
        // Ids begin with the time of the recording.
        let family = &thread[..4];
        let mut rest = &*text;
        while let Some(at) = [rest.find(TIME).map(|at| at + TIME.len()), rest.find(family)]
            .into_iter()
            .flatten()
            .min()
        {
            let (before, from) = rest.split_at(at);
            template.push(before);
            if before.ends_with(TIME) {
                let (time, after) = from.split_once('"').context("a time without an end")?;
                let time = humantime::parse_rfc3339(time)?;
                template.parts.push(Part::Time(time.duration_since(begun).unwrap_or_default()));
                template.push("\"");
                rest = after;
            } else if let Some(known) = from.get(..36).filter(|text| is_id(text)) {
                let next = ids.len() as u64;
                let number = *ids.entry(known.to_owned()).or_insert(next);
                template.parts.push(Part::Id(number));
                rest = &from[36..];
            } else {
                template.push(&from[..family.len()]);
                rest = &from[family.len()..];
            }
        }
        template.push(rest);
        template.ids = ids.len() as u64;
        for record in text.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()) {
            if record["type"] == "token_usage_record" {
                let count = |name: &str| record["payload"]["usage"][name].as_u64().unwrap_or(0);
                template.calls += 1;
                template.tokens += count("input_tokens") + count("output_tokens");
            }
        }
        Ok(template)
    }

    fn push(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    /// A thread of its own: its id, and its transcript.
    fn fill(&self, number: u64, start: SystemTime) -> anyhow::Result<(String, String)> {
        let ids: Vec<String> = (0..self.ids).map(|nth| id(start, number, nth)).collect();
        let mut text = String::with_capacity(usize::try_from(self.size)?);
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Id(id) => text.push_str(&ids[usize::try_from(*id)?]),
                Part::Time(after) => {
                    text.push_str(&humantime::format_rfc3339_millis(start + *after).to_string());
                }
            }
        }
        Ok((ids[0].clone(), text))
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
