//! What a `config.toml` holds of the settings that concern us.

use std::path::{Path, PathBuf};

use toml_edit::{Item, TableLike, Value};

use super::EditError;
use super::error::position;
use super::outline::{Entry, Outline};
use super::verify::item_json;
use crate::lifecycle::{self, FoundHook, HookStates};
use crate::lines::split_bom;
use crate::{Secret, TlsFiles};
use codex_home::HOOK_PROGRAM;

/// What was found; absent parts are `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// `notify`, where Codex looks for it.
    pub notify: Option<FoundNotify>,
    /// The lines of a `notify` inside a table, which Codex ignores, with the table.
    pub misplaced_notify: Vec<(usize, String)>,
    /// `[otel]`.
    pub otel: Option<FoundOtel>,
    /// The commands of lifecycle events.
    pub hooks: Vec<FoundHook>,
    /// Which of them, and of those in `hooks.json`, the user has trusted.
    pub hook_states: HookStates,
    /// Whether `[features]` switches all of them off.
    pub hooks_are_off: bool,
    /// The names of `[profiles]`.
    pub profiles: Vec<String>,
}

/// The program that Codex runs at the end of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNotify {
    /// The program and its arguments; `None` when it is not a list of texts, with which Codex does
    /// not start.
    pub command: Option<Vec<String>>,
    /// Whose program it is.
    pub owner: NotifyOwner,
    /// The line, counted from 1.
    pub line: usize,
}

/// Whose program `notify` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyOwner {
    /// Our hook.
    Ours,
    /// The hook of the Python system, which has the same name.
    PythonSystem,
    /// Another program.
    Foreign,
}

/// What Codex's telemetry is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundOtel {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// `exporter`: where log events go.
    pub exporter: Option<Exporter>,
    /// `trace_exporter`.
    pub trace_exporter: Option<Exporter>,
    /// `metrics_exporter`.
    pub metrics_exporter: Option<Exporter>,
    /// `log_user_prompt`.
    pub log_user_prompt: Option<bool>,
    /// `log_sse_deltas`.
    pub log_sse_deltas: Option<bool>,
    /// `environment`.
    pub environment: Option<String>,
}

/// Where one kind of telemetry goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exporter {
    /// `none`, `statsig`, `otlp-http` or `otlp-grpc`.
    pub kind: String,
    /// The line, counted from 1.
    pub line: usize,
    /// `endpoint`.
    pub endpoint: Option<String>,
    /// `protocol`.
    pub protocol: Option<String>,
    /// `headers`.
    pub headers: Vec<(String, Secret)>,
    /// `tls`, as it is written: a relative path is one below Codex's home.
    pub tls: TlsFiles,
}

/// Reads what concerns us; everything else may be whatever it is, as long as it is TOML.
pub fn inspect(text: &str) -> Result<Found, EditError> {
    let outline = Outline::parse(split_bom(text).1)?;
    let profiles = outline.item(&["profiles"]).and_then(Item::as_table_like);
    let hooks = outline.item(&["hooks"]).map(item_json).unwrap_or_default();
    // The second is the older name.
    let features = ["hooks", "codex_hooks"];
    let is_off =
        |feature| outline.item(&["features", feature]).and_then(Item::as_bool) == Some(false);
    Ok(Found {
        notify: notify(&outline),
        misplaced_notify: misplaced_notify(&outline),
        otel: otel(&outline),
        hook_states: HookStates::read(&hooks["state"]),
        hooks: lifecycle::found(&hooks),
        hooks_are_off: features.into_iter().any(is_off),
        profiles: profiles.map_or_else(Vec::new, keys),
    })
}

