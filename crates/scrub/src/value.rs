//! Values beside the names of secrets.

use std::ops::Range;

use crate::cursor::{Cursor, Quote, is_quote};
use crate::find::Finding;
use crate::judge::{Place, is_bare_secret, is_path, is_quoted_secret};
use crate::names::{self, Kind, Names};
use crate::pair;
use crate::stand_in::is_stand_in;

/// Longer names are something else.
const LONGEST_NAME: usize = 64;
const LONGEST_SPOKEN: usize = 128;

/// How far values without quotes were looked at, by what ends them. A long one was one, and what is
/// within it needs no further search: the time would grow with the square of its length.
#[derive(Debug, Default)]
pub(crate) struct Examined([usize; 3]);

/// A name that says that a secret stands beside it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) range: Range<usize>,
    pub(crate) rule: &'static str,
    pub(crate) kind: Kind,
    /// The quote behind it, where one stands before it, too.
    pub(crate) quote: Option<Quote>,
    /// Behind the quote and the bracket that end it.
    pub(crate) end: usize,
}

/// The name that has this keyword in it, if it is that of a secret.
pub(crate) fn name_at(text: &str, keyword: Range<usize>, names: &Names) -> Option<Named> {
    let bytes = text.as_bytes();
    let range = name_around(bytes, keyword);
    if !may_end_a_name(bytes.get(range.end).copied()) {
        return None;
    }
    let (rule, kind) = names.kind(text.get(range.clone())?)?;
    let mut cursor = Cursor::new(text, range.end);
    let quote = if is_quoted_before(bytes, range.start) { cursor.quote() } else { None };
    cursor.skip(1, b"]");
    let kind = if names::is_ambiguous(&text[range.clone()]) && begins_line(bytes, range.start) {
        Kind::Password
    } else {
        kind
    };
    Some(Named { range, rule, kind, quote, end: cursor.at })
}

/// The secret beside a name.
pub(crate) fn beside_name(text: &str, named: &Named, examined: &mut Examined) -> Option<Finding> {
    let finding = |range| Finding { range, rule: named.rule, quote: None };
    assigned(text, named, examined)
        .or_else(|| pair::value_of(text, named).map(finding))
        .or_else(|| spoken(text, named).map(finding))
}

/// The secret that is assigned to a name, in any of the languages that do.
fn assigned(text: &str, named: &Named, examined: &mut Examined) -> Option<Finding> {
    let finding = |range| Finding { range, rule: named.rule, quote: None };
    let (cursor, place) = assignment(text, named)?;
    if let Some(range) = on_the_next_line(cursor, named.kind) {
        return Some(finding(range));
    }
    let mut cursor = cursor;
    prefix(&mut cursor);
    let is_element = cursor.text.as_bytes()[..cursor.at].ends_with(b">");
    if let Some(quote) = cursor.quote().filter(|_| !is_element) {
        let range = after_scheme(text, cursor.quoted(quote)?, named.kind);
        let is_secret = is_quoted_secret(text.get(range.clone())?, named.kind, place);
        return is_secret.then(|| finding(range));
    }
    if place == Place::Argument {
        return None;
    }
    let cdata = is_element && cursor.take(b"<![CDATA[");
    let range = unquoted(cursor, place, named.kind, examined)?;
    let range = if cdata { range.start..cursor.until(b"]\r\n").end } else { range };
    if is_element && !cdata && !text.as_bytes()[range.end..].starts_with(b"</") {
        return None;
    }
    let next = text.as_bytes().get(range.end).copied().unwrap_or_default();
    let is_secret = is_bare_secret(text.get(range.clone())?, next, named.kind, place);
    let quote = named.quote.map(Quote::as_text);
    is_secret.then_some(Finding { range, rule: named.rule, quote })
}

