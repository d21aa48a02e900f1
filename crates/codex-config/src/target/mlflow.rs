//! MLflow as a target.

use super::{ENDPOINT, TargetError, TlsFiles, http_url, tls, tls::Around};
use crate::reader::{
    Reader,
    Source::{Own, Variable},
};
use crate::{Paths, Secret, variables};

const DEFAULT_MLFLOW: &str = "http://localhost:5000";

/// Says how to reach an MLflow tracking server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MlflowTarget {
    /// The base URL, without a trailing slash.
    pub endpoint: String,
    /// How MLflow knows us.
    pub auth: MlflowAuth,
    /// The experiment; where none is named, the one called like the project.
    pub experiment: Option<MlflowExperiment>,
    /// The files for TLS.
    pub tls: TlsFiles,
}

/// Says how MLflow knows us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MlflowAuth {
    /// It does not ask.
    Anonymous,
    /// A user of MLflow's own.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// Names an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MlflowExperiment {
    /// By its number.
    Id(String),
    /// By its name.
    Name(String),
}

/// Decides how to reach MLflow.
pub(super) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Result<MlflowTarget, TargetError> {
    let sources = [Variable(variables::MLFLOW_TRACKING_URI), ENDPOINT];
    if let Some((key, value)) = reader.named(&sources)
        && is_databricks(&value)
    {
        return Err(TargetError::Databricks { key });
    }
    let endpoint = http_url(reader, &sources)?.unwrap_or_else(|| DEFAULT_MLFLOW.to_owned());
    let (auth, experiment) = (auth(reader), experiment(reader)?);
    Ok(MlflowTarget { endpoint, auth, experiment, tls: tls_files(paths, reader) })
}

/// Whether this is how MLflow's own client names Databricks, or the address of a workspace.
fn is_databricks(uri: &str) -> bool {
    const DOMAINS: [&str; 3] = [".databricks.com", ".azuredatabricks.net", ".databricks.azure.cn"];
    let uri = uri.trim().to_ascii_lowercase();
    let host = uri.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', ':', '?']).next().unwrap_or_default();
    uri.starts_with("databricks") || DOMAINS.iter().any(|domain| host.ends_with(domain))
}

fn tls_files(paths: &Paths, reader: &mut Reader<'_>) -> TlsFiles {
    let server = [Variable(variables::MLFLOW_TRACKING_SERVER_CERT_PATH)];
    let client = [Variable(variables::MLFLOW_TRACKING_CLIENT_CERT_PATH)];
    let before = |before| Around { before, after: &[] };
    tls::all(paths, reader, [before(&server), before(&client), before(&client)])
}

/// As MLflow's own client decides: a user before a token.
fn auth(reader: &mut Reader<'_>) -> MlflowAuth {
    let username = reader.text(&[Variable(variables::MLFLOW_TRACKING_USERNAME)]);
    let password = reader.text(&[Variable(variables::MLFLOW_TRACKING_PASSWORD)]);
    let token = [Variable(variables::MLFLOW_TRACKING_TOKEN), Own("api_key")];
    match (username, password, reader.text(&token)) {
        (Some(username), Some(password), _) => {
            MlflowAuth::Basic { username, password: Secret::new(password) }
        }
        (_, _, Some(token)) => MlflowAuth::Bearer(Secret::new(token)),
        (_, _, None) => MlflowAuth::Anonymous,
    }
}

fn experiment(reader: &mut Reader<'_>) -> Result<Option<MlflowExperiment>, TargetError> {
    let sources = [Variable(variables::MLFLOW_EXPERIMENT_ID), Own("experiment_id")];
    if let Some((key, value)) = reader.named(&sources) {
        let id = value.trim();
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
            return Err(TargetError::InvalidSetting { key, value, expected: "a number" });
        }
        return Ok(Some(MlflowExperiment::Id(id.to_owned())));
    }
    let sources = [Variable(variables::MLFLOW_EXPERIMENT_NAME), Own("experiment")];
    Ok(reader.text(&sources).map(MlflowExperiment::Name))
}
