//! What Codex tells its logs alone leaves only where the content switches allow it.
//!
//! Codex divides its telemetry: what is safe on a trace, and what is for the log alone: prompts,
//! arguments and outputs of tools, answers, messages between agents, the account. Transcripts hold
//! the same contents. Of all recordings, none of it may be on a span when the switches are off.

use std::collections::BTreeSet;

use codex_turn::{LogEvent, events_of, fuse, turn_from_events, turn_from_notify};
use otlp_model::{Attribute, ContentPolicy, Span, TreeOptions, Turn, Value, scrub_turn, span_tree};
use serde_json::Value as Json;

use crate::support::{Recording, transcripts};

/// The account, and the contents that an event can hold.
const LOG_ONLY: [&str; 8] = [
    "prompt",
    "arguments",
    "output",
    "response",
    "content",
    "error.body",
    "user.email",
    "user.account_id",
];

/// Where transcripts hold contents.
const CONTENTS: [&str; 16] = [
    "text",
    "message",
    "arguments",
    "input",
    "output",
    "aggregated_output",
    "formatted_output",
    "stdout",
    "stderr",
    "summary",
    "last_agent_message",
    "command",
    "unified_diff",
    "content",
    "query",
    "reason",
];

/// Codex's own words for how something ended.
const OWN_WORDS: [&str; 2] = ["aborted by user", "interrupted"];

#[test]
fn nothing_of_the_log_lane_leaves_when_the_switches_are_off() {
    let (mut recordings, mut contents) = (0, 0);
    let mut leaks = BTreeSet::new();
    for file in transcripts() {
        let mut recording = Recording::from_file(&file);
        let planted = plant(&mut recording.events);
        let said = contents_of(&recording);
        recordings += 1;
        contents += said.len();
        for turn in turns(&recording) {
            let texts = texts(&span_tree(&turn, &closed()));
            let all = planted.iter().chain(&said);
            leaks.extend(all.filter(|text| texts.contains(text.as_str())).cloned());
        }
    }
    leaks.retain(|text| !OWN_WORDS.contains(&text.as_str()));
    assert_eq!(leaks, BTreeSet::new());
    assert!(recordings > 40 && contents > 1000, "{recordings} recordings, {contents} contents");
}

/// The same contents are there when the switches are on, or the test above tests nothing.
#[test]
fn the_contents_leave_when_the_switches_are_on() {
    let recording = Recording::load("0.169.0/basic");
    let turns = turns(&recording);
    let spans: Vec<Span> =
        turns.iter().flat_map(|turn| span_tree(turn, &TreeOptions::default())).collect();
    let texts = texts(&spans);
    let seen = contents_of(&recording).iter().filter(|text| texts.contains(text.as_str())).count();
    assert!(seen > 10, "{seen}");
}

fn closed() -> TreeOptions {
    let content = ContentPolicy {
        prompts: false,
        tool_details: false,
        tool_content: false,
        ..ContentPolicy::default()
    };
    TreeOptions { content, ..TreeOptions::default() }
}

