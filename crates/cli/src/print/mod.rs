//! Span trees and lists of turns, as text for a terminal and as JSON for programs.
//!
//! No line of a text is longer than the terminal is wide, but for ids: a longer line is cut, and JSON
//! has all of it. Times are local in a text and UTC in JSON.

mod arguments;
mod json;
mod list;
mod row;
mod tree;

use std::path::Path;
use std::time::{Duration, SystemTime};

use ::doctor::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use otlp_model::{SpanStatus, UnixNanos};

pub(crate) use self::arguments::shown as arguments_shown;
pub use self::json::{spans_json, turns_json};
pub use self::list::turns;
pub(crate) use self::list::{end_of_id, short_folder};
pub(crate) use self::row::{Row, row_json, row_line, rows_of};
pub use self::tree::tree;

/// How texts are laid out, and for where.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The terminal.
    pub style: Style,
    /// The time zone of the reader.
    pub zone: &'a TimeZone,
    /// The time at which the text is read.
    pub now: UnixNanos,
    /// The reader's home directory, which is shortened to `~`.
    pub home: &'a Path,
}

impl<'a> Page<'a> {
    /// A page that is read now.
    pub fn new(style: Style, zone: &'a TimeZone, home: &'a Path) -> Self {
        let now = SystemTime::now().into();
        Self { style, zone, now, home }
    }
}

fn status(status: &SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "-",
        SpanStatus::Ok => "ok",
        SpanStatus::Error(_) => "ERROR",
    }
}

/// A duration in the unit that reads best.
pub(crate) fn duration(nanos: u64) -> String {
    let millis = nanos as f64 / 1e6;
    match nanos {
        0..10_000_000 => format!("{millis:.1} ms"),
        10_000_000..1_000_000_000 => format!("{millis:.0} ms"),
        1_000_000_000..60_000_000_000 => format!("{:.2} s", millis / 1e3),
        _ => format!("{}m{:02}s", nanos / 60_000_000_000, nanos / 1_000_000_000 % 60),
    }
}

/// A time in the zone of the reader, in this form.
pub(crate) fn local(time: UnixNanos, zone: &TimeZone, form: &str) -> String {
    let time = Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
    time.to_zoned(zone.clone()).strftime(form).to_string()
}

pub(crate) fn rfc3339(time: UnixNanos) -> String {
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_nanos(time.0))
        .to_string()
}
