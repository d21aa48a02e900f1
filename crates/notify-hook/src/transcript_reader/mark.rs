//! A place in a transcript, and what it is recognised by.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use codex_turn::Checkpoint;
use otlp_model::SpanId;

/// How much of the text before a place is compared, in bytes.
const LENGTH: u64 = 512;

/// A place from which reading goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The place.
    pub(crate) checkpoint: Checkpoint,
    /// A hash of the text before it: the end of a record, with a time or an id. Memories of earlier
    /// versions have none.
    pub(crate) before: Option<String>,
}

impl Mark {
    pub(super) fn at(checkpoint: Checkpoint, file: &File) -> Self {
        let before = text_before(file, checkpoint.offset).ok();
        Self { checkpoint, before: before.map(|text| hash(&text)) }
    }

    /// Whether the text before the place is still the one that was there. Another program may have put
    /// another file of the same thread there.
    pub(super) fn holds(&self, file: &File, length: u64) -> io::Result<bool> {
        let Checkpoint { offset, .. } = self.checkpoint;
        if offset > length {
            return Ok(false);
        }
        let text = text_before(file, offset)?;
        Ok(match &self.before {
            Some(before) => hash(&text) == *before,
            None => offset == 0 || text.ends_with(b"\n"),
        })
    }
}

fn hash(text: &[u8]) -> String {
    SpanId::derive(&[&String::from_utf8_lossy(text)]).to_string()
}

fn text_before(mut file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let begin = offset.saturating_sub(LENGTH);
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take(offset - begin).read_to_end(&mut text)?;
    Ok(text)
}
