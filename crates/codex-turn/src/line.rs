//! A line of a transcript while it is read, piece by piece: its long texts are cut on the way, so that
//! a line of any length takes little memory.

use std::mem;

use memchr::{memchr, memchr2};
use otlp_model::cut;

/// How much of one line is kept, in bytes; a line that has more beside its texts is passed over.
const MAX_KEPT: usize = 2 * 1024 * 1024;

/// Where so much of a line is kept, its further texts are cut at so many bytes: not below the length of
/// an id, such as `exec-` with a UUID.
const TIGHTER: [(usize, usize); 2] = [(MAX_KEPT / 4, 1024), (MAX_KEPT / 2, 64)];

/// The longest escape of JSON, a pair of surrogates apart.
const ESCAPE: usize = "\\u0000".len();

/// A line that is being read.
#[derive(Debug)]
pub struct Line {
    /// What is kept, as JSON.
    kept: Vec<u8>,
    /// The longest text that is kept whole, in bytes.
    limit: usize,
    /// Bytes that were read.
    bytes: u64,
    /// What was read last stands in this text; none between texts, and while nothing was cut.
    text: Option<Text>,
    /// An escape that was not read to its end.
    escape: Vec<u8>,
    /// Whether the line is too long to be kept whole.
    is_long: bool,
    is_too_long: bool,
}

/// A text of the line.
#[derive(Debug, Default)]
struct Text {
    /// Bytes that are kept; its escapes count as what they stand for.
    kept: usize,
    /// Bytes that were read.
    bytes: u64,
    is_cut: bool,
}

/// What was read of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadLine<'a> {
    /// The line, with its long texts cut.
    Kept(&'a [u8]),
    /// It holds too much that is no text.
    TooLong,
}

impl Line {
    /// A line of which texts are kept up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            bytes: 0,
            text: None,
            escape: Vec::new(),
            is_long: false,
            is_too_long: false,
        }
    }

    /// Begins the next line, with a limit of its own.
    pub fn clear(&mut self, limit: usize) {
        let mut kept = mem::take(&mut self.kept);
        kept.clear();
        kept.shrink_to(MAX_KEPT / 8);
        *self = Self { kept, escape: mem::take(&mut self.escape), ..Self::new(limit) };
        self.escape.clear();
    }

    /// Whether nothing was read of it yet.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was read.
    pub fn read(&self) -> ReadLine<'_> {
        if self.is_too_long { ReadLine::TooLong } else { ReadLine::Kept(&self.kept) }
    }

    /// Takes in the next piece of the line, without its newline.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        if self.is_too_long {
            return;
        }
        // No text of a line that is short itself needs to be cut.
        if !self.is_long && self.kept.len() + piece.len() <= self.limit {
            return self.kept.extend_from_slice(piece);
        }
        if !mem::replace(&mut self.is_long, true) {
            let begin = mem::take(&mut self.kept);
            self.cut(&begin);
        }
        self.cut(piece);
    }

    fn cut(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.is_too_long {
            piece = match self.text {
                Some(_) if !self.escape.is_empty() => self.in_escape(piece),
                Some(_) => self.in_text(piece),
                None => self.between_texts(piece),
            };
            self.is_too_long = self.kept.len() > MAX_KEPT;
        }
        if self.is_too_long {
            self.kept = Vec::new();
        }
    }

    /// Takes in what comes before the next text; returns the rest.
    fn between_texts<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let quote = memchr(b'"', piece);
        let end = quote.map_or(piece.len(), |quote| quote + 1);
        self.kept.extend_from_slice(&piece[..end.min(MAX_KEPT + 1)]);
        self.text = quote.map(|_| Text::default());
        &piece[end..]
    }

    /// Takes in what comes before the end of the text or the next escape in it; returns the rest.
    fn in_text<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let end = memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
        self.keep(&piece[..end], end);
        match piece.get(end) {
            Some(b'"') => {
                self.end_text();
                &piece[end + 1..]
            }
            Some(_) => {
                self.escape.push(b'\\');
                &piece[end + 1..]
            }
            None => &[],
        }
    }

    /// Takes in the next byte of an escape; returns the rest.
    fn in_escape<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        self.escape.push(piece[0]);
        let is_whole = match self.escape[1] {
            b'u' => self.escape.len() == ESCAPE,
            _ => true,
        };
        if is_whole {
            let escape = mem::take(&mut self.escape);
            let bytes = bytes_of(&escape);
            // The second half of a pair stays with the first.
            let is_rest = bytes == 0 && self.text.as_ref().is_some_and(|text| !text.is_cut);
            if is_rest {
                self.kept.extend_from_slice(&escape);
            } else {
                self.keep(&escape, bytes);
            }
            self.escape = escape;
            self.escape.clear();
        }
        &piece[1..]
    }

    /// Keeps a part of the text that stands for so many bytes, as far as the limit allows.
    fn keep(&mut self, part: &[u8], bytes: usize) {
        let tighter = TIGHTER.iter().rev().find(|(kept, _)| self.kept.len() > *kept);
        let limit = tighter.map_or(self.limit, |(_, limit)| self.limit.min(*limit));
        let Some(text) = &mut self.text else { return };
        text.bytes += bytes as u64;
        if text.is_cut {
            return;
        }
        let room = limit.saturating_sub(text.kept);
        if bytes <= room {
            text.kept += bytes;
            return self.kept.extend_from_slice(part);
        }
        text.is_cut = true;
        if !part.starts_with(b"\\") {
            self.kept.extend_from_slice(&part[..room]);
            drop_broken_character(&mut self.kept);
        }
    }

    fn end_text(&mut self) {
        if let Some(Text { is_cut: true, bytes, .. }) = self.text.take() {
            self.kept.extend_from_slice(cut::mark(bytes).as_bytes());
        }
        self.kept.push(b'"');
    }
}

