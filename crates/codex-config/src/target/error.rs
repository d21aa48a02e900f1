//! Why there is no target.

use std::path::PathBuf;

use super::{ENDPOINT, TARGET};
use crate::ParseError;

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
    /// A target that has no default address has none.
    #[error("the target `{name}` has no endpoint")]
    NoEndpoint {
        /// The name of the target.
        name: &'static str,
    },
    /// A setting of the target is none of the words that it may be.
    #[error("`{key}` is `{value}`, not {expected}")]
    InvalidSetting {
        /// The variable or key.
        key: &'static str,
        /// The value as it was written.
        value: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// MLflow is to be Databricks' own, which has other addresses and credentials.
    #[error("`{key}` names Databricks, which is not supported")]
    Databricks {
        /// The variable or key.
        key: &'static str,
    },
    /// A header cannot be sent.
    #[error("`{key}`: {reason}")]
    InvalidHeader {
        /// The key, with the header's name.
        key: String,
        /// What is wrong, without the value.
        reason: String,
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
                format!("write `{key}` as a URL, for example `https://traces.example:443`")
            }
            Self::NoEndpoint { .. } => {
                format!(
                    "run `arize-config set {ENDPOINT} URL`, such as `https://collector.example:4318`"
                )
            }
            Self::InvalidSetting { key, expected, .. } => format!("set `{key}` to {expected}"),
            Self::Databricks { key } => {
                format!("set `{key}` to the URL of an MLflow tracking server")
            }
            Self::InvalidHeader { .. } => {
                "correct the header in `config.yaml`, or set the variable in `arize-env.sh`".into()
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