/// Where there are to be no contents at all, each text that could be one is gone: those that the
/// scrubber reads, which are all that are no name and no id.
#[test]
fn without_contents_only_names_and_ids_are_texts() {
    const MARK: &str = "planted-4711";
    let content = ContentPolicy { numbers_only: true, ..ContentPolicy::default() };
    let (mut spans, mut numbers) = (0, 0);
    let mut keys = BTreeSet::new();
    for file in transcripts() {
        for mut turn in turns(&Recording::from_file(&file)) {
            scrub_turn(&mut turn, &|text| (!text.is_empty()).then(|| (MARK.to_owned(), 1)));
            let open = span_tree(&turn, &TreeOptions::default());
            let options = TreeOptions { content: content.clone(), ..TreeOptions::default() };
            let closed = span_tree(&turn, &options);
            assert_eq!(open.len(), closed.len());
            for (open, closed) in open.iter().zip(&closed) {
                spans += 1;
                let has_mark =
                    |attribute: &&Attribute| format!("{:?}", attribute.value).contains(MARK);
                let marked = closed.attributes.iter().filter(has_mark);
                keys.extend(marked.map(|attribute| attribute.key.clone().into_owned()));
                let rest = Span { attributes: Vec::new(), ..closed.clone() };
                assert!(!format!("{rest:?}").contains(MARK), "{rest:?}");
                for attribute in &open.attributes {
                    if !matches!(attribute.value, Value::String(_) | Value::Strings(_)) {
                        numbers += 1;
                        assert!(closed.attributes.contains(attribute), "{attribute:?} is missing");
                    }
                }
            }
        }
    }
    let names = [
        "codex.approval_mode",
        "codex.forked_from_thread_id",
        "codex.git.repository",
        "codex.originator",
        "codex.parent_thread_id",
        "codex.sandbox_mode",
        "codex.tool.approval_source",
        "codex.tool.approval_status",
        "codex.tool.mcp_server",
        "codex.tool.namespace",
        "codex.trace_id",
        "codex.turn_id",
    ];
    let others: Vec<_> = keys.iter().filter(|key| !names.contains(&key.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(spans > 500 && numbers > 2000, "{spans} spans, {numbers} numbers");
}

/// Puts an account into each event, and into each content a text of its own.
fn plant(events: &mut [LogEvent]) -> Vec<String> {
    const MARK: &str = "planted-4711";
    for event in events {
        for name in ["user.email", "user.account_id", "auth.account"] {
            event.attributes.insert(name.to_owned(), MARK.into());
        }
        for name in LOG_ONLY {
            if let Some(Json::String(text)) = event.attributes.get_mut(name) {
                text.push_str(MARK);
            }
        }
    }
    vec![MARK.to_owned()]
}

fn turns(recording: &Recording) -> Vec<Turn> {
    let (transcript, _) = recording.transcript();
    let events: Vec<&LogEvent> = recording.events.iter().collect();
    let mut turns = Vec::new();
    for (index, turn) in transcript.iter().enumerate() {
        let previous = index.checked_sub(1).map(|previous| &transcript[previous]);
        turns.push(fuse(
            turn,
            &events_of(turn, previous, transcript.get(index + 1), &recording.events),
        ));
    }
    for payload in &recording.payloads {
        let end = events.last().map(|event| event.time).unwrap_or_default();
        turns.extend(turn_from_events(payload, &recording.meta.thread_id, &events, end));
        turns.push(turn_from_notify(payload, &recording.meta.thread_id, end));
    }
    turns
}

/// Every content that a transcript and its events hold, line by line, without what is too short to be
/// distinguished from a name.
fn contents_of(recording: &Recording) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for line in recording.lines() {
        let Ok(record) = serde_json::from_slice::<Json>(line) else { continue };
        collect(&record["payload"], None, &mut texts);
    }
    for event in &recording.events {
        let said = LOG_ONLY.iter().filter_map(|name| event.attributes.get(*name)?.as_str());
        said.for_each(|text| lines(text, &mut texts));
    }
    texts
}

fn collect(value: &Json, name: Option<&str>, texts: &mut BTreeSet<String>) {
    match value {
        Json::String(text) if name.is_some_and(|name| CONTENTS.contains(&name)) => {
            lines(text, texts)
        }
        Json::Array(values) => values.iter().for_each(|value| collect(value, name, texts)),
        Json::Object(entries) => {
            entries.iter().for_each(|(name, value)| collect(value, Some(name), texts));
        }
        _ => {}
    }
}

fn lines(text: &str, texts: &mut BTreeSet<String>) {
    texts.extend(text.lines().map(str::trim).filter(|line| line.len() >= 8).map(str::to_owned));
}

/// All texts of spans: names, attributes, events, errors.
fn texts(spans: &[Span]) -> String {
    let mut texts = String::new();
    for span in spans {
        texts.push_str(&format!("{}\n{:?}\n", span.name, span.status));
        let events = span.events.iter().flat_map(|event| &event.attributes);
        for attribute in span.attributes.iter().chain(events) {
            match &attribute.value {
                Value::String(text) => texts.push_str(text),
                other => texts.push_str(&format!("{other:?}")),
            }
            texts.push('\n');
        }
    }
    texts
}
