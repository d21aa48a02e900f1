//! From the settings to the exporter of their target.

use std::time::Duration;

use codex_config::{
    ArizeProtocol, ArizeTarget, MlflowAuth, MlflowExperiment, MlflowTarget, OtlpCompression,
    OtlpEndpoint, OtlpMetrics, OtlpProtocol, OtlpTarget, Paths, PhoenixApi, PhoenixTarget, Secret,
    Target, TargetSettings, TlsFiles,
};
use exporters::{
    Arize, ArizeConfig, ConfigError, Connection, Exporter, JsonFile, JsonStdout, LocalStore,
    Mlflow, MlflowConfig, Otlp, OtlpConfig, Phoenix, PhoenixConfig, Proxies,
};

use crate::SCOPE;

/// Makes the exporter of a target; each delivery ends within `timeout`.
pub fn exporter(
    target: &Target,
    settings: &TargetSettings,
    paths: &Paths,
    timeout: Duration,
) -> Result<Box<dyn Exporter>, ConfigError> {
    let project = settings.project_name.as_str();
    let connection = |tls: &TlsFiles| connection(tls, &settings.proxies, timeout);
    Ok(match target {
        Target::Local => Box::new(LocalStore::new(&paths.traces_db)),
        Target::Phoenix(phoenix) => {
            Box::new(Phoenix::new(phoenix_config(phoenix, project, connection(&phoenix.tls)))?)
        }
        Target::Arize(arize) => {
            Box::new(Arize::new(arize_config(arize, project, connection(&arize.tls)))?)
        }
        Target::Mlflow(mlflow) => {
            Box::new(Mlflow::new(mlflow_config(mlflow, project, connection(&mlflow.tls)))?)
        }
        Target::File(file) => Box::new(JsonFile::new(&file.path, file.max_bytes).with_scope(SCOPE)),
        Target::Stdout => Box::new(JsonStdout::new(SCOPE)),
        Target::Otlp(otlp) => {
            let metrics = otlp.metrics.as_ref().filter(|_| settings.metrics);
            Box::new(otlp_exporter(otlp, metrics, connection(&otlp.tls))?)
        }
    })
}

/// How servers are connected to.
pub fn connection(
    tls: &TlsFiles,
    proxies: &codex_config::Proxies,
    timeout: Duration,
) -> Connection {
    let exposed = |url: &Option<Secret>| url.as_ref().map(|url| url.expose().to_owned());
    Connection {
        timeout,
        tls: exporters::TlsFiles {
            ca_file: tls.ca_file.clone(),
            system_file: tls.system_file.clone(),
            system_folders: tls.system_folders.clone(),
            client_certificate: tls.client_certificate.clone(),
            client_key: tls.client_key.clone(),
        },
        proxies: Proxies {
            https: exposed(&proxies.https),
            http: exposed(&proxies.http),
            all: exposed(&proxies.all),
            none: proxies.none.clone(),
        },
        scope: SCOPE,
    }
}

fn phoenix_config(phoenix: &PhoenixTarget, project: &str, connection: Connection) -> PhoenixConfig {
    PhoenixConfig {
        endpoint: phoenix.endpoint.clone(),
        api_key: phoenix.api_key.as_ref().map(|key| key.expose().to_owned()),
        headers: exposed(&phoenix.headers),
        project: project.to_owned(),
        api: match phoenix.api {
            PhoenixApi::Otlp => exporters::PhoenixApi::Otlp,
            PhoenixApi::Rest => exporters::PhoenixApi::Rest,
        },
        connection,
    }
}

fn arize_config(arize: &ArizeTarget, project: &str, connection: Connection) -> ArizeConfig {
    ArizeConfig {
        endpoint: arize.endpoint.clone(),
        protocol: match arize.protocol {
            ArizeProtocol::Grpc => exporters::ArizeProtocol::Grpc,
            ArizeProtocol::Http => exporters::ArizeProtocol::Http,
        },
        api_key: arize.api_key.expose().to_owned(),
        space_id: arize.space_id.clone(),
        project: project.to_owned(),
        project_type: arize.project_type.clone(),
        connection,
    }
}

fn otlp_exporter(
    otlp: &OtlpTarget,
    metrics: Option<&OtlpMetrics>,
    connection: Connection,
) -> Result<Otlp, ConfigError> {
    let config = otlp_config(otlp, connection);
    let Some(metrics) = metrics else { return Otlp::new(config) };
    let for_metrics = OtlpConfig {
        endpoint: exporters::OtlpEndpoint::Traces(metrics.url.clone()),
        headers: exposed(&metrics.headers),
        ..config.clone()
    };
    Otlp::new(config)?.with_metrics_at(&for_metrics)
}

fn otlp_config(otlp: &OtlpTarget, connection: Connection) -> OtlpConfig {
    let limit = connection.timeout;
    OtlpConfig {
        endpoint: match &otlp.endpoint {
            OtlpEndpoint::Server(url) => exporters::OtlpEndpoint::Server(url.clone()),
            OtlpEndpoint::Traces(url) => exporters::OtlpEndpoint::Traces(url.clone()),
        },
        protocol: match otlp.protocol {
            OtlpProtocol::HttpProtobuf => exporters::OtlpProtocol::HttpProtobuf,
            OtlpProtocol::HttpJson => exporters::OtlpProtocol::HttpJson,
            OtlpProtocol::Grpc => exporters::OtlpProtocol::Grpc,
        },
        compression: match otlp.compression {
            OtlpCompression::Gzip => exporters::OtlpCompression::Gzip,
            OtlpCompression::Zstd => exporters::OtlpCompression::Zstd,
            OtlpCompression::None => exporters::OtlpCompression::None,
        },
        headers: exposed(&otlp.headers),
        connection: Connection {
            timeout: otlp.timeout.map_or(limit, |own| own.min(limit)),
            ..connection
        },
    }
}

fn mlflow_config(mlflow: &MlflowTarget, project: &str, connection: Connection) -> MlflowConfig {
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
            None => exporters::MlflowExperiment::Name(project.to_owned()),
        },
        connection,
    }
}

/// Headers, fit to be sent.
pub fn exposed(headers: &[(String, Secret)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
