//! A file as a target.

use std::path::PathBuf;

use super::{TargetError, one_of};
use crate::Paths;
use crate::reader::{Reader, Source::Own};

/// Says which file gets the traces, as lines of OTLP JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileTarget {
    /// The file.
    pub path: PathBuf,
    /// The size, in bytes, at which it is put aside; none for a file that may grow without end.
    pub max_bytes: Option<u64>,
}

/// Decides which file.
pub(super) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Result<FileTarget, TargetError> {
    let path = reader.text(&[Own("path")]).map(|path| paths.resolve(path.trim()));
    let max_bytes = one_of(reader, &[Own("max_bytes")], "a number of bytes above 0", |word| {
        word.parse().ok().filter(|bytes| *bytes != 0)
    })?;
    Ok(FileTarget {
        path: path.unwrap_or_else(|| paths.harness_home.join("traces.jsonl")),
        max_bytes,
    })
}
