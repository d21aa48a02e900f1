//! An export request that is written and read one span at a time, so that its size does not matter.
//!
//! The bytes are those of [`encode`] and [`decode`]. What is read must
//! have one resource and one scope, before the spans: that is how protobuf is written here.

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Write};

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use prost::Message;

use crate::decode::{self, DecodeError};
use crate::encode::{self, Scope};
use crate::span::{Attribute, Span};

/// The keys of the fields on the way to a span. All of them have a length before their contents.
mod key {
    /// `ExportTraceServiceRequest.resource_spans`.
    pub(super) const RESOURCE_SPANS: u8 = 1 << 3 | 2;
    /// `ResourceSpans.resource`.
    pub(super) const RESOURCE: u8 = 1 << 3 | 2;
    /// `ResourceSpans.scope_spans`.
    pub(super) const SCOPE_SPANS: u8 = 2 << 3 | 2;
    /// `ScopeSpans.scope`.
    pub(super) const SCOPE: u8 = 1 << 3 | 2;
    /// `ScopeSpans.spans`.
    pub(super) const SPAN: u8 = 2 << 3 | 2;
}

/// Bytes of a length that is filled in later.
const LENGTH_BYTES: usize = 10;

/// Writes an export request where the output stands, and leaves the output at its end; says how many
/// spans there are.
pub fn write_spans<'a>(
    out: &mut (impl Write + Seek),
    resource: &[Attribute],
    scope: &Scope<'_>,
    spans: impl IntoIterator<Item = io::Result<Cow<'a, Span>>>,
) -> io::Result<usize> {
    write_each(out, resource, scope, |write| spans.into_iter().try_for_each(|span| write(&*span?)))
}

/// The same for spans that come one by one: `spans` is given what writes one.
pub fn write_each(
    out: &mut (impl Write + Seek),
    resource: &[Attribute],
    scope: &Scope<'_>,
    spans: impl FnOnce(&mut dyn FnMut(&Span) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<usize> {
    let request = Open::begin(out, key::RESOURCE_SPANS)?;
    field(out, key::RESOURCE, &encode::resource(resource))?;
    let of_scope = Open::begin(out, key::SCOPE_SPANS)?;
    field(out, key::SCOPE, &encode::scope(scope))?;
    let mut count = 0;
    spans(&mut |span| {
        count += 1;
        field(out, key::SPAN, &encode::otlp_span(span))
    })?;
    of_scope.end(out)?;
    request.end(out)?;
    Ok(count)
}

fn field(out: &mut impl Write, key: u8, message: &impl Message) -> io::Result<()> {
    out.write_all(&[key])?;
    out.write_all(&message.encode_length_delimited_to_vec())
}

/// A field whose length is not known yet.
struct Open {
    begin: u64,
}

impl Open {
    fn begin(out: &mut (impl Write + Seek), key: u8) -> io::Result<Self> {
        out.write_all(&[key])?;
        out.write_all(&[0; LENGTH_BYTES])?;
        Ok(Self { begin: out.stream_position()? })
    }

    /// Fills in the length, in more bytes than it needs, which protobuf allows.
    fn end(self, out: &mut (impl Write + Seek)) -> io::Result<()> {
        let end = out.stream_position()?;
        let mut left = end - self.begin;
        let mut length = [0x80; LENGTH_BYTES];
        for byte in &mut length {
            *byte |= (left & 0x7f) as u8;
            left >>= 7;
        }
        length[LENGTH_BYTES - 1] &= 0x7f;
        out.seek(SeekFrom::Start(self.begin - LENGTH_BYTES as u64))?;
        out.write_all(&length)?;
        out.seek(SeekFrom::Start(end)).map(drop)
    }
}

/// Reads the spans of an export request one after the other.
#[derive(Debug)]
pub struct SpanReader<R> {
    input: R,
    resource: Vec<Attribute>,
    /// Bytes up to the end.
    left: u64,
    /// The size of the next span, where its length was read.
    next: Option<u64>,
}

/// Says why spans cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends, or goes on, where it should not.
    #[error("the bytes are not those of a whole batch")]
    Form,
    /// A part of it is no OTLP, or no OTLP of ours.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<R: BufRead + Seek> SpanReader<R> {
    /// Reads what stands before the spans of a request that has `length` bytes and begins where the
    /// input stands.
    pub fn new(input: R, length: u64) -> Result<Self, ReadError> {
        let mut reader = Self { input, resource: Vec::new(), left: length, next: None };
        reader.enter(key::RESOURCE_SPANS)?;
        let resource: Resource = reader.message(key::RESOURCE)?;
        reader.resource = decode::attributes(resource.attributes)?;
        reader.enter(key::SCOPE_SPANS)?;
        let scope = reader.length(key::SCOPE)?;
        reader.pass(scope)?;
        Ok(reader)
    }

    /// The attributes of the sender.
    pub fn resource(&self) -> &[Attribute] {
        &self.resource
    }

    /// The size of the next span in bytes; none where there is none.
    pub fn next_size(&mut self) -> Result<Option<u64>, ReadError> {
        if self.next.is_none() && self.left > 0 {
            self.next = Some(self.length(key::SPAN)?);
        }
        Ok(self.next)
    }

    /// Reads the next span; none where there is none.
    pub fn read(&mut self) -> Result<Option<Span>, ReadError> {
        let Some(size) = self.next_size()? else { return Ok(None) };
        self.next = None;
        let bytes = self.take(size)?;
        Ok(Some(decode::span(OtlpSpan::decode(&bytes[..]).map_err(DecodeError::from)?)?))
    }

    /// Passes over the next span.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        match self.next_size()? {
            None => Ok(()),
            Some(size) => {
                self.next = None;
                self.pass(size)
            }
        }
    }

    /// Goes into a field that is the last of what it is in.
    fn enter(&mut self, key: u8) -> Result<(), ReadError> {
        if self.length(key)? == self.left { Ok(()) } else { Err(ReadError::Form) }
    }

    fn message<M: Message + Default>(&mut self, key: u8) -> Result<M, ReadError> {
        let size = self.length(key)?;
        let bytes = self.take(size)?;
        Ok(M::decode(&bytes[..]).map_err(DecodeError::from)?)
    }

    /// The key and the length of a field, which has to fit.
    fn length(&mut self, key: u8) -> Result<u64, ReadError> {
        if self.byte()? != key {
            return Err(ReadError::Form);
        }
        let mut length = 0;
        for place in 0..LENGTH_BYTES {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f).checked_shl(7 * place as u32).unwrap_or_default();
            if byte & 0x80 == 0 {
                return if length <= self.left { Ok(length) } else { Err(ReadError::Form) };
            }
        }
        Err(ReadError::Form)
    }

    fn byte(&mut self) -> Result<u8, ReadError> {
        self.left = self.left.checked_sub(1).ok_or(ReadError::Form)?;
        let mut byte = [0];
        self.input.read_exact(&mut byte).map_err(ended)?;
        Ok(byte[0])
    }

    fn take(&mut self, size: u64) -> Result<Vec<u8>, ReadError> {
        self.left -= size;
        let mut bytes = Vec::new();
        (&mut self.input).take(size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(ReadError::Form) }
    }

    fn pass(&mut self, size: u64) -> Result<(), ReadError> {
        self.left -= size;
        let step = i64::try_from(size).map_err(|_| ReadError::Form)?;
        Ok(self.input.seek_relative(step)?)
    }
}

fn ended(error: io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::UnexpectedEof => ReadError::Form,
        _ => ReadError::Io(error),
    }
}
