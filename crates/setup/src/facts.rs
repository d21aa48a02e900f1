//! What is on this machine: files, settings, processes. Looking changes nothing.

use std::path::{Path, PathBuf};

use buffer_api::process::{self, Service, Status};
use buffer_api::{DEFAULT_PORT, Endpoint, Token};
use codex_config::codex_toml::{self, Exporter, Found, NotifyOwner};
use codex_config::file_edit::Snapshot;
use codex_config::{
    ParseError, Paths, Secret, Settings, Target, TargetSettings, TlsFiles, variables,
};
use codex_home::{CodexVersion, Triggers};
use serde_yaml::Value;

use crate::answers::{Backend, Content, Destination, ExistingOtel, Request, Targets};
use crate::autostart::{self, Launcher};
use crate::files::{FileError, FileState};
use crate::header::Header;
use crate::mlflow_plugin;
use crate::parts::{codex_config as codex_part, hooks_json};
use crate::python_system::{self, PythonService};
use crate::record::{Record, RecordFiles};
use machine::{Codex, Daemon, Machine};

/// What is there.
#[derive(Debug)]
pub struct Facts {
    /// What earlier installations noted.
    pub record: Record,
    /// `config.yaml`.
    pub settings_file: FileState,
    /// What ours is added to: `config.yaml` without us, or `config.json` where there is none.
    pub settings_base: String,
    /// What the settings say.
    pub settings: KnownSettings,
    /// `arize-env.sh`.
    pub env_file: FileState,
    /// Codex's `config.toml`, without us and without what the Python system wrote.
    pub codex_config: FileState,
    /// Codex's `hooks.json`.
    pub hooks_json: FileState,
    /// What it says without us.
    pub found: Found,
    /// The `notify` of the user's own.
    pub users_notify: Option<Vec<String>>,
    /// The program of `notify` as it is, if it begins with a `~`, which Codex does not expand.
    pub unexpanded_notify: Option<String>,
    /// Where MLflow's own plugin for Codex sends its traces.
    pub mlflow_plugin: Option<Destination>,
    /// The port at which the buffer service was looked for.
    pub port: u16,
    /// The buffer service.
    pub service: Status,
    /// The buffer service of the Python system, where it has the port.
    pub python_service: Option<PythonService>,
    /// What starts programs at login.
    pub launcher: Option<Launcher>,
    /// Codex's background process.
    pub daemon: Option<Daemon>,
    /// The real Codex.
    pub codex: Option<PathBuf>,
    /// By what it tells that a turn may have ended; without a version, by `notify` alone.
    pub triggers: Triggers,
    /// Whether it is known to have the setting `otel.log_sse_deltas`.
    pub has_log_sse_deltas: bool,
    /// The token of the buffer service; one that is yet to be kept where there is none.
    pub token: Token,
    /// Whether it is kept already.
    pub has_token: bool,
}

/// What the settings say now.
#[derive(Debug, Clone)]
pub struct KnownSettings {
    /// Where traces go, as far as setup could have said so.
    pub targets: Option<Targets>,
    /// The files for TLS.
    pub tls: TlsFiles,
    /// Whether several targets are there that setup could not have written, and does not change.
    pub has_own_targets: bool,
    /// Whether one of the targets in force is MLflow.
    pub sends_to_mlflow: bool,
    /// Whether a `notify` of the user's own is started by our hook.
    pub chains_notify: bool,
    /// The project's name.
    pub project: Option<String>,
    /// The user id.
    pub user_id: Option<String>,
    /// What content is recorded, where one of the choices says it.
    pub content: Option<Content>,
    /// Whether turns are looked at while they run: there are budgets, or alerts are to come then.
    pub watches_turns: bool,
    /// Whether the settings say something about the content at all.
    pub says_content: bool,
    /// Whether the buffer service passes log events on.
    pub forwards: bool,
    /// Whether the buffer service wants the write token.
    pub requires_write_token: bool,
    /// Whether anything is traced at all.
    pub enabled: bool,
    /// The folders in which turns are traced; nothing traces them everywhere.
    pub folders: Option<Vec<PathBuf>>,
    /// The port of the buffer service, where it is said.
    pub port: Option<u16>,
    /// Whether that is said by `ARIZE_CODEX_BUFFER_PORT`, which wins over the settings file.
    pub port_is_fixed: bool,
    /// Whether only the environment of this shell says so: others, and Codex's background process,
    /// know of it by the settings file alone.
    pub port_is_of_this_shell: bool,
    /// The destinations of other harnesses.
    pub neighbours: Vec<(String, Destination)>,
}

