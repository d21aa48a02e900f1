//! Arize Phoenix, self-hosted or in the cloud.

mod rest;

use std::fmt;

use otlp_model::{SpanBatch, TraceId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{AUTHORIZATION, HeaderName};
use ureq::http::{HeaderMap, HeaderValue};

use self::rest::{Rest, Taken};
use crate::requests::OtlpEncoding;
use crate::servers::endpoint::{base_url, traces_url, without_secrets};
use crate::servers::headers::{Headers, header_value};
use crate::servers::http::HttpClient;
use crate::servers::otlp_http::OtlpHttp;
use crate::{
    AnswerStatus, ConfigError, Connection, ExportError, Exporter, OtlpCompression, Probe, Receipt,
};

/// Phoenix 15.7 and later puts a trace into the project that this header names, before it reads
/// the resource.
const PROJECT_HEADER: HeaderName = HeaderName::from_static("x-project-name");

/// In which Phoenix says its version.
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-phoenix-server-version");

/// Where a Phoenix is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoenixConfig {
    /// Address of the server, such as `http://localhost:6006`; a final slash or `/v1/traces` does
    /// not matter.
    pub endpoint: String,
    /// Sent as a bearer token; not needed by a Phoenix without authentication.
    pub api_key: Option<String>,
    /// Further headers, name and value. Their values are treated as credentials.
    pub headers: Vec<(String, String)>,
    /// The project the traces belong to, which Phoenix makes where it is missing. Batches should
    /// name it in the resource too (`openinference.project.name`): not every name fits a header.
    pub project: String,
    /// The interface that spans are posted to.
    pub api: PhoenixApi,
    /// How to connect.
    pub connection: Connection,
}

impl PhoenixConfig {
    /// A Phoenix without authentication, spoken to over OTLP; no request takes more than ten seconds.
    pub fn new(endpoint: impl Into<String>, project: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            api_key: None,
            headers: Vec::new(),
            project: project.into(),
            api: PhoenixApi::default(),
            connection: Connection::direct(Connection::USUAL_TIMEOUT),
        }
    }
}

/// An interface of Phoenix for spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhoenixApi {
    /// OTLP, which all versions have.
    #[default]
    Otlp,
    /// Its own; OTLP where that does not do: before Phoenix 12.4, and for a project with a slash in its
    /// name.
    Rest,
}

impl fmt::Debug for PhoenixConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("PhoenixConfig")
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("headers", &header_names)
            .field("project", &self.project)
            .field("api", &self.api)
            .field("connection", &self.connection)
            .finish()
    }
}

/// Delivers to Phoenix.
///
/// Phoenix keeps the first span of each id. It accepts spans into memory and stores them about 0.1 s
/// later, so what it accepted just before being killed is lost.
pub struct Phoenix {
    target: String,
    base: String,
    project: String,
    http: OtlpHttp,
    rest: Option<Rest>,
}

impl Phoenix {
    /// Prepares deliveries; does not connect.
    pub fn new(config: PhoenixConfig) -> Result<Self, ConfigError> {
        let base = base_url(&config.endpoint)?.to_owned();
        let url = traces_url(&config.endpoint)?;
        let target = format!("phoenix {url}");
        let mut headers = Headers::of_user(&url, &config.headers)?;
        if let Some(key) = config.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
            headers.api_key(&url, AUTHORIZATION, &format!("Bearer {key}"))?;
        }
        if let Some(value) = project_header(&config.project) {
            headers.public(PROJECT_HEADER, value);
        }
        let http = HttpClient::new(url, headers, &config.connection)?;
        let http = OtlpHttp::new(http, OtlpEncoding::Protobuf, OtlpCompression::Gzip);
        let project = config.project;
        let rest = match config.api {
            PhoenixApi::Otlp => None,
            PhoenixApi::Rest => Some(Rest::new(base.clone(), project.clone())),
        };
        Ok(Self { target, base, project, http, rest })
    }
}

impl fmt::Debug for Phoenix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phoenix").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Exporter for Phoenix {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        let client = self.http.client();
        let deadline = client.deadline();
        if let Some(rest) = self.rest.as_ref().filter(|_| !batch.spans.is_empty())
            && rest.export(client, batch, deadline)? == Taken::Here
        {
            return Ok(Receipt { spans: batch.spans.len() });
        }
        self.http.export_with(batch, &HeaderMap::new(), deadline)
    }

    /// A request for traces, not one for a page: Phoenix serves its pages without a key.
    fn probe(&self) -> Result<Probe, ExportError> {
        let answer = self.http.post_nothing(&HeaderMap::new())?;
        let version = answer.headers.get(VERSION_HEADER).and_then(|version| version.to_str().ok());
        Ok(Probe::accepted(&answer.headers).named("Phoenix", version))
    }

    /// A project whose name has a slash cannot be asked for by its name.
    fn count_spans(&self, trace: TraceId) -> Result<Option<usize>, ExportError> {
        if self.project.contains('/') {
            return Ok(None);
        }
        let project = utf8_percent_encode(&self.project, NON_ALPHANUMERIC);
        let url = format!("{}/v1/projects/{project}/spans?trace_id={trace}&limit=100", self.base);
        let client = self.http.client();
        match client.get(&url, client.deadline()) {
            Ok(answer) => Ok(answer.json()["data"].as_array().map(Vec::len)),
            // The project is made with its first span, which may be on its way.
            Err(ExportError::Refused { status: AnswerStatus::Http(404), .. }) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }
}

/// The project as a header; none for a name that would not arrive as it is, which then counts in the
/// resource alone: HTTP has no letters beyond ASCII, and trims space.
fn project_header(project: &str) -> Option<HeaderValue> {
    let keeps_its_ends = !project.is_empty() && project.trim() == project;
    header_value(project).filter(|_| keeps_its_ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_arrive_unchanged_are_a_header() {
        for project in ["default", "my project/with ?#% and \"quotes\""] {
            assert_eq!(project_header(project).unwrap(), project);
        }
        for project in ["", " x", "x ", "größe", "two\nlines", "プロジェクト"] {
            assert_eq!(project_header(project), None, "{project}");
        }
    }
}
