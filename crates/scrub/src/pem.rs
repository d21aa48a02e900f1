//! Private keys in PEM and its relatives, whole or cut off.

use std::ops::Range;

/// How each begins, in lower case: PEM, SSH2, PuTTY.
pub(crate) const STARTS: [&str; 3] = ["-----begin", "---- begin", "private-lines:"];

const DASHES: &str = "----";

/// The longest first or last line, in bytes.
const LONGEST_LINE: usize = 100;

/// A shorter piece of base64 may be a word.
const SHORTEST_PIECE: usize = 16;

/// What stands between two lines of a key, such as a line number, a quote or a header, is no longer.
const LONGEST_GAP: usize = 160;

/// The private key that begins at this word: to its last line, or where that is cut off, to the end of
/// the base64. Something may stand between its lines, as in a listing or in source code.
pub(crate) fn key_at(text: &str, start: Range<usize>) -> Option<Range<usize>> {
    let line = text.get(start.end..)?;
    let begins_with_dashes = text[start.clone()].starts_with(DASHES);
    let body = if begins_with_dashes { start.end + first_line(line)? } else { start.end };
    let (length, is_whole) = body_length(&text[body..]);
    if length == 0 {
        return None;
    }
    let end = body + length;
    let last_line = if is_whole { end_of_key(&text[end..]) } else { None };
    Some(start.start..last_line.map_or(end, |length| end + length))
}

/// The length of a first line, without the dashes before it, if it is that of a private key.
fn first_line(line: &str) -> Option<usize> {
    let length = dashes(line)?;
    let name = line[..length].to_ascii_uppercase();
    let is_private = name.contains("PRIVATE") && name.contains("KEY");
    let marks = line[length..].bytes().take_while(|byte| *byte == b'-').count();
    is_private.then_some(length + marks)
}

/// The length of a last line.
fn end_of_key(text: &str) -> Option<usize> {
    let marks = text.bytes().take_while(|byte| *byte == b'-').count();
    let length = marks + dashes(&text[marks..])?;
    Some(length + text[length..].bytes().take_while(|byte| *byte == b'-').count())
}

/// Where the dashes that end a line are.
fn dashes(line: &str) -> Option<usize> {
    line[..line.floor_char_boundary(LONGEST_LINE)].find(DASHES)
}

/// How far base64 and what stands between its lines go, and whether the last line follows.
fn body_length(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let (mut at, mut piece, mut last_piece) = (0, 0, 0);
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        if rest.starts_with(b"-----END") || rest.starts_with(b"---- END") {
            return if last_piece > 0 { (at, true) } else { (0, false) };
        }
        if byte.is_ascii_alphanumeric() || b"+/=".contains(byte) {
            piece += 1;
            if piece >= SHORTEST_PIECE {
                last_piece = at + 1;
            }
        } else if byte.is_ascii_whitespace() || b"\\\"':,.()->|%;_`".contains(byte) {
            piece = 0;
        } else {
            break;
        }
        if at.saturating_sub(last_piece) > LONGEST_GAP || rest.starts_with(DASHES.as_bytes()) {
            break;
        }
        at += 1;
    }
    (last_piece, false)
}
