//! Recorded sessions of the real CLI.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use codex_turn::{
    Checkpoint, Line, LogEvent, NotifyPayload, Problem, ThreadMeta, Transcript, TranscriptTurn,
    events_of,
};
use otlp_model::UnixNanos;
use serde_json::{Map, Value as Json};

#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) meta: ThreadMeta,
    pub(crate) events: Vec<LogEvent>,
    pub(crate) payloads: Vec<NotifyPayload>,
    /// Where texts are cut while they are read.
    limit: usize,
    rollout: Vec<u8>,
    file: PathBuf,
    /// The other transcripts of the recording, the oldest first.
    siblings: Vec<PathBuf>,
}

pub(crate) fn data_dir(case: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(case)
}

/// Every recorded transcript.
pub(crate) fn transcripts() -> Vec<PathBuf> {
    cases().iter().flat_map(|case| transcripts_of(case)).collect()
}

/// The transcripts of a recording: `rollout.jsonl` first, then `rollout-2.jsonl`, ...
pub(crate) fn transcripts_of(case: &str) -> Vec<PathBuf> {
    transcripts_in(&data_dir(case))
}

fn transcripts_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = entries(folder);
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with("rollout"));
    files.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
    files
}

/// Every sample of a shape that people have published.
pub(crate) fn samples() -> Vec<PathBuf> {
    let folder = data_dir("../samples");
    let folders = entries(&folder).into_iter().filter(|entry| entry.is_dir());
    folders.flat_map(|sample| transcripts_in(&sample)).collect()
}

/// Every recording, as `VERSION/CASE`, in order.
pub(crate) fn cases() -> Vec<String> {
    let folders = entries(&data_dir("")).into_iter().flat_map(|version| entries(&version));
    folders
        .map(|case| case.strip_prefix(data_dir("")).unwrap().to_str().unwrap().replace('\\', "/"))
        .collect()
}

