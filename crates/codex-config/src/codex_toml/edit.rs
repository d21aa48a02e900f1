//! Adds what we need to a text.

use toml_edit::{Array, InlineTable, Item, Value};

use super::aside::set_aside;
use super::change::{Change, Undo};
use super::error::position;
use super::outline::Outline;
use super::place::{Around, place};
use super::{EditError, hooks, outline, verify};
use crate::lines::{self, splice};
use crate::{Edited, Secret};

/// What Codex's configuration should hold. `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The program that Codex runs at the end of a turn, with its arguments.
    pub notify: Option<Vec<String>>,
    /// Where Codex sends its log events.
    pub otel: Option<Otel>,
    /// Commands for Codex's lifecycle events, beside those that are there.
    pub hooks: Option<LifecycleHooks>,
}

/// Where Codex sends its log events.
///
/// What they hold is the user's word: `log_user_prompt` stays as it is, also because the receiver of before may
/// still get the events.
///
/// Written beside it, where the user says nothing else: `trace_exporter = "none"`, without which
/// Codex 0.80 to 0.125 sends spans to the address for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otel {
    /// Whether to say `log_sse_deltas = false` where the user says nothing, because a fast stream of
    /// deltas makes Codex drop the events that matter. For a Codex that knows it: some of the others
    /// complain (`CodexVersion::has_log_sse_deltas`).
    pub silence_deltas: bool,
    /// The address for logs, used as it is.
    pub endpoint: String,
    /// Headers of every request.
    pub headers: Vec<(String, Secret)>,
}

/// A command that Codex runs at lifecycle events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleHooks {
    /// A shell command.
    pub command: String,
    /// The events, such as `Stop`.
    pub events: Vec<String>,
    /// How long Codex waits for the command, in seconds.
    pub timeout_seconds: u32,
}

/// Adds what is wanted to a text. What it replaces is kept as a comment.
///
/// An edit that is done twice changes nothing the second time.
pub fn edit(text: &str, wanted: &Wanted) -> Result<Edited<Undo>, EditError> {
    let (bom, body) = lines::split_bom(text);
    let mut draft = Draft { text: body.to_owned(), changes: Vec::new() };
    if let Some(notify) = &wanted.notify {
        draft.set(&["notify"], &Value::Array(Array::from_iter(notify)))?;
    }
    if let Some(otel) = &wanted.otel {
        if otel.silence_deltas {
            draft.set_where_absent(&["otel", "log_sse_deltas"], &false.into())?;
        }
        draft.set(&["otel", "exporter"], &otlp_http(otel))?;
        draft.set_where_absent(&["otel", "trace_exporter"], &"none".into())?;
    }
    if let Some(wanted) = &wanted.hooks {
        hooks::add(&mut draft, wanted)?;
    }
    verify::edited(body, &draft.text, wanted)?;
    Ok(Edited { text: format!("{bom}{}", draft.text), undo: Undo { changes: draft.changes } })
}

/// A text on its way, and what was done to it so far.
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) changes: Vec<Change>,
}

impl Draft {
    fn set_where_absent(&mut self, path: &[&str], value: &Value) -> Result<(), EditError> {
        match Outline::parse(&self.text)?.item(path) {
            Some(_) => Ok(()),
            None => self.set(path, value),
        }
    }

    /// Gives a key a value in one line.
    pub(super) fn set(&mut self, path: &[&str], value: &Value) -> Result<(), EditError> {
        let text = std::mem::take(&mut self.text);
        let outline = Outline::parse(&text)?;
        let is_there = outline.item(path).is_some_and(|item| verify::same(item, value));
        let result = match path {
            _ if is_there => Ok(text.clone()),
            [table, key] if outline.value(&[table]).is_some() => {
                self.set_inline(&outline, table, key, value)
            }
            _ => Ok(self.set_line(&outline, path, value)),
        };
        self.text = result?;
        Ok(())
    }

