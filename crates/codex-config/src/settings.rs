//! The settings as the programs use them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::managed::Managed;
use crate::reader::{Reader, Source::Key, Source::Variable};
use crate::{
    Alerts, Budgets, Channels, ConfigError, Environment, Folders, Forward, Hidden, OutboxLimits,
    Paths, Scrubbing, StoreLimits, TargetSettings, Warning, alerts, budgets, content, document,
    env_file, folders, forward, managed, notices, outbox, pairs, store, target, unknown_keys,
    variables,
};

/// Holds every setting, decided. A wrong one has become a warning, or the error of its target.
#[derive(Debug)]
pub struct Settings {
    /// Whether anything is traced at all.
    pub enabled: bool,
    /// Whether spans are printed instead of sent.
    pub dry_run: bool,
    /// Whether more is logged.
    pub verbose: bool,
    /// Whether debug dumps are written.
    pub trace_debug: bool,
    /// The log file.
    pub log_file: PathBuf,
    /// The user id on every span.
    pub user_id: Option<String>,
    /// The real `codex`, where the user says which one that is.
    pub codex_bin: Option<PathBuf>,
    /// In which folders turns are traced.
    pub folders: Folders,
    /// The address of the buffer service.
    pub collector: Collector,
    /// Where the buffer service passes Codex's log events on to.
    pub forward: Option<Forward>,
    /// What is taken for a secret.
    pub scrubbing: Scrubbing,
    /// Whether no contents leave, whatever the target.
    pub content_free: bool,
    /// What OpenInference's variables hide.
    pub hidden: Hidden,
    /// How much Codex may use.
    pub budgets: Budgets,
    /// From when on a person should look at a turn.
    pub alerts: Alerts,
    /// Where notices of budgets and alerts go, beside the log.
    pub channels: Channels,
    /// The shape of the span tree.
    pub span_layout: SpanLayout,
    /// Which tool calls are errors.
    pub tool_errors: ToolErrors,
    /// Whether the threads that Codex runs for itself, hidden from the user, are traced.
    pub helper_threads: bool,
    /// The caller's trace context (W3C `traceparent`), where one is in the environment.
    pub traceparent: Option<String>,
    /// Whether a turn becomes part of its caller's trace, instead of only naming it.
    pub join_caller_trace: bool,
    /// The user's own attributes for every span.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Attributes of the sender, added to our own: `OTEL_RESOURCE_ATTRIBUTES`.
    pub resource_attributes: BTreeMap<String, String>,
    /// What a person calls every turn, in the order of the alphabet.
    pub tags: Vec<String>,
    /// Where traces go; nowhere while a settings file cannot be read.
    pub targets: Vec<TargetSettings>,
    /// The settings file that could not be read, whose unread part may forbid what it likes.
    pub unreadable: Option<ConfigError>,
    /// The settings of an administrator, where there are some.
    pub managed: Option<ManagedSettings>,
    /// How much may wait for each of them.
    pub outbox: OutboxLimits,
    /// How much the local store keeps.
    pub store: StoreLimits,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

/// What an administrator set for all users of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedSettings {
    /// The file.
    pub file: PathBuf,
    /// The keys that a user cannot change.
    pub locked: Vec<String>,
}

impl ManagedSettings {
    /// The locked key that is this one or above it.
    pub fn lock_of(&self, key: &str) -> Option<&str> {
        self.locked.iter().map(String::as_str).find(|locked| managed::is_within(key, locked))
    }
}

/// Locates the buffer service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// The host name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether events are taken only from senders that show the write token, or are known as the
    /// owner's. Setup says so when it has put the token into Codex's configuration.
    pub require_write_token: bool,
}

/// Chooses the shape of the span tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanLayout {
    /// An AGENT root with LLM children that carry the tokens.
    Agent,
    /// An LLM root that carries the turn's tokens, as the Python system made it.
    Turn,
}

/// Chooses which tool calls are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolErrors {
    /// Also commands that ran and ended with another exit code than 0.
    ExitCode,
    /// Only those that Codex itself calls failed.
    Codex,
}

/// Holds the value of one of the user's own attributes.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A boolean.
    Bool(bool),
}

/// Holds the texts of the settings files that exist.
#[derive(Default)]
pub struct ConfigTexts {
    /// `arize-env.sh`.
    pub env_file: Option<String>,
    /// `config.yaml`.
    pub config_yaml: Option<String>,
    /// `config.json`, which counts only while there is no `config.yaml`.
    pub config_json: Option<String>,
    /// The settings of an administrator.
    pub managed: Option<String>,
}

impl ConfigTexts {
    /// The settings of an administrator, where they can be read and count.
    pub fn managed(paths: &Paths) -> Option<String> {
        managed::read(&paths.managed_file).ok().flatten()
    }
}

