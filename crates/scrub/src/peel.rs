//! A text without its encodings: escapes of JSON and of shells, percent signs, entities of XML, and
//! the colours of terminals. Each place knows where it comes from.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr3, memchr3_iter};

/// How many encodings around each other are taken off.
const DEEPEST: usize = 6;

/// What a text is without its encodings.
#[derive(Debug)]
pub(crate) struct Peeled {
    pub(crate) text: String,
    /// Where pieces begin that are the same in both texts: here, and in the text it was made from.
    pieces: Vec<(usize, usize)>,
}

/// A text without its encodings; none where it has none. The time grows with the length of the text.
pub(crate) fn peel(text: &str) -> Option<Peeled> {
    let mut peeled = once(text)?;
    for _ in 1..DEEPEST {
        let Some(mut next) = once(&peeled.text) else { break };
        next.pieces = peeled.through(&next);
        peeled = next;
    }
    Some(peeled)
}

/// Whether a text has encodings other than the escapes that every text in JSON has.
pub(crate) fn has_unusual(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Backslashes before the last one come off with the encodings around this one.
    let is_unusual = |at| bytes.get(at + 1).is_some_and(|next| b"exu0".contains(next));
    memchr3_iter(b'%', b'&', 0x1b, bytes).any(|at| decode(&bytes[at..]).is_some())
        || memchr_iter(b'\\', bytes).any(|at| is_unusual(at) && escape(&bytes[at..]).is_some())
}

impl Peeled {
    /// Where a part of this text stands in the text that it was made from. What was taken off around it
    /// is not part of that.
    pub(crate) fn range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.origin(range.start);
        let last = self.origin(range.end - 1);
        // An encoded letter reaches to the next piece.
        let piece = self.pieces.partition_point(|(here, _)| *here < range.end);
        let before = self.pieces.get(piece.wrapping_sub(1)).copied().unwrap_or_default();
        let next = self.pieces.get(piece).filter(|(here, _)| *here == range.end);
        let end = match next {
            Some((_, origin)) if before.0 == range.end - 1 => *origin,
            _ => last + 1,
        };
        start..end.max(start)
    }

    /// The pieces of a text that was made from this one, and where they come from in the first text.
    fn through(&self, next: &Self) -> Vec<(usize, usize)> {
        let mut pieces = Vec::with_capacity(self.pieces.len() + next.pieces.len());
        let ends = next.pieces.iter().skip(1).map(|(here, _)| *here);
        for ((here, from), end) in next.pieces.iter().zip(ends.chain([next.text.len()])) {
            pieces.push((*here, self.origin(*from)));
            let until = from + (end - here);
            let first = self.pieces.partition_point(|(place, _)| place <= from);
            let within = self.pieces[first..].iter().take_while(|(place, _)| *place < until);
            pieces.extend(within.map(|(place, origin)| (here + (place - from), *origin)));
        }
        pieces
    }

    fn origin(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(here, _)| *here <= at);
        let (here, origin) = self.pieces[piece - 1];
        origin + (at - here)
    }
}

/// Whether an encoding may begin with this byte.
fn is_start(byte: &u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | 0x1b)
}

/// Takes one encoding off.
fn once(text: &str) -> Option<Peeled> {
    let bytes = text.as_bytes();
    let mut at = memchr3(b'%', b'&', 0x1b, bytes).into_iter().chain(memchr(b'\\', bytes)).min()?;
    let mut peeled = Peeled { text: String::new(), pieces: vec![(0, 0)] };
    let mut done = 0;
    while let Some(found) = bytes[at..].iter().position(is_start) {
        at += found;
        let Some((decoded, length)) = decode(&bytes[at..]) else {
            at += 1;
            continue;
        };
        peeled.text.push_str(&text[done..at]);
        if let Some(letter) = decoded {
            peeled.pieces.push((peeled.text.len(), at));
            peeled.text.push(letter);
        }
        at += length;
        done = at;
        peeled.pieces.push((peeled.text.len(), at));
    }
    peeled.text.push_str(&text[done..]);
    (done > 0).then_some(peeled)
}

/// The letter that is encoded here, if not nothing, and the length of its encoding.
fn decode(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    match bytes[0] {
        b'\\' => escape(bytes),
        b'%' => {
            let byte = hexadecimal(bytes.get(1..3)?)?;
            (is_text(byte)).then_some((Some(char::from(byte)), 3))
        }
        b'&' => entity(bytes),
        _ => Some((None, terminal(bytes, 1)?)),
    }
}

