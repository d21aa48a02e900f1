//! Where traces go.

mod error;
mod headers;
mod list;
mod mlflow;
mod otlp;
mod phoenix;

pub use error::{ConfigError, TargetError};
pub use list::TargetSettings;
pub use mlflow::{MlflowAuth, MlflowExperiment, MlflowTarget};
pub use otlp::{OtlpCompression, OtlpEndpoint, OtlpProtocol, OtlpTarget};

pub(crate) use list::resolve_all;

use crate::reader::{
    Reader,
    Source::{self, Own},
};
use crate::{Paths, Secret, Warning, variables};

const TARGET: Source = Own("target");
const ENDPOINT: Source = Own("endpoint");

/// Names the backend that receives the traces. It does not say whether the backend is reachable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// The kinds of targets, by which users name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Phoenix,
    Arize,
    Mlflow,
    Otlp,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Local, Self::Phoenix, Self::Arize, Self::Mlflow, Self::Otlp];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Phoenix => "phoenix",
            Self::Arize => "arize",
            Self::Mlflow => "mlflow",
            Self::Otlp => "otlp",
        }
    }
}

/// A kind, and the key or variables that select it.
struct Selected {
    kind: Kind,
    by: String,
}

/// Decides the kind of the target from its configured name, or else from what is configured at all.
fn select(reader: &mut Reader<'_>) -> Result<Selected, TargetError> {
    match reader.named(&[TARGET]) {
        Some((key, value)) => {
            let name = value.trim();
            let kind = Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
            let by = format!("`{key}`");
            kind.map(|kind| Selected { kind, by }).ok_or(TargetError::Unknown { key, value })
        }
        None if reader.entry.is_some() => Err(TargetError::Missing { key: reader.name(TARGET) }),
        None => Ok(select_unnamed(reader)),
    }
}

fn select_unnamed(reader: &mut Reader<'_>) -> Selected {
    let environment = reader.environment;
    let is_set = |name| environment.get(name).is_some();
    let selected = |kind, by: &str| Selected { kind, by: by.to_owned() };
    if is_set(variables::PHOENIX_ENDPOINT) || is_set(variables::PHOENIX_COLLECTOR_ENDPOINT) {
        return selected(Kind::Phoenix, "`PHOENIX_ENDPOINT`");
    }
    if reader.flag(&[Source::Variable(variables::CODEX_OTLP_ENABLE)]) == Some(true) {
        return selected(Kind::Otlp, "`CODEX_OTLP_ENABLE`");
    }
    if is_set(variables::ARIZE_API_KEY) && is_set(variables::ARIZE_SPACE_ID) {
        return selected(Kind::Arize, "`ARIZE_API_KEY` and `ARIZE_SPACE_ID`");
    }
    if reader.value(ENDPOINT).is_some() {
        reader.warnings.push(Warning::EndpointWithoutTarget);
    }
    selected(Kind::Local, "the default")
}

/// Decides everything about a target of this kind.
fn resolve(
    selected: Selected,
    paths: &Paths,
    reader: &mut Reader<'_>,
) -> Result<Target, TargetError> {
    match selected.kind {
        Kind::Local => Ok(Target::Local),
        Kind::Phoenix => phoenix::resolve(reader),
        Kind::Arize => Err(TargetError::NotYet { selected_by: selected.by, name: "arize" }),
        Kind::Mlflow => mlflow::resolve(reader).map(Target::Mlflow),
        Kind::Otlp => otlp::resolve(paths, reader).map(Target::Otlp),
    }
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
