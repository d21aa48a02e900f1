//! Values beside the names of secrets.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::entropy::{entropy, is_wordlike};
use crate::find::Finding;
use crate::names::{Kind, Names};
use crate::placeholder;

/// Longer names and values are something else.
const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 16 * 1024;
const LONGEST_SPOKEN: usize = 128;

/// Values that say what will stand in their place.
const STAND_INS: [&str; 26] = [
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "string",
    "str",
    "text",
    "number",
    "integer",
    "boolean",
    "bool",
    "object",
    "bytes",
    "password",
    "passwd",
    "secret",
    "token",
    "value",
    "required",
    "optional",
    "redacted",
    "hidden",
    "masked",
    "changeme",
];

/// What stands around a value: a quote, behind so many backslashes as in JSON within JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote {
    backslashes: usize,
    mark: u8,
}

/// How far values without quotes were looked at, by what ends them. A long one was one, and what is
/// within it needs no further look: the time would grow with the square of its length.
#[derive(Debug, Default)]
pub(crate) struct Examined([usize; 3]);

/// The secret beside the name that has this keyword in it.
pub(crate) fn beside_name(
    text: &str,
    keyword: Range<usize>,
    names: &Names,
    examined: &mut Examined,
) -> Option<Finding> {
    let bytes = text.as_bytes();
    let name = name_around(bytes, keyword);
    let (rule, kind) = names.kind(text.get(name.clone())?)?;
    let opened = is_quoted_before(bytes, name.start);
    let mut cursor = Cursor { bytes, at: name.end };
    let key_quote = if opened { cursor.quote() } else { None };
    cursor.skip(1, b"]");
    let is_flag = bytes[name.clone()].starts_with(b"-");
    let is_element = name.start > 0 && bytes[name.start - 1] == b'<';
    let is_exported = is_variable(&bytes[name.clone()]) && is_exported(&bytes[..name.start]);
    let spaces = cursor.skip(8, b" \t");
    let is_assigned = cursor.delimiter()
        || (is_flag && (spaces > 0 || cursor.skip(1, b",") > 0))
        || (is_exported && spaces > 0)
        || (is_element && spaces == 0 && cursor.skip(1, b">") > 0);
    if !is_assigned {
        return (spaces > 0 && rule == "password")
            .then(|| cursor.spoken(text))?
            .map(|range| Finding { range, rule, quote: None });
    }
    let is_tight = cursor.skip(8, b" \t") == 0 && spaces == 0;
    let is_variable = is_exported || is_element || (is_tight && is_variable(&bytes[name]));
    let shape = Shape { is_variable, is_flag };
    if let Some(quote) = cursor.quote().filter(|_| !is_element) {
        let range = after_scheme(text, cursor.quoted(quote, text)?, kind);
        let is_assignment = shape.is_variable || shape.is_flag;
        let is_field = key_quote.is_some() || is_assignment || kind == Kind::Header;
        let is_secret = is_quoted_secret(text.get(range.clone())?, kind, is_field);
        return is_secret.then_some(Finding { range, rule, quote: None });
    }
    let range = cursor.unquoted(shape, kind, text, examined)?;
    if is_element && !bytes[range.end..].starts_with(b"</") {
        return None;
    }
    let is_secret = is_bare_secret(text, &range, kind, shape);
    let quote = key_quote.map(Quote::as_text);
    is_secret.then_some(Finding { range, rule, quote })
}

/// Whether a text is a stand-in for a secret and not one.
pub(crate) fn is_stand_in(value: &str) -> bool {
    let first = value.bytes().next().unwrap_or_default();
    let plain =
        value.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_ascii_lowercase();
    b"$%<{".contains(&first)
        || value.bytes().all(|byte| byte == first)
        || value.contains("...")
        || value.contains('…')
        || value.contains(placeholder::START)
        || plain.starts_with("your")
        || plain.contains("redacted")
        || STAND_INS.contains(&plain.as_str())
}

/// Whether a value in quotes is a secret; `is_field` says that what is before it is the name of a field,
/// a header or a variable, and not a word of a sentence or a program.
pub(crate) fn is_quoted_secret(value: &str, kind: Kind, is_field: bool) -> bool {
    let words = value.split_ascii_whitespace().count();
    if is_stand_in(value) || words > if is_field { 5 } else { 1 } {
        return false;
    }
    match kind {
        Kind::Password => value.len() >= 4,
        Kind::Token => words == 1 && is_random(value),
        Kind::Header => is_header_secret(value),
        Kind::Basic => is_basic(value),
    }
}