/// Says why the machine cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file cannot be dealt with.
    #[error(transparent)]
    File(#[from] FileError),
    /// The settings make no sense.
    #[error("`{}` cannot be understood", .path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ParseError,
    },
    /// There is no randomness, of which the token of the buffer service is made.
    #[error("the system gives no randomness")]
    Randomness(#[source] std::io::Error),
    /// Codex's configuration makes no sense.
    #[error("`{}` cannot be understood", .path.display())]
    CodexConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: codex_toml::EditError,
    },
}

impl FactsError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File(FileError::Record(error)) => error.hint(),
            _ => None,
        }
        .unwrap_or("correct the file and run this again")
    }
}

impl Facts {
    /// Whether Codex's configuration is as we left it.
    pub(crate) fn is_configured(&self) -> bool {
        self.record.entry(self.codex_config.now.path()).is_some()
    }

    /// Whether Codex runs our hook already, set up by us or by hand.
    pub(crate) fn is_traced(&self) -> bool {
        let now = codex_toml::inspect(self.codex_config.now.text()).unwrap_or_default();
        let is_ours = now.notify.is_some_and(|notify| notify.owner == NotifyOwner::Ours);
        is_ours || self.is_configured()
    }

    /// What the user says of prompts in Codex's log events.
    pub(crate) fn log_user_prompt(&self) -> Option<bool> {
        self.found.otel.as_ref()?.log_user_prompt
    }

    /// What to propose for what is recorded. Who keeps prompts out of Codex's log events is not
    /// expected to want them in spans.
    pub(crate) fn proposed_content(&self) -> Option<Content> {
        let is_new = !self.settings.says_content && !self.is_configured();
        match self.log_user_prompt() {
            Some(false) if is_new => Some(Content::None),
            _ => self.settings.content,
        }
    }

    /// Whether Codex runs our hook at the ends of turns and sessions, too.
    pub(crate) fn has_lifecycle_hooks(&self) -> bool {
        let now = codex_toml::inspect(self.codex_config.now.text()).unwrap_or_default();
        now.hooks.iter().any(|hook| codex_part::is_our_hook(&hook.command))
            || hooks_json::is_ours(self.hooks_json.now.text())
    }

    /// What became of an exporter that was there before us.
    pub(crate) fn existing_otel_now(&self) -> ExistingOtel {
        let now = codex_toml::inspect(self.codex_config.now.text()).unwrap_or_default();
        let is_replaced = self.is_configured() && exporter(&now) != exporter(&self.found);
        match is_replaced {
            false => ExistingOtel::Keep,
            true if self.settings.forwards => ExistingOtel::Forward,
            true => ExistingOtel::Replace,
        }
    }

    /// The backend whose keys `harnesses.codex` would have without us.
    pub(crate) fn destination_before(&self) -> Option<Destination> {
        self.codex_before().as_ref().and_then(destination)
    }

    /// What `harnesses.codex` would hold without us.
    pub(crate) fn codex_before(&self) -> Option<Value> {
        let root = parse_yaml(&self.settings_base).ok()?;
        root.get("harnesses")?.get("codex").cloned()
    }
}

