//! Changes to recorded material: what a torn disk, a killed process or a new version may do to it.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Json, json};

/// A change to a list of lines.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// One byte is another.
    Byte { line: Index, place: Index, byte: u8 },
    /// A line ends too early.
    Truncate { line: Index, place: Index },
    /// A line is missing.
    Drop { line: Index },
    /// A line is there again, somewhere.
    Repeat { line: Index, place: Index },
    /// Two lines have changed places.
    Swap { one: Index, other: Index },
    /// A value within a line of JSON is something else.
    Value { line: Index, value: Index, by: Json },
}

/// Some changes, at least `least` of them.
pub(crate) fn changes(least: usize) -> impl Strategy<Value = Vec<Change>> {
    let index = any::<Index>;
    let change = prop_oneof![
        1 => (index(), index(), any::<u8>())
            .prop_map(|(line, place, byte)| Change::Byte { line, place, byte }),
        1 => (index(), index()).prop_map(|(line, place)| Change::Truncate { line, place }),
        1 => index().prop_map(|line| Change::Drop { line }),
        1 => (index(), index()).prop_map(|(line, place)| Change::Repeat { line, place }),
        1 => (index(), index()).prop_map(|(one, other)| Change::Swap { one, other }),
        5 => (index(), index(), oddity())
            .prop_map(|(line, value, by)| Change::Value { line, value, by }),
    ];
    prop::collection::vec(change, least..10)
}

/// A value of a type, a size or a depth that is unexpected.
fn oddity() -> impl Strategy<Value = Json> {
    let nested = |depth| (0..depth).fold(json!("core"), |inner, _| json!({ "content": [inner] }));
    let oddities = [
        Json::Null,
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("18446744073709551616"),
        json!("18446744073709551615"),
        json!("9999-12-31T23:59:59Z"),
        json!("1950-01-01T00:00:00Z"),
        json!("\u{0}\u{fffd}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        json!([null, [], {}]),
        nested(20),
        // Deeper than serde_json goes.
        nested(150),
    ];
    prop::sample::select(oddities.to_vec())
}

/// Makes the changes, one after the other.
pub(crate) fn apply(changes: &[Change], lines: &mut Vec<Vec<u8>>) {
    for change in changes {
        if lines.is_empty() {
            return;
        }
        let count = lines.len();
        match change {
            Change::Byte { line, place, byte } => {
                let line = &mut lines[line.index(count)];
                if !line.is_empty() {
                    let place = place.index(line.len());
                    // A newline would be two lines.
                    line[place] = if *byte == b'\n' { b' ' } else { *byte };
                }
            }
            Change::Truncate { line, place } => {
                let line = &mut lines[line.index(count)];
                line.truncate(place.index(line.len() + 1));
            }
            Change::Drop { line } => drop(lines.remove(line.index(count))),
            Change::Repeat { line, place } => {
                let line = lines[line.index(count)].clone();
                lines.insert(place.index(count + 1), line);
            }
            Change::Swap { one, other } => lines.swap(one.index(count), other.index(count)),
            Change::Value { line, value, by } => {
                let line = &mut lines[line.index(count)];
                if let Ok(mut json) = serde_json::from_slice::<Json>(line) {
                    let mut nth = value.index(values_in(&json));
                    if let Some(value) = nth_value(&mut json, &mut nth) {
                        *value = by.clone();
                    }
                    *line = json.to_string().into_bytes();
                }
            }
        }
    }
}

fn values_in(json: &Json) -> usize {
    1 + match json {
        Json::Array(values) => values.iter().map(values_in).sum(),
        Json::Object(map) => map.values().map(values_in).sum::<usize>(),
        _ => 0,
    }
}

fn nth_value<'a>(json: &'a mut Json, nth: &mut usize) -> Option<&'a mut Json> {
    if *nth == 0 {
        return Some(json);
    }
    *nth -= 1;
    match json {
        Json::Array(values) => values.iter_mut().find_map(|value| nth_value(value, nth)),
        Json::Object(map) => map.values_mut().find_map(|value| nth_value(value, nth)),
        _ => None,
    }
}
