//! Where the secrets of a text are.

use std::collections::HashMap;
use std::ops::Range;

use crate::Scrubber;
use crate::keywords::Hint;
use crate::rules::Rule;
use crate::value::Examined;
use crate::{command, pem, placeholder, url, value};

/// A shorter word is no token.
const SHORTEST: usize = 16;

/// A longer one before a keyword is a piece of encoded data, such as an image.
const BLOB: usize = 256;

/// What follows a keyword is looked at to this length.
const LONGEST: usize = 16 * 1024;

/// A secret and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) range: Range<usize>,
    pub(crate) rule: &'static str,
    /// Quotes that the placeholder needs, where the secret had none: a number in JSON.
    pub(crate) quote: Option<String>,
}

impl Finding {
    fn new(range: Range<usize>, rule: &'static str) -> Self {
        Self { range, rule, quote: None }
    }
}

/// The secrets of a text, in order, none within another.
pub(crate) fn findings(scrubber: &Scrubber, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut gone = Vec::new();
    let mut examined = Examined::default();
    // The end of the last word that each rule has looked at.
    let mut looked_at: HashMap<usize, usize> = HashMap::new();
    for (hint, hit) in scrubber.keywords.hits(text) {
        match hint {
            Hint::Shape(number) => {
                let seen = looked_at.entry(number).or_default();
                if *seen <= hit.start()
                    && let Some(word) = word_around(text, hit.range())
                {
                    *seen = word.end;
                    found.extend(of_shape(scrubber.rules.get(number), text, word));
                }
            }
            Hint::Name => {
                found.extend(value::beside_name(text, hit.range(), &scrubber.names, &mut examined))
            }
            Hint::Url => {
                let password = url::password_at(text, hit.end());
                found.extend(password.map(|range| Finding::new(range, "url-password")));
            }
            Hint::Command(command) => {
                let passwords = command::passwords(text, hit.range(), command).into_iter();
                found.extend(passwords.map(|range| Finding::new(range, "password")));
            }
            Hint::Pem => {
                let key = pem::key_at(text, hit.start());
                found.extend(key.map(|range| Finding::new(range, "private-key")));
            }
            Hint::Placeholder => gone.extend(placeholder::at(text, hit.start())),
        }
    }
    found.retain(|finding| !touches(&gone, &finding.range));
    without_overlaps(found)
}

fn of_shape(rule: &Rule, text: &str, word: Range<usize>) -> impl Iterator<Item = Finding> {
    let start = word.start;
    let secrets = rule.secrets(&text[word]).into_iter();
    secrets.map(move |secret| Finding::new(start + secret.start..start + secret.end, rule.name))
}

/// The word that a keyword is in or before; none where it is too short for a token, or encoded data.
///
/// A word ends at space, quotes and brackets, and at the escapes of JSON. Up to two spaces may stand
/// between the keyword and the rest, as in `Bearer …`.
fn word_around(text: &str, keyword: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let before = bytes[..keyword.start].iter().rev().take(BLOB);
    let before = before.take_while(|byte| is_inner(**byte)).count();
    if before == BLOB {
        return None;
    }
    let mut start = keyword.start - before;
    // The `n` of `\n` is not part of the word.
    if start > 0 && bytes[start - 1] == b'\\' && start < keyword.start {
        start += 1;
    }
    let spaces = bytes[keyword.end..].iter().take(2).take_while(|byte| **byte == b' ').count();
    let rest = keyword.end + spaces;
    let mut end =
        rest + bytes[rest..].iter().take(LONGEST).take_while(|byte| !is_end(**byte)).count();
    if let Some(escape) = (rest..end).find(|at| is_escape(bytes, *at)) {
        end = escape;
    }
    while end > keyword.end && b".:!?".contains(&bytes[end - 1]) {
        end -= 1;
    }
    let end = text.floor_char_boundary(end.max(keyword.end));
    (end - start >= SHORTEST).then_some(start..end)
}

fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.~+/-".contains(&byte)
}

fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'`,;)]}>&|".contains(&byte)
}

fn is_escape(bytes: &[u8], at: usize) -> bool {
    let next = bytes.get(at + 1).copied().unwrap_or(b'\\');
    bytes[at] == b'\\' && b"nrtu\\\"'`".contains(&next)
}

/// Whether a range reaches into one of others, which are in order.
fn touches(others: &[Range<usize>], range: &Range<usize>) -> bool {
    let first = others.partition_point(|other| other.end <= range.start);
    others.get(first).is_some_and(|other| other.start < range.end)
}

/// Findings that overlap become one; the one that begins first gives the name.
fn without_overlaps(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match merged.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
            }
            _ => merged.push(finding),
        }
    }
    merged
}
