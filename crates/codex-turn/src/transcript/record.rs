//! From the bytes of a line to the records in it.
//!
//! A line is one record. Where Codex was killed while it wrote, the line stays torn, and the next
//! Codex (0.130) goes on in it: whole records stand behind a torn one. A crash of the machine may
//! leave NUL bytes.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// How often the bytes of a broken line are read at most. Data of other programs in it may hold any
/// number of objects that look like the beginning of a record.
const MAX_PASSES: usize = 8;

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) ordinal: Option<u64>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) payload: Option<&'a RawValue>,
}

/// A piece of a line.
pub(super) enum Piece<'a> {
    Record(Record<'a>),
    /// So many bytes that are no whole record, and what is wrong with them.
    Broken {
        bytes: usize,
        error: Category,
    },
}

/// Hands out the records of a line in their order, and what else is there.
pub(super) fn pieces(line: &[u8], mut take: impl FnMut(Piece<'_>)) {
    let line = without_mark(line);
    match serde_json::from_slice(line) {
        Ok(record) => take(Piece::Record(record)),
        Err(error) => {
            let text = String::from_utf8_lossy(line);
            whole_records(&text, error.classify(), &mut take);
        }
    }
}

/// What a record says of a turn as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnMark {
    /// It begins.
    Begin,
    /// It has ended, in one way or another.
    End,
}

/// The begin of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnStart {
    /// The place of its first record in the thread (since Codex 0.169).
    pub ordinal: Option<u64>,
    /// Its id.
    pub turn_id: Option<String>,
}

/// The last thing that a line says of a turn as a whole (since Codex 0.104), without decoding all of it.
pub fn turn_mark(line: &[u8]) -> Option<TurnMark> {
    let mut mark = None;
    turn_marks(line, |found, _| mark = Some(found));
    mark
}

/// The turn that a line begins (since Codex 0.104), without decoding all of it.
pub fn turn_start(line: &[u8]) -> Option<TurnStart> {
    let mut begun = None;
    turn_marks(line, |mark, start| {
        if mark == TurnMark::Begin {
            begun = Some(start);
        }
    });
    begun
}

fn turn_marks(line: &[u8], mut take: impl FnMut(TurnMark, TurnStart)) {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(default)]
        turn_id: Option<String>,
    }
    pieces(line, |piece| {
        let Piece::Record(Record { kind, ordinal, payload: Some(payload), .. }) = piece else {
            return;
        };
        let event = serde_json::from_str::<Event<'_>>(payload.get()).ok();
        let Some(event) = event.filter(|_| kind == "event_msg") else { return };
        let mark = match event.kind.as_ref() {
            "task_started" | "turn_started" => TurnMark::Begin,
            "task_complete" | "turn_complete" | "turn_aborted" => TurnMark::End,
            _ => return,
        };
        take(mark, TurnStart { ordinal, turn_id: event.turn_id });
    });
}

/// A line without the byte order mark that some programs write at the beginning of a file.
pub(super) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// Finds the records in a broken line by how they begin.
fn whole_records(line: &str, error: Category, take: &mut impl FnMut(Piece<'_>)) {
    let mut broken_from = 0;
    let mut budget = line.len().saturating_mul(MAX_PASSES);
    let mut at = 0;
    while let Some(start) = find_start(line, at) {
        at = match record_at(line, start, &mut budget) {
            ControlFlow::Continue(Some((record, end))) => {
                report(broken_from..start, error, take);
                take(Piece::Record(record));
                broken_from = end;
                end
            }
            ControlFlow::Continue(None) => start + 1,
            ControlFlow::Break(()) => break,
        };
    }
    report(broken_from..line.len(), error, take);
}

fn report(broken: std::ops::Range<usize>, error: Category, take: &mut impl FnMut(Piece<'_>)) {
    if !broken.is_empty() {
        take(Piece::Broken { bytes: broken.len(), error });
    }
}

/// The next place where a record may begin. In a text within a record its quotes have a backslash
/// before them.
fn find_start(line: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += line[at..].find('{')?;
        let key = line[at + 1..].trim_ascii_start();
        if key
            .strip_prefix("\"timestamp\"")
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(':'))
        {
            return Some(at);
        }
        at += 1;
    }
}

