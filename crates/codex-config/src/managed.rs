//! Settings that an administrator gives all users of a machine: values below those of the user, and keys
//! that the user cannot change, neither in `config.yaml` nor by the environment.
//!
//! The file counts only where nobody but the administrator can write it. One that cannot be read or
//! parsed stops delivery, because what it forbids is not known.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::reader::TARGETS;
use crate::settings::read_if_exists;
use crate::{ConfigError, Environment, document, variables};

/// The keys that are locked.
const LOCKED: &str = "locked";

/// The group of switches for contents.
const LOGGING: &str = "logging";

/// Locks what no key decides: whether turns are traced at all.
const ENABLED: &str = "enabled";

/// Which key decides what a variable decides, too.
const BY_VARIABLE: [(&str, &str); 14] = [
    (variables::ARIZE_TRACE_ENABLED, ENABLED),
    (variables::ARIZE_DRY_RUN, ENABLED),
    (variables::ARIZE_USER_ID, "user_id"),
    (variables::ARIZE_TAGS, "harnesses.codex.tags"),
    (variables::ARIZE_CODEX_BIN, "harnesses.codex.codex_bin"),
    (variables::ARIZE_CODEX_BUFFER_PORT, "harnesses.codex.collector.port"),
    (variables::ARIZE_LOG_CONTENT, "logging.content"),
    (variables::ARIZE_LOG_PROMPTS, "logging.prompts"),
    (variables::ARIZE_LOG_TOOL_DETAILS, "logging.tool_details"),
    (variables::ARIZE_LOG_TOOL_CONTENT, "logging.tool_content"),
    (variables::ARIZE_SPAN_LAYOUT, "harnesses.codex.span_layout"),
    (variables::ARIZE_TOOL_ERRORS, "harnesses.codex.tool_errors"),
    (variables::ARIZE_PROJECT_NAME, "harnesses.codex.project_name"),
    (variables::OTEL_RESOURCE_ATTRIBUTES, "harnesses.codex.attributes"),
];

/// The beginnings of variables that say where traces go, and the keys that do.
const OF_TARGETS: [&str; 8] = [
    "ARIZE_API",
    "ARIZE_SPACE",
    "ARIZE_OTLP",
    "ARIZE_COLLECTOR",
    "PHOENIX_",
    "CODEX_OTLP_",
    "OTEL_EXPORTER_",
    "MLFLOW_",
];
const TARGET_KEYS: [&str; 4] = [
    "harnesses.codex.target",
    "harnesses.codex.targets",
    "harnesses.codex.endpoint",
    "harnesses.codex.project_name",
];

/// The settings of an administrator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Managed {
    value: Value,
    /// Dotted keys; everything below one is locked, too.
    locked: Vec<String>,
}

/// Where they are on this system.
pub(crate) fn usual_file() -> PathBuf {
    match std::env::consts::OS {
        "macos" => "/Library/Application Support/arize-codex/config.yaml".into(),
        "windows" => r"C:\ProgramData\arize-codex\config.yaml".into(),
        _ => "/etc/arize-codex/config.yaml".into(),
    }
}

/// The text of the file, where it counts.
pub(crate) fn read(file: &Path) -> Result<Option<String>, ConfigError> {
    let Some(text) = read_if_exists(file)? else { return Ok(None) };
    match is_of_administrator(file) {
        true => Ok(Some(text)),
        false => Err(ConfigError::NotAdministrators { path: file.to_owned() }),
    }
}

/// Whether the file and the folder that it is in can be written by root alone.
#[cfg(unix)]
fn is_of_administrator(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_safe = |path: &Path| {
        path.metadata().is_ok_and(|metadata| metadata.uid() == 0 && metadata.mode() & 0o022 == 0)
    };
    is_safe(file) && file.parent().is_some_and(is_safe)
}

/// The folder of the system has rights of its own.
#[cfg(not(unix))]
fn is_of_administrator(_file: &Path) -> bool {
    true
}

