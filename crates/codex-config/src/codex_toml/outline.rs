//! Where each key of a text stands: a flat list of table headers and `key = value` lines.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Table, TableLike, Value};

use super::EditError;

/// A parsed text.
pub(super) struct Outline<'t> {
    pub(super) text: &'t str,
    /// In the order of the text.
    pub(super) entries: Vec<Entry>,
    document: Document<String>,
}

/// A table header or a `key = value`; inline tables and arrays are one value.
#[derive(Debug)]
pub(super) struct Entry {
    /// The full path from the root, also of keys in tables and of dotted keys.
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// From the key or the `[` to the end of the value or the `]`.
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[table]` or `[[table]]`.
    Header,
    /// A value and where it stands.
    Value(Range<usize>),
}

impl<'t> Outline<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, EditError> {
        let document = text
            .parse::<Document<String>>()
            .map_err(|error| EditError::malformed(text, error.span(), error.message()))?;
        let mut entries = Vec::new();
        collect(document.as_table(), &mut Vec::new(), &mut entries);
        entries.sort_by_key(|entry| entry.span.start);
        Ok(Self { text, entries, document })
    }

    /// Gives the table that holds everything.
    pub(super) fn root(&self) -> &Table {
        self.document.as_table()
    }

    /// Finds an item by its path, wherever and however it is written.
    pub(super) fn item(&self, path: &[&str]) -> Option<&Item> {
        let (last, tables) = path.split_last()?;
        let root: &dyn TableLike = self.root();
        let parent = tables.iter().try_fold(root, |table, key| table.get(key)?.as_table_like());
        parent?.get(last)
    }

    /// Finds the table as which a path is written in one value, such as `otel = { … }`.
    pub(super) fn inline_table(&self, path: &[&str]) -> Option<&InlineTable> {
        self.item(path)?.as_value().and_then(Value::as_inline_table)
    }

    /// Finds the `key = value` of a path.
    pub(super) fn value(&self, path: &[&str]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_value() && entry.path == path)
    }

    /// Finds the `[header]` of a path.
    pub(super) fn header(&self, path: &[&str]) -> Option<usize> {
        self.entries.iter().position(|entry| !entry.is_value() && entry.path == path)
    }

    /// Gives what stands at or below a path, headers and values.
    pub(super) fn below(&self, path: &[&str]) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.is_below(path))
    }

    /// Gives the values of the table whose header has this index, or of the root before them all.
    pub(super) fn body(&self, header: Option<usize>) -> &[Entry] {
        let rest = &self.entries[header.map_or(0, |header| header + 1)..];
        let end = rest.iter().position(|entry| !entry.is_value()).unwrap_or(rest.len());
        &rest[..end]
    }

    /// Gives the header that an entry stands below; `None` for those of the root.
    pub(super) fn header_of(&self, entry: usize) -> Option<usize> {
        self.entries[..entry].iter().rposition(|above| !above.is_value())
    }

    /// Gives the text of an entry's value.
    pub(super) fn value_text(&self, entry: &Entry) -> Option<&'t str> {
        match &entry.kind {
            Kind::Value(range) => self.text.get(range.clone()),
            Kind::Header => None,
        }
    }

    /// Finds a key with its value in a table that is written as one value, with the comma that
    /// goes with it.
    pub(super) fn inline_element(&self, table: &str, key: &str) -> Option<Range<usize>> {
        let inline = self.inline_table(&[table])?;
        let start = inline.get_key_value(key)?.0.span()?.start;
        let end = inline.get(key)?.span()?.end;
        let ends = inline.iter().filter_map(|(_, value)| inline_value_end(value));
        if let Some(previous) = ends.filter(|end| *end < start).max() {
            return Some(previous..end);
        }
        let starts = inline.iter().filter_map(|(key, _)| inline.get_key_value(key)?.0.span());
        let next = starts.map(|span| span.start).filter(|start| *start > end).min();
        Some(start..next.unwrap_or(end))
    }

    /// Gives the whole lines of an entry, with the line ending.
    pub(super) fn lines(&self, entry: &Entry) -> Range<usize> {
        let start = self.text[..entry.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &self.text[entry.span.end..];
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        start..entry.span.end + length
    }
}

impl Entry {
    pub(super) fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Value(_))
    }

    pub(super) fn is_below(&self, path: &[&str]) -> bool {
        self.path.len() >= path.len() && self.path.iter().zip(path).all(|(a, b)| a == b)
    }
}

/// Finds the end of the last value in an inline table.
pub(super) fn inline_end(table: &InlineTable) -> Option<usize> {
    table.iter().filter_map(|(_, value)| inline_value_end(value)).max()
}

fn inline_value_end(value: &Value) -> Option<usize> {
    match value {
        Value::InlineTable(inner) if inner.is_dotted() => inline_end(inner),
        value => value.span().map(|span| span.end),
    }
}

fn collect(table: &dyn TableLike, path: &mut Vec<String>, entries: &mut Vec<Entry>) {
    for (name, item) in table.iter() {
        path.push(name.to_owned());
        match item {
            Item::Table(inner) => collect_table(inner, path, entries),
            Item::ArrayOfTables(array) => {
                for inner in array {
                    collect_table(inner, path, entries);
                }
            }
            Item::Value(value) => {
                let key = table.get_key_value(name).and_then(|(key, _)| key.span());
                if let (Some(key), Some(value)) = (key, value.span()) {
                    let span = key.start..value.end;
                    entries.push(Entry { path: path.clone(), kind: Kind::Value(value), span });
                }
            }
            Item::None => {}
        }
        path.pop();
    }
}

fn collect_table(table: &Table, path: &mut Vec<String>, entries: &mut Vec<Entry>) {
    let has_header = !table.is_implicit() && !table.is_dotted();
    if let (true, Some(span)) = (has_header, table.span()) {
        entries.push(Entry { path: path.clone(), kind: Kind::Header, span });
    }
    collect(table, path, entries);
}
