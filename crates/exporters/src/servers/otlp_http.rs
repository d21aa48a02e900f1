//! OTLP over HTTP: by default as every receiver that was tried understands it, protobuf and gzip.

use std::borrow::Cow;
use std::time::Instant;

use otlp_model::{MetricBatch, SpanBatch};
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ureq::http::{HeaderMap, HeaderValue};

use crate::requests::OtlpEncoding;
use crate::servers::endpoint::metrics_url;
use crate::servers::http::{Answer, HttpClient};
use crate::servers::partial_success;
use crate::{AnswerStatus, ExportError, OtlpCompression, Receipt, requests};

impl OtlpEncoding {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }
}

/// A receiver of traces: where it takes them, and in which form.
pub(crate) struct OtlpHttp {
    http: HttpClient,
    encoding: OtlpEncoding,
    compression: OtlpCompression,
    form: HeaderMap,
}

impl OtlpHttp {
    /// A receiver that takes traces at the client's address, in this form.
    pub(crate) fn new(
        http: HttpClient,
        encoding: OtlpEncoding,
        compression: OtlpCompression,
    ) -> Self {
        let mut form = HeaderMap::from_iter([(CONTENT_TYPE, encoding.content_type())]);
        if let Some(name) = compression.name() {
            form.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Self { http, encoding, compression, form }
    }

    /// The client, for what else a server is asked.
    pub(crate) fn client(&self) -> &HttpClient {
        &self.http
    }

    /// Delivers a batch, in several requests where it is large, each within the timeout.
    pub(crate) fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        self.export_with(batch, &HeaderMap::new(), self.http.deadline())
    }

    /// Delivers a batch with further headers; the first request ends by this time.
    pub(crate) fn export_with(
        &self,
        batch: &SpanBatch,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            let mut form = self.form.clone();
            form.extend(headers.clone());
            let mut deadline = deadline;
            for body in requests::bodies(batch, self.http.scope(), self.encoding) {
                self.post(&body, &form, deadline)?;
                deadline = self.http.deadline();
            }
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    /// Delivers metrics beside the traces; says whether they have an address there.
    pub(crate) fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        let Some(url) = metrics_url(self.http.url()) else { return Ok(false) };
        self.post_metrics(batch, url)
    }

    /// Delivers metrics to the client's address.
    pub(crate) fn export_metrics_here(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        self.post_metrics(batch, self.http.url().to_owned())
    }

    fn post_metrics(&self, batch: &MetricBatch, url: String) -> Result<bool, ExportError> {
        let body = requests::metrics_body(batch, self.http.scope(), self.encoding);
        let body = self.compress(&body)?;
        let answer = self.http.post(&url, &self.form, &body, self.http.deadline())?;
        match partial_success::of_metrics(&answer) {
            Some(rejection) => Err(ExportError::Refused {
                url,
                status: AnswerStatus::Http(answer.status.as_u16()),
                answer: self.http.shown(&rejection.of_data_points()),
                retry_after: None,
            }),
            None => Ok(true),
        }
    }

    fn compress<'b>(&self, body: &'b [u8]) -> Result<Cow<'b, [u8]>, ExportError> {
        let compressed = self.compression.compress(body);
        compressed.map_err(|error| self.http.transport_error(self.http.url(), error.into()))
    }

    /// Sends a request without a single span in it, with further headers. What the receiver says of
    /// our credentials is the same as with spans.
    pub(crate) fn post_nothing(&self, headers: &HeaderMap) -> Result<Answer, ExportError> {
        let mut form = self.form.clone();
        form.remove(CONTENT_ENCODING);
        form.extend(headers.clone());
        let body = match self.encoding {
            OtlpEncoding::Protobuf => "",
            OtlpEncoding::Json => r#"{"resourceSpans":[]}"#,
        };
        self.http.post(self.http.url(), &form, body.as_bytes(), self.http.deadline())
    }

    /// Of an accepting answer only a rejection of spans counts: releases differ in what they send.
    fn post(&self, body: &[u8], form: &HeaderMap, deadline: Instant) -> Result<(), ExportError> {
        let url = self.http.url();
        let body = self.compress(body)?;
        let answer = self.http.post(url, form, &body, deadline)?;
        match partial_success::of_spans(&answer) {
            Some(rejection) => Err(ExportError::PartlyRejected {
                url: url.to_owned(),
                spans: rejection.count,
                answer: self.http.shown(&rejection.message),
            }),
            None => Ok(()),
        }
    }
}
