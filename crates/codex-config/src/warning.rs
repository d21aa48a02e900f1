//! What is wrong with the settings but can be lived with.

use std::path::PathBuf;

/// Says which setting was passed over and why. It never quotes a setting that may be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A value is not of the kind its setting needs; the next source or the default holds.
    #[error("`{name}` is `{value}`, not {expected}; ignored")]
    InvalidValue {
        /// The variable or key.
        name: String,
        /// The value as it was written.
        value: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// A switch that decides what content is recorded is not a boolean, so nothing is recorded.
    #[error("`{name}` is `{value}`, not true or false; taken as off")]
    InvalidContentSwitch {
        /// The variable or key.
        name: String,
        /// The value as it was written.
        value: String,
    },
    /// A word that decides whether there are contents is neither of the two, so there are none.
    #[error("`{name}` is `{value}`, not all or none; taken as none")]
    InvalidContent {
        /// The variable or key.
        name: String,
        /// The value as it was written.
        value: String,
    },
    /// A variable that hides something is not a boolean, so it hides.
    #[error("`{name}` is `{value}`, not true or false; taken as true")]
    InvalidHideSwitch {
        /// The variable.
        name: String,
        /// The value as it was written.
        value: String,
    },
    /// The place of the switches that decide what content is recorded holds something else.
    #[error("`{key}` is `{value}`, not a mapping; all content is off")]
    InvalidContentGroup {
        /// The dotted key.
        key: String,
        /// What it holds.
        value: String,
    },
    /// A key holds a list or a mapping where a single value belongs.
    #[error("`{key}` is {found}, not a single value; ignored")]
    NotScalar {
        /// The dotted key.
        key: String,
        /// What it holds.
        found: &'static str,
    },
    /// `harnesses.codex.attributes` is not a mapping.
    #[error("`{key}` is {found}, not a mapping; ignored")]
    NotMapping {
        /// The dotted key.
        key: String,
        /// What it holds.
        found: &'static str,
    },
    /// Codex's events cannot be passed on.
    #[error("{reason}; codex's log events are not passed on")]
    NotForwarded {
        /// What is wrong.
        reason: String,
    },
    /// A line of `arize-env.sh` was not understood.
    #[error("`{}` line {line}: {reason}; ignored", path.display())]
    EnvFileLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is on it.
        reason: &'static str,
    },
    /// An entry of a list is not `name=value`.
    #[error("`{name}` entry {position} is not `name=value`; ignored")]
    InvalidPair {
        /// The variable.
        name: &'static str,
        /// The place in the list, counted from 1.
        position: usize,
    },
    /// A key has no meaning in its place, so what the user wanted of it does not happen.
    #[error("`{key}` is not a setting{}; ignored", did_you_mean(meant.as_deref()))]
    UnknownKey {
        /// The dotted key.
        key: String,
        /// The dotted key that was meant, most likely.
        meant: Option<String>,
    },
    /// An endpoint is configured but nothing says what it is the endpoint of.
    #[error("`harnesses.codex.endpoint` has no effect without `harnesses.codex.target`")]
    EndpointWithoutTarget,
    /// A kind of target is to get metrics that takes none.
    #[error("`{key}` has no effect: the target `{target}` takes no metrics")]
    NoMetrics {
        /// The dotted key.
        key: String,
        /// The kind of the target.
        target: &'static str,
    },
    /// There is one target beside a list of targets.
    #[error("`harnesses.codex.target` has no effect beside `harnesses.codex.targets`")]
    TargetBesideTargets,
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default()
}