/// The facts of the machine: the buffer service is sought at the port that is requested, or else is set.
pub fn inspect(machine: &Machine, request: &Request) -> Result<Facts, FactsError> {
    let paths = &machine.paths;
    let record = RecordFiles::under(&paths.harness_home).load().map_err(FileError::from)?;
    let read = |path: &Path| FileState::read(path, &record);

    let settings_file = read(&paths.config_file)?;
    let (settings_base, now) = settings_texts(machine, &settings_file)?;
    let mut settings = known_settings(&now);
    let effective = Settings::load(paths, &machine.environment);
    settings.enabled = effective.enabled;
    settings.watches_turns = !effective.budgets.limits.is_empty()
        || effective.budgets.policy.hard_limit
        || effective.alerts.while_running;
    settings.requires_write_token = effective.collector.require_write_token;
    let is_mlflow = |target: &TargetSettings| matches!(target.target, Ok(Target::Mlflow(_)));
    settings.sends_to_mlflow = effective.targets.iter().any(is_mlflow);
    let in_force = effective.collector.port;
    settings.port_is_of_this_shell =
        machine.environment.get(variables::ARIZE_CODEX_BUFFER_PORT).is_some();
    if settings.port_is_of_this_shell || in_force != settings.port.unwrap_or(DEFAULT_PORT) {
        settings.port = Some(in_force);
        settings.port_is_fixed = true;
    }

    let known_port = settings.port.unwrap_or(DEFAULT_PORT);
    let codex_config = codex_config(paths, &record, known_port)?;
    let hooks_json = read(&hooks_json::file(paths))?;
    let known = Installed::of(&codex_config, &hooks_json);
    let codex = Codex::inspect(machine);
    let port = request.port.unwrap_or(known_port);
    let service = process::status(&service(machine, port));
    let python_service = match &service {
        Status::Taken { owner, .. } => python_system::service(owner),
        _ => None,
    };
    let known_token = machine.service_paths().known_token().ok().flatten();
    let has_token = known_token.is_some();
    let token = match known_token {
        Some(token) => token,
        None => Token::random().map_err(FactsError::Randomness)?,
    };
    Ok(Facts {
        token,
        has_token,
        settings_base,
        settings,
        unexpanded_notify: unexpanded(codex_config.state.now.text()),
        mlflow_plugin: mlflow_plugin::destination(&paths.codex_home),
        settings_file,
        env_file: read(&paths.env_file)?,
        codex_config: codex_config.state,
        hooks_json,
        found: codex_config.found,
        users_notify: codex_config.users_notify,
        service,
        python_service,
        launcher: autostart::find(machine),
        daemon: Daemon::find(paths),
        port,
        triggers: codex.version.map_or_else(|| known.triggers, codex_home::triggers),
        has_log_sse_deltas: codex
            .version
            .map_or(known.silences_deltas, CodexVersion::has_log_sse_deltas),
        codex: codex.real().map(Path::to_owned),
        record,
    })
}

/// What the files say of a Codex that cannot be asked for its version now.
struct Installed {
    triggers: Triggers,
    silences_deltas: bool,
}

impl Installed {
    /// What an earlier setup put into them, when it knew the version.
    fn of(config: &CodexConfig, hooks_json: &FileState) -> Self {
        let now = codex_toml::inspect(config.state.now.text()).unwrap_or_default();
        let in_json = codex_config::hooks_json::inspect(hooks_json.now.text()).unwrap_or_default();
        let ours =
            now.hooks.iter().chain(&in_json).filter(|hook| codex_part::is_our_hook(&hook.command));
        let events: Vec<&str> = ours.map(|hook| hook.event.as_str()).collect();
        let mut triggers = Triggers::of_any_version();
        triggers.lifecycle.retain(|event| events.contains(event));
        triggers.asks.retain(|event| events.contains(event));
        let says = |found: &Found| found.otel.as_ref()?.log_sse_deltas;
        let silences_deltas = says(&now) == Some(false) && says(&config.found).is_none();
        Self { triggers, silences_deltas }
    }
}

