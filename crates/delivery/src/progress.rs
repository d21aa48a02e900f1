//! Which spans of a batch need not be sent again.
//!
//! A line of JSON is added to a file beside the batch for each request that the target has decided
//! about: the spans that it held, by their places in the batch. Places do not depend on how the batch
//! is divided into requests, which may change from one attempt to the next. A line that a crash left
//! unfinished is passed over: those spans are sent again, with the same ids.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder::{self, BatchName};

/// What the target has decided about some spans in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settled {
    /// The place of the first of them, from 0.
    pub(super) from: usize,
    /// The place behind the last of them.
    pub(super) to: usize,
    /// Their size in bytes.
    #[serde(default)]
    pub(super) bytes: u64,
    /// What the target said where it refused them for good; none where it accepted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<String>,
    /// How often it was sent them before it was known that it refuses them for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
}

/// What the target has decided about a batch so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// By the place of the first span; they do not overlap.
    settled: BTreeMap<usize, Settled>,
}

impl Progress {
    /// Reads it; nothing is decided where nothing can be read.
    pub(super) fn load(folder: &Path, name: &BatchName) -> Self {
        let text = fs::read(path(folder, name)).unwrap_or_default();
        let mut progress = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(settled) = serde_json::from_slice(line) {
                progress.add(settled);
            }
        }
        progress
    }

    /// Adds to it, as durably as the disk allows.
    pub(super) fn note(&mut self, folder: &Path, name: &BatchName, settled: Settled) {
        // The batch that the target does not need to be sent twice is not worth an error.
        let _ = serde_json::to_vec(&settled)
            .map_err(Into::into)
            .and_then(|line| folder::append_durably(&path(folder, name), &line));
        self.add(settled);
    }

    /// Adds to it, in memory alone.
    pub(super) fn add(&mut self, settled: Settled) {
        if settled.from < settled.to && self.is_open(settled.from) {
            self.settled.insert(settled.from, settled);
        }
    }

    /// Whether the target has not decided about the span at this place.
    pub(super) fn is_open(&self, place: usize) -> bool {
        self.at(place).is_none()
    }

    /// Whether the target has refused the span at this place for good.
    pub(super) fn is_refused(&self, place: usize) -> bool {
        self.at(place).is_some_and(|settled| settled.answer.is_some())
    }

    fn at(&self, place: usize) -> Option<&Settled> {
        let (_, before) = self.settled.range(..=place).next_back()?;
        Some(before).filter(|settled| place < settled.to)
    }

    /// Spans that the target has decided about.
    pub(super) fn spans(&self) -> usize {
        self.settled.values().map(|settled| settled.to - settled.from).sum()
    }

    /// The size of those in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.settled.values().map(|settled| settled.bytes).sum()
    }

    /// Spans that it has refused for good, and what it said of the first.
    pub(super) fn refused(&self) -> Option<Refused<'_>> {
        let mut refused = self.settled.values().filter(|settled| settled.answer.is_some());
        let first = refused.clone().next()?;
        Some(Refused {
            first: first.from,
            answer: first.answer.as_deref()?,
            attempts: refused.clone().filter_map(|settled| settled.attempts).max().unwrap_or(1),
            spans: refused.by_ref().map(|settled| settled.to - settled.from).sum(),
        })
    }
}

/// The spans of a batch that its target has refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused<'a> {
    /// The place of the first of them.
    pub(super) first: usize,
    pub(super) spans: usize,
    pub(super) answer: &'a str,
    pub(super) attempts: u32,
}

/// The file beside a batch.
pub(super) fn path(folder: &Path, name: &BatchName) -> PathBuf {
    folder.join(name.to_string()).with_extension("progress")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_known_again_and_a_broken_line_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let name = BatchName { key: 1, id: "a".to_owned() };
        let settled = |from, to, answer: Option<&str>| Settled {
            from,
            to,
            bytes: 10,
            answer: answer.map(str::to_owned),
            attempts: None,
        };
        let mut progress = Progress::default();
        progress.note(dir.path(), &name, settled(0, 3, None));
        fs::write(path(dir.path(), &name), {
            let mut bytes = fs::read(path(dir.path(), &name)).unwrap();
            bytes.extend(b"{\"from\":3,\"to\":900");
            bytes
        })
        .unwrap();
        progress.note(dir.path(), &name, settled(5, 6, Some("no")));
        let read = Progress::load(dir.path(), &name);
        assert_eq!(read, progress);
        let open: Vec<usize> = (0..8).filter(|place| read.is_open(*place)).collect();
        assert_eq!(open, [3, 4, 6, 7]);
        assert!(read.is_refused(5) && !read.is_refused(0) && !read.is_refused(3));
        assert_eq!((read.spans(), read.bytes()), (4, 20));
        assert_eq!(read.refused(), Some(Refused { first: 5, spans: 1, answer: "no", attempts: 1 }));
    }
}