fn notify(outline: &Outline<'_>) -> Option<FoundNotify> {
    let command = outline.item(&["notify"])?.as_array().and_then(|list| {
        list.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let owner = notify_owner(command.as_deref().unwrap_or_default());
    Some(FoundNotify { command, owner, line: line(outline, &["notify"]) })
}

/// Tells by the program's name and, as both systems use the same one, by its folder.
fn notify_owner(command: &[String]) -> NotifyOwner {
    let Some(hook) = command.iter().find(|word| is_hook(word)) else { return NotifyOwner::Foreign };
    let mut folders = hook.split(['/', '\\']);
    let is_python = command.len() > 1 && !is_hook(&command[0])
        || folders.any(|folder| matches!(folder, "venv" | ".venv" | "site-packages"));
    if is_python { NotifyOwner::PythonSystem } else { NotifyOwner::Ours }
}

/// Whether a word of a command names our hook, or the Python system's, on whatever system.
pub fn is_hook(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    Path::new(name).file_stem().is_some_and(|stem| stem == HOOK_PROGRAM)
}

fn misplaced_notify(outline: &Outline<'_>) -> Vec<(usize, String)> {
    let is_misplaced = |entry: &&Entry| {
        entry.path.len() > 1
            && entry.path.last().is_some_and(|key| key == "notify")
            // The environment of a server may have any names.
            && entry.path[0] != "mcp_servers"
            && outline.value_text(entry).is_some_and(|text| text.starts_with('['))
    };
    outline
        .entries
        .iter()
        .filter(is_misplaced)
        .map(|entry| {
            let (line, _) = position(outline.text, entry.span.start);
            (line, entry.path[..entry.path.len() - 1].join("."))
        })
        .collect()
}

fn otel(outline: &Outline<'_>) -> Option<FoundOtel> {
    let table = outline.item(&["otel"])?.as_table_like()?;
    Some(FoundOtel {
        line: line(outline, &["otel"]),
        exporter: exporter(outline, table, "exporter"),
        trace_exporter: exporter(outline, table, "trace_exporter"),
        metrics_exporter: exporter(outline, table, "metrics_exporter"),
        log_user_prompt: table.get("log_user_prompt").and_then(Item::as_bool),
        log_sse_deltas: table.get("log_sse_deltas").and_then(Item::as_bool),
        environment: text(table, "environment"),
    })
}

fn exporter(outline: &Outline<'_>, otel: &dyn TableLike, key: &str) -> Option<Exporter> {
    let item = otel.get(key)?;
    let line = line(outline, &["otel", key]);
    if let Some(kind) = item.as_str() {
        return Some(Exporter { kind: kind.to_owned(), line, ..Exporter::default() });
    }
    let (kind, settings) = item.as_table_like()?.iter().next()?;
    let settings = settings.as_table_like();
    let headers = settings.and_then(|settings| settings.get("headers")?.as_table_like());
    let header =
        |(name, value): (&str, &Item)| Some((name.to_owned(), Secret::new(value.as_str()?)));
    let tls = settings.and_then(|settings| settings.get("tls")?.as_table_like());
    let file = |key| Some(PathBuf::from(text(tls?, key)?));
    Some(Exporter {
        kind: kind.to_owned(),
        line,
        endpoint: settings.and_then(|settings| text(settings, "endpoint")),
        protocol: settings.and_then(|settings| text(settings, "protocol")),
        headers: headers.map_or_else(Vec::new, |table| table.iter().filter_map(header).collect()),
        tls: TlsFiles {
            ca_file: file("ca-certificate"),
            client_certificate: file("client-certificate"),
            client_key: file("client-private-key"),
            ..TlsFiles::default()
        },
    })
}

/// Finds the line on which a key, or the first thing below it, stands.
fn line(outline: &Outline<'_>, path: &[&str]) -> usize {
    let inline = || {
        let (key, table) = path.split_last()?;
        outline.inline_table(table)?.get_key_value(key)?.0.span().map(|span| span.start)
    };
    let below = outline.below(path).next().map(|(_, entry)| entry.span.start);
    position(outline.text, below.or_else(inline).unwrap_or(0)).0
}

fn text(table: &dyn TableLike, key: &str) -> Option<String> {
    table.get(key)?.as_value().and_then(Value::as_str).map(str::to_owned)
}

fn keys(table: &dyn TableLike) -> Vec<String> {
    table.iter().map(|(key, _)| key.to_owned()).collect()
}