/// The versions of Codex of which the basic session is recorded, the oldest first.
pub(crate) fn versions() -> Vec<String> {
    let basic =
        cases().into_iter().filter_map(|case| case.strip_suffix("/basic").map(str::to_owned));
    let mut versions: Vec<String> = basic.collect();
    versions.sort_by_key(|version| {
        version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>()
    });
    assert!(versions.len() > 10, "{versions:?}");
    versions
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

impl Recording {
    pub(crate) fn load(case: &str) -> Self {
        Self::from_file(&data_dir(case).join("rollout.jsonl"))
    }

    /// A transcript with the events and payloads beside it.
    pub(crate) fn from_file(file: &Path) -> Self {
        let dir = file.parent().unwrap();
        let rollout = fs::read(file).unwrap();
        let meta =
            ThreadMeta::decode(rollout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
        let logs = fs::read_to_string(dir.join("logs.jsonl")).unwrap_or_default();
        let events = logs.lines().flat_map(|line| log_events(&serde_json::from_str(line).unwrap()));
        let events = events.filter(|(thread, _)| *thread == meta.thread_id).map(|(_, event)| event);
        let payloads = fs::read_to_string(dir.join("notify.jsonl")).unwrap_or_default();
        Self {
            events: events.collect(),
            payloads: payloads.lines().map(|line| NotifyPayload::decode(line).unwrap()).collect(),
            siblings: transcripts_in(dir).into_iter().filter(|other| other != file).collect(),
            file: file.to_owned(),
            limit: usize::MAX,
            meta,
            rollout,
        }
    }

    /// The same, of which texts are cut at this limit while they are read.
    pub(crate) fn cut_at(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Codex's own count of the thread's tokens, as it stands at the end, without what the thread
    /// was forked off with: input, cached, output, reasoning.
    pub(crate) fn final_count(&self) -> Option<[i64; 4]> {
        let (mut inherited, mut last, mut is_own) = ([0; 4], self.base_count(), false);
        // Of two front ends on one thread, each counts on from where it came in: by total.
        let (mut fresh, mut is_shared) = (BTreeMap::new(), false);
        for record in self.lines().filter_map(|line| serde_json::from_slice::<Json>(line).ok()) {
            let payload = &record["payload"];
            let total = cumulative(&record);
            // Ids are times: a turn that is older than its thread is another thread's.
            if payload["type"] == "task_started"
                && payload["turn_id"].as_str() > Some(&self.meta.thread_id)
            {
                inherited = if is_own { inherited } else { last };
                is_own = true;
            }
            let added = count(&payload["info"]["last_token_usage"]);
            if let Some(counts) = count(total) {
                let goes_on = |added: [i64; 4]| counts[0] == last[0] + added[0] || counts == last;
                is_shared |= added.is_some_and(|added| !goes_on(added));
                last = counts;
            }
            if let Some(added) = added {
                fresh.insert(last, added);
            }
        }
        if is_shared {
            let add = |sum: [i64; 4], added: &[i64; 4]| std::array::from_fn(|i| sum[i] + added[i]);
            return Some(fresh.values().fold([0; 4], add));
        }
        Some(std::array::from_fn(|index| last[index] - inherited[index]))
    }

    /// Whether Codex counts the tokens of the thread, or nothing was spent.
    pub(crate) fn is_counted(&self) -> bool {
        let mut records = self.lines().filter_map(|line| serde_json::from_slice::<Json>(line).ok());
        let usage = |record: &Json| count(&record["payload"]["info"]["last_token_usage"]).is_some();
        records.all(|record| !usage(&record) || count(cumulative(&record)).is_some())
    }

    /// The count that stood where the thread goes on from a place in an earlier transcript.
    fn base_count(&self) -> [i64; 4] {
        let meta = self.lines().next().and_then(|line| serde_json::from_slice::<Json>(line).ok());
        let meta = meta.unwrap_or_default();
        let base = &meta["payload"]["history_base"];
        let mut last = [0; 4];
        for file in base["thread_id"].as_str().map_or_else(Vec::new, |_| self.siblings.clone()) {
            let text = fs::read_to_string(file).unwrap();
            let records: Vec<Json> =
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            if records[0]["payload"]["id"] == base["thread_id"] {
                let end = base["end_ordinal_exclusive"].as_u64();
                let before = records.iter().filter(|record| record["ordinal"].as_u64() < end);
                last = before
                    .filter_map(|record| count(cumulative(record)))
                    .next_back()
                    .unwrap_or(last);
            }
        }
        last
    }

    /// The last turn of the thread's file before this one, where it has several.
    pub(crate) fn turn_before(&self) -> Option<TranscriptTurn> {
        let earlier = self.siblings.iter().take_while(|sibling| {
            (sibling.as_os_str().len(), *sibling) < (self.file.as_os_str().len(), &self.file)
        });
        let earlier = earlier.map(|file| Self::from_file(file));
        let of_thread = earlier.filter(|other| other.meta.thread_id == self.meta.thread_id);
        of_thread.last().and_then(|other| other.transcript().0.pop())
    }

    /// The events of one of the turns of this file.
    pub(crate) fn events_of(&self, turns: &[TranscriptTurn], index: usize) -> Vec<&LogEvent> {
        let before = if index == 0 { self.turn_before() } else { None };
        let previous = index.checked_sub(1).map(|previous| &turns[previous]).or(before.as_ref());
        events_of(&turns[index], previous, turns.get(index + 1), &self.events)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.rollout.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n')
    }

    pub(crate) fn transcript(&self) -> (Vec<TranscriptTurn>, Vec<Problem>) {
        self.transcript_from(Checkpoint::START)
    }

    pub(crate) fn transcript_from(
        &self,
        checkpoint: Checkpoint,
    ) -> (Vec<TranscriptTurn>, Vec<Problem>) {
        let mut transcript = Transcript::resume(self.meta.clone(), checkpoint);
        let rest = &self.rollout[checkpoint.offset as usize..];
        let lines = rest.split_inclusive(|byte| *byte == b'\n');
        read_cut(&mut transcript, lines.map(|line| line.strip_suffix(b"\n").unwrap()), self.limit);
        transcript.finish()
    }
}

/// The limit at which the texts of a line are cut in a turn that is as large as can be.
pub(crate) const LEAST_LIMIT: usize = 512;

/// Reads lines as the hook does.
pub(crate) fn read<L: AsRef<[u8]>>(
    transcript: &mut Transcript,
    lines: impl IntoIterator<Item = L>,
) {
    read_cut(transcript, lines, usize::MAX);
}

/// Reads lines as the hook does where it cuts texts at this limit, if not at a lower one.
pub(crate) fn read_cut<L: AsRef<[u8]>>(
    transcript: &mut Transcript,
    lines: impl IntoIterator<Item = L>,
    limit: usize,
) {
    const PIECE: usize = 4096;
    let mut line = Line::new(transcript.text_limit().min(limit));
    for text in lines {
        text.as_ref().chunks(PIECE).for_each(|piece| line.push(piece));
        transcript.read(&line);
        line.clear(transcript.text_limit().min(limit));
    }
}

/// The record of a line, or those that share it: others may stand behind a torn one.
pub(crate) fn records_of(line: &[u8]) -> Vec<Json> {
    if let Ok(record) = serde_json::from_slice(line) {
        return vec![record];
    }
    let (mut records, mut end) = (Vec::new(), 0);
    for (at, _) in line.windows(2).enumerate().filter(|(_, bytes)| bytes == br#"{""#) {
        let mut values = serde_json::Deserializer::from_slice(&line[at..]).into_iter();
        if at >= end
            && let Some(Ok(record)) = values.next()
        {
            end = at + values.byte_offset();
            records.push(record);
        }
    }
    records
}

/// Codex's own count of the thread's tokens in a record.
fn cumulative(record: &Json) -> &Json {
    match record["type"].as_str() {
        Some("token_usage_record") => &record["payload"]["thread_token_usage"],
        _ => &record["payload"]["info"]["total_token_usage"],
    }
}

/// Input, cached, output, reasoning.
fn count(usage: &Json) -> Option<[i64; 4]> {
    let names = ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"];
    let counts = names.map(|name| usage[name].as_i64());
    counts.iter().all(Option::is_some).then(|| counts.map(Option::unwrap))
}

/// Flattens an OTLP JSON body as the buffer service does.
fn log_events(body: &Json) -> Vec<(String, LogEvent)> {
    let list = |value: &Json, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut events = Vec::new();
    for resource_logs in list(body, "resourceLogs") {
        let resource = flatten(&resource_logs["resource"]);
        for record in
            list(&resource_logs, "scopeLogs").iter().flat_map(|scope| list(scope, "logRecords"))
        {
            let attributes = flatten(&record);
            let text = |key: &str| {
                attributes.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
            };
            let time = match humantime::parse_rfc3339_weak(&text("event.timestamp")) {
                Ok(time) => time.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64,
                Err(_) => record["observedTimeUnixNano"].as_str().unwrap().parse().unwrap(),
            };
            let event = LogEvent {
                time: UnixNanos(time),
                name: text("event.name"),
                trace_id: record["traceId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
                resource: resource.clone(),
                attributes: attributes.clone(),
            };
            events.push((text("conversation.id"), event));
        }
    }
    events
}

fn flatten(value: &Json) -> Map<String, Json> {
    let attributes = value["attributes"].as_array().cloned().unwrap_or_default();
    let pairs = attributes.iter().map(|attribute| {
        let (kind, value) = attribute["value"].as_object().unwrap().iter().next().unwrap();
        let value = match (kind.as_str(), value) {
            ("intValue", Json::String(text)) => text.parse::<i64>().unwrap().into(),
            _ => value.clone(),
        };
        (attribute["key"].as_str().unwrap().to_owned(), value)
    });
    pairs.collect()
}
