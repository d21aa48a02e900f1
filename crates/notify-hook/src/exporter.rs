//! From the settings to the exporter of their target.

use std::time::Duration;

use codex_config::{
    OtlpCompression, OtlpEndpoint, OtlpProtocol, OtlpTarget, Paths, Secret, Settings, Target,
};
use exporters::{
    ConfigError, Exporter, LocalStore, Otlp, OtlpConfig, Phoenix, PhoenixConfig, TlsFiles,
};

/// Makes the exporter of a target; each delivery ends within `timeout`.
pub(crate) fn exporter(
    target: &Target,
    settings: &Settings,
    paths: &Paths,
    timeout: Duration,
) -> Result<Box<dyn Exporter>, ConfigError> {
    Ok(match target {
        Target::Local => Box::new(LocalStore::new(&paths.traces_db)),
        Target::Phoenix { endpoint, api_key, headers } => Box::new(Phoenix::new(PhoenixConfig {
            endpoint: endpoint.clone(),
            api_key: api_key.as_ref().map(|key| key.expose().to_owned()),
            headers: exposed(headers),
            project: settings.project_name.clone(),
            timeout,
        })?),
        Target::Otlp(otlp) => Box::new(Otlp::new(otlp_config(otlp, timeout))?),
    })
}

fn otlp_config(otlp: &OtlpTarget, timeout: Duration) -> OtlpConfig {
    OtlpConfig {
        endpoint: match &otlp.endpoint {
            OtlpEndpoint::Server(url) => exporters::OtlpEndpoint::Server(url.clone()),
            OtlpEndpoint::Traces(url) => exporters::OtlpEndpoint::Traces(url.clone()),
        },
        encoding: match otlp.protocol {
            OtlpProtocol::HttpProtobuf => exporters::OtlpEncoding::Protobuf,
            OtlpProtocol::HttpJson => exporters::OtlpEncoding::Json,
        },
        compression: match otlp.compression {
            OtlpCompression::Gzip => exporters::OtlpCompression::Gzip,
            OtlpCompression::None => exporters::OtlpCompression::None,
        },
        headers: exposed(&otlp.headers),
        tls: TlsFiles {
            ca_file: otlp.ca_file.clone(),
            client_certificate: otlp.client_certificate.clone(),
            client_key: otlp.client_key.clone(),
        },
        timeout: otlp.timeout.map_or(timeout, |own| own.min(timeout)),
    }
}

fn exposed(headers: &[(String, Secret)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
