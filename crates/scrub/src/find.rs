//! Where the secrets of a text are.

use std::collections::HashMap;
use std::ops::Range;

use crate::Scrubber;
use crate::judge::is_random;
use crate::keywords::Hint;
use crate::peel::{has_unusual, peel};
use crate::rules::Rule;
use crate::table::Tables;
use crate::value::Examined;
use crate::{call, command, kubernetes, pem, pipe, placeholder, runs, url, value, wrap};

/// The rule of private keys.
const PRIVATE_KEY: &str = "private-key";

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

/// How many texts in base64 within each other are read.
const DEEPEST: usize = 3;

/// The secrets of a text, in order, none within another: in the text as it stands, and as it is without
/// its encodings.
pub(crate) fn findings(scrubber: &Scrubber, text: &str, depth: usize) -> Vec<Finding> {
    let mut gone = Vec::new();
    let mut search = Search::new(scrubber, text, depth);
    search.run(&mut gone);
    let needs_lines = search.needs_lines;
    let mut found = search.found;
    if (needs_lines || has_unusual(text))
        && let Some(peeled) = peel(text)
    {
        let mut search = Search::new(scrubber, &peeled.text, depth);
        search.run(&mut Vec::new());
        for finding in search.found {
            found.push(Finding::new(peeled.range(&finding.range), finding.rule));
        }
    }
    found.retain(|finding| !touches(&gone, &finding.range));
    without_overlaps(found)
}

/// One look through a text.
struct Search<'s> {
    scrubber: &'s Scrubber,
    text: &'s str,
    depth: usize,
    found: Vec<Finding>,
    examined: Examined,
    tables: Tables,
    /// The end of the last word that each rule has looked at.
    looked_at: HashMap<usize, usize>,
    /// The end of the last name.
    named: usize,
    /// The end of the last private key. What starts within it is a part of it.
    key: usize,
    /// The end of the last lines of base64 that were read together.
    joined: usize,
    /// Whether something was there that depends on the lines around it. Where these are written with
    /// escapes, the text has to be looked through without them; all else knows those escapes.
    needs_lines: bool,
}

impl<'s> Search<'s> {
    fn new(scrubber: &'s Scrubber, text: &'s str, depth: usize) -> Self {
        let (found, examined, tables) = (Vec::new(), Examined::default(), Tables::default());
        let looked_at = HashMap::new();
        let (named, key, joined, needs_lines) = (0, 0, 0, false);
        Self {
            scrubber,
            text,
            depth,
            found,
            examined,
            tables,
            looked_at,
            named,
            key,
            joined,
            needs_lines,
        }
    }

    fn run(&mut self, gone: &mut Vec<Range<usize>>) {
        let mut at = 0;
        for run in runs::runs(self.text) {
            self.search_in(&run);
            // What is deep in encoded data is no word, nor the end of one.
            if run.len() > 2 * BLOB {
                self.keywords(at..run.start + BLOB, gone);
                at = run.end - BLOB;
            }
        }
        self.keywords(at..self.text.len(), gone);
        self.found.retain(|finding| !touches(gone, &finding.range));
        for finding in &mut self.found {
            if finding.rule != PRIVATE_KEY {
                finding.range = wrap::extended(self.text, finding.range.clone());
            }
        }
    }

    fn keywords(&mut self, part: Range<usize>, gone: &mut Vec<Range<usize>>) {
        let scrubber = self.scrubber;
        for (hint, word) in scrubber.keywords.hits(self.text, part) {
            match hint {
                Hint::Placeholder => gone.extend(placeholder::at(self.text, word.start)),
                hint => self.hint(hint, word),
            }
        }
    }