impl Managed {
    /// From the text of the file.
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Parse { path: file.to_owned(), source };
        let value = document::parse_yaml(text).and_then(document::merged).map_err(failed)?;
        let entries = match document::lookup(&value, [LOCKED]) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Sequence(entries)) => entries.clone(),
            Some(one) => vec![one.clone()],
        };
        let lock = |entry: &Value| match document::scalar_text(entry) {
            Some(key) if is_key(&key) => Ok(key),
            // What was to be locked is not known: nothing is sent until it is.
            key => Err(ConfigError::UnknownLock {
                path: file.to_owned(),
                key: key.unwrap_or_else(|| document::kind(entry).to_owned()),
            }),
        };
        let locked = entries.iter().map(lock).collect::<Result<_, _>>()?;
        Ok(Self { value, locked })
    }

    /// Whether a user's key is locked.
    pub(crate) fn locks(&self, key: &str) -> bool {
        self.locked.iter().any(|locked| is_within(key, locked))
    }

    pub(crate) fn locked(&self) -> &[String] {
        &self.locked
    }

    /// The settings of a user with those of the administrator below, and instead where they are locked.
    pub(crate) fn under(&self, user: Value) -> Value {
        let mut all = below(user, &self.value);
        if let Value::Mapping(mapping) = &mut all {
            mapping.remove(LOCKED);
        }
        for key in &self.locked {
            let path: Vec<&str> = key.split('.').collect();
            let value = document::lookup(&self.value, &path).cloned();
            if is_within(key, LOGGING) && key != LOGGING {
                keep_closed(&mut all);
            }
            put(&mut all, &path, value);
        }
        self.without_exceptions(&mut all);
        all
    }

    /// What a target of the user's says of contents counts no more than what the user says.
    fn without_exceptions(&self, all: &mut Value) {
        if self.locks(TARGETS) {
            return;
        }
        let path: Vec<&str> = TARGETS.split('.').collect();
        let Some(targets) = find(all, &path) else { return };
        let entries: Vec<&mut Value> = match targets {
            Value::Sequence(entries) => entries.iter_mut().collect(),
            Value::Mapping(entries) => entries.iter_mut().map(|(_, entry)| entry).collect(),
            _ => Vec::new(),
        };
        for entry in entries {
            for key in self.locked.iter().filter(|key| is_within(key, LOGGING)) {
                if key != LOGGING {
                    keep_closed(entry);
                }
                put(entry, &key.split('.').collect::<Vec<_>>(), None);
            }
        }
    }

    /// The environment without what it would change of locked keys.
    pub(crate) fn cleared(&self, environment: &Environment) -> Environment {
        let touches = |key: &str| {
            self.locked.iter().any(|locked| is_within(key, locked) || is_within(locked, key))
        };
        let are_targets_locked = TARGET_KEYS.iter().any(|key| touches(key));
        environment.filtered(&|name| {
            let is_locked =
                BY_VARIABLE.iter().any(|(variable, key)| *variable == name && touches(key));
            let is_of_target = OF_TARGETS.iter().any(|beginning| name.starts_with(beginning));
            !(is_locked || is_of_target && are_targets_locked)
        })
    }
}

/// Whether a setting has this key, or some are below it.
fn is_key(key: &str) -> bool {
    key == ENABLED || crate::unknown_keys::has(key)
}

/// Whether a key is another one, or below it.
pub(crate) fn is_within(key: &str, other: &str) -> bool {
    key.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A value with what only the other one has.
fn below(upper: Value, lower: &Value) -> Value {
    match (upper, lower) {
        (Value::Null, lower) => lower.clone(),
        (Value::Mapping(mut upper), Value::Mapping(lower)) => {
            for (key, value) in lower {
                let merged = below(upper.get(key).cloned().unwrap_or_default(), value);
                upper.insert(key.clone(), merged);
            }
            Value::Mapping(upper)
        }
        (upper, _) => upper,
    }
}

/// Switches for contents that are no mapping are all off. They stay off where a lock makes them one.
fn keep_closed(settings: &mut Value) {
    let Some(group) = find(settings, &[LOGGING]) else { return };
    if !group.is_mapping() && !group.is_null() {
        let off = ["prompts", "tool_details", "tool_content"]
            .map(|switch| (Value::from(switch), Value::from(false)));
        *group = Value::Mapping(off.into_iter().collect());
    }
}

/// Puts a value under a path, or takes out what is there.
fn put(root: &mut Value, path: &[&str], value: Option<Value>) {
    let Some((last, above)) = path.split_last() else { return };
    if value.is_none() && find(root, above).is_none() {
        return;
    }
    let mut here = root;
    for segment in above {
        if !here.is_mapping() {
            *here = Value::Mapping(Default::default());
        }
        let Value::Mapping(mapping) = here else { return };
        here = mapping.entry(Value::from(*segment)).or_insert(Value::Null);
    }
    if !here.is_mapping() {
        *here = Value::Mapping(Default::default());
    }
    if let Value::Mapping(mapping) = here {
        match value {
            Some(value) => drop(mapping.insert(Value::from(*last), value)),
            None => drop(mapping.remove(*last)),
        }
    }
}

fn find<'v>(root: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().try_fold(root, |value, segment| value.as_mapping_mut()?.get_mut(*segment))
}
