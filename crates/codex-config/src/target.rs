//! Where traces go.

mod error;
mod headers;
mod mlflow;
mod otlp;
mod phoenix;

pub use error::{ConfigError, TargetError};
pub use mlflow::{MlflowAuth, MlflowExperiment, MlflowTarget};
pub use otlp::{OtlpCompression, OtlpEndpoint, OtlpProtocol, OtlpTarget};

use crate::reader::{Reader, Source};
use crate::{Paths, Secret, Warning, variables};

const TARGET: &str = "harnesses.codex.target";
const ENDPOINT: &str = "harnesses.codex.endpoint";

/// Names the backend that receives the traces. It does not say whether the backend is reachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The local store, `traces.db`.
    Local,
    /// A Phoenix server.
    Phoenix {
        /// The base URL, `http://` or `https://`, without a trailing slash.
        endpoint: String,
        /// The API key, where the server asks for one.
        api_key: Option<Secret>,
        /// Extra request headers; their values may be credentials.
        headers: Vec<(String, Secret)>,
    },
    /// Any receiver of OTLP over HTTP.
    Otlp(OtlpTarget),
    /// An MLflow tracking server.
    Mlflow(MlflowTarget),
}

/// Decides the target from the configured name, or else from what is configured at all.
pub(crate) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let Some(name) = reader.text(&[Source::Key(TARGET)]) else {
        return resolve_unnamed(paths, reader);
    };
    let not_yet = |name| Err(TargetError::NotYet { selected_by: "`harnesses.codex.target`", name });
    match name.trim().to_ascii_lowercase().as_str() {
        "local" => Ok(Target::Local),
        "phoenix" => phoenix::resolve(reader),
        "arize" => not_yet("arize"),
        "mlflow" => mlflow::resolve(reader).map(Target::Mlflow),
        "otlp" => otlp::resolve(paths, reader).map(Target::Otlp),
        _ => Err(TargetError::Unknown { value: name }),
    }
}

fn resolve_unnamed(paths: &Paths, reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let is_set = |name| reader.environment.get(name).is_some();
    if is_set(variables::PHOENIX_ENDPOINT) || is_set(variables::PHOENIX_COLLECTOR_ENDPOINT) {
        return phoenix::resolve(reader);
    }
    if reader.flag(&[Source::Variable(variables::CODEX_OTLP_ENABLE)]) == Some(true) {
        return otlp::resolve(paths, reader).map(Target::Otlp);
    }
    if is_set(variables::ARIZE_API_KEY) && is_set(variables::ARIZE_SPACE_ID) {
        let selected_by = "`ARIZE_API_KEY` and `ARIZE_SPACE_ID`";
        return Err(TargetError::NotYet { selected_by, name: "arize" });
    }
    if reader.value(ENDPOINT).is_some() {
        reader.warnings.push(Warning::EndpointWithoutTarget);
    }
    Ok(Target::Local)
}

/// Gives the first source that is set, which must be the URL of a server.
fn http_url(reader: &mut Reader<'_>, sources: &[Source]) -> Result<Option<String>, TargetError> {
    let Some((key, value)) = reader.named(sources) else { return Ok(None) };
    match without_final_slash(&value) {
        Some(url) => Ok(Some(url.to_owned())),
        None => Err(TargetError::InvalidEndpoint { key, value }),
    }
}

fn without_final_slash(text: &str) -> Option<&str> {
    let url = text.trim().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_http && !rest.is_empty() && !rest.starts_with(['/', ':'])).then_some(url)
}