fn unexpanded(config: &str) -> Option<String> {
    let notify = codex_toml::inspect(config).ok()?.notify?;
    notify.command?.into_iter().next().filter(|program| program.starts_with('~'))
}

/// Codex's `config.toml` without us and without what the Python system wrote.
pub(crate) struct CodexConfig {
    pub(crate) state: FileState,
    pub(crate) found: Found,
    pub(crate) users_notify: Option<Vec<String>>,
}

/// What Codex's `config.toml` says; our service is at this port.
pub(crate) fn codex_config(
    paths: &Paths,
    record: &Record,
    port: u16,
) -> Result<CodexConfig, FactsError> {
    let mut state = FileState::read(&codex_part::file(paths), record)?;
    let stripped = codex_part::without_strays(state.text_before(), port);
    let (before, found, users_notify) = stripped
        .map_err(|source| FactsError::CodexConfig { path: state.now.path().to_owned(), source })?;
    if before != state.text_before() {
        state.before = Some(before);
    }
    Ok(CodexConfig { state, found, users_notify })
}

/// Where log events go. The line is left out: our `notify` above moves it.
fn exporter(found: &Found) -> Option<Exporter> {
    let exporter = found.otel.as_ref()?.exporter.clone()?;
    Some(Exporter { line: 0, ..exporter })
}

/// Whether Codex notifies the Python system.
pub(crate) fn has_python_notify(config: &str) -> bool {
    let now = codex_toml::inspect(config).unwrap_or_default();
    now.notify.is_some_and(|notify| notify.owner == NotifyOwner::PythonSystem)
}

/// The buffer service as it is to be.
pub(crate) fn service(machine: &Machine, port: u16) -> Service {
    let endpoint = Endpoint { port, ..Endpoint::default() };
    machine.service(&machine.paths.bin_dir, endpoint)
}

/// The settings without us, and as they are.
fn settings_texts(machine: &Machine, file: &FileState) -> Result<(String, Value), FactsError> {
    let imported = match &file.before {
        Some(_) => None,
        None => Some(Snapshot::read(&machine.paths.legacy_config_file).map_err(FileError::from)?),
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| FactsError::Settings { path, source }
    };
    let base = match &imported {
        // JSON is YAML, but not in the form that people want to edit.
        Some(json) if json.exists() => {
            let root = parse_yaml(json.text()).map_err(failed(json.path()))?;
            serde_yaml::to_string(&root).unwrap_or_default()
        }
        _ => file.text_before().to_owned(),
    };
    let now = if file.now.exists() { file.now.text() } else { &base };
    let now = parse_yaml(now).map_err(failed(file.now.path()))?;
    Ok((base, now))
}

