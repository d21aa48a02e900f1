//! Where traces go.

use std::path::PathBuf;

use crate::reader::{Reader, Source};
use crate::{ParseError, Secret, Warning, variables};

const TARGET: &str = "harnesses.codex.target";
const ENDPOINT: &str = "harnesses.codex.endpoint";
const API_KEY: &str = "harnesses.codex.api_key";
const DEFAULT_PHOENIX: &str = "http://localhost:6006";

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
}

/// Says why nothing can be delivered until the configuration is put right.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The target is no known name.
    #[error("`{TARGET}` is `{value}`; known targets are local, phoenix, arize, mlflow and otlp")]
    Unknown {
        /// The value as it was written.
        value: String,
    },
    /// The target is known, but this release cannot deliver to it.
    #[error("the target `{name}`, selected by {selected_by}, is not supported by this release yet")]
    NotYet {
        /// The key or variables that select it.
        selected_by: &'static str,
        /// The name of the target.
        name: &'static str,
    },
    /// The endpoint is not an HTTP URL.
    #[error("`{key}` is `{value}`, which does not start with `http://` or `https://` and a host")]
    InvalidEndpoint {
        /// The variable or key.
        key: &'static str,
        /// The value as it was written.
        value: String,
    },
    /// The configuration could not be read. Nothing is sent then, because the unread part may
    /// forbid it.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl TargetError {
    /// Suggests what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } | Self::NotYet { .. } => {
                format!("run `arize-config set {TARGET} phoenix` (or `local`)")
            }
            Self::InvalidEndpoint { key, .. } => {
                format!("write `{key}` as a URL, for example `{DEFAULT_PHOENIX}`")
            }
            Self::Config(_) => "correct the file, then run `arize-config dump` to check it".into(),
        }
    }
}

/// Says which settings file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file exists but cannot be read as text.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid YAML or JSON.
    #[error("`{}` is not valid", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: ParseError,
    },
}

/// Decides the target from the configured name, or else from what is configured at all.
pub(crate) fn resolve(reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let Some(name) = reader.text(&[Source::Key(TARGET)]) else {
        return resolve_unnamed(reader);
    };
    let not_yet = |name| Err(TargetError::NotYet { selected_by: "`harnesses.codex.target`", name });
    match name.trim().to_ascii_lowercase().as_str() {
        "local" => Ok(Target::Local),
        "phoenix" => resolve_phoenix(reader),
        "arize" => not_yet("arize"),
        "mlflow" => not_yet("mlflow"),
        "otlp" => not_yet("otlp"),
        _ => Err(TargetError::Unknown { value: name }),
    }
}

fn resolve_unnamed(reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let is_set = |name| reader.environment.get(name).is_some();
    if is_set(variables::PHOENIX_ENDPOINT) || is_set(variables::PHOENIX_COLLECTOR_ENDPOINT) {
        return resolve_phoenix(reader);
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

fn resolve_phoenix(reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let endpoint = phoenix_endpoint(reader)?;
    let api_key = reader
        .text(&[Source::Variable(variables::PHOENIX_API_KEY), Source::Key(API_KEY)])
        .map(Secret::new);
    let headers = match reader.environment.get(variables::PHOENIX_CLIENT_HEADERS) {
        Some(text) => parse_headers(text, &mut reader.warnings),
        None => Vec::new(),
    };
    Ok(Target::Phoenix { endpoint, api_key, headers })
}

fn phoenix_endpoint(reader: &mut Reader<'_>) -> Result<String, TargetError> {
    let sources = [
        (variables::PHOENIX_ENDPOINT, Source::Variable(variables::PHOENIX_ENDPOINT)),
        (
            variables::PHOENIX_COLLECTOR_ENDPOINT,
            Source::Variable(variables::PHOENIX_COLLECTOR_ENDPOINT),
        ),
        (ENDPOINT, Source::Key(ENDPOINT)),
    ];
    for (key, source) in sources {
        if let Some(value) = reader.text(&[source]) {
            return match http_url(&value) {
                Some(url) => Ok(url.to_owned()),
                None => Err(TargetError::InvalidEndpoint { key, value }),
            };
        }
    }
    Ok(DEFAULT_PHOENIX.to_owned())
}

fn http_url(text: &str) -> Option<&str> {
    let url = text.trim().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_http && !rest.is_empty() && !rest.starts_with(['/', ':'])).then_some(url)
}

fn parse_headers(text: &str, warnings: &mut Vec<Warning>) -> Vec<(String, Secret)> {
    let mut headers = Vec::new();
    for (index, entry) in text.split(',').enumerate() {
        if entry.trim().is_empty() {
            continue;
        }
        match parse_header(entry) {
            Some((name, value)) => headers.push((name, Secret::new(value))),
            None => warnings.push(Warning::InvalidHeader {
                name: variables::PHOENIX_CLIENT_HEADERS,
                position: index + 1,
            }),
        }
    }
    headers
}

fn parse_header(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let name = percent_decode(name.trim())?;
    let value = percent_decode(value.trim())?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let valid = !name.is_empty() && name.chars().all(is_token) && !value.contains(char::is_control);
    valid.then_some((name, value))
}

/// Decodes `%41` to `A`; `None` when the result is not UTF-8. A percent sign that no two
/// hexadecimal digits follow stands for itself.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
