//! How much the local store keeps.

use std::time::Duration;

use crate::reader::{Reader, Source::Key};

/// Limits of the local store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreLimits {
    /// Traces that ended longer ago are dropped.
    pub max_age: Option<Duration>,
    /// The oldest traces are dropped until the store has at most so many bytes.
    pub max_bytes: Option<u64>,
    /// Whether the numbers of these traces are dropped, too, and not only their contents.
    pub drops_numbers: bool,
}

impl StoreLimits {
    /// Whether anything is ever dropped.
    pub fn is_limited(&self) -> bool {
        self.max_age.is_some() || self.max_bytes.is_some()
    }
}

/// An age such as `90d`, `12h` or `4weeks`.
pub fn parse_age(text: &str) -> Option<Duration> {
    humantime::parse_duration(text.trim()).ok().filter(|age| !age.is_zero())
}

pub(crate) fn limits(reader: &mut Reader<'_>) -> StoreLimits {
    let max_age = reader.parsed(&[Key("store.max_age")], "an age such as `90d`", parse_age);
    let max_bytes = reader.parsed(&[Key("store.max_bytes")], "a number of bytes above 0", |text| {
        text.trim().parse::<u64>().ok().filter(|number| *number != 0)
    });
    let drops = reader.parsed(&[Key("store.drop")], "`contents` or `all`", |text| {
        match text.trim().to_ascii_lowercase().as_str() {
            "contents" => Some(false),
            "all" => Some(true),
            _ => None,
        }
    });
    StoreLimits { max_age, max_bytes, drops_numbers: drops.unwrap_or(false) }
}
