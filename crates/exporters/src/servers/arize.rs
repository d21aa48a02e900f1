//! Arize AX, in the cloud or on the premises.

use std::fmt;

use otlp_model::{Attribute, SpanBatch, names};
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue};

#[cfg(feature = "grpc")]
use crate::servers::endpoint::grpc_url;
use crate::servers::endpoint::{base_url, without_secrets};
use crate::servers::headers::Headers;
use crate::servers::otlp::Receiver;
use crate::{
    ConfigError, Connection, ExportError, Exporter, OtlpCompression, OtlpProtocol, Probe, Receipt,
};

/// The attributes by which Arize AX sorts spans; it reads some from the resource and some from
/// spans.
const PROJECT_NAME: &str = "arize.project.name";
const PROJECT_TYPE: &str = "arize.project.type";

/// What Arize's own libraries send, and the same under the names of older ones.
const SPACE_ID: HeaderName = HeaderName::from_static("arize-space-id");
const INTERFACE: HeaderName = HeaderName::from_static("arize-interface");
const OLD_API_KEY: HeaderName = HeaderName::from_static("api_key");
const OLD_SPACE_ID: HeaderName = HeaderName::from_static("space_id");

/// The path below which Arize AX takes OTLP over HTTP.
const HTTP_PATH: &str = "/v1";

/// Where an Arize AX is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ArizeConfig {
    /// Address of the receiver: `otlp.arize.com:443`, or `https://otlp.arize.com/v1`. Without a
    /// scheme it is one with TLS.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: ArizeProtocol,
    /// Proves that the space may be written to.
    pub api_key: String,
    /// The space that the traces belong to.
    pub space_id: String,
    /// The project in the space, which is made where it is missing.
    pub project: String,
    /// What kind of program the project is of: `harness`, `application` or `experiment`.
    pub project_type: String,
    /// How to connect.
    pub connection: Connection,
}

/// A protocol that Arize AX speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArizeProtocol {
    /// OTLP over gRPC.
    #[cfg(feature = "grpc")]
    #[default]
    Grpc,
    /// OTLP over HTTP, for networks that gRPC does not get through.
    #[cfg_attr(not(feature = "grpc"), default)]
    Http,
}

impl fmt::Debug for ArizeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArizeConfig")
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("protocol", &self.protocol)
            .field("project", &self.project)
            .field("project_type", &self.project_type)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// Delivers to Arize AX.
pub struct Arize {
    target: String,
    receiver: Receiver,
    project: String,
    project_type: String,
}

impl Arize {
    /// Prepares deliveries; does not connect.
    pub fn new(config: ArizeConfig) -> Result<Self, ConfigError> {
        let server = server(&config.endpoint)?;
        let (url, protocol) = match config.protocol {
            #[cfg(feature = "grpc")]
            ArizeProtocol::Grpc => (grpc_url(&server)?, OtlpProtocol::Grpc),
            ArizeProtocol::Http => {
                (format!("{server}{HTTP_PATH}/traces"), OtlpProtocol::HttpProtobuf)
            }
        };
        let headers = headers(&url, config.api_key.trim(), config.space_id.trim())?;
        let target = format!("arize {url}");
        let compression = OtlpCompression::Gzip;
        let receiver = Receiver::new(url, protocol, compression, headers, &config.connection)?;
        Ok(Self { target, receiver, project: config.project, project_type: config.project_type })
    }

    /// A copy of the batch in which Arize AX finds the project.
    fn in_project(&self, batch: &SpanBatch) -> SpanBatch {
        let mut batch = batch.clone();
        let projects = [names::OPENINFERENCE_PROJECT_NAME, PROJECT_NAME];
        for name in projects {
            set(&mut batch.resource, name, &self.project);
        }
        set(&mut batch.resource, PROJECT_TYPE, &self.project_type);
        for span in &mut batch.spans {
            for name in projects {
                set(&mut span.attributes, name, &self.project);
            }
        }
        batch
    }
}

impl fmt::Debug for Arize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arize").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Exporter for Arize {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        self.receiver.export(&self.in_project(batch))
    }

    fn probe(&self) -> Result<Probe, ExportError> {
        self.receiver.probe()
    }
}

/// The address without a path: people know it in the forms for gRPC and for HTTP.
fn server(endpoint: &str) -> Result<String, ConfigError> {
    let endpoint = endpoint.trim();
    let url = match endpoint.split_once("://") {
        Some(_) => endpoint.to_owned(),
        None => format!("https://{endpoint}"),
    };
    let base = base_url(&url)?;
    Ok(base.strip_suffix(HTTP_PATH).unwrap_or(base).to_owned())
}

fn headers(url: &str, api_key: &str, space_id: &str) -> Result<Headers, ConfigError> {
    let mut headers = Headers::default();
    for (name, value) in [
        (AUTHORIZATION, api_key),
        (OLD_API_KEY, api_key),
        (SPACE_ID, space_id),
        (OLD_SPACE_ID, space_id),
    ] {
        headers.api_key(url, name, value)?;
    }
    headers.public(INTERFACE, HeaderValue::from_static("otel"));
    Ok(headers)
}

fn set(attributes: &mut Vec<Attribute>, name: &'static str, value: &str) {
    attributes.retain(|attribute| attribute.key != name);
    attributes.push(Attribute::new(name, value.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_written_in_all_forms_that_people_know() {
        for (endpoint, expected) in [
            ("otlp.arize.com:443", "https://otlp.arize.com:443"),
            ("otlp.arize.com", "https://otlp.arize.com"),
            ("https://otlp.arize.com/v1", "https://otlp.arize.com"),
            ("https://otlp.eu-west-1a.arize.com/v1/", "https://otlp.eu-west-1a.arize.com"),
            ("https://otlp.arize.com/v1/traces", "https://otlp.arize.com"),
            (" http://ax.example:4317/ ", "http://ax.example:4317"),
        ] {
            assert_eq!(server(endpoint).unwrap(), expected);
        }
        for endpoint in ["", "https://", "https://me:secret@otlp.arize.com", "a b"] {
            let error = server(endpoint).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
