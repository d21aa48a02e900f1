//! A place in a text, and what can be read there.

use std::ops::Range;

/// Longer values are something else.
const LONGEST_VALUE: usize = 16 * 1024;

/// What stands around a value: a quote, behind so many backslashes as in JSON within JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    backslashes: usize,
    mark: u8,
}

impl Quote {
    /// Whether the mark behind so many backslashes ends what it began: each level of escaping doubles
    /// the backslashes and adds one before the mark.
    fn ends_after(self, backslashes: usize) -> bool {
        match backslashes.checked_sub(self.backslashes) {
            Some(further) => further % (2 * (self.backslashes + 1)) == 0,
            None => true,
        }
    }

    pub(crate) fn as_text(self) -> String {
        let mut text = "\\".repeat(self.backslashes);
        text.push(char::from(self.mark));
        text
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'t> {
    pub(crate) text: &'t str,
    pub(crate) at: usize,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    pub(crate) fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at..]
    }

    pub(crate) fn next(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Goes over at most `most` of these bytes; says how many there were.
    pub(crate) fn skip(&mut self, most: usize, of: &[u8]) -> usize {
        let count = self.rest().iter().take(most).take_while(|byte| of.contains(byte)).count();
        self.at += count;
        count
    }

    /// Goes over this, if it is there.
    pub(crate) fn take(&mut self, what: &[u8]) -> bool {
        let is_there = self.rest().starts_with(what);
        self.at += if is_there { what.len() } else { 0 };
        is_there
    }

    /// Goes over a quote.
    pub(crate) fn quote(&mut self) -> Option<Quote> {
        let backslashes = self.rest().iter().take(32).take_while(|byte| **byte == b'\\').count();
        let mark = self.rest().get(backslashes).copied().filter(|byte| is_quote(*byte))?;
        self.at += backslashes + 1;
        Some(Quote { backslashes, mark })
    }

    /// Goes over the end of a line, which may be written with backslashes, as in JSON.
    pub(crate) fn end_of_line(&mut self) -> bool {
        self.skip(1, b"\r");
        if self.take(b"\n") {
            return true;
        }
        let backslashes = self.rest().iter().take(32).take_while(|byte| **byte == b'\\').count();
        let is_end = backslashes > 0 && self.rest().get(backslashes) == Some(&b'n');
        self.at += if is_end { backslashes + 1 } else { 0 };
        is_end
    }

    /// What stands before the next quote of the same form, which must be on the same line.
    pub(crate) fn quoted(&self, quote: Quote) -> Option<Range<usize>> {
        let mut backslashes = 0;
        for (index, byte) in self.rest().iter().take(LONGEST_VALUE).enumerate() {
            match byte {
                b'\\' => backslashes += 1,
                b'\n' => return None,
                byte if *byte == quote.mark && quote.ends_after(backslashes) => {
                    let end = self.at + index - backslashes.min(quote.backslashes);
                    let range = self.at..end;
                    let value = self.text.get(range.clone())?;
                    return (!value.is_empty()).then_some(range);
                }
                _ => backslashes = 0,
            }
        }
        None
    }

    /// What stands before the next of these bytes, without the space at its end.
    pub(crate) fn until(&self, ends: &[u8]) -> Range<usize> {
        let rest = self.rest().iter().take(LONGEST_VALUE);
        let length = rest.take_while(|byte| !ends.contains(byte)).count();
        let end = self.text.floor_char_boundary(self.at + length).max(self.at);
        let value = self.text.get(self.at..end).unwrap_or_default();
        self.at..self.at + value.trim_end().len()
    }
}

pub(crate) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}
