//! Recorded turns, replayed under other names: as many as a story wants, in no time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::home::Home;

/// A recording of a turn that did three model calls and three tool calls.
const RECORDING: &str = "../crates/codex-turn/tests/data/0.169.0/basic";

/// The recorded names, the last digits of which make others.
const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";
const TURN: &str = "01a1fb18-d78a-7131-84b5-6faa13380fc7";

/// The spans that the recorded turn becomes.
pub const SPANS: usize = 7;

/// A turn of a thread of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// What Codex notifies.
    pub payload: String,
}

/// Leaves behind in a home what Codex left behind of the turn with this number: its transcript, and
/// its events with the buffer service.
pub fn replay(home: &Home, number: u32) -> anyhow::Result<Replayed> {
    replay_with(home, number, &Further { calls: 0, output: 0 })
}

/// What a turn does beside what was recorded.
#[derive(Debug, Clone, Copy)]
pub struct Further {
    /// How many further commands it runs, each in a response of its own.
    pub calls: usize,
    /// The bytes that each of them prints.
    pub output: usize,
}

impl Further {
    /// The spans that the turn becomes.
    pub fn spans(&self) -> usize {
        SPANS + 2 * self.calls
    }
}

/// Does what [`replay`] does, for a turn that is larger than the recorded one.
pub fn replay_with(home: &Home, number: u32, further: &Further) -> anyhow::Result<Replayed> {
    let turn = replay_transcript(home, number, further)?;
    replay_events(home, &turn)?;
    Ok(turn)
}

/// Leaves behind the transcript of a turn alone.
pub fn replay_transcript(home: &Home, number: u32, further: &Further) -> anyhow::Result<Replayed> {
    let [thread_id, turn_id] = [THREAD, TURN].map(|name| format!("{}{number:012x}", &name[..24]));
    let mut turn = Replayed { thread_id, turn_id, payload: String::new() };
    turn.payload = turn.read("notify.jsonl")?.trim().to_owned();
    let folder = home.codex_home().join("sessions/2026/11/20");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("rollout-2026-11-20T22-34-31-{}.jsonl", turn.thread_id));
    let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
    file.write_all(longer(&turn.read("rollout.jsonl")?, further).as_bytes())?;
    Ok(turn)
}

/// Leaves the events of a turn with the buffer service.
pub fn replay_events(home: &Home, turn: &Replayed) -> anyhow::Result<()> {
    let logs = format!("http://127.0.0.1:{}/v1/logs", home.buffer_port());
    for body in turn.read("logs.jsonl")?.lines() {
        let post = ureq::post(&logs).config().timeout_global(Some(LIMIT)).build();
        let answer = post.header("content-type", "application/json").send(body)?;
        ensure!(answer.status() == 200, "{answer:?}");
    }
    Ok(())
}

impl Replayed {
    /// A file of the recording under the turn's own names.
    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDING).join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.replace(THREAD, &self.thread_id).replace(TURN, &self.turn_id))
    }
}

/// A transcript in which the first command that was recorded is run again and again.
fn longer(transcript: &str, further: &Further) -> String {
    // The call, its usage, its output and the sum of all usages so far.
    const CYCLE: [usize; 4] = [11, 12, 14, 15];
    let lines: Vec<&str> = transcript.lines().collect();
    let output = "x ".repeat(further.output / 2);
    let mut longer = String::new();
    for (number, line) in lines.iter().enumerate() {
        longer.push_str(line);
        longer.push('\n');
        if number != CYCLE[3] {
            continue;
        }
        for call in 0..further.calls {
            // Two equal sums are one response.
            let sum = format!(r#""total_token_usage":{{"input_tokens":{}"#, 1001 + call % 2);
            for line in CYCLE.map(|number| lines[number]) {
                let line = line
                    .replace("call_1", &format!("call_again_{call}"))
                    .replace("fc_1", &format!("fc_again_{call}"))
                    .replace("resp_0", &format!("resp_again_{call}"))
                    .replace(r#""total_token_usage":{"input_tokens":1000"#, &sum)
                    .replace("total 16", &output);
                longer.push_str(&line);
                longer.push('\n');
            }
        }
    }
    longer
}

const LIMIT: Duration = Duration::from_secs(5);