/// Whether this is base64 of `user:password`.
fn is_basic(value: &str) -> bool {
    let decoded = STANDARD.decode(value).unwrap_or_default();
    decoded.len() >= 4 && decoded.is_ascii() && decoded.contains(&b':')
}

/// What is left of a header without its scheme: a token, or the pairs of a cookie.
fn is_header_secret(value: &str) -> bool {
    let is_one = !value.contains([' ', '\t', '<', '(', '[']) || value.contains('=');
    value.len() >= 8 && is_one && value.contains(|letter: char| letter.is_ascii_digit())
}

/// How a value without quotes came to stand there.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// `NAME=value`.
    is_variable: bool,
    /// `--name value`.
    is_flag: bool,
}

/// Whether a value without quotes is a secret, and no code.
fn is_bare_secret(text: &str, range: &Range<usize>, kind: Kind, shape: Shape) -> bool {
    let Some(value) = text.get(range.clone()) else { return false };
    let next = text.as_bytes().get(range.end).copied().unwrap_or_default();
    let is_code = b"([<".contains(&next) || value.contains("::") || is_path(value);
    if is_stand_in(value) || (is_code && !shape.is_variable) || value.starts_with('-') {
        return false;
    }
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    match kind {
        Kind::Password if shape.is_variable || shape.is_flag => value.len() >= 4,
        Kind::Password => value.len() >= 6 && has(u8::is_ascii_digit) && !is_wordlike(value),
        Kind::Token => {
            is_random(value) && (value.len() >= 16 || shape.is_variable || shape.is_flag)
        }
        Kind::Header => is_header_secret(value),
        Kind::Basic => is_basic(value),
    }
}

/// Whether a machine may have made a value: no word, no number, not the same letters again and again.
fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',');
    // `ANameInCamelCase` has letters of both cases, too.
    let is_mixed = has(u8::is_ascii_digit) || (value.len() >= 20 && entropy(value) >= 4.0);
    value.len() >= 8
        && is_mixed
        && !is_wordlike(value)
        && !is_number
        && !is_path(value)
        && entropy(value) >= 2.5
}

/// `self.next.token1`, `config.api_key`, `/etc/token-1`: a place, not a value.
fn is_path(value: &str) -> bool {
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && entropy(part) < 3.5
    };
    let dots = value.contains('.') && value.split('.').all(is_name);
    dots || value.starts_with('/') || value.starts_with("./") || value.starts_with("~/")
}

/// Whether what stands before a name makes a variable of it, as `set -gx` in fish, `setenv` in csh and
/// `ENV` in a Dockerfile.
fn is_exported(before: &[u8]) -> bool {
    let Some(before) = before.strip_suffix(b" ") else { return false };
    let length = before.iter().rev().take(8).take_while(|byte| !byte.is_ascii_whitespace()).count();
    let word = &before[before.len() - length..];
    let is_flag = word.len() > 1 && word[0] == b'-' && word.ends_with(b"x");
    is_flag || [b"setenv".as_slice(), b"setx", b"ENV"].contains(&word)
}

/// `NAME`, as shells and `.env` files write it.
fn is_variable(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// The value without a scheme such as `Bearer`.
fn after_scheme(text: &str, range: Range<usize>, kind: Kind) -> Range<usize> {
    const SCHEMES: [&str; 7] =
        ["bearer", "basic", "token", "digest", "apikey", "negotiate", "api-key"];
    let value = &text[range.clone()];
    match value.split_once(' ') {
        Some((scheme, rest))
            if kind == Kind::Header && SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            range.end - rest.trim_start().len()..range.end
        }
        _ => range,
    }
}

fn name_around(bytes: &[u8], keyword: Range<usize>) -> Range<usize> {
    let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let before =
        bytes[..keyword.start].iter().rev().take(LONGEST_NAME).take_while(is_letter).count();
    let after = bytes[keyword.end..].iter().take(LONGEST_NAME).take_while(is_letter).count();
    let mut start = keyword.start - before;
    // The `n` of `\n` is not part of the name.
    if start > 0 && bytes[start - 1] == b'\\' && start < keyword.start {
        start += 1;
    }
    start..keyword.end + after
}

