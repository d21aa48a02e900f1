//! How the service hands bodies to the program that passes them on over TLS: `arize-hook-codex-notify
//! --pass-on`, on its standard input.
//!
//! Each body is a line of JSON, [`Parcel`], and then as many bytes as the line says. The program answers
//! each with a line of JSON on its standard output, [`Receipt`], before the next one comes. Both ends
//! pass over fields that they do not know. At the end of its input the program ends.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The argument with which the program passes on.
pub const ARGUMENT: &str = "--pass-on";

/// The longest line that is read, in bytes.
const LINE_BYTES: u64 = 64 * 1024;

/// The largest body that is read, in bytes; the service takes none that is larger.
const BODY_BYTES: u64 = 64 * 1024 * 1024;

/// What was said of a body when it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The header `content-type`.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The header `content-encoding`.
    #[serde(default)]
    pub content_encoding: Option<String>,
    /// How many bytes follow the line.
    pub bytes: u64,
}

/// What became of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Why it was given up; nothing where it was taken.
    #[serde(default)]
    pub given_up: Option<String>,
    /// Whether the receiver has certainly taken nothing, and may later.
    #[serde(default)]
    pub may_pass: bool,
}

impl Parcel {
    /// Writes the line and the body.
    pub fn write(&self, body: &[u8], mut output: impl Write) -> io::Result<()> {
        write_line(self, &mut output)?;
        output.write_all(body)?;
        output.flush()
    }

    /// Reads the next line and its body; nothing at the end.
    pub fn read(mut input: impl BufRead) -> io::Result<Option<(Self, Vec<u8>)>> {
        let Some(parcel) = read_line::<Self>(&mut input)? else { return Ok(None) };
        if parcel.bytes > BODY_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body is too large"));
        }
        let mut body = Vec::new();
        let read = input.take(parcel.bytes).read_to_end(&mut body)?;
        if read as u64 == parcel.bytes {
            return Ok(Some((parcel, body)));
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Receipt {
    /// Writes the line.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        write_line(self, &mut output)?;
        output.flush()
    }

    /// Reads the next line; nothing at the end.
    pub fn read(input: impl BufRead) -> io::Result<Option<Self>> {
        read_line(input)
    }
}

fn write_line(value: &impl Serialize, mut output: impl Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    output.write_all(&line)
}

fn read_line<T: DeserializeOwned>(input: impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    input.take(LINE_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(bytes: u64) -> Parcel {
        let content_type = Some("application/json".to_owned());
        Parcel { content_type, content_encoding: None, bytes }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut wire = Vec::new();
        let gzip = Parcel { content_encoding: Some("gzip".to_owned()), ..parcel(0) };
        parcel(4).write(b"a\n\0b", &mut wire).unwrap();
        gzip.write(b"", &mut wire).unwrap();
        let first = concat!(
            r#"{"content_type":"application/json","content_encoding":null,"bytes":4}"#,
            "\na\n\0b{"
        );
        assert!(wire.starts_with(first.as_bytes()), "{}", String::from_utf8_lossy(&wire));
        let mut input = &wire[..];
        assert_eq!(Parcel::read(&mut input).unwrap(), Some((parcel(4), b"a\n\0b".to_vec())));
        assert_eq!(Parcel::read(&mut input).unwrap(), Some((gzip, Vec::new())));
        assert_eq!(Parcel::read(&mut input).unwrap(), None);
    }

    #[test]
    fn a_receipt_is_a_line() {
        let mut wire = Vec::new();
        let refused = Receipt { given_up: Some("two\nlines".to_owned()), may_pass: true };
        for receipt in [Receipt::default(), refused.clone()] {
            receipt.write(&mut wire).unwrap();
        }
        assert_eq!(wire.iter().filter(|byte| **byte == b'\n').count(), 2);
        let mut input = &wire[..];
        assert_eq!(Receipt::read(&mut input).unwrap(), Some(Receipt::default()));
        assert_eq!(Receipt::read(&mut input).unwrap(), Some(refused));
        assert_eq!(Receipt::read(&mut input).unwrap(), None);
    }

    #[test]
    fn fields_of_other_versions_are_passed_over_and_missing_ones_are_none() {
        let (parcel, body) = Parcel::read(&b"{\"bytes\":1,\"new\":{}}\nx"[..]).unwrap().unwrap();
        assert_eq!((parcel, body), (Parcel { bytes: 1, ..Parcel::default() }, b"x".to_vec()));
        assert_eq!(Receipt::read(&b"{\"new\":1}\n"[..]).unwrap(), Some(Receipt::default()));
    }

    #[test]
    fn what_breaks_off_or_is_something_else_is_an_error() {
        let endless = vec![b' '; 100_000];
        let much = format!("{{\"bytes\":{}}}\n", u64::MAX);
        for wire in [&b"{\"bytes\":3}\nab"[..], b"{\"bytes\":3}", b"\n", &endless, much.as_bytes()]
        {
            assert!(Parcel::read(wire).is_err(), "{}", wire.len());
        }
    }
}
