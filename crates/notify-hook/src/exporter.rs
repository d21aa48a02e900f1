//! From the settings to the exporter of their target.

use std::time::Duration;

use codex_config::{
    MlflowAuth, MlflowExperiment, MlflowTarget, OtlpCompression, OtlpEndpoint, OtlpProtocol,
    OtlpTarget, Paths, Secret, Target, TargetSettings,
};
use exporters::{
    ConfigError, Connection, Exporter, LocalStore, Mlflow, MlflowConfig, Otlp, OtlpConfig, Phoenix,
    PhoenixConfig, Proxies, TlsFiles,
};

/// Makes the exporter of a target; each delivery ends within `timeout`.
pub fn exporter(
    target: &Target,
    settings: &TargetSettings,
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
            connection: Connection::direct(timeout),
        })?),
        Target::Mlflow(mlflow) => {
            Box::new(Mlflow::new(mlflow_config(mlflow, &settings.project_name, timeout))?)
        }
        Target::Otlp(otlp) => Box::new(Otlp::new(otlp_config(otlp, timeout))?),
    })
}

fn otlp_config(otlp: &OtlpTarget, timeout: Duration) -> OtlpConfig {
    OtlpConfig {
        endpoint: match &otlp.endpoint {
            OtlpEndpoint::Server(url) => exporters::OtlpEndpoint::Server(url.clone()),
            OtlpEndpoint::Traces(url) => exporters::OtlpEndpoint::Traces(url.clone()),
        },
        protocol: match otlp.protocol {
            OtlpProtocol::HttpProtobuf => exporters::OtlpProtocol::HttpProtobuf,
            OtlpProtocol::HttpJson => exporters::OtlpProtocol::HttpJson,
        },
        compression: match otlp.compression {
            OtlpCompression::Gzip => exporters::OtlpCompression::Gzip,
            OtlpCompression::None => exporters::OtlpCompression::None,
        },
        headers: exposed(&otlp.headers),
        connection: Connection {
            timeout: otlp.timeout.map_or(timeout, |own| own.min(timeout)),
            tls: TlsFiles {
                ca_file: otlp.ca_file.clone(),
                client_certificate: otlp.client_certificate.clone(),
                client_key: otlp.client_key.clone(),
            },
            proxies: Proxies::default(),
        },
    }
}

fn mlflow_config(mlflow: &MlflowTarget, project_name: &str, timeout: Duration) -> MlflowConfig {
    MlflowConfig {
        endpoint: mlflow.endpoint.clone(),
        auth: match &mlflow.auth {
            MlflowAuth::Anonymous => exporters::MlflowAuth::Anonymous,
            MlflowAuth::Basic { username, password } => exporters::MlflowAuth::Basic {
                username: username.clone(),
                password: password.expose().to_owned(),
            },
            MlflowAuth::Bearer(token) => exporters::MlflowAuth::Bearer(token.expose().to_owned()),
        },
        experiment: match &mlflow.experiment {
            Some(MlflowExperiment::Id(id)) => exporters::MlflowExperiment::Id(id.clone()),
            Some(MlflowExperiment::Name(name)) => exporters::MlflowExperiment::Name(name.clone()),
            None => exporters::MlflowExperiment::Name(project_name.to_owned()),
        },
        connection: Connection::direct(timeout),
    }
}

fn exposed(headers: &[(String, Secret)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