    fn hint(&mut self, hint: Hint, word: Range<usize>) {
        let text = self.text;
        self.needs_lines |= matches!(hint, Hint::Taker | Hint::Kubernetes | Hint::Pem);
        match hint {
            Hint::Shape(number) => self.shape(number, word),
            Hint::Name => self.name(word),
            Hint::Url => self.add("url-password", url::password_at(text, word.end)),
            Hint::Command(number) => {
                let command = self.scrubber.keywords.command(number);
                self.add("password", command::secrets(text, word, command));
            }
            Hint::Taker => self.add("password", pipe::given(text, word)),
            Hint::Call(which) => self.add("password", call::password(text, word.end, which)),
            Hint::Kubernetes => self.add("kubernetes-secret", kubernetes::data(text, word)),
            Hint::Pem if word.start < self.key => {}
            Hint::Pem => {
                let key = pem::key_at(text, word);
                self.key = key.as_ref().map_or(self.key, |key| key.end);
                self.add(PRIVATE_KEY, key);
            }
            Hint::Placeholder => {}
        }
    }

    fn add(&mut self, rule: &'static str, ranges: impl IntoIterator<Item = Range<usize>>) {
        self.found.extend(ranges.into_iter().map(|range| Finding::new(range, rule)));
    }

    fn name(&mut self, keyword: Range<usize>) {
        if keyword.start < self.named {
            return;
        }
        let Some(named) = value::name_at(self.text, keyword, &self.scrubber.names) else { return };
        self.named = named.range.end;
        match value::beside_name(self.text, &named, &mut self.examined) {
            Some(finding) => self.found.push(finding),
            None => {
                let next = self.text.as_bytes().get(named.end).copied().unwrap_or_default();
                self.needs_lines |= b",;|\t\\<".contains(&next);
                let cells = self.tables.below(self.text, &named);
                self.add(named.rule, cells);
            }
        }
    }

    /// The secrets of this shape in the word around a keyword; where there is none, in the word as it is
    /// without the ends of lines in it.
    fn shape(&mut self, number: usize, keyword: Range<usize>) {
        let rule = self.scrubber.rules.get(number);
        if !rule.may_start_with(self.text, &keyword) {
            return;
        }
        let seen = self.looked_at.entry(number).or_default();
        if *seen > keyword.start {
            return;
        }
        let Some(word) = word_around(self.text, keyword, rule) else { return };
        *seen = word.end;
        self.needs_lines |= self.text.as_bytes().get(word.end) == Some(&b'\\')
            && is_random(&self.text[word.clone()]);
        let secrets = rule.secrets(&self.text[word.clone()]);
        if !secrets.is_empty() {
            let start = word.start;
            self.add(rule.name, secrets.into_iter().map(|s| start + s.start..start + s.end));
        } else if let Some((joined, parts)) = wrap::joined(self.text, &word) {
            let secrets = rule.secrets(&joined).into_iter();
            self.add(rule.name, secrets.map(|secret| wrap::origin(&parts, &secret)));
        }
    }

    /// Base64 of a text that has secrets is one.
    fn search_in(&mut self, run: &Range<usize>) {
        if let Some((token, rule)) = runs::token(self.text, run) {
            self.found.push(Finding::new(token, rule));
        }
        if self.depth < DEEPEST
            && let Some((inner, end)) = runs::text_of(self.text, run, &mut self.joined)
            && let Some(first) = findings(self.scrubber, &inner, self.depth + 1).first()
        {
            self.found.push(Finding::new(run.start..end, first.rule));
        }
    }
}

/// The word that a keyword is in or before; none where it is too short for a token, or encoded data.
///
/// A word ends at space, quotes and brackets, and at the escapes of JSON. Up to two spaces may stand
/// between the keyword and the rest, as in `Bearer …`.
fn word_around(text: &str, keyword: Range<usize>, rule: &Rule) -> Option<Range<usize>> {
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
    let is_part = |byte: u8| !is_end(byte) || (byte == b',' && rule.has_commas);
    let mut end =
        rest + bytes[rest..].iter().take(LONGEST).take_while(|byte| is_part(**byte)).count();
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
