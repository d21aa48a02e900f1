//! Phoenix as a target.

use super::{ENDPOINT, TargetError, TlsFiles, headers, http_url, one_of, tls};
use crate::reader::{
    Reader,
    Source::{Own, Variable},
};
use crate::{Paths, Secret, variables};

const DEFAULT_PHOENIX: &str = "http://localhost:6006";

/// Says how to reach a Phoenix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhoenixTarget {
    /// The base URL, `http://` or `https://`, without a trailing slash.
    pub endpoint: String,
    /// The API key, where the server asks for one.
    pub api_key: Option<Secret>,
    /// Extra request headers; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// The interface that spans are posted to.
    pub api: PhoenixApi,
    /// The files for TLS.
    pub tls: TlsFiles,
}

/// Names an interface of Phoenix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhoenixApi {
    /// `otlp`.
    Otlp,
    /// `rest`.
    Rest,
}

/// Decides how to reach Phoenix.
pub(super) fn resolve(
    paths: &Paths,
    reader: &mut Reader<'_>,
) -> Result<PhoenixTarget, TargetError> {
    let endpoint = endpoint(reader)?;
    let api_key =
        reader.text(&[Variable(variables::PHOENIX_API_KEY), Own("api_key")]).map(Secret::new);
    let headers = headers::all(reader, None, variables::PHOENIX_CLIENT_HEADERS)?;
    let api = one_of(reader, &[Own("phoenix_api")], "`otlp` or `rest`", |word| match word {
        "otlp" => Some(PhoenixApi::Otlp),
        "rest" => Some(PhoenixApi::Rest),
        _ => None,
    })?;
    let api = api.unwrap_or(PhoenixApi::Otlp);
    Ok(PhoenixTarget { endpoint, api_key, headers, api, tls: tls::own(paths, reader) })
}

fn endpoint(reader: &mut Reader<'_>) -> Result<String, TargetError> {
    let sources = [
        Variable(variables::PHOENIX_ENDPOINT),
        Variable(variables::PHOENIX_COLLECTOR_ENDPOINT),
        ENDPOINT,
    ];
    let found = http_url(reader, &sources)?;
    Ok(found.unwrap_or_else(|| DEFAULT_PHOENIX.to_owned()))
}
