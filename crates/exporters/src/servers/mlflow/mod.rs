//! MLflow's tracking server.

mod spans;

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use otlp_model::{SpanBatch, TraceId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use ureq::http::{HeaderMap, HeaderValue};

use self::spans::for_mlflow;
use crate::requests::OtlpEncoding;
use crate::servers::endpoint::{base_url, traces_url, without_secrets};
use crate::servers::headers::{Headers, header_value};
use crate::servers::http::HttpClient;
use crate::servers::otlp_http::OtlpHttp;
use crate::{
    AnswerStatus, ConfigError, Connection, ExportError, Exporter, OtlpCompression, Probe, Receipt,
    RetryClass,
};

/// MLflow takes no traces without it, and experiments in it by number only.
const EXPERIMENT_HEADER: HeaderName = HeaderName::from_static("x-mlflow-experiment-id");

/// Where an MLflow is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct MlflowConfig {
    /// Address of the server, such as `http://localhost:5000`.
    pub endpoint: String,
    /// How we prove who we are.
    pub auth: MlflowAuth,
    /// The experiment the traces belong to.
    pub experiment: MlflowExperiment,
    /// How to connect.
    pub connection: Connection,
}

/// How MLflow knows us.
#[derive(Clone, PartialEq, Eq)]
pub enum MlflowAuth {
    /// It does not ask.
    Anonymous,
    /// A user of MLflow's own.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: String,
    },
    /// A token for whatever stands before MLflow.
    Bearer(String),
}

/// An experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MlflowExperiment {
    /// By its number.
    Id(String),
    /// By its name; it is made where it is missing.
    Name(String),
}

impl fmt::Debug for MlflowAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

impl fmt::Debug for MlflowConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MlflowConfig")
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("auth", &self.auth)
            .field("experiment", &self.experiment)
            .field("connection", &self.connection)
            .finish()
    }
}

/// Delivers to MLflow.
///
/// MLflow stores before it answers, and keeps the last span of each id.
pub struct Mlflow {
    target: String,
    base: String,
    http: OtlpHttp,
    experiment: MlflowExperiment,
    experiment_id: OnceLock<String>,
}

impl Mlflow {
    /// Prepares deliveries; does not connect. An experiment's name is looked up with the first.
    pub fn new(config: MlflowConfig) -> Result<Self, ConfigError> {
        let base = base_url(&config.endpoint)?.to_owned();
        let url = traces_url(&config.endpoint)?;
        let target = format!("mlflow {url}");
        let mut headers = Headers::default();
        let authorization = match &config.auth {
            MlflowAuth::Anonymous => None,
            MlflowAuth::Basic { username, password } => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
            }
            MlflowAuth::Bearer(token) => Some(format!("Bearer {}", token.trim())),
        };
        if let Some(text) = authorization {
            headers.api_key(&url, AUTHORIZATION, &text)?;
        }
        let http = HttpClient::new(url, headers, &config.connection)?;
        let http = OtlpHttp::new(http, OtlpEncoding::Protobuf, OtlpCompression::Gzip);
        let experiment_id = OnceLock::new();
        Ok(Self { target, base, http, experiment: config.experiment, experiment_id })
    }

    fn experiment_id(&self, deadline: Instant) -> Result<&str, ExportError> {
        if let Some(id) = self.experiment_id.get() {
            return Ok(id);
        }
        let id = match &self.experiment {
            MlflowExperiment::Id(id) => id.clone(),
            MlflowExperiment::Name(name) => {
                self.find_or_create(name, deadline).map_err(about_the_experiment)?
            }
        };
        Ok(self.experiment_id.get_or_init(|| id))
    }

    fn find_or_create(&self, name: &str, deadline: Instant) -> Result<String, ExportError> {
        match self.find(name, deadline)? {
            Some(id) => Ok(id),
            None => self.create(name, deadline),
        }
    }

    fn find(&self, name: &str, deadline: Instant) -> Result<Option<String>, ExportError> {
        let url = format!(
            "{}/api/2.0/mlflow/experiments/get-by-name?experiment_name={}",
            self.base,
            utf8_percent_encode(name, NON_ALPHANUMERIC)
        );
        let answer = match self.http.client().get(&url, deadline) {
            Err(ExportError::Refused { status: AnswerStatus::Http(404), answer, .. })
                if answer.contains("RESOURCE_DOES_NOT_EXIST") =>
            {
                return Ok(None);
            }
            answer => answer?.json(),
        };
        let experiment = &answer["experiment"];
        if experiment["lifecycle_stage"] == "deleted" {
            // It would take the traces and not show them.
            let problem = format!("the experiment `{name}` is deleted: restore it or name another");
            return Err(ExportError::Experiment { url, problem });
        }
        id_of(&url, experiment).map(Some)
    }

    fn create(&self, name: &str, deadline: Instant) -> Result<String, ExportError> {
        let url = format!("{}/api/2.0/mlflow/experiments/create", self.base);
        let form =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = json!({ "name": name }).to_string();
        match self.http.client().post(&url, &form, body.as_bytes(), deadline) {
            Err(ExportError::Refused { answer, .. })
                if answer.contains("RESOURCE_ALREADY_EXISTS") =>
            {
                // Another run of ours was faster.
                let problem = format!("the experiment `{name}` can neither be found nor made");
                self.find(name, deadline)?.ok_or(ExportError::Experiment { url, problem })
            }
            answer => id_of(&url, &answer?.json()),
        }
    }
}

