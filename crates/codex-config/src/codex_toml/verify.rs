//! Compares configurations by what they mean, so that no edit is taken on trust.

use serde_json::{Map, Value as Json};
use toml_edit::{Item, TableLike, Value};

use super::change::Change;
use super::edit::Wanted;
use super::outline::Outline;
use super::{EditError, hooks};

/// Says whether an item means the same as a value.
pub(super) fn same(item: &Item, value: &Value) -> bool {
    item_json(item) == value_json(value)
}

/// Says whether an item means the same as a value that was written out.
pub(super) fn same_as_text(item: &Item, value: &str) -> bool {
    value.parse::<Value>().is_ok_and(|value| same(item, &value))
}

/// Writes an item as one value.
pub(super) fn in_one_line(item: &Item) -> String {
    value(&item_json(item)).to_string()
}

/// Checks that an edited text holds what was wanted and else the same as before.
pub(super) fn edited(before: &str, after: &str, wanted: &Wanted) -> Result<(), EditError> {
    let (before, after) = (Outline::parse(before)?, Outline::parse(after)?);
    let mut touched: Vec<&[&str]> = Vec::new();
    if let Some(notify) = &wanted.notify {
        let is_written = after.item(&["notify"]).map(item_json) == Some(notify.as_slice().into());
        ensure(is_written, "notify")?;
        touched.push(&["notify"]);
    }
    if let Some(otel) = &wanted.otel {
        let deltas = otel.silence_deltas.then_some(LOG_SSE_DELTAS);
        for path in OTEL.into_iter().chain(deltas) {
            ensure(after.item(path).is_some(), "otel")?;
            touched.push(path);
        }
    }
    let command = wanted.hooks.as_ref().map(|hooks| hooks.command.as_str());
    for event in wanted.hooks.iter().flat_map(|hooks| &hooks.events) {
        ensure(hooks::is_there(&after, event, command.unwrap_or_default()), "hooks")?;
    }
    let rest = |outline: &Outline<'_>| rest(outline, &touched, command);
    ensure(rest(&before) == rest(&after), "config.toml")
}

/// Checks that taking changes back left everything else as it was.
pub(super) fn undone(before: &str, after: &str, changes: &[Change]) -> Result<(), EditError> {
    let (before, after) = (Outline::parse(before)?, Outline::parse(after)?);
    let keys: Vec<Vec<&str>> = changes
        .iter()
        .filter_map(|change| match change {
            Change::SetAside { key, .. } | Change::Set { key, .. } => {
                Some(key.iter().map(String::as_str).collect())
            }
            Change::Header { .. } | Change::Hook { .. } => None,
        })
        .collect();
    let touched: Vec<&[&str]> = keys.iter().map(Vec::as_slice).collect();
    let command = changes.iter().find_map(|change| match change {
        Change::Hook { command, .. } => Some(command.as_str()),
        _ => None,
    });
    let rest = |outline: &Outline<'_>| rest(outline, &touched, command);
    ensure(rest(&before) == rest(&after), "config.toml")
}

/// Checks that two texts mean the same but for some keys.
pub(super) fn same_but(before: &str, after: &str, keys: &[&[&str]]) -> Result<(), EditError> {
    let (before, after) = (Outline::parse(before)?, Outline::parse(after)?);
    ensure(rest(&before, keys, None) == rest(&after, keys, None), "config.toml")
}

const OTEL: [&[&str]; 2] = [&["otel", "exporter"], &["otel", "trace_exporter"]];
const LOG_SSE_DELTAS: &[&str] = &["otel", "log_sse_deltas"];

fn ensure(holds: bool, key: &str) -> Result<(), EditError> {
    let reason = "the way it is written would change more than was asked for";
    if holds { Ok(()) } else { Err(EditError::Unsafe { key: key.to_owned(), reason }) }
}

/// Gives all but what we touch, without tables and lists that this leaves empty.
fn rest(outline: &Outline<'_>, touched: &[&[&str]], command: Option<&str>) -> Json {
    let mut json = outline.root_json();
    for path in touched {
        let (last, tables) = path.split_last().unwrap_or((&"", &[]));
        let table = tables.iter().try_fold(&mut json, |json, key| json.get_mut(key));
        if let Some(table) = table.and_then(Json::as_object_mut) {
            table.remove(*last);
        }
    }
    if let (Some(command), Some(hooks)) = (command, json.get_mut("hooks")) {
        hooks::remove_json(hooks, command);
    }
    prune(&mut json);
    json
}

/// Takes out objects and lists that hold nothing.
pub(crate) fn prune(json: &mut Json) {
    let is_empty = |json: &Json| match json {
        Json::Object(map) => map.is_empty(),
        Json::Array(list) => list.is_empty(),
        _ => false,
    };
    match json {
        Json::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, value| !is_empty(value));
        }
        Json::Array(list) => {
            list.iter_mut().for_each(prune);
            list.retain(|value| !is_empty(value));
        }
        _ => {}
    }
}

impl Outline<'_> {
    fn root_json(&self) -> Json {
        table_json(self.root())
    }
}

pub(super) fn item_json(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(value) => value_json(value),
        Item::Table(table) => table_json(table),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| table_json(table)).collect(),
    }
}

fn table_json(table: &dyn TableLike) -> Json {
    let entries = table.iter().map(|(key, item)| (key.to_owned(), item_json(item)));
    Json::Object(entries.collect::<Map<_, _>>())
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        // Beside numbers of JSON there are `inf` and `nan`.
        Value::Float(number) => serde_json::json!({ "float": number.value().to_string() }),
        Value::Boolean(flag) => (*flag.value()).into(),
        Value::Datetime(time) => serde_json::json!({ "time": time.value().to_string() }),
        Value::Array(list) => list.iter().map(value_json).collect(),
        Value::InlineTable(table) => table_json(table),
    }
}

/// Gives the TOML of what Codex's own settings are made of.
fn value(json: &Json) -> Value {
    match json {
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => number.as_i64().unwrap_or_default().into(),
        Json::Array(list) => Value::Array(list.iter().map(value).collect()),
        Json::Object(map) => {
            Value::InlineTable(map.iter().map(|(key, json)| (key.as_str(), value(json))).collect())
        }
        Json::String(text) => text.as_str().into(),
        Json::Null => "".into(),
    }
}