/// How many bytes an escape stands for in UTF-8; a pair of surrogates counts as its first half.
fn bytes_of(escape: &[u8]) -> usize {
    let digits = escape.get(2..ESCAPE).and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        None | Some(0..0x80) => 1,
        Some(0x80..0x800) => 2,
        Some(0xD800..0xDC00) => 4,
        Some(0xDC00..0xE000) => 0,
        Some(_) => 3,
    }
}

/// Removes the first bytes of a character whose last ones were cut off.
fn drop_broken_character(kept: &mut Vec<u8>) {
    let is_first = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    let Some(back) = kept.iter().rev().take(4).position(is_first) else { return };
    let first = kept.len() - back - 1;
    if std::str::from_utf8(&kept[first..]).is_err() {
        kept.truncate(first);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    /// What is left of a line that comes in pieces of so many bytes.
    fn read(line: &str, limit: usize, piece: usize) -> Option<Json> {
        let mut read = Line::new(limit);
        line.as_bytes().chunks(piece).for_each(|piece| read.push(piece));
        assert_eq!(read.bytes(), line.len() as u64);
        match read.read() {
            ReadLine::Kept(line) => Some(serde_json::from_slice(line).unwrap()),
            ReadLine::TooLong => None,
        }
    }

    #[test]
    fn long_texts_are_cut_and_say_their_size() {
        let line = json!({ "a": "short", "b": "fünf".repeat(100), "c": [1, "\n".repeat(50)] });
        let expected = json!({
            "a": "short",
            "b": "fünffünffünffünff… <truncated: 500 bytes in all>",
            "c": [1, format!("{}… <truncated: 50 bytes in all>", "\n".repeat(21))],
        });
        for piece in [1, 2, 3, 7, 10_000] {
            assert_eq!(read(&line.to_string(), 21, piece), Some(expected.clone()), "{piece}");
        }
        assert_eq!(read(&line.to_string(), 10_000, 7), Some(line));
    }

    #[test]
    fn escapes_are_kept_whole_and_counted_as_what_they_stand_for() {
        let line = r#"["\ud83d\ude00\u00fc\u20ac\"\\end of it"]"#;
        let cut = |kept: &str| Some(json!([format!("{kept}… <truncated: 20 bytes in all>")]));
        let check = |limit, expected| {
            for piece in [1, 5, 100] {
                assert_eq!(read(line, limit, piece), expected, "{limit}");
            }
        };
        check(3, cut(""));
        check(4, cut("😀"));
        check(6, cut("😀ü"));
        check(9, cut("😀ü€"));
        check(10, cut("😀ü€\""));
    }

    #[test]
    fn a_line_of_any_size_takes_little_memory() {
        let mut line = Line::new(128 * 1024);
        line.push(br#"{"type":"x","payload":["#);
        for _ in 0..1000 {
            line.push(b"\"");
            (0..10).for_each(|_| line.push(&[b'x'; 64 * 1024]));
            line.push(b"\",");
        }
        line.push(br#""end"]}"#);
        assert!(line.kept.capacity() < 2 * MAX_KEPT, "{}", line.kept.capacity());
        let ReadLine::Kept(kept) = line.read() else { panic!("too long") };
        let kept: Json = serde_json::from_slice(kept).unwrap();
        assert_eq!(kept["payload"].as_array().unwrap().len(), 1001);
        assert_eq!(kept["payload"][1000], "end");
        // Also of texts that are six times as long as JSON.
        let controls = "\u{1}".repeat(200_000);
        let ids: Vec<String> =
            (0..3).map(|n| format!("exec-01996c3e-0000-7000-8000-{n:012}")).collect();
        let texts = json!([[controls, controls, controls, controls, controls], ids]).to_string();
        let mut line = Line::new(256 * 1024);
        texts.as_bytes().chunks(64 * 1024).for_each(|piece| line.push(piece));
        assert!(line.kept.capacity() < 2 * MAX_KEPT, "{}", line.kept.capacity());
        // Ids are kept whole however little room is left.
        let long = vec!["x".repeat(1100); 3000];
        let kept = read(&json!([long, ids]).to_string(), 256 * 1024, 64 * 1024).unwrap();
        assert_eq!(kept[1], json!(ids));
        // What is no text cannot be cut.
        let numbers = format!("[{}1]", "1,".repeat(MAX_KEPT));
        assert_eq!(read(&numbers, 1024, 64 * 1024), None);
    }

    proptest! {
        #[test]
        fn any_record_stays_one(
            texts in prop::collection::vec(".{0,60}", 0..8), limit in 0usize..80, piece in 1usize..40,
        ) {
            let line = json!({ "texts": texts }).to_string();
            let read = read(&line, limit, piece).unwrap();
            if line.len() <= limit {
                prop_assert_eq!(&read["texts"], &json!(texts));
            }
            // The key may be cut, too.
            let kept = read.as_object().unwrap().values().next().unwrap().as_array().unwrap();
            for (text, kept) in texts.iter().zip(kept) {
                let (kept, bytes) = cut::parts(kept.as_str().unwrap());
                prop_assert!(text.starts_with(kept));
                // Also one that is longer as JSON.
                prop_assert_eq!(text.len() > limit, bytes.is_some());
                prop_assert!(bytes.is_none_or(|bytes| bytes == text.len() as u64));
            }
        }
    }
}