impl fmt::Debug for Mlflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mlflow").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Exporter for Mlflow {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if batch.spans.is_empty() {
            return Ok(Receipt { spans: 0 });
        }
        let deadline = self.http.client().deadline();
        let id = self.experiment_id(deadline)?;
        let mut headers = HeaderMap::new();
        if let Some(id) = header_value(id) {
            headers.insert(EXPERIMENT_HEADER, id);
        }
        self.http.export_with(&for_mlflow(batch), &headers, deadline)
    }

    /// Looks for the experiment, which takes the credentials that traces take, and makes none.
    fn probe(&self) -> Result<Probe, ExportError> {
        let client = self.http.client();
        let deadline = client.deadline();
        match &self.experiment {
            MlflowExperiment::Name(name) => drop(self.find(name, deadline)?),
            MlflowExperiment::Id(id) => {
                let get = "api/2.0/mlflow/experiments/get?experiment_id=";
                let url = format!("{}/{get}{id}", self.base);
                id_of(&url, &client.get(&url, deadline)?.json()["experiment"])?;
            }
        }
        // It calls its version a web page.
        let answer = client.fetch(&format!("{}/version", self.base), deadline)?;
        let text = String::from_utf8_lossy(&answer.body);
        let is_version =
            answer.status.is_success() && text.starts_with(|c: char| c.is_ascii_digit());
        let version = Some(text.trim()).filter(|text| is_version && text.len() < 40);
        Ok(Probe::accepted(&answer.headers).named("MLflow", version))
    }

    fn count_spans(&self, trace: TraceId) -> Result<Option<usize>, ExportError> {
        let url = format!("{}/api/3.0/mlflow/traces/get?trace_id=tr-{trace}", self.base);
        let client = self.http.client();
        match client.get(&url, client.deadline()) {
            Ok(answer) => Ok(answer.json()["trace"]["spans"].as_array().map(Vec::len)),
            Err(ExportError::Refused { status: AnswerStatus::Http(404), .. }) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }
}

/// A request about the experiment that is refused for its own sake says nothing of the batch.
fn about_the_experiment(error: ExportError) -> ExportError {
    match (error.retry_class(), error) {
        (RetryClass::DeadLetter, ExportError::Refused { url, status, answer, .. }) => {
            ExportError::Experiment { url, problem: format!("rejected ({status}): {answer}") }
        }
        (_, error) => error,
    }
}

fn id_of(url: &str, experiment: &serde_json::Value) -> Result<String, ExportError> {
    let id = experiment["experiment_id"].as_str().map(str::to_owned);
    let behaviour = "does not answer as an MLflow does".to_owned();
    id.ok_or_else(|| ExportError::WrongAddress { url: url.to_owned(), behaviour })
}
