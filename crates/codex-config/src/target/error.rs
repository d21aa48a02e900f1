//! Why there is no target.

use std::path::{Path, PathBuf};

use super::Kind;
use crate::{ParseError, command_word};

/// Says why nothing can be delivered to a target until the configuration is put right.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The target is no known name.
    #[error("`{key}` is `{value}`; known targets are {}", known_targets())]
    Unknown {
        /// The key.
        key: String,
        /// The value as it was written.
        value: String,
    },
    /// An entry of several targets names none.
    #[error("`{key}` is missing; known targets are {}", known_targets())]
    Missing {
        /// The key.
        key: String,
    },
    /// The list of targets is none.
    #[error("`harnesses.codex.targets` is {found}, not a list of targets")]
    NoList {
        /// What it is.
        found: &'static str,
    },
    /// Settings that a target cannot do without are not there.
    #[error("the target `{name}` needs {}", places(missing))]
    MissingSettings {
        /// The name of the target.
        name: &'static str,
        /// The key and the variable of each.
        missing: Vec<(String, &'static str)>,
    },
    /// The target is the standard output, where the traces would not be seen.
    #[error("the target `stdout` is for dry runs: Codex does not show what its hook prints")]
    OnlyInDryRun,
    /// The endpoint is not an HTTP URL.
    #[error("`{key}` is `{value}`, which does not start with `http://` or `https://` and a host")]
    InvalidEndpoint {
        /// The variable or key.
        key: String,
        /// The value as it was written, but for credentials.
        value: String,
    },
    /// A target that has no default address has none.
    #[error("the target `{name}` has no endpoint")]
    NoEndpoint {
        /// The key.
        key: String,
        /// The name of the target.
        name: &'static str,
    },
    /// A setting of the target is none of the words that it may be.
    #[error("`{key}` is `{value}`, not {expected}")]
    InvalidSetting {
        /// The variable or key.
        key: String,
        /// The value as it was written.
        value: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// MLflow is to be Databricks' own, which has other addresses and credentials.
    #[error("`{key}` names Databricks, which the target `mlflow` cannot send to")]
    Databricks {
        /// The variable or key.
        key: String,
    },
    /// A header cannot be sent.
    #[error("`{key}`: {reason}")]
    InvalidHeader {
        /// The key, with the header's name.
        key: String,
        /// What is wrong, without the value.
        reason: String,
    },
}

/// How to set a key: `arize-config` reaches no entry of a list.
fn set(key: &str, value: &str) -> String {
    if key.contains('[') {
        format!("set `{key}` to `{value}` in `config.yaml`")
    } else {
        format!("run `arize-config set {} {value}`", command_word(key))
    }
}

/// How to set a key without showing its value on the screen.
fn set_secret(key: &str) -> String {
    if key.contains('[') {
        format!("set `{key}` in `config.yaml`")
    } else {
        format!("run `arize-config set {} --stdin`", command_word(key))
    }
}

fn places(missing: &[(String, &'static str)]) -> String {
    let places: Vec<String> =
        missing.iter().map(|(key, variable)| format!("`{key}` (or `{variable}`)")).collect();
    places.join(" and ")
}

fn known_targets() -> String {
    let names = Kind::ALL.map(Kind::name);
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

impl TargetError {
    /// Suggests what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { key, .. } | Self::Missing { key } => {
                format!("{} (or `local`)", set(key, "phoenix"))
            }
            Self::NoList { .. } => {
                "write `- target: phoenix` below it, and so for each target".into()
            }
            Self::OnlyInDryRun => {
                "name the target `file`, or set `ARIZE_DRY_RUN=true` where you look".into()
            }
            Self::MissingSettings { missing, .. } => {
                let keys: Vec<String> = missing.iter().map(|(key, _)| set_secret(key)).collect();
                keys.join(", and ")
            }
            Self::InvalidEndpoint { key, .. } => {
                format!("write `{key}` as a URL, for example `https://traces.example:443`")
            }
            Self::NoEndpoint { key, .. } => {
                format!("{}, such as `https://collector.example:4318`", set(key, "URL"))
            }
            Self::InvalidSetting { key, expected, .. } => format!("set `{key}` to {expected}"),
            Self::Databricks { .. } => {
                "name the target `otlp` with the address, the token and the \
                table of the workspace, as the recipe for Databricks in docs/recipes.md has them"
                    .into()
            }
            Self::InvalidHeader { .. } => {
                "correct the header in `config.yaml`, or set the variable in `arize-env.sh`".into()
            }
        }
    }
}

/// Says which settings file could not be read. Nothing is sent then, because the unread part may
/// forbid it.
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
    /// The settings of an administrator can be written by others.
    #[error("`{}` does not count: it and its folder must be root's, and writable by root alone", path.display())]
    NotAdministrators {
        /// The file.
        path: PathBuf,
    },
    /// The settings of an administrator lock what is no setting.
    #[error("`{}` locks `{key}`, which is not a setting", path.display())]
    UnknownLock {
        /// The file.
        path: PathBuf,
        /// What is written there.
        key: String,
    },
}

impl ConfigError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. }
            | Self::Parse { path, .. }
            | Self::NotAdministrators { path }
            | Self::UnknownLock { path, .. } => path,
        }
    }

    /// Suggests what to do about it.
    pub fn hint(&self) -> &'static str {
        "correct the file, then run `arize-config dump` to check it"
    }
}
