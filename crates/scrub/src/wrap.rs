//! Tokens that a terminal wrapped: they go on in the next line.

use std::ops::Range;

use crate::judge::is_random;

/// A token goes on over so many lines at most.
const MOST_LINES: usize = 64;

/// A shorter token is not as long as a line.
const SHORTEST: usize = 16;

/// A shorter line that begins with letters and digits is another text.
const SHORTEST_REST: usize = 8;

/// The word and the lines that it seems to go on in, without the ends of the lines, and where the first
/// of those is; none where the word does not go on.
pub(crate) fn joined(text: &str, word: &Range<usize>) -> Option<(String, Vec<Range<usize>>)> {
    let mut parts = vec![word.clone()];
    let mut end = word.end;
    while let Some(next) = rest(text, end)
        && parts.len() <= MOST_LINES
    {
        end = next.end;
        parts.push(next);
    }
    let joined = parts.iter().map(|part| &text[part.clone()]).collect();
    (parts.len() > 1).then_some((joined, parts))
}

/// Where a part of the joined text stands.
pub(crate) fn origin(parts: &[Range<usize>], range: &Range<usize>) -> Range<usize> {
    let place = |mut at: usize| {
        for part in parts {
            if at < part.len() {
                return part.start + at;
            }
            at -= part.len();
        }
        parts.last().map_or(0, |part| part.end)
    };
    place(range.start)..place(range.end - 1) + 1
}

/// A secret, and the lines that it goes on in.
pub(crate) fn extended(text: &str, secret: Range<usize>) -> Range<usize> {
    let value = text.get(secret.clone()).unwrap_or_default();
    let line = value.rfind('\n').map_or(value, |end| &value[end + 1..]);
    if line.len() < SHORTEST || !is_random(line) {
        return secret;
    }
    let mut end = secret.end;
    for _ in 0..MOST_LINES {
        let Some(next) = rest(text, end) else { break };
        if !is_rest(&text[next.clone()]) {
            break;
        }
        end = next.end;
    }
    secret.start..end
}

/// Whether this is a piece of a token and no word: it has letters of both cases and digits.
fn is_rest(piece: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| piece.as_bytes().iter().any(kind);
    piece.len() >= SHORTEST_REST
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

/// The letters that fill the next line from its start, where a line ends here.
fn rest(text: &str, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let breaks = match bytes.get(end)? {
        b'\n' => 1,
        b'\r' if bytes.get(end + 1) == Some(&b'\n') => 2,
        _ => return None,
    };
    let start = end + breaks;
    let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.~+/=".contains(byte);
    let length = bytes[start..].iter().take(1024).take_while(is_letter).count();
    let next = bytes.get(start + length).copied().unwrap_or(b'\n');
    let is_whole = next.is_ascii_whitespace() || b"\"',;)\\".contains(&next);
    (length >= 4 && is_whole).then_some(start..start + length)
}
