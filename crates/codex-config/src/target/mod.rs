//! Where traces go.

mod arize;
mod error;
mod file;
pub(crate) mod headers;
mod list;
mod mlflow;
pub(crate) mod one_off;
mod otlp;
mod page;
mod phoenix;
pub(crate) mod tls;

pub use arize::{ArizeProtocol, ArizeTarget};
pub use error::{ConfigError, TargetError};
pub use file::FileTarget;
pub use list::TargetSettings;
pub use mlflow::{MlflowAuth, MlflowExperiment, MlflowTarget};
pub use one_off::OneOff;
pub use otlp::{OtlpCompression, OtlpEndpoint, OtlpMetrics, OtlpProtocol, OtlpTarget};
pub use phoenix::{PhoenixApi, PhoenixTarget};
pub use tls::TlsFiles;

pub(crate) use list::resolve_all;

use crate::address::mask_address;
use crate::reader::{
    Reader,
    Source::{self, Own},
};
use crate::{Paths, Warning, variables};

const TARGET: Source = Own("target");
const ENDPOINT: Source = Own("endpoint");

/// Names the backend that receives the traces. It does not say whether the backend is reachable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The local store, `traces.db`.
    Local,
    /// A Phoenix server.
    Phoenix(PhoenixTarget),
    /// Arize AX.
    Arize(ArizeTarget),
    /// Any receiver of OTLP.
    Otlp(OtlpTarget),
    /// An MLflow tracking server.
    Mlflow(MlflowTarget),
    /// A file of OTLP JSON lines.
    File(FileTarget),
    /// The standard output of a dry run.
    Stdout,
}

/// The kinds of targets, by which users name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Phoenix,
    Arize,
    Mlflow,
    Otlp,
    File,
    Stdout,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Local,
        Self::Phoenix,
        Self::Arize,
        Self::Mlflow,
        Self::Otlp,
        Self::File,
        Self::Stdout,
    ];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Phoenix => "phoenix",
            Self::Arize => "arize",
            Self::Mlflow => "mlflow",
            Self::Otlp => "otlp",
            Self::File => "file",
            Self::Stdout => "stdout",
        }
    }
}

/// Decides the kind of the target from its configured name, or else from what is configured at all.
fn select(reader: &mut Reader<'_>) -> Result<Kind, TargetError> {
    match reader.named(&[TARGET]) {
        Some((key, value)) => Kind::of(value.trim()).ok_or(TargetError::Unknown { key, value }),
        None if reader.entry.is_some() => {
            let named = reader.entry_name().and_then(|name| Kind::of(&name));
            named.ok_or_else(|| TargetError::Missing { key: reader.name(TARGET) })
        }
        None => Ok(select_unnamed(reader)),
    }
}

fn select_unnamed(reader: &mut Reader<'_>) -> Kind {
    let environment = reader.environment;
    let is_set = |name| environment.get(name).is_some();
    if is_set(variables::PHOENIX_ENDPOINT) || is_set(variables::PHOENIX_COLLECTOR_ENDPOINT) {
        return Kind::Phoenix;
    }
    if is_set(variables::MLFLOW_TRACKING_URI) {
        return Kind::Mlflow;
    }
    if reader.flag(&[Source::Variable(variables::CODEX_OTLP_ENABLE)]) == Some(true) {
        return Kind::Otlp;
    }
    if is_set(variables::ARIZE_API_KEY) && is_set(variables::ARIZE_SPACE_ID) {
        return Kind::Arize;
    }
    if reader.value(ENDPOINT).is_some() {
        reader.warnings.push(Warning::EndpointWithoutTarget);
    }
    Kind::Local
}

/// Decides everything about a target of this kind.
fn resolve(kind: Kind, paths: &Paths, reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    match kind {
        Kind::Local => Ok(Target::Local),
        Kind::Phoenix => phoenix::resolve(paths, reader).map(Target::Phoenix),
        Kind::Arize => arize::resolve(paths, reader).map(Target::Arize),
        Kind::Mlflow => mlflow::resolve(paths, reader).map(Target::Mlflow),
        Kind::Otlp => otlp::resolve(paths, reader).map(Target::Otlp),
        Kind::File => file::resolve(paths, reader).map(Target::File),
        Kind::Stdout => stdout(reader),
    }
}

/// What the hook prints Codex throws away, or takes for an answer.
fn stdout(reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let is_dry_run = reader.flag(&[Source::Variable(variables::ARIZE_DRY_RUN)]) == Some(true);
    is_dry_run.then_some(Target::Stdout).ok_or(TargetError::OnlyInDryRun)
}

/// Gives the first source that is set, which must be the URL of a server.
pub(crate) fn http_url(
    reader: &mut Reader<'_>,
    sources: &[Source],
) -> Result<Option<String>, TargetError> {
    let Some((key, value)) = reader.named(sources) else { return Ok(None) };
    match without_final_slash(&value) {
        Some(url) => Ok(Some(url.to_owned())),
        None => Err(TargetError::InvalidEndpoint { key, value: mask_address(&value) }),
    }
}

/// Gives the first source that is set. Because a receiver would be sent what it cannot read, a value
/// that is not understood is an error.
pub(crate) fn one_of<T>(
    reader: &mut Reader<'_>,
    sources: &[Source],
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, TargetError> {
    let Some((key, value)) = reader.named(sources) else { return Ok(None) };
    match parse(value.trim().to_ascii_lowercase().as_str()) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(TargetError::InvalidSetting { key, value, expected }),
    }
}

fn without_final_slash(text: &str) -> Option<&str> {
    let url = text.trim().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_http && !rest.is_empty() && !rest.starts_with(['/', ':'])).then_some(url)
}
