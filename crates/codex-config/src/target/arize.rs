//! Arize AX as a target.

use super::{ENDPOINT, TargetError, TlsFiles, one_of, tls};
use crate::reader::{
    Reader,
    Source::{self, Own, Variable},
};
use crate::{Paths, Secret, variables};

const DEFAULT_ARIZE: &str = "otlp.arize.com:443";

/// Says how to reach an Arize AX.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArizeTarget {
    /// Its receiver, `HOST:PORT` or a URL.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: ArizeProtocol,
    /// The API key.
    pub api_key: Secret,
    /// The space that traces go to.
    pub space_id: String,
    /// What kind of program the project is of, in Arize's words.
    pub project_type: String,
    /// The files for TLS.
    pub tls: TlsFiles,
}

/// Names how Arize AX is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArizeProtocol {
    /// `grpc`.
    Grpc,
    /// `http`.
    Http,
}

/// Decides how to reach Arize AX.
pub(super) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Result<ArizeTarget, TargetError> {
    let protocol = one_of(reader, &[Own("protocol")], "`grpc` or `http`", |word| match word {
        "grpc" => Some(ArizeProtocol::Grpc),
        "http" | "http/protobuf" => Some(ArizeProtocol::Http),
        _ => None,
    })?;
    let api_key = needed(reader, variables::ARIZE_API_KEY, Own("api_key"));
    let space_id = needed(reader, variables::ARIZE_SPACE_ID, Own("space_id"));
    let (api_key, space_id) = match (api_key, space_id) {
        (Ok(api_key), Ok(space_id)) => (Secret::new(api_key), space_id),
        (api_key, space_id) => {
            let missing = [api_key.err(), space_id.err()].into_iter().flatten().collect();
            return Err(TargetError::MissingSettings { name: "arize", missing });
        }
    };
    let endpoint = reader.text(&[
        Variable(variables::ARIZE_OTLP_ENDPOINT),
        Variable(variables::ARIZE_COLLECTOR_ENDPOINT),
        ENDPOINT,
    ]);
    let project_type = [Variable(variables::ARIZE_PROJECT_TYPE), Own("project_type")];
    Ok(ArizeTarget {
        endpoint: endpoint.unwrap_or_else(|| DEFAULT_ARIZE.to_owned()),
        protocol: protocol.unwrap_or(ArizeProtocol::Grpc),
        api_key,
        space_id,
        project_type: reader.text(&project_type).unwrap_or_else(|| "harness".to_owned()),
        tls: tls::own(paths, reader),
    })
}

/// Gives a setting, or where it may be set.
fn needed(
    reader: &mut Reader<'_>,
    variable: &'static str,
    key: Source,
) -> Result<String, (String, &'static str)> {
    let found = reader.text(&[Variable(variable), key]);
    let found = found.filter(|text| !text.trim().is_empty());
    found.ok_or_else(|| (reader.name(key), variable))
}
