//! Secrets in columns: CSV, tables of Markdown and of databases, columns between spaces.

use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::cursor::is_quote;
use crate::judge::is_chosen;
use crate::names::Kind;
use crate::stand_in::is_stand_in;
use crate::value::Named;

/// A longer line is no row of a table.
const LONGEST_LINE: usize = 4096;

/// So many names of secrets in a first line are looked at.
const MOST_COLUMNS: usize = 8;

/// The tables that were looked at, so that no line is looked at twice for what its table says.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// The first line of the last table.
    head: Range<usize>,
    columns: usize,
    /// Where the last table ends.
    end: usize,
}

/// How the cells of a line are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Mark(u8),
    /// Two spaces or more; a column begins where its name does.
    Spaces,
}

impl Tables {
    /// The secrets below a name that is the head of a column.
    pub(crate) fn below(&mut self, text: &str, named: &Named) -> Vec<Range<usize>> {
        let is_known = self.head.contains(&named.range.start);
        if named.range.start < self.end && !is_known {
            return Vec::new();
        }
        let Some(head) = line_around(text, named.range.start) else { return Vec::new() };
        if let Some(value) = only_value(text, &head, named) {
            return vec![value];
        }
        let Some((between, column)) = column(text, &head, named) else { return Vec::new() };
        self.columns = if is_known { self.columns + 1 } else { 1 };
        if self.columns > MOST_COLUMNS {
            return Vec::new();
        }
        let (found, end) = rows(text, &head, between, column, named.kind);
        (self.head, self.end) = (head, end.max(self.end));
        found
    }
}

/// The value of a name where each line is a name, a bar and a value.
fn only_value(text: &str, line: &Range<usize>, named: &Named) -> Option<Range<usize>> {
    let cells = cells(&text[line.clone()], b'|');
    let [name, value] = cells.as_slice() else { return None };
    let is_name =
        text[line.start + name.start..line.start + name.end].trim() == &text[named.range.clone()];
    let value = line.start + value.start..line.start + value.end;
    if is_name { secret(text, value, named.kind) } else { None }
}

/// What is between the cells of a first line, and the place of this name: a number, or with spaces
/// an offset in bytes.
fn column(text: &str, head: &Range<usize>, named: &Named) -> Option<(Between, usize)> {
    let line = &text[head.clone()];
    let mark = b"|\t;,".iter().find(|mark| line.as_bytes().contains(mark));
    if let Some(mark) = mark {
        let (number, cell) = cells(line, *mark).into_iter().enumerate().find(|(_, cell)| {
            head.start + cell.start <= named.range.start && named.range.end <= head.start + cell.end
        })?;
        let is_name = line[cell.clone()].trim_matches(is_around).len() <= named.range.len() + 24;
        let is_alone = !line[cell].contains(['=', ':', '(', '{']);
        return (is_name && is_alone).then_some((Between::Mark(*mark), number));
    }
    let at = named.range.start - head.start;
    let is_column = line.len() == named.range.end - head.start
        || line[named.range.end - head.start..].starts_with("  ");
    let has_others = line.contains("  ") && (at == 0 || line[..at].ends_with("  "));
    (is_column && has_others).then_some((Between::Spaces, at))
}

/// The secrets of a column, and where the table ends.
fn rows(
    text: &str,
    head: &Range<usize>,
    between: Between,
    column: usize,
    kind: Kind,
) -> (Vec<Range<usize>>, usize) {
    let width = match between {
        Between::Mark(mark) => cells(&text[head.clone()], mark).len(),
        Between::Spaces => 0,
    };
    let mut found = Vec::new();
    let mut start = (head.end + 1).min(text.len());
    while start < text.len() {
        let Some(line) = line_around(text, start) else { break };
        let row = &text[line.clone()];
        let cell = match between {
            _ if is_rule(row) => None,
            Between::Mark(mark) => {
                let cells = cells(row, mark);
                if cells.len() != width {
                    break;
                }
                cells.get(column).cloned()
            }
            Between::Spaces if row.trim().is_empty() => break,
            Between::Spaces => spaced(row, column),
        };
        let cell = cell.map(|cell| line.start + cell.start..line.start + cell.end);
        found.extend(cell.and_then(|cell| secret(text, cell, kind)));
        start = line.end + 1;
    }
    (found, start)
}

/// A line between the first line and the rest, or around a table.
fn is_rule(row: &str) -> bool {
    let row = row.trim();
    !row.is_empty() && row.bytes().all(|byte| b"-+|=: \t".contains(&byte))
}

fn spaced(row: &str, column: usize) -> Option<Range<usize>> {
    let value = row.get(column..)?;
    let is_start = column == 0 || row.as_bytes()[column - 1] == b' ';
    let length = value.find(char::is_whitespace).unwrap_or(value.len());
    (is_start && length > 0).then_some(column..column + length)
}

/// The cells of a line; a mark in quotes ends none.
fn cells(line: &str, mark: u8) -> Vec<Range<usize>> {
    let mut cells = Vec::new();
    let (mut start, mut is_quoted) = (0, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            byte if byte == mark && !is_quoted => {
                cells.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    cells.push(start..line.len());
    cells
}

fn secret(text: &str, cell: Range<usize>, kind: Kind) -> Option<Range<usize>> {
    let value = text.get(cell.clone())?;
    let start = cell.start + value.len() - value.trim_start_matches(is_around).len();
    let end = cell.end - (value.len() - value.trim_end_matches(is_around).len());
    let value = text.get(start..end)?;
    let least = if kind == Kind::Password { 6 } else { 10 };
    let is_one = !value.contains(char::is_whitespace) && !value.contains("(");
    let is_secret = value.len() >= least && is_one && is_chosen(value) && !is_stand_in(value);
    let is_date = value.len() == 10 && value.bytes().filter(|byte| *byte == b'-').count() == 2;
    (is_secret && !is_date && kind != Kind::Header).then_some(start..end)
}

fn is_around(letter: char) -> bool {
    letter.is_whitespace() || u8::try_from(letter).is_ok_and(is_quote)
}

/// The line that this place is in, without its end; none where it is long.
fn line_around(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let first = at.saturating_sub(LONGEST_LINE);
    let last = bytes.len().min(at + LONGEST_LINE);
    let start = memrchr(b'\n', &bytes[first..at]).map(|end| first + end + 1);
    let end = memchr(b'\n', &bytes[at..last]).map(|length| at + length);
    let start = start.or((first == 0).then_some(0))?;
    let end = end.or((last == bytes.len()).then_some(last))?;
    Some(start..end)
}