/// Whether a name that begins here stands in quotes, alone or as the end of others: `"db.password"`.
fn is_quoted_before(bytes: &[u8], start: usize) -> bool {
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let others = bytes[..start].iter().rev().take(LONGEST_NAME).take_while(is_inner).count();
    bytes[..start - others].last().copied().is_some_and(is_quote)
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
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

    fn as_text(self) -> String {
        let mut text = "\\".repeat(self.backslashes);
        text.push(char::from(self.mark));
        text
    }
}

/// A place in a text.
struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Goes over at most `most` of these bytes; says how many there were.
    fn skip(&mut self, most: usize, of: &[u8]) -> usize {
        let count = self.rest().iter().take(most).take_while(|byte| of.contains(byte)).count();
        self.at += count;
        count
    }

    /// Goes over a quote.
    fn quote(&mut self) -> Option<Quote> {
        let backslashes = self.rest().iter().take(16).take_while(|byte| **byte == b'\\').count();
        let mark = self.rest().get(backslashes).copied().filter(|byte| is_quote(*byte))?;
        self.at += backslashes + 1;
        Some(Quote { backslashes, mark })
    }

    /// Goes over what stands between a name and its value.
    fn delimiter(&mut self) -> bool {
        if self.rest().starts_with(b"::") {
            return false;
        }
        [b"=>".as_slice(), b":=", b"==", b"?=", b"=", b":"].into_iter().any(|delimiter| {
            let is_there = self.rest().starts_with(delimiter);
            self.at += if is_there { delimiter.len() } else { 0 };
            is_there
        })
    }

    /// What stands before the next quote of the same form, which must be on the same line.
    fn quoted(&self, quote: Quote, text: &str) -> Option<Range<usize>> {
        let mut backslashes = 0;
        for (index, byte) in self.rest().iter().take(LONGEST_VALUE).enumerate() {
            match byte {
                b'\\' => backslashes += 1,
                b'\n' => return None,
                byte if *byte == quote.mark && quote.ends_after(backslashes) => {
                    let end = self.at + index - backslashes.min(quote.backslashes);
                    let range = self.at..end;
                    return text
                        .get(range.clone())
                        .filter(|value| !value.is_empty())
                        .map(|_| range);
                }
                _ => backslashes = 0,
            }
        }
        None
    }

    /// What ends a line, or stands in quotes, and has letters and digits as no word of a sentence has:
    /// `password a8f5f167` in `.netrc`, `PASSWORD 'a8f5f167'` in SQL.
    fn spoken(&mut self, text: &str) -> Option<Range<usize>> {
        let quote = self.quote();
        let is_inner = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\"'`\\,;()<>".contains(byte);
        let length = self.rest().iter().take(LONGEST_SPOKEN).take_while(is_inner).count();
        let range = self.at..self.at + length;
        let value = text.get(range.clone())?;
        let next = self.bytes.get(range.end).copied();
        let is_closed = match quote {
            Some(quote) => next == Some(quote.mark) || next == Some(b'\\'),
            None => next.is_none_or(|next| b"\r\n\"'\\".contains(&next)),
        };
        let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
        let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        let is_secret = value.len() >= 6
            && is_mixed
            && !value.starts_with("0x")
            && !is_stand_in(value)
            && !is_path(value);
        (is_closed && is_secret).then_some(range)
    }

    /// What stands before the next byte that ends a value.
    fn unquoted(
        &self,
        shape: Shape,
        kind: Kind,
        text: &str,
        examined: &mut Examined,
    ) -> Option<Range<usize>> {
        const LONG: usize = 512;
        let (ends, class): (&[u8], _) = match kind {
            Kind::Header => (b"\r\n\"'`\\", 0),
            _ if shape.is_variable || shape.is_flag => (b" \t\r\n\"'`\\;&|<>", 1),
            _ => (b" \t\r\n\"'`\\;&|<>,()[]{}", 2),
        };
        if self.at < examined.0[class] {
            return None;
        }
        let rest = self.rest().iter().take(LONGEST_VALUE);
        let length = rest.take_while(|byte| !ends.contains(byte)).count();
        let end = text.floor_char_boundary(self.at + length);
        if length > LONG {
            examined.0[class] = end;
        }
        let value = text.get(self.at..end)?;
        let range = self.at..self.at + value.trim_end().len();
        (!range.is_empty()).then(|| after_scheme(text, range, kind))
    }
}
