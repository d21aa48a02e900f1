//! Targets that the environment of one process moves elsewhere.
//!
//! A turn that cannot be sent there waits for that place, and not for the one that the files name. So
//! the place is described by variables that may be stored, and by the names of those that may not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MlflowExperiment, OtlpEndpoint, Target, TargetSettings, list};
use crate::address::mask_address;
use crate::reader::Reader;
use crate::{Environment, Paths, variables as v};

/// The variables that move a kind of target.
struct Variables {
    /// They name the place, and hold no credential unless it is part of an address.
    place: &'static [&'static str],
    credentials: &'static [&'static str],
}

/// The variable that moves targets of any kind.
const PROJECT: &str = v::ARIZE_PROJECT_NAME;

const PHOENIX: Variables = Variables {
    place: &[
        v::PHOENIX_ENDPOINT,
        v::PHOENIX_COLLECTOR_ENDPOINT,
        v::PHOENIX_PROJECT,
        v::PHOENIX_PROJECT_NAME,
    ],
    credentials: &[v::PHOENIX_API_KEY, v::PHOENIX_CLIENT_HEADERS],
};

const ARIZE: Variables = Variables {
    place: &[
        v::ARIZE_SPACE_ID,
        v::ARIZE_OTLP_ENDPOINT,
        v::ARIZE_COLLECTOR_ENDPOINT,
        v::ARIZE_PROJECT_TYPE,
    ],
    credentials: &[v::ARIZE_API_KEY],
};

const MLFLOW: Variables = Variables {
    place: &[
        v::MLFLOW_TRACKING_URI,
        v::MLFLOW_EXPERIMENT_ID,
        v::MLFLOW_EXPERIMENT_NAME,
        v::MLFLOW_TRACKING_SERVER_CERT_PATH,
        v::MLFLOW_TRACKING_CLIENT_CERT_PATH,
    ],
    credentials: &[
        v::MLFLOW_TRACKING_USERNAME,
        v::MLFLOW_TRACKING_PASSWORD,
        v::MLFLOW_TRACKING_TOKEN,
    ],
};

const OTLP: Variables = Variables {
    place: &[
        v::CODEX_OTLP_ENABLE,
        v::CODEX_OTLP_ENDPOINT,
        v::CODEX_OTLP_CACERTFILE,
        v::CODEX_OTLP_CERTFILE,
        v::CODEX_OTLP_KEYFILE,
        v::OTEL_EXPORTER_OTLP_ENDPOINT,
        v::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
        v::OTEL_EXPORTER_OTLP_PROTOCOL,
        v::OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
        v::OTEL_EXPORTER_OTLP_CERTIFICATE,
        v::OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE,
        v::OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
        v::OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE,
        v::OTEL_EXPORTER_OTLP_CLIENT_KEY,
        v::OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY,
    ],
    credentials: &[
        v::CODEX_OTLP_HEADERS,
        v::OTEL_EXPORTER_OTLP_HEADERS,
        v::OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    ],
};

/// What the environment of a process says of a target's place in place of the files. It holds no
/// credential and may be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OneOff {
    /// The variables that name the place, with their values.
    pub variables: BTreeMap<String, String>,
    /// The variables without which it cannot be reached and whose values are credentials.
    pub withheld: Vec<String>,
}

impl OneOff {
    /// An environment that says the same, as far as it may be stored.
    pub fn environment(&self) -> Environment {
        Environment::new(self.variables.iter().map(|(name, value)| (name.clone(), value.clone())))
    }

    fn of(environment: &Environment, kinds: &[&Variables]) -> Self {
        let set = |name: &&'static str| environment.of_process(name).map(|value| (*name, value));
        let places = kinds.iter().flat_map(|kind| kind.place);
        let mut one_off = Self::default();
        for (name, value) in std::iter::once(&PROJECT).chain(places).filter_map(set) {
            match mask_address(value) == value {
                true => drop(one_off.variables.insert(name.to_owned(), value.to_owned())),
                false => one_off.withheld.push(name.to_owned()),
            }
        }
        let credentials = kinds.iter().flat_map(|kind| kind.credentials).filter_map(set);
        one_off.withheld.extend(credentials.map(|(name, _)| name.to_owned()));
        one_off
    }
}

impl TargetSettings {
    /// Names the queue of turns that wait for the target: the target's own name, and for a place that
    /// only the environment of this process names a mark of that place.
    pub fn queue(&self) -> String {
        match &self.one_off {
            Some(_) => format!("{}@{}", self.name, self.mark()),
            None => self.name.clone(),
        }
    }

    /// What tells the target's place from others.
    pub fn mark(&self) -> String {
        let digest = Sha256::digest(self.place());
        digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The target's address and project, without credentials.
    pub fn place(&self) -> String {
        let project = &self.project_name;
        match &self.target {
            Ok(Target::Local) => "the local store".to_owned(),
            Ok(Target::Stdout) => "the standard output".to_owned(),
            Ok(Target::File(file)) => format!("the file `{}`", file.path.display()),
            Ok(Target::Phoenix(phoenix)) => {
                format!("phoenix {}, project `{project}`", mask_address(&phoenix.endpoint))
            }
            Ok(Target::Arize(arize)) => {
                let (address, space) = (mask_address(&arize.endpoint), &arize.space_id);
                format!("arize {address}, space `{space}`, project `{project}`")
            }
            Ok(Target::Mlflow(mlflow)) => {
                let address = mask_address(&mlflow.endpoint);
                match &mlflow.experiment {
                    Some(MlflowExperiment::Id(id)) => format!("mlflow {address}, experiment {id}"),
                    Some(MlflowExperiment::Name(name)) => {
                        format!("mlflow {address}, experiment `{name}`")
                    }
                    None => format!("mlflow {address}, experiment `{project}`"),
                }
            }
            Ok(Target::Otlp(otlp)) => {
                let (OtlpEndpoint::Server(url) | OtlpEndpoint::Traces(url)) = &otlp.endpoint;
                format!("otlp {}, project `{project}`", mask_address(url))
            }
            Err(error) => error.to_string(),
        }
    }

    /// The variables that may have moved it.
    fn variables(&self) -> &'static [&'static Variables] {
        match &self.target {
            Ok(Target::Phoenix(_)) => &[&PHOENIX],
            Ok(Target::Arize(_)) => &[&ARIZE],
            Ok(Target::Mlflow(_)) => &[&MLFLOW],
            Ok(Target::Otlp(_)) => &[&OTLP],
            Ok(Target::Local | Target::File(_) | Target::Stdout) => &[],
            Err(_) => &[&PHOENIX, &ARIZE, &MLFLOW, &OTLP],
        }
    }
}

/// Notes for each target whether the process's own environment has moved it.
pub(crate) fn note(targets: &mut [TargetSettings], paths: &Paths, reader: &Reader<'_>) {
    let environment = reader.environment;
    let files = environment.without_process();
    let mut files = Reader { environment: &files, warnings: Vec::new(), ..*reader };
    let configured = list::resolve_all(paths, &mut files);
    // The list of targets is of the file, so that each has its place in both.
    for (target, configured) in targets.iter_mut().zip(configured) {
        if target.place() != configured.place() {
            target.one_off = Some(OneOff::of(environment, target.variables()));
        }
    }
}
