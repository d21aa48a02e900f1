//! The first record of a transcript: whose thread it is.

use std::io::{self, BufRead};

use serde_json::Value as Json;

use super::record::without_mark;
use crate::json;
use crate::line::{Line, ReadLine};

/// What Codex notes when it opens a thread.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadMeta {
    /// The thread.
    pub thread_id: String,
    /// The thread at the root of the tree of sub-agents; the thread itself where it is the root.
    pub root_thread_id: String,
    /// The thread that spawned this one.
    pub parent_thread_id: Option<String>,
    /// The thread that this one was forked off.
    pub forked_from_id: Option<String>,
    /// The place of a sub-agent in the tree of agents, such as `/root/task_a`.
    pub agent_path: Option<String>,
    /// The name that Codex gave a sub-agent.
    pub agent_nickname: Option<String>,
    /// Codex's version, such as `0.169.0`.
    pub cli_version: Option<String>,
    /// The front end, such as `codex_exec`.
    pub originator: Option<String>,
    /// The working directory when the thread was opened.
    pub cwd: Option<String>,
    /// The key of the model provider in Codex's configuration.
    pub model_provider: Option<String>,
    /// Commit and branch of the working directory, as Codex has them.
    pub git: Option<Json>,
    /// Where the thread branched off, if this file goes on with what another one begins.
    pub history_base: Option<HistoryBase>,
}

/// A place in a file of a thread, from which another file goes on (since Codex 0.169): messages were
/// taken back, or the thread is a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryBase {
    /// The file: a segment, or the thread for its first file.
    pub file: String,
    /// The ordinal of the first record that no longer counts.
    pub end_ordinal: u64,
    /// Its byte offset, in the file as Codex wrote it.
    pub end_offset: Option<u64>,
}

impl HistoryBase {
    fn decode(base: &Json) -> Option<Self> {
        Some(Self {
            file: json::text(base, &["thread_id"])?.to_owned(),
            end_ordinal: json::number(base, &["end_ordinal_exclusive"])?,
            end_offset: json::number(base, &["end_byte_offset"]),
        })
    }
}

impl ThreadMeta {
    /// Reads the first line of a transcript from its beginning. Texts in it are kept up to this length.
    pub fn read(text: &mut impl BufRead, max_text: usize) -> io::Result<Self> {
        let error = |kind, error: &str| Err(io::Error::new(kind, error));
        let mut line = Line::new(max_text);
        loop {
            let buffer = text.fill_buf()?;
            if buffer.is_empty() {
                return error(io::ErrorKind::UnexpectedEof, "its first line is not whole");
            }
            let end = memchr::memchr(b'\n', buffer);
            let used = end.unwrap_or(buffer.len());
            line.push(&buffer[..used]);
            text.consume(used + usize::from(end.is_some()));
            if end.is_some() {
                break;
            }
        }
        let meta = match line.read() {
            ReadLine::Kept(line) => Self::decode(line),
            ReadLine::TooLong => None,
        };
        match meta {
            Some(meta) => Ok(meta),
            None => error(io::ErrorKind::InvalidData, "its first line is no `session_meta` record"),
        }
    }

    /// Reads the first line of a transcript; none where it is no `session_meta` record.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let record: Json = serde_json::from_slice(without_mark(line)).ok()?;
        if json::text(&record, &["type"]) != Some("session_meta") {
            return None;
        }
        let meta = record.get("payload")?;
        let text = |key: &str| json::text(meta, &[key]).map(str::to_owned);
        // Up to 0.144 such fields stood deeper.
        let of_sub_agent = |key: &str| {
            let spawned = ["source", "subagent", "thread_spawn", key];
            text(key).or_else(|| json::text(meta, &spawned).map(str::to_owned))
        };
        let thread_id = text("id")?;
        Some(Self {
            root_thread_id: text("session_id").unwrap_or_else(|| thread_id.clone()),
            parent_thread_id: of_sub_agent("parent_thread_id"),
            forked_from_id: text("forked_from_id"),
            agent_path: of_sub_agent("agent_path"),
            agent_nickname: of_sub_agent("agent_nickname"),
            thread_id,
            cli_version: text("cli_version"),
            originator: text("originator"),
            cwd: text("cwd"),
            model_provider: text("model_provider"),
            git: meta.get("git").filter(|git| git.is_object()).cloned(),
            history_base: meta.get("history_base").and_then(HistoryBase::decode),
        })
    }

    /// Whether the version (up to 0.101) writes no `task_started` and `task_complete`.
    pub fn has_no_turn_markers(&self) -> bool {
        self.is_before(104)
    }

    /// Whether the version (up to 0.144) writes the same at the end of a turn that failed as at the
    /// end of one that succeeded.
    pub(super) fn says_nothing_of_failures(&self) -> bool {
        self.is_before(145)
    }

    /// Whether the thread may begin with a copy of another one's history: forks do, and sub-agents.
    pub(super) fn may_begin_with_copies(&self) -> bool {
        self.forked_from_id.is_some() || self.parent_thread_id.is_some()
    }

    /// Whether the version (since 0.145) says of each turn in records of their own when it began, how it
    /// ended and what it used.
    pub(super) fn tells_apart_counts(&self) -> bool {
        self.minor().is_some_and(|minor| minor >= 145)
    }

    /// Whether the version is known to be before 0.`minor`.
    fn is_before(&self, minor: u32) -> bool {
        self.minor().is_some_and(|found| found < minor)
    }

    /// The number that Codex counts its versions by: 145 of `0.145.0`.
    fn minor(&self) -> Option<u32> {
        let mut parts = self.cli_version.as_deref().unwrap_or_default().split('.');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
        (number() == Some(0)).then(number).flatten()
    }
}