/// Goes over what stands between a name and its value, and says what kind of place that is.
fn assignment<'t>(text: &'t str, named: &Named) -> Option<(Cursor<'t>, Place)> {
    let bytes = text.as_bytes();
    let name = &bytes[named.range.clone()];
    let mut cursor = Cursor::new(text, named.end);
    let is_flag = name.starts_with(b"--")
        || (name.starts_with(b"-") && !name.iter().any(u8::is_ascii_uppercase));
    let is_element = named.range.start > 0 && bytes[named.range.start - 1] == b'<';
    let is_exported = is_variable(name) && is_exported(&bytes[..named.range.start]);
    let spaces = cursor.skip(24, b" \t");
    let is_header = named.kind == Kind::Header;
    // A part of the name of something in a cloud.
    if named.range.start > 0 && bytes[named.range.start - 1] == b':' && spaces == 0 {
        return None;
    }
    if delimiter(&mut cursor) {
        let is_tight = cursor.skip(24, b" \t") == 0 && spaces == 0;
        let place = match () {
            () if is_flag => Place::Flag,
            () if named.quote.is_some() || is_header => Place::Field,
            () if is_exported || (is_tight && is_variable(name)) => Place::Variable,
            () => Place::Word,
        };
        return Some((cursor, place));
    }
    if is_flag && (spaces > 0 || cursor.skip(1, b",") > 0) {
        cursor.skip(8, b" \t");
        return Some((cursor, Place::Flag));
    }
    if is_exported && spaces > 0 {
        return Some((cursor, Place::Variable));
    }
    if is_element && spaces == 0 && cursor.take(b">") {
        return Some((cursor, Place::Variable));
    }
    argument(cursor, named, spaces).map(|cursor| (cursor, Place::Argument))
}

/// Goes to the text in quotes that follows a name as the next argument, or as what is taken where the
/// name has no value: `setenv("API_KEY", "…")`, `env.API_KEY || "…"`, `setPassword("…")`.
fn argument<'t>(mut cursor: Cursor<'t>, named: &Named, spaces: usize) -> Option<Cursor<'t>> {
    let is_next = match cursor.next()? {
        b',' => named.quote.is_some(),
        b'(' => named.quote.is_none() && spaces == 0,
        b'|' => cursor.rest().starts_with(b"||"),
        b'?' => cursor.rest().starts_with(b"??"),
        b'i' => spaces > 0 && cursor.take(b"is "),
        _ => false,
    };
    if !is_next {
        return None;
    }
    cursor.skip(2, b",(|?");
    cursor.skip(8, b" \t");
    let mut value = cursor;
    prefix(&mut value);
    value.quote()?;
    Some(cursor)
}

/// Goes over what may stand before a text in quotes, or before a value in YAML.
fn prefix(cursor: &mut Cursor<'_>) {
    if cursor.next().is_some_and(|byte| b"&!".contains(&byte)) {
        let word = cursor.rest().iter().take(32).take_while(|byte| !byte.is_ascii_whitespace());
        cursor.at += word.count();
        cursor.skip(4, b" ");
    }
    // A quote within a text in quotes, as shells write it.
    let _ = cursor.take(b"'\"'\"") || cursor.take(b"'\\'");
    let is_marked = cursor.next().is_some_and(|byte| b"fbruNL@$".contains(&byte));
    if is_marked && cursor.rest().get(1).copied().is_some_and(is_quote) {
        cursor.at += 1;
    }
}

/// Goes over what stands between a name and its value.
fn delimiter(cursor: &mut Cursor<'_>) -> bool {
    const DELIMITERS: [&[u8]; 6] = [b"=>", b":=", b"==", b"?=", b"=", b":"];
    cursor.take(b"is:")
        || !cursor.rest().starts_with(b"::") && DELIMITERS.into_iter().any(|word| cursor.take(word))
}