/// The record that begins at a place, with its end; a break where enough was tried.
fn record_at<'a>(
    line: &'a str,
    start: usize,
    budget: &mut usize,
) -> ControlFlow<(), Option<(Record<'a>, usize)>> {
    let rest = &line[start..];
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Record<'_>>();
    let (record, read) = match values.next() {
        Some(Ok(record)) => (Some(record), values.byte_offset()),
        Some(Err(error)) => (None, error.column()),
        None => return ControlFlow::Continue(None),
    };
    *budget = match budget.checked_sub(read) {
        Some(left) => left,
        None => return ControlFlow::Break(()),
    };
    // What goes on as a list or an object does is a part of a torn record.
    let is_part = rest[values.byte_offset()..].trim_ascii_start().starts_with([',', ']', '}']);
    ControlFlow::Continue(record.filter(|_| !is_part).map(|record| (record, start + read)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"timestamp":"t","type":"whole","payload":{"n":1}}"#;

    fn check(line: impl AsRef<[u8]>, expected: &[&str]) {
        let mut found = Vec::new();
        pieces(line.as_ref(), |piece| {
            found.push(match piece {
                Piece::Record(record) => record.kind.into_owned(),
                Piece::Broken { bytes, .. } => format!("{bytes} bytes"),
            });
        });
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(line.as_ref()));
    }

    #[test]
    fn a_whole_record_behind_a_torn_one_is_read() {
        check(WHOLE, &["whole"]);
        check("garbage", &["7 bytes"]);
        check(format!("{WHOLE}{WHOLE}"), &["whole", "whole"]);
        for torn in 1..WHOLE.len() {
            let torn = &WHOLE[..torn];
            let bytes = format!("{} bytes", torn.len());
            check(format!("{torn}{WHOLE}"), &[&bytes, "whole"]);
            check(format!("{WHOLE}{torn}"), &["whole", &bytes]);
            check(
                format!("{torn}{torn}{WHOLE}{torn}"),
                &[&format!("{} bytes", 2 * torn.len()), "whole", &bytes],
            );
        }
        check(format!("\0\0\0{WHOLE}"), &["3 bytes", "whole"]);
        check(format!("{WHOLE}\0"), &["whole", "1 bytes"]);
        // As other tools write it.
        check(
            format!(r#"{{"ti{}"#, r#"{"timestamp": "t", "type": "spaced"}"#),
            &["4 bytes", "spaced"],
        );
    }

    #[test]
    fn a_torn_character_costs_its_own_record_only() {
        let line = [r#"{"timestamp":"t","type":"torn","payload":"ä"#.as_bytes(), WHOLE.as_bytes()];
        let (torn, whole) = (&line[0][..line[0].len() - 1], line[1]);
        // The half character counts as the three bytes of its replacement.
        check([torn, whole].concat(), &["45 bytes", "whole"]);
        check([&whole[..46], b"\xff", &whole[46..]].concat(), &["53 bytes"]);
        check(b"{\"timestamp\":\"t\",\"type\":\"odd\",\"payload\":\"\xff\"}", &["odd"]);
    }

    #[test]
    fn what_is_part_of_a_record_is_none() {
        let quoted = serde_json::to_string(WHOLE).unwrap();
        check(format!(r#"{{"timestamp":"t","type":"a","payload":{quoted}"#), &["102 bytes"]);
        for (before, after) in [("{\"a\":", "}"), ("[", ",1"), ("[1,", "]")] {
            let torn = format!(r#"{{"timestamp":"t","payload":{before}{WHOLE}{after}"#);
            check(&torn, &[&format!("{} bytes", torn.len())]);
            check(format!("{torn}{WHOLE}"), &[&format!("{} bytes", torn.len()), "whole"]);
        }
    }

    #[test]
    fn a_line_of_nothing_but_beginnings_takes_no_time() {
        let beginning = r#"{"timestamp":"t","payload":["#;
        let line = beginning.repeat(100_000);
        check(&line, &[&format!("{} bytes", line.len())]);
    }
}