    fn set_line(&mut self, outline: &Outline<'_>, path: &[&str], value: &Value) -> String {
        let text = outline.text;
        let place = place(outline, path);
        let mut replacements = self.set_aside(outline, path);
        let line = format!("{} = {value}", place.key);
        let header = format!("[{}]", path[..path.len() - 1].join("."));
        let added: &[&str] = match place.around {
            Around::Nothing => &[&line],
            Around::BlankBelow => &[&line, ""],
            Around::Header { blank_above: true } => &["", &header, &line],
            Around::Header { blank_above: false } => &[&header, &line],
        };
        replacements.push((place.at..place.at, lines::lines_at(text, place.at, added)));
        if let Around::Header { blank_above } = place.around {
            let table = owned(&path[..path.len() - 1]);
            self.changes.push(Change::Header { table, blank_above });
        }
        self.changes.push(Change::Set {
            key: owned(path),
            value: value.to_string(),
            replaced: None,
            blank_below: place.around == Around::BlankBelow,
        });
        splice(text, replacements)
    }

    /// Makes comments of all lines of a key.
    fn set_aside(
        &mut self,
        outline: &Outline<'_>,
        path: &[&str],
    ) -> Vec<(std::ops::Range<usize>, String)> {
        let ranges: Vec<_> = outline.below(path).map(|(_, entry)| outline.lines(entry)).collect();
        if let (false, Some(item)) = (ranges.is_empty(), outline.item(path)) {
            let lines = ranges.iter().map(|range| &outline.text[range.clone()]).collect();
            let value = verify::in_one_line(item);
            self.changes.push(Change::SetAside { key: owned(path), lines, value });
        }
        ranges.into_iter().map(|range| (range.clone(), set_aside(&outline.text[range]))).collect()
    }

    /// Sets a key of a table that is written as one value.
    fn set_inline(
        &mut self,
        outline: &Outline<'_>,
        table: &str,
        key: &str,
        value: &Value,
    ) -> Result<String, EditError> {
        let text = outline.text;
        let Some(inline) = outline.inline_table(&[table]) else {
            let entry = outline.value(&[table]).map_or(0, |entry| entry.span.start);
            let found = outline.item(&[table]).map_or("nothing", kind);
            let (line, _) = position(text, entry);
            let key = table.to_owned();
            return Err(EditError::WrongType { line, key, found, expected: "a table" });
        };
        if inline.is_empty() {
            let mut replacements = self.set_aside(outline, &[table]);
            let aside = splice(text, std::mem::take(&mut replacements));
            return Ok(self.set_line(&Outline::parse(&aside)?, &[table, key], value));
        }
        let not_safe = EditError::Unsafe {
            key: format!("{table}.{key}"),
            reason: "a dotted key in an inline table stands in the way",
        };
        let (range, written) = match inline.get(key) {
            Some(old) => match old.span() {
                Some(span) if old.as_inline_table().is_none_or(|t| !t.is_dotted()) => {
                    (span, value.to_string())
                }
                _ => return Err(not_safe),
            },
            None => {
                let end = outline::inline_end(inline).ok_or(not_safe)?;
                (end..end, format!(", {key} = {value}"))
            }
        };
        let replaced = (!range.is_empty()).then(|| text[range.clone()].to_owned());
        let (key, blank_below) = (owned(&[table, key]), false);
        let value = value.to_string();
        self.changes.push(Change::Set { key, value, replaced, blank_below });
        Ok(splice(text, vec![(range, written)]))
    }
}

fn kind(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a text",
        "integer" | "float" => "a number",
        "boolean" => "a boolean",
        "array" | "array of tables" => "a list",
        _ => "something else",
    }
}

/// Writes the exporter in the form that every version of Codex takes: up to 0.57 the headers must
/// be there, and all want the protocol.
fn otlp_http(otel: &Otel) -> Value {
    let headers = otel.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let mut http = InlineTable::new();
    http.insert("endpoint", otel.endpoint.as_str().into());
    http.insert("protocol", "binary".into());
    http.insert("headers", Value::InlineTable(InlineTable::from_iter(headers)));
    Value::InlineTable(InlineTable::from_iter([("otlp-http", http)]))
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|&segment| segment.to_owned()).collect()
}