fn escape(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let hex = |from: usize, to: usize| {
        let byte = hexadecimal(bytes.get(from..to)?)?;
        letter(byte, bytes, to)
    };
    match bytes.get(1)? {
        b'n' => Some((Some('\n'), 2)),
        b'r' => Some((Some('\r'), 2)),
        b't' => Some((Some('\t'), 2)),
        b'e' => Some((None, terminal(bytes, 2)?)),
        b'x' => hex(2, 4),
        b'u' if bytes.get(2..4) == Some(b"00") => hex(4, 6),
        b'0' if bytes.get(1..4) == Some(b"033") => Some((None, terminal(bytes, 4)?)),
        byte @ (b'"' | b'\'' | b'\\' | b'/' | b'`' | b'$') => Some((Some(char::from(*byte)), 2)),
        _ => None,
    }
}

fn letter(byte: u8, bytes: &[u8], length: usize) -> Option<(Option<char>, usize)> {
    match byte {
        0x1b => Some((None, terminal(bytes, length)?)),
        byte => is_text(byte).then_some((Some(char::from(byte)), length)),
    }
}

fn is_text(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r' || byte == b'\t' || (b' '..=b'~').contains(&byte)
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(digits, 16).ok()
}

fn entity(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    const NAMED: [(&[u8], char); 5] =
        [(b"&quot;", '"'), (b"&apos;", '\''), (b"&amp;", '&'), (b"&lt;", '<'), (b"&gt;", '>')];
    if let Some((name, letter)) = NAMED.iter().find(|(name, _)| bytes.starts_with(name)) {
        return Some((Some(*letter), name.len()));
    }
    let number = bytes.strip_prefix(b"&#")?;
    let end = number.iter().take(6).position(|byte| *byte == b';')?;
    let digits = std::str::from_utf8(&number[..end]).ok()?;
    let byte = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u8::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    is_text(byte).then_some((Some(char::from(byte)), 3 + end))
}

/// The length of a sequence for a terminal, where `from` is behind its escape.
fn terminal(bytes: &[u8], from: usize) -> Option<usize> {
    const LONGEST: usize = 256;
    let rest = bytes.get(from..)?;
    let rest = &rest[..rest.len().min(LONGEST)];
    let length = match rest.first()? {
        b'[' => rest.iter().skip(1).position(|byte| (b'@'..=b'~').contains(byte))? + 2,
        b']' => match rest.iter().position(|byte| matches!(byte, 7 | 0x1b))? {
            end if rest[end] == 7 => end + 1,
            end if rest.get(end + 1) == Some(&b'\\') => end + 2,
            end => end,
        },
        b'(' | b')' if rest.get(1).is_some_and(u8::is_ascii_graphic) => 2,
        byte if byte.is_ascii_graphic() => 1,
        _ => return None,
    };
    (from + length <= bytes.len()).then_some(from + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects the text without its encodings, and the part `secret` of it to come from this one.
    #[track_caller]
    fn check(text: &str, expected: &str, secret: &str, origin: &str) {
        let peeled = peel(text).expect("an encoding");
        assert_eq!(peeled.text, expected);
        let at = peeled.text.find(secret).expect("the secret");
        assert_eq!(&text[peeled.range(&(at..at + secret.len()))], origin, "{text:?}");
    }

    #[test]
    fn encodings_come_off_and_places_are_kept() {
        check("a\\nb", "a\nb", "b", "b");
        check("a\\nb", "a\nb", "a\nb", "a\\nb");
        check("p%3Dh%21x", "p=h!x", "h!", "h%21");
        check("\u{1b}[1mred\u{1b}[0m x", "red x", "red", "red");
        check("\u{1b}]8;;http://h\u{1b}\\link", "link", "link", "link");
        check(r"\u001b[1mk\u001b[0m=v", "k=v", "k=v", r"k\u001b[0m=v");
        check(r#"\\\"a\\\": \\\"b c\\\""#, r#""a": "b c""#, "b c", "b c");
        check("&quot;x&#34;", "\"x\"", "x\"", "x&#34;");
        check(r"\\\\n1", "\n1", "1", "1");
        check("ü%20ö", "ü ö", "ö", "ö");
    }

    #[test]
    fn a_text_without_encodings_is_left_alone() {
        for text in ["", "plain", "100 % sure & done", r"C:\dir", "\u{1b}", "%zz", "&nbsp", "\\"] {
            assert!(peel(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_one_encoding_takes_time_that_grows_with_it() {
        let text = "\\".repeat(1 << 20);
        assert!(peel(&text).expect("backslashes").text.len() < text.len() / 32);
    }
}
