//! Where the buffer service passes Codex's log events on to: `harnesses.codex.collector.forward`.
//!
//! It is for people whose Codex sent its events somewhere before the service took that place, as a rule
//! to a collector on the same machine. The service is to be small and knows no TLS.

use crate::reader::{
    Reader,
    Source::{self, Key},
};
use crate::target::{headers, http_url};
use crate::{Secret, Warning};

/// Says how to reach a receiver of OTLP logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Its address, used as it is.
    pub endpoint: String,
    /// Headers of every request; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
}

/// Decides whether and where events are passed on. A mistake becomes a warning: nothing is passed on.
pub(crate) fn resolve(reader: &mut Reader<'_>) -> Option<Forward> {
    reader.value(Key("harnesses.codex.collector.forward"))?;
    match receiver(reader) {
        Ok(forward) => Some(forward),
        Err(reason) => {
            reader.warnings.push(Warning::NotForwarded { reason });
            None
        }
    }
}

fn receiver(reader: &mut Reader<'_>) -> Result<Forward, String> {
    const ENDPOINT: Source = Key("harnesses.codex.collector.forward.endpoint");
    const HEADERS: Source = Key("harnesses.codex.collector.forward.headers");
    if http_url(reader, &[ENDPOINT]).map_err(|error| error.to_string())?.is_none() {
        return Err(format!("`{}` is missing", reader.name(ENDPOINT)));
    }
    // A final slash belongs to it.
    let endpoint = reader.text(&[ENDPOINT]).unwrap_or_default().trim().to_owned();
    if endpoint.starts_with("https:") {
        let key = reader.name(ENDPOINT);
        return Err(format!("`{key}` is `{endpoint}`: only plain http is spoken there"));
    }
    let headers = headers::of_mapping(reader, HEADERS).map_err(|error| error.to_string())?;
    Ok(Forward { endpoint, headers })
}