impl Settings {
    /// Reads the settings files and decides every setting.
    ///
    /// A file that cannot be read or parsed leaves the defaults and the environment in force and
    /// is reported in [`Settings::unreadable`].
    pub fn load(paths: &Paths, process: &Environment) -> Self {
        let mut first_error = None;
        let mut read = |path: &Path| {
            read_if_exists(path).unwrap_or_else(|error| {
                first_error.get_or_insert(error);
                // Reads as an empty file, so that nothing further down takes its place.
                Some(String::new())
            })
        };
        let env_file = read(&paths.env_file);
        let config_yaml = read(&paths.config_file);
        let config_json = match config_yaml {
            Some(_) => None,
            None => read(&paths.legacy_config_file),
        };
        let managed = managed::read(&paths.managed_file).unwrap_or_else(|error| {
            first_error.get_or_insert(error);
            None
        });
        let texts = ConfigTexts { env_file, config_yaml, config_json, managed };
        let mut settings = Self::resolve(paths, process, &texts);
        settings.stop_delivery(first_error);
        settings
    }

    /// Decides every setting from texts that were read before; touches no disk.
    pub fn resolve(paths: &Paths, process: &Environment, texts: &ConfigTexts) -> Self {
        let env_file = env_file::parse(texts.env_file.as_deref().unwrap_or_default());
        let mut environment = process.with_fallback(env_file.variables);
        let (mut config, mut config_error) = match parse_config(paths, texts) {
            Ok(config) => (config, None),
            Err(error) => (Value::Null, Some(error)),
        };
        let managed =
            texts.managed.as_deref().map(|text| Managed::parse(text, &paths.managed_file));
        let managed = managed.transpose().unwrap_or_else(|error| {
            config_error = Some(error);
            None
        });
        if let Some(managed) = &managed {
            config = managed.under(config);
            environment = managed.cleared(&environment);
        }
        let warnings = env_file.problems.into_iter().map(|problem| Warning::EnvFileLine {
            path: paths.env_file.clone(),
            line: problem.line,
            reason: problem.reason,
        });
        let warnings = warnings.chain(unknown_keys::warnings(&config));
        let reader = Reader {
            environment: &environment,
            config: &config,
            warnings: warnings.collect(),
            entry: None,
        };
        let mut settings = decide(paths, reader);
        settings.managed = managed.map(|managed| ManagedSettings {
            file: paths.managed_file.clone(),
            locked: managed.locked().to_vec(),
        });
        settings.stop_delivery(config_error);
        settings
    }

    fn stop_delivery(&mut self, error: Option<ConfigError>) {
        if error.is_some() {
            self.targets.clear();
            self.unreadable = error;
        }
    }
}