/// The value that stands on the line below: a block of YAML, a text up to a mark in a shell.
fn on_the_next_line(mut cursor: Cursor<'_>, kind: Kind) -> Option<Range<usize>> {
    let is_block = cursor.next().is_some_and(|byte| b"|>".contains(&byte));
    let is_here = cursor.rest().starts_with(b"<<");
    if is_block {
        cursor.skip(1, b"|>");
        cursor.skip(2, b"+-0123456789");
    } else if is_here {
        let word = cursor.rest().iter().take(32);
        cursor.at += word.take_while(|byte| !b"\r\n\\".contains(byte)).count();
    }
    cursor.skip(8, b" \t");
    if !cursor.end_of_line() {
        return None;
    }
    let indent = cursor.skip(64, b" \t");
    if cursor.next() == Some(b'"') || cursor.next() == Some(b'#') {
        return None;
    }
    let range = cursor.until(b"\r\n\\\"");
    let value = cursor.text.get(range.clone())?;
    let is_value = (is_block && indent > 0) || is_here;
    // Without a mark, the line below may be another field, or anything.
    let is_plain = indent > 0 && !value.contains([':', ' ', '=']);
    let place = if is_value { Place::Variable } else { Place::Word };
    ((is_value || is_plain) && is_bare_secret(value, b'\n', kind, place)).then_some(range)
}

/// What ends a line, or stands in quotes, and has letters and digits as no word of a sentence has:
/// `password a8f5f167` in `.netrc`, `PASSWORD 'a8f5f167'` in SQL.
fn spoken(text: &str, named: &Named) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(text, named.end);
    let is_token = named.rule == "token" && named.range.len() == "token".len();
    let is_flag = text[named.range.clone()].starts_with('-');
    if cursor.skip(24, b" \t") == 0 || is_flag || !(named.rule == "password" || is_token) {
        return None;
    }
    prefix(&mut cursor);
    let quote = cursor.quote();
    let is_inner = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\"'`\\,;()<>|".contains(byte);
    let length = cursor.rest().iter().take(LONGEST_SPOKEN).take_while(is_inner).count();
    let range = cursor.at..cursor.at + length;
    let value = text.get(range.clone())?;
    cursor.at = range.end;
    let next = cursor.next();
    let is_closed = match quote {
        Some(_) => next.is_some_and(|next| is_quote(next) || next == b'\\'),
        None => next.is_none_or(|next| b"\r\n\"'\\".contains(&next)),
    };
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_secret = value.len() >= if is_token { 24 } else { 6 }
        && is_mixed
        && !value.starts_with("0x")
        && !value.contains("=")
        && !is_stand_in(value)
        && !is_path(value);
    (is_closed && is_secret).then_some(range)
}

/// What stands before the next byte that ends a value.
fn unquoted(
    cursor: Cursor<'_>,
    place: Place,
    kind: Kind,
    examined: &mut Examined,
) -> Option<Range<usize>> {
    const LONG: usize = 512;
    let (ends, class): (&[u8], _) = match (kind, place) {
        (Kind::Header | Kind::Phrase, _) => (b"\r\n\"'`\\", 0),
        (_, Place::Variable | Place::Flag) => (b" \t\r\n\"'`\\;&|<>", 1),
        _ => (b" \t\r\n\"'`\\;&|<>,()[]{}", 2),
    };
    if cursor.at < examined.0[class] {
        return None;
    }
    let range = cursor.until(ends);
    if range.len() > LONG {
        examined.0[class] = range.end;
    }
    (!range.is_empty()).then(|| after_scheme(cursor.text, range, kind))
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

/// Whether only space, a dash, a bracket or a quote is before this place on its line.
fn begins_line(bytes: &[u8], start: usize) -> bool {
    let before = bytes[..start].iter().rev();
    before
        .take(LONGEST_NAME)
        .find(|byte| !b" \t\"'-+$\\".contains(byte))
        .is_none_or(|byte| b"\n{,;".contains(byte))
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

/// Whether this byte may stand between a name and a value.
fn may_end_a_name(byte: Option<u8>) -> bool {
    byte.is_none_or(|byte| b"\"'`\\]= :,|<>\t\r\n;&?(".contains(&byte))
}

/// Whether a name that begins here stands in quotes, alone or as the end of others: `"db.password"`.
fn is_quoted_before(bytes: &[u8], start: usize) -> bool {
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let others = bytes[..start].iter().rev().take(LONGEST_NAME).take_while(is_inner).count();
    bytes[..start - others].last().copied().is_some_and(is_quote)
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
