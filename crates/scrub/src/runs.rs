//! Runs of letters and digits: base64 of texts that have secrets, and tokens without a word of their own.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

/// A shorter run holds no secret and the name beside it.
pub(crate) const SHORTEST: usize = 24;

/// Base64 that goes on in the next line has lines of this length at least.
const SHORTEST_LINE: usize = 60;

/// What a run is decoded of first: noise is no text after so much.
const PROBE: usize = 32;

/// The runs of a text, in order. Only every so many bytes are looked at where there is none.
pub(crate) fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = SHORTEST - 1;
    let mut done = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if !is_run(bytes[at]) {
                at += SHORTEST;
                continue;
            }
            let before = bytes[done..at].iter().rev().take_while(|byte| is_run(**byte)).count();
            let after = bytes[at..].iter().take_while(|byte| is_run(**byte)).count();
            let run = at - before..at + after;
            done = run.end;
            at = run.end + SHORTEST;
            if run.len() >= SHORTEST {
                return Some(run);
            }
        }
        None
    })
}

/// Base64 that may be cut off: the bits of its last letter that encode nothing may be any.
const CUT_OFF: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// Letters of base64, in either alphabet.
fn is_run(byte: u8) -> bool {
    const RUN: [bool; 256] = {
        let mut table = [false; 256];
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
        let mut at = 0;
        while at < letters.len() {
            table[letters[at] as usize] = true;
            at += 1;
        }
        table
    };
    RUN[usize::from(byte)]
}

/// The text that the base64 of this run encodes, and how far that goes, over further lines and the
/// marks at its end; none where it is no text. Lines before `joined` were read together: each is read
/// alone, or the time would grow with the square of their number.
pub(crate) fn text_of(
    text: &str,
    run: &Range<usize>,
    joined: &mut usize,
) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    let probe = &bytes[run.start..run.end.min(run.start + PROBE)];
    // A hash, as most runs are.
    if probe.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    decoded(&probe[..probe.len() / 4 * 4])?;
    let mut letters = bytes[run.clone()].to_vec();
    let mut end = run.end;
    let mut line = run.len();
    while run.start >= *joined
        && line >= SHORTEST_LINE
        && let Some(next) = next_line(bytes, end)
    {
        letters.extend_from_slice(&bytes[next.clone()]);
        (line, end) = (next.len(), next.end);
    }
    *joined = end.max(*joined);
    end += bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    // One letter over is half a byte.
    let length = letters.len() - usize::from(letters.len() % 4 == 1);
    decoded(&letters[..length]).map(|text| (text, end))
}

/// The run of base64 on the line that follows this place.
fn next_line(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = &bytes[end..];
    let backslashes = rest.iter().take(32).take_while(|byte| **byte == b'\\').count();
    let is_escaped = backslashes > 0 && rest.get(backslashes) == Some(&b'n');
    let breaks = match rest.first()? {
        b'\n' => 1,
        b'\r' if rest.get(1) == Some(&b'\n') => 2,
        _ if is_escaped => backslashes + 1,
        _ => return None,
    };
    let indent = rest[breaks..].iter().take(64).take_while(|byte| **byte == b' ').count();
    let start = end + breaks + indent;
    let length = bytes[start..].iter().take_while(|byte| is_run(**byte)).count();
    (length > 0).then_some(start..start + length)
}

/// Base64 of a text in UTF-8, or in UTF-16 as PowerShell takes it.
fn decoded(letters: &[u8]) -> Option<String> {
    let standard: Vec<u8> = letters
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    let mut bytes = CUT_OFF.decode(standard).ok()?;
    if bytes.iter().skip(1).step_by(2).all(|byte| *byte == 0) {
        bytes.retain(|byte| *byte != 0);
    }
    // A letter may be cut off at the end.
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            if bytes.len() - valid > 3 {
                return None;
            }
            bytes.truncate(valid);
            String::from_utf8(bytes).ok()?
        }
    };
    let is_text = |letter: char| !letter.is_control() || "\n\r\t".contains(letter);
    (!text.is_empty() && text.chars().all(is_text)).then_some(text)
}

/// The token that a run is a part of, where no word says where to look for it.
pub(crate) fn token(text: &str, run: &Range<usize>) -> Option<(Range<usize>, &'static str)> {
    let bytes = &text.as_bytes()[run.clone()];
    let rest = bytes.get(2..)?;
    let is_hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let after = &text.as_bytes()[run.end..];
    match bytes.len() {
        32 if after.starts_with(b":::") && is_hex(bytes) => return Some((run.clone(), "nt-hash")),
        34 if bytes.starts_with(b"SK") && is_hex(rest) => {
            return Some((run.clone(), "twilio-api-key"));
        }
        34 if bytes.starts_with(b"AC") && is_hex(rest) && after.first() == Some(&b':') => {
            let length = after[1..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            return (length == 32).then(|| (run.end + 1..run.end + 33, "twilio-auth-token"));
        }
        _ => {}
    }
    discord(text, run).map(|range| (range, "discord-bot-token"))
}

/// `ID.TIME.HASH`, where the first is base64 of a number.
fn discord(text: &str, run: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let first = &bytes[run.clone()];
    if !(24..=28).contains(&first.len()) || !b"MNO".contains(&first[0]) {
        return None;
    }
    let part = |start: usize| {
        let is_dot = bytes.get(start) == Some(&b'.');
        let length =
            bytes.get(start + 1..)?.iter().take(48).take_while(|byte| is_run(**byte)).count();
        is_dot.then_some(start + 1..start + 1 + length)
    };
    let time = part(run.end).filter(|time| time.len() == 6)?;
    let hash = part(time.end).filter(|hash| hash.len() >= 27)?;
    Some(run.start..hash.end)
}
