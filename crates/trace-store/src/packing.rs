//! Texts as they are stored: packed where that is shorter.
//!
//! A packed text is a blob: a byte for the dictionary, the length of the text in four, then a frame of
//! zstd. The dictionary has what spans have in common, so that also short texts become much shorter. It
//! is part of the format and is never edited; another one has another number.

use std::borrow::Cow;
use std::io;

use rusqlite::types::{ToSqlOutput, ValueRef};
use zstd::bulk::{Compressor, Decompressor};

const DICTIONARY: &[u8] = include_bytes!("dictionary-1.json");
const NUMBER: u8 = 1;
const HEAD: usize = 5;
const LEVEL: i32 = 3;

/// Shorter texts are stored as they are.
const SHORT: usize = 64;

/// Packs texts. Making one takes longer than to pack a text.
pub(crate) struct Packer(Compressor<'static>);

impl Packer {
    pub(crate) fn new() -> io::Result<Self> {
        Compressor::with_dictionary(LEVEL, DICTIONARY).map(Self)
    }

    /// The text as a column holds it.
    pub(crate) fn pack(&mut self, text: String) -> ToSqlOutput<'static> {
        let packed = u32::try_from(text.len()).ok().filter(|_| text.len() >= SHORT);
        let packed = packed.and_then(|length| {
            let frame = self.0.compress(text.as_bytes()).ok()?;
            Some([&[NUMBER][..], &length.to_le_bytes(), &frame].concat())
        });
        match packed {
            Some(packed) if packed.len() < text.len() => packed.into(),
            _ => text.into(),
        }
    }
}

thread_local! {
    static UNPACKER: std::cell::RefCell<Option<Decompressor<'static>>> =
        const { std::cell::RefCell::new(None) };
}

/// The text in a column.
pub(crate) fn unpack(column: ValueRef<'_>) -> rusqlite::Result<Cow<'_, str>> {
    let packed = match column {
        ValueRef::Text(text) => return utf8(text).map(Cow::Borrowed),
        ValueRef::Blob(packed) => packed,
        _ => return Err(unreadable("neither a text nor a packed one")),
    };
    let (head, frame) =
        packed.split_at_checked(HEAD).ok_or_else(|| unreadable("a packed text is cut"))?;
    let &[NUMBER, a, b, c, d] = head else {
        return Err(unreadable("a text is packed in a way that is not known"));
    };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let text = UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::with_dictionary(DICTIONARY)?),
        };
        unpacker.decompress(frame, length)
    });
    let text = text.map_err(|error| unreadable(&error.to_string()))?;
    String::from_utf8(text).map(Cow::Owned).map_err(|error| unreadable(&error.to_string()))
}

fn utf8(text: &[u8]) -> rusqlite::Result<&str> {
    std::str::from_utf8(text).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Blob, why.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        match Packer::new().unwrap().pack(text.to_owned()) {
            ToSqlOutput::Owned(rusqlite::types::Value::Blob(packed)) => packed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_packed_comes_back() {
        for text in
            [&"words ".repeat(20), &"grün ".repeat(100_000), &*String::from_utf8_lossy(DICTIONARY)]
        {
            let packed = packed(text);
            assert!(packed.len() < text.len() / 3, "{} of {}", packed.len(), text.len());
            assert_eq!(unpack(ValueRef::Blob(&packed)).unwrap(), *text);
        }
        let short = Packer::new().unwrap().pack("{}".to_owned());
        assert!(
            matches!(short, ToSqlOutput::Owned(rusqlite::types::Value::Text(text)) if text == "{}")
        );
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let packed = packed(&"words ".repeat(20));
        let other = [&[2][..], &packed[1..]].concat();
        let longer = [&packed[..1], &[1, 0, 0, 0], &packed[HEAD..]].concat();
        for damaged in [&packed[..3], &packed[..9], &[], &other, &longer] {
            assert!(unpack(ValueRef::Blob(damaged)).is_err(), "{damaged:?}");
        }
        assert!(unpack(ValueRef::Integer(1)).is_err());
        assert!(unpack(ValueRef::Text(&[0xff])).is_err());
    }
}
