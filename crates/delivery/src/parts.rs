//! A batch that is sent in parts, each of which is one request.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use otlp_model::stream::SpanReader;
use otlp_model::{Attribute, Span, SpanBatch, measured};

use super::batch_file::{self, Header, ReadError};
use super::folder::BatchName;
use super::progress::{Progress, Settled};

/// A batch of which the target has not decided about all spans.
pub(super) struct OpenBatch {
    pub(super) name: BatchName,
    pub(super) header: Header,
    pub(super) progress: Progress,
    /// A larger part is too large for the target, as it said of one of this batch.
    pub(super) ceiling: u64,
    reader: SpanReader<BufReader<File>>,
    /// The place of the span that is read next.
    place: usize,
    /// Spans that were read and are still to be sent.
    ahead: VecDeque<SizedSpan>,
}

struct SizedSpan {
    place: usize,
    bytes: u64,
    span: Span,
}

/// Spans in a row.
pub(super) struct Part {
    from: usize,
    pub(super) bytes: u64,
    sizes: Vec<u64>,
    pub(super) batch: SpanBatch,
}

impl OpenBatch {
    /// Opens a batch of this folder.
    pub(super) fn open(folder: &Path, name: &BatchName) -> Result<Self, ReadError> {
        let (header, reader) = batch_file::open(&folder.join(name.to_string()))?;
        Ok(Self {
            progress: Progress::load(folder, name),
            name: name.clone(),
            header,
            ceiling: u64::MAX,
            reader,
            place: 0,
            ahead: VecDeque::new(),
        })
    }

    /// The next spans that the target has not decided about, of at most so many bytes, but at least one;
    /// none where there are none.
    pub(super) fn next_part(&mut self, bytes: u64) -> Result<Option<Part>, ReadError> {
        let Some(first) = self.next_within(u64::MAX, None)? else { return Ok(None) };
        let (from, limit) = (first.place, bytes.min(self.ceiling));
        let resource = self.reader.resource().to_vec();
        let batch = SpanBatch { resource, spans: Vec::new() };
        let mut part = Part { from, bytes: 0, sizes: Vec::new(), batch };
        part.push(first);
        while let Some(next) =
            self.next_within(limit.saturating_sub(part.bytes), Some(part.to()))?
        {
            part.push(next);
        }
        Ok(Some(part))
    }

    /// Takes a part back that is to be sent again.
    pub(super) fn put_back(&mut self, part: Part) {
        let Part { from, sizes, batch, .. } = part;
        let spans = batch.spans.into_iter().zip(sizes).enumerate().rev();
        for (number, (span, bytes)) in spans {
            self.ahead.push_front(SizedSpan { place: from + number, bytes, span });
        }
    }

    /// The next span that is not decided about, if it has at most so many bytes and stands at this place.
    fn next_within(
        &mut self,
        most: u64,
        expected: Option<usize>,
    ) -> Result<Option<SizedSpan>, ReadError> {
        let fits =
            |place, bytes| bytes <= most && expected.is_none_or(|expected| place == expected);
        if let Some(next) = self.ahead.front() {
            let fits = fits(next.place, next.bytes);
            return Ok(if fits { self.ahead.pop_front() } else { None });
        }
        while let Some(bytes) = self.reader.next_size()? {
            let place = self.place;
            if self.progress.is_open(place) {
                if !fits(place, bytes) {
                    return Ok(None);
                }
                self.place += 1;
                let span = self.reader.read()?;
                return Ok(span.map(|span| SizedSpan { place, bytes, span }));
            }
            self.place += 1;
            self.reader.skip()?;
        }
        Ok(None)
    }
}

impl Part {
    pub(super) fn from(&self) -> usize {
        self.from
    }

    fn to(&self) -> usize {
        self.from + self.batch.spans.len()
    }

    fn push(&mut self, next: SizedSpan) {
        self.bytes += next.bytes;
        self.sizes.push(next.bytes);
        self.batch.spans.push(next.span);
    }

    /// That the target accepted it.
    pub(super) fn accepted(&self) -> Settled {
        let bytes = self.bytes;
        Settled { from: self.from, to: self.to(), bytes, answer: None, attempts: None }
    }

    /// That the target refuses it for good, with these words after so many attempts.
    pub(super) fn refused(&self, answer: String, attempts: u32) -> Settled {
        Settled { answer: Some(answer), attempts: Some(attempts), ..self.accepted() }
    }
}

/// What is measured of the spans that a target accepted.
pub(super) fn measured_of_accepted(
    folder: &Path,
    name: &BatchName,
    progress: &Progress,
) -> Result<SpanBatch, ReadError> {
    let (_, mut reader) = batch_file::open(&folder.join(name.to_string()))?;
    let mut all = SpanBatch { resource: reader.resource().to_vec(), spans: Vec::new() };
    let mut place = 0;
    while reader.next_size()?.is_some() {
        if progress.is_refused(place) {
            reader.skip()?;
        } else if let Some(span) = reader.read()? {
            let batch = SpanBatch { resource: Vec::new(), spans: vec![span] };
            all.spans.extend(measured(&batch).spans);
        }
        place += 1;
    }
    Ok(all)
}

/// The id of the span at this place, in hexadecimal digits.
pub(super) fn span_id(folder: &Path, name: &BatchName, place: usize) -> Result<String, ReadError> {
    let (header, mut reader) = batch_file::open(&folder.join(name.to_string()))?;
    for _ in 0..place {
        reader.skip()?;
    }
    Ok(reader.read()?.map_or(header.span_id, |span| span.span_id.to_string()))
}

/// Writes the spans of a batch that its target refused for good as a batch of their own.
pub(super) fn write_refused(
    folder: &Path,
    name: &BatchName,
    progress: &Progress,
    header: &Header,
    file: &mut File,
) -> Result<(), ReadError> {
    let (_, mut reader) = batch_file::open(&folder.join(name.to_string()))?;
    let resource: Vec<Attribute> = reader.resource().to_vec();
    let mut place = 0;
    let refused = std::iter::from_fn(|| {
        loop {
            let is_refused = progress.is_refused(place);
            place += 1;
            match reader.next_size() {
                Ok(None) => return None,
                Ok(Some(_)) if is_refused => {
                    return reader.read().transpose().map(|span| span.map(Cow::Owned));
                }
                Ok(Some(_)) => match reader.skip() {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error)),
            }
        }
    });
    let spans = refused.map(|span| span.map_err(io::Error::other));
    Ok(batch_file::write(file, header, &resource, spans)?)
}