fn known_settings(root: &Value) -> KnownSettings {
    let harnesses = root.get("harnesses");
    let codex = harnesses.and_then(|harnesses| harnesses.get("codex"));
    let of_codex = |key: &str| text(codex?.get(key)?);
    let logging = root.get("logging");
    let switch = |key: &str| logging.and_then(|logging| logging.get(key)?.as_bool());
    let switches =
        ["prompts", "tool_details", "tool_content"].map(|key| switch(key).unwrap_or(true));
    let neighbours =
        harnesses.and_then(Value::as_mapping).into_iter().flatten().filter_map(|(name, entry)| {
            match text(name)? {
                name if name == "codex" => None,
                name => Some((name, destination(entry)?)),
            }
        });
    let folders = codex.and_then(|codex| codex.get("folders")?.as_sequence());
    let port = codex.and_then(|codex| codex.get("collector")?.get("port")?.as_u64());
    let (targets, has_own_targets) = targets(codex);
    let first_target =
        codex.and_then(|codex| Some(codex.get("targets")?.as_mapping()?.iter().next()?.1));
    let tls_file = |key: &str| {
        let of_target = || first_target.and_then(|target| text(target.get(key)?));
        of_codex(key).or_else(of_target).map(PathBuf::from)
    };
    KnownSettings {
        watches_turns: false,
        targets,
        tls: TlsFiles {
            ca_file: tls_file("ca_file"),
            client_certificate: tls_file("client_certificate"),
            client_key: tls_file("client_key"),
            ..TlsFiles::default()
        },
        has_own_targets,
        sends_to_mlflow: false,
        chains_notify: codex.is_some_and(|codex| codex.get("chained_notify").is_some()),
        project: of_codex("project_name"),
        user_id: root.get("user_id").and_then(text),
        content: Content::ALL.iter().copied().find(|content| content.switches() == switches),
        says_content: logging.is_some(),
        requires_write_token: false,
        forwards: codex.is_some_and(|codex| {
            codex.get("collector").is_some_and(|collector| collector.get("forward").is_some())
        }),
        folders: folders
            .map(|folders| folders.iter().filter_map(text).map(PathBuf::from).collect()),
        port: port.and_then(|port| port.try_into().ok()).filter(|port| *port != 0),
        port_is_fixed: false,
        port_is_of_this_shell: false,
        enabled: true,
        neighbours: neighbours.collect(),
    }
}

/// The targets, and whether they are others than setup could have written: a list, or a mapping with
/// other names than those of backends.
fn targets(codex: Option<&Value>) -> (Option<Targets>, bool) {
    let Some(codex) = codex else { return (None, false) };
    let local_copy = codex.get("local_copy").and_then(Value::as_bool).unwrap_or(false);
    let all = |destinations| Some(Targets { destinations, local_copy });
    let Some(targets) = codex.get("targets") else {
        return (destination(codex).and_then(|one| all(vec![one])), false);
    };
    let of_entry = |(name, entry): (&Value, &Value)| {
        let backend = text(name)?.parse::<Backend>().ok()?;
        let is_said =
            entry.get("target").is_none_or(|said| text(said).as_deref() == Some(backend.name()));
        is_said.then(|| of_backend(backend, entry))
    };
    let entries = targets.as_mapping().filter(|entries| !entries.is_empty());
    let known: Option<Vec<_>> = entries.and_then(|entries| entries.iter().map(of_entry).collect());
    let is_other = known.is_none();
    (known.and_then(all), is_other)
}

fn destination(entry: &Value) -> Option<Destination> {
    let backend = entry.get("target").and_then(text)?.parse::<Backend>().ok()?;
    Some(of_backend(backend, entry))
}

/// The keys of a backend.
pub(crate) fn of_backend(backend: Backend, entry: &Value) -> Destination {
    let of_entry = |key: &str| entry.get(key).and_then(text);
    Destination {
        backend,
        endpoint: of_entry("endpoint"),
        api_key: of_entry("api_key").map(Secret::new),
        headers: entry.get("headers").map(headers).unwrap_or_default(),
        space_id: of_entry("space_id"),
        experiment_id: of_entry("experiment_id"),
    }
}

/// Headers as the settings have them; what makes no sense as one is left to the exporter.
fn headers(value: &Value) -> Vec<Header> {
    let entries = value.as_mapping().into_iter().flatten();
    let headers = entries.filter_map(|(name, value)| {
        Some(Header { name: text(name)?, value: Secret::new(text(value)?) })
    });
    headers.collect()
}

/// A value that is a text, or can be written as one; an empty text is nothing.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Reads YAML, without quoting it where it is wrong.
pub(crate) fn parse_yaml(text: &str) -> Result<Value, ParseError> {
    serde_yaml::from_str(text).map_err(|error: serde_yaml::Error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        let position = format!(" at line {line} column {column}");
        ParseError { line, column, reason: error.to_string().replacen(&position, "", 1) }
    })
}