/// Reads a file to a text; a file that does not exist is `None`.
pub(crate) fn read_if_exists(path: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

fn parse_config(paths: &Paths, texts: &ConfigTexts) -> Result<Value, ConfigError> {
    let (path, parsed) = match (&texts.config_yaml, &texts.config_json) {
        (Some(yaml), _) => {
            (&paths.config_file, document::parse_yaml(yaml).and_then(document::merged))
        }
        (None, Some(json)) => (&paths.legacy_config_file, document::parse_json(json)),
        (None, None) => return Ok(Value::Null),
    };
    parsed.map_err(|source| ConfigError::Parse { path: path.clone(), source })
}

fn decide(paths: &Paths, mut reader: Reader<'_>) -> Settings {
    let mut targets = target::resolve_all(paths, &mut reader);
    target::one_off::note(&mut targets, paths, &reader);
    let log_file = reader
        .text(&[Variable(variables::ARIZE_LOG_FILE)])
        .map_or_else(|| paths.default_log_file(), |path| paths.resolve(&path));
    Settings {
        enabled: reader.flag(&[Variable(variables::ARIZE_TRACE_ENABLED)]).unwrap_or(true),
        dry_run: reader.flag(&[Variable(variables::ARIZE_DRY_RUN)]).unwrap_or(false),
        verbose: reader.flag(&[Variable(variables::ARIZE_VERBOSE)]).unwrap_or(false),
        trace_debug: reader.flag(&[Variable(variables::ARIZE_TRACE_DEBUG)]).unwrap_or(false),
        log_file,
        user_id: reader.text(&[Variable(variables::ARIZE_USER_ID), Key("user_id")]),
        codex_bin: reader
            .text(&[Variable(variables::ARIZE_CODEX_BIN), Key("harnesses.codex.codex_bin")])
            .map(|path| paths.resolve(&path)),
        folders: folders::folders(paths, &mut reader),
        collector: collector(&mut reader),
        forward: forward::resolve(paths, &mut reader),
        content_free: content::is_free(&mut reader),
        scrubbing: content::scrubbing(&mut reader),
        hidden: content::hidden(&mut reader),
        budgets: budgets::budgets(&mut reader),
        alerts: alerts::alerts(&mut reader),
        channels: notices::channels(paths, &mut reader),
        span_layout: span_layout(&mut reader),
        tool_errors: tool_errors(&mut reader),
        traceparent: reader.text(&[Variable(variables::TRACEPARENT)]),
        join_caller_trace: reader
            .flag(&[Key("harnesses.codex.join_caller_trace")])
            .unwrap_or(false),
        helper_threads: reader.flag(&[Key("harnesses.codex.helper_threads")]).unwrap_or(false),
        tags: tags(&mut reader),
        attributes: attributes(&mut reader),
        resource_attributes: pairs::from_variable(&mut reader, variables::OTEL_RESOURCE_ATTRIBUTES)
            .into_iter()
            .collect(),
        targets,
        unreadable: None,
        managed: None,
        outbox: outbox::limits(&mut reader),
        store: store::limits(&mut reader),
        warnings: each_once(reader.warnings),
    }
}

/// What several targets read is warned about once.
fn each_once(warnings: Vec<Warning>) -> Vec<Warning> {
    let mut once = Vec::with_capacity(warnings.len());
    for warning in warnings {
        if !once.contains(&warning) {
            once.push(warning);
        }
    }
    once
}

/// Those of the environment and those of the file.
fn tags(reader: &mut Reader<'_>) -> Vec<String> {
    let variable = reader.text(&[Variable(variables::ARIZE_TAGS)]).unwrap_or_default();
    let mut tags = reader.list("harnesses.codex.tags");
    tags.extend(variable.split(',').map(str::to_owned));
    // With a comma, one would be two where they are written as a text.
    let mut tags: Vec<String> =
        tags.iter().flat_map(|tag| tag.split(',')).map(|tag| tag.trim().to_owned()).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort();
    tags.dedup();
    tags
}

fn collector(reader: &mut Reader<'_>) -> Collector {
    let host = reader.text(&[Key("harnesses.codex.collector.host")]);
    let port = reader.parsed(
        &[Variable(variables::ARIZE_CODEX_BUFFER_PORT), Key("harnesses.codex.collector.port")],
        "a port from 1 to 65535",
        |text| text.trim().parse().ok().filter(|port| *port != 0),
    );
    let require_write_token = reader.flag(&[Key("harnesses.codex.collector.require_write_token")]);
    Collector {
        host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: port.unwrap_or(4318),
        require_write_token: require_write_token.unwrap_or(false),
    }
}

fn span_layout(reader: &mut Reader<'_>) -> SpanLayout {
    let sources = [Variable(variables::ARIZE_SPAN_LAYOUT), Key("harnesses.codex.span_layout")];
    let layout = reader.parsed(&sources, "`agent` or `turn`", |text| {
        match text.trim().to_ascii_lowercase().as_str() {
            "agent" => Some(SpanLayout::Agent),
            "turn" => Some(SpanLayout::Turn),
            _ => None,
        }
    });
    layout.unwrap_or(SpanLayout::Agent)
}

fn tool_errors(reader: &mut Reader<'_>) -> ToolErrors {
    let sources = [Variable(variables::ARIZE_TOOL_ERRORS), Key("harnesses.codex.tool_errors")];
    let errors = reader.parsed(&sources, "`exit_code` or `codex`", |text| {
        match text.trim().to_ascii_lowercase().as_str() {
            "exit_code" => Some(ToolErrors::ExitCode),
            "codex" => Some(ToolErrors::Codex),
            _ => None,
        }
    });
    errors.unwrap_or(ToolErrors::ExitCode)
}

fn attributes(reader: &mut Reader<'_>) -> BTreeMap<String, AttributeValue> {
    const KEY: &str = "harnesses.codex.attributes";
    let mut attributes = BTreeMap::new();
    let mut warnings = Vec::new();
    match reader.value(Key(KEY)) {
        None => {}
        Some(Value::Mapping(entries)) => {
            for (name, value) in entries {
                let name = document::scalar_text(name).unwrap_or_default();
                match attribute_value(value) {
                    Some(value) => {
                        attributes.insert(name, value);
                    }
                    None => warnings.push(Warning::NotScalar {
                        key: format!("{KEY}.{name}"),
                        found: document::kind(value),
                    }),
                }
            }
        }
        Some(other) => {
            let found = document::kind(other);
            warnings.push(Warning::NotMapping { key: KEY.to_owned(), found });
        }
    }
    reader.warnings.append(&mut warnings);
    attributes
}

fn attribute_value(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::String(text) => Some(AttributeValue::Text(text.clone())),
        Value::Bool(value) => Some(AttributeValue::Bool(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(AttributeValue::Integer(integer)),
            None => number.as_f64().map(AttributeValue::Float),
        },
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}
