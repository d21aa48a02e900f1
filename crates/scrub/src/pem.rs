//! Private keys in PEM, whole or cut off.

use std::ops::Range;

/// How each begins, in lower case.
pub(crate) const START: &str = "-----begin";

const DASHES: &str = "-----";

/// The longest first or last line, in bytes.
const LONGEST_LINE: usize = 100;

/// A shorter piece of base64 may be a word.
const SHORTEST_PIECE: usize = 16;

/// The private key that begins at `start`: to its last line, or where that is cut off, to the end of
/// the base64. Its lines may end as in JSON.
pub(crate) fn key_at(text: &str, start: usize) -> Option<Range<usize>> {
    let name = text.get(start + DASHES.len()..)?;
    let name = &name[..dashes(name)?];
    if !name.to_ascii_uppercase().contains("PRIVATE KEY") {
        return None;
    }
    let body = start + DASHES.len() + name.len() + DASHES.len();
    let (length, is_whole) = body_length(&text[body..]);
    let end = body + length;
    if is_whole {
        let last_line = &text[end + DASHES.len()..];
        return Some(start..end + 2 * DASHES.len() + dashes(last_line)?);
    }
    (length > 0).then_some(start..end)
}

/// Where the dashes that end a line are.
fn dashes(line: &str) -> Option<usize> {
    line[..line.floor_char_boundary(LONGEST_LINE)].find(DASHES)
}

/// How far base64, headers and the space between them go, and whether the last line follows.
fn body_length(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let (mut at, mut piece, mut last_piece) = (0, 0, 0);
    while let Some(byte) = bytes.get(at) {
        if bytes[at..].starts_with(b"-----END") {
            return (at, true);
        }
        let is_escape = *byte == b'\\' && matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't'));
        let is_header = b":,.()-".contains(byte) && !bytes[at..].starts_with(DASHES.as_bytes());
        if byte.is_ascii_alphanumeric() || b"+/=".contains(byte) {
            piece += 1;
            at += 1;
            if piece >= SHORTEST_PIECE {
                last_piece = at;
            }
        } else if byte.is_ascii_whitespace() || is_header || is_escape {
            piece = 0;
            at += if is_escape { 2 } else { 1 };
        } else {
            break;
        }
    }
    (last_piece, false)
}
