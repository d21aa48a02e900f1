//! Full-text search over prompts, answers, commands and their outputs.
//!
//! The index is a file of its own beside the store (`traces.search.db`), so that only programs that search
//! need what SQLite does it with. It has words and the numbers of rows, and no texts: a hit's text is
//! unpacked from its span, and a hit without the words is of a span that was replaced. It is made of the
//! spans alone, and is made anew if it is lost. A writer of spans need not know of it:
//! [`TraceStore::index`] takes in those that were stored since.

use std::fs;
use std::path::{Path, PathBuf};

use otlp_model::{Attribute, Span, SpanId, SpanKind, TraceId, UnixNanos, Value, names};
use rusqlite::{Connection, OptionalExtension, params};

use crate::open::create_private;
use crate::packing::unpack;
use crate::{InsertError, QueryError, TraceStore, attributes, row};

/// How many spans are taken in at once. Another process may write in between.
const PIECE: u64 = 2_000;

/// Among so many matches the latest are sought.
const MATCHES: usize = 20_000;

/// So much of a hit's text is shown, in characters.
const SNIPPET: usize = 160;

/// A span in whose texts all words were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// With its time its place in the order of hits: [`TraceStore::search`] goes on before it.
    pub row: i64,
    /// Its trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its kind.
    pub kind: SpanKind,
    /// Its name.
    pub name: String,
    /// When it began.
    pub start: UnixNanos,
    /// The text around the first word that was found, on one line.
    pub snippet: String,
    /// Where in the snippet that word is, in bytes.
    pub found: std::ops::Range<usize>,
}

/// The file of the index of a store.
pub fn index_file(store: &Path) -> PathBuf {
    store.with_extension("search.db")
}

impl TraceStore {
    /// Takes in the spans that were stored since the last time; says how many.
    pub fn index(&mut self) -> Result<u64, InsertError> {
        let indexed = match self.index_all() {
            // It is made of the spans alone.
            Err(error) if is_damaged(&error) && self.drop_index().is_ok() => self.index_all(),
            indexed => indexed,
        };
        indexed.map_err(|source| InsertError { path: index_file(&self.path), source })
    }

    fn index_all(&self) -> rusqlite::Result<u64> {
        attach(&self.connection, &self.path)?;
        let mut all = 0;
        while let Some(piece) = index_piece(&self.connection)? {
            all += piece;
        }
        Ok(all)
    }

    /// Forgets all words; they are taken in again by [`Self::index`] as far as spans have them.
    pub fn drop_index(&mut self) -> std::io::Result<()> {
        // It may not be attached.
        let _ = self.connection.execute("DETACH DATABASE words", []);
        let file = index_file(&self.path);
        for end in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(end);
            match fs::remove_file(name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The spans in which all words of a query are, those that began last first: up to `limit` of those
    /// before the time and row of another hit. A word matches words that begin with it, and words in
    /// double quotes stand in this order. Every text is a query; one without words finds nothing. Of a
    /// query that very many spans match, those stored last are sought among.
    pub fn search(
        &self,
        query: &str,
        before: Option<(UnixNanos, i64)>,
        limit: usize,
    ) -> Result<Vec<Hit>, QueryError> {
        let Some(terms) = terms(query) else { return Ok(Vec::new()) };
        let (time, place) = before.unwrap_or((UnixNanos(u64::MAX), i64::MAX));
        if !index_file(&self.path).exists() {
            return Ok(Vec::new());
        }
        let find = || {
            attach(&self.connection, &self.path)?;
            let mut statement = self.connection.prepare(&format!(
                "SELECT {}, spans.rowid FROM (
                     SELECT spans.rowid AS id, start_ns AS began FROM (
                         SELECT rowid AS id FROM words.search WHERE search MATCH ?1
                         ORDER BY rowid DESC LIMIT ?2
                     ) AS found JOIN spans ON spans.rowid = found.id
                     WHERE (start_ns, spans.rowid) < (?3, ?4)
                     ORDER BY start_ns DESC, spans.rowid DESC LIMIT ?5
                 ) AS chosen JOIN spans ON spans.rowid = chosen.id
                 ORDER BY chosen.began DESC, chosen.id DESC",
                row::COLUMNS
            ))?;
            let words = words(query);
            let time = row::column_time(time);
            let hits = statement
                .query_map(params![terms, MATCHES, time, place, limit], |row| hit(row, &words))?;
            hits.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.query_error(source))
    }
}

/// The traces of the spans in which terms are: of very many spans, of those stored last.
pub(crate) const TRACES: &str = "
    SELECT trace_id FROM (
        SELECT rowid AS id FROM words.search WHERE search MATCH ? ORDER BY rowid DESC LIMIT 20000
    ) AS found JOIN spans ON spans.rowid = found.id";

/// The terms of a query for [`TRACES`]; none where nothing can be found.
pub(crate) fn terms_of(
    connection: &Connection,
    store: &Path,
    query: &str,
) -> rusqlite::Result<Option<String>> {
    let terms = terms(query).filter(|_| index_file(store).exists());
    if terms.is_some() {
        attach(connection, store)?;
    }
    Ok(terms)
}

/// Makes the index known to a connection, unless there is none or it cannot be used: then it is made anew
/// by [`TraceStore::index`].
pub(crate) fn attach_if_there(connection: &Connection, store: &Path) -> rusqlite::Result<bool> {
    if !index_file(store).exists() {
        return Ok(false);
    }
    match attach(connection, store) {
        Err(error) if is_damaged(&error) => Ok(false),
        attached => attached.map(|()| true),
    }
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// Makes the index known to a connection, and the file where it is missing or cannot be used.
fn attach(connection: &Connection, store: &Path) -> rusqlite::Result<()> {
    let is_attached = "SELECT 1 FROM pragma_database_list WHERE name = 'words'";
    if connection.prepare(is_attached)?.exists([])? {
        return Ok(());
    }
    let file = index_file(store);
    let open = || {
        // SQLite says what is wrong with the file.
        let _ = create_private(&file);
        connection.execute("ATTACH DATABASE ? AS words", [file.to_string_lossy()])?;
        if connection.is_readonly("words")? {
            return connection.prepare("SELECT 1 FROM words.search LIMIT 1").map(drop);
        }
        // What is lost in a power cut is taken in again.
        connection.execute_batch(
            "PRAGMA words.journal_mode = WAL;
             PRAGMA words.synchronous = NORMAL;
             BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS words.progress (upto INTEGER NOT NULL);
             CREATE VIRTUAL TABLE IF NOT EXISTS words.search USING fts5 (
                 text, content = '', contentless_delete = 1,
                 tokenize = 'unicode61 remove_diacritics 0'
             );
             COMMIT;",
        )
    };
    open().inspect_err(|_| {
        let _ = connection.execute_batch("ROLLBACK");
        let _ = connection.execute("DETACH DATABASE words", []);
    })
}

/// Takes in some spans; none where there are no new ones.
fn index_piece(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    if bounds(connection)?.is_none() {
        return Ok(None);
    }
    let transaction = connection.unchecked_transaction()?;
    // Another process may have been faster. Writing first takes the lock.
    transaction.execute("DELETE FROM words.progress WHERE upto < 0", [])?;
    let Some((from, upto)) = bounds(&transaction)? else { return Ok(None) };
    let mut count = 0;
    {
        let mut add = transaction
            .prepare("INSERT OR REPLACE INTO words.search (rowid, text) VALUES (?, ?)")?;
        let mut spans = transaction.prepare(
            "SELECT rowid, kind, attributes FROM main.spans WHERE rowid > ? AND rowid <= ?",
        )?;
        let mut rows = spans.query([from, upto])?;
        while let Some(row) = rows.next()? {
            count += 1;
            let json = unpack(row.get_ref(2)?)?;
            let Ok(attributes) = attributes::from_json(&json) else { continue };
            let text = indexed(row.get_ref(1)?.as_str()?, &attributes);
            if !text.is_empty() {
                add.execute(params![row.get::<_, i64>(0)?, text])?;
            }
        }
    }
    transaction.execute("DELETE FROM words.progress", [])?;
    transaction.execute("INSERT INTO words.progress VALUES (?)", [upto])?;
    transaction.commit()?;
    Ok(Some(count))
}

/// The rows behind which, and up to which, spans are to be taken in.
fn bounds(connection: &Connection) -> rusqlite::Result<Option<(u64, u64)>> {
    let from = connection
        .query_row("SELECT upto FROM words.progress", [], |row| row.get(0))
        .optional()?
        .unwrap_or(0_u64);
    let last: u64 =
        connection
            .query_row("SELECT ifnull(max(rowid), 0) FROM main.spans", [], |row| row.get(0))?;
    // Rows that were replaced have other numbers, the last of which may have been used before.
    let from = from.min(last);
    Ok((last > from).then(|| (from, last.min(from + PIECE))))
}

/// The texts of a span that are searched. The input of a model call is what stands in the spans before
/// it, the output of a turn what its last call says, and calls of tools have spans of their own.
fn indexed(kind: &str, attributes: &[Attribute]) -> String {
    let is_indexed = |key: &str| match kind {
        "AGENT" => key == names::INPUT_VALUE,
        "LLM" => {
            let rest = key.strip_prefix(names::LLM_OUTPUT_MESSAGES);
            rest.is_some_and(|rest| {
                rest.ends_with(".message.content") || rest.ends_with(".message_content.text")
            })
        }
        _ => [names::INPUT_VALUE, names::OUTPUT_VALUE].contains(&key),
    };
    let texts = attributes.iter().filter_map(|attribute| match &attribute.value {
        Value::String(text) if is_indexed(&attribute.key) => Some(&**text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A query as FTS5 reads it: every term in quotes, so that no sign in it has a meaning there.
fn terms(query: &str) -> Option<String> {
    let mut terms = Vec::new();
    for (nth, part) in query.split('"').enumerate() {
        if nth % 2 == 1 {
            terms.extend(has_word(part).then(|| format!("\"{part}\"")));
        } else {
            let words = part.split_whitespace().filter(|word| has_word(word));
            terms.extend(words.map(|word| format!("\"{word}\" *")));
        }
    }
    (!terms.is_empty()).then(|| terms.join(" AND ").replace('\0', " "))
}

fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The words of a query, in lower case.
fn words(query: &str) -> Vec<String> {
    let words = query.split(|sign: char| !sign.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The hit in a row; none where the span has changed since it was taken in.
fn hit(row: &rusqlite::Row<'_>, words: &[String]) -> rusqlite::Result<Option<Hit>> {
    let span: Span = row::read(row)?;
    let text = indexed(span.kind.as_str(), &span.attributes);
    let (snippet, found) = snippet(&text, words);
    if found.is_empty() {
        return Ok(None);
    }
    Ok(Some(Hit {
        row: row.get(11)?,
        trace_id: span.trace_id,
        span_id: span.span_id,
        kind: span.kind,
        name: span.name,
        start: span.start,
        snippet,
        found,
    }))
}

/// The text around the first of these words, on one line, and where in that the word is.
fn snippet(text: &str, words: &[String]) -> (String, std::ops::Range<usize>) {
    let is_begin = |at: usize| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    let starts = |at: usize, word: &str| {
        let mut rest = text[at..].chars().flat_map(char::to_lowercase);
        word.chars().all(|sign| rest.next() == Some(sign))
    };
    let places = text.char_indices().map(|(at, _)| at).filter(|at| is_begin(*at));
    let found = places
        .filter_map(|at| Some((at, words.iter().find(|word| starts(at, word))?.chars().count())))
        .next();
    let (at, length) = found.unwrap_or((0, 0));
    let before = text[..at].char_indices().rev().nth(SNIPPET / 3).map_or(0, |(at, _)| at);
    let on_a_line = |text: &str| -> String {
        text.chars().map(|sign| if sign.is_whitespace() { ' ' } else { sign }).collect()
    };
    let (head, rest) = (on_a_line(&text[before..at]), text[at..].chars());
    let word: String = rest.clone().take(length).collect();
    let tail: String = rest.skip(length).take(SNIPPET.saturating_sub(length)).collect();
    let start = head.len();
    let end = start + word.len();
    (format!("{head}{}{}", on_a_line(&word), on_a_line(&tail)), start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_query() {
        let check = |query: &str, expected: Option<&str>| {
            assert_eq!(terms(query).as_deref(), expected, "{query}");
        };
        check("cargo test", Some("\"cargo\" * AND \"test\" *"));
        check("\"cargo test\" now", Some("\"cargo test\" AND \"now\" *"));
        check(
            "a AND (b OR -c*) NEAR:",
            Some("\"a\" * AND \"AND\" * AND \"(b\" * AND \"OR\" * AND \"-c*)\" * AND \"NEAR:\" *"),
        );
        check("\"open", Some("\"open\""));
        check(" - * \"\" ", None);
        check("", None);
    }

    #[test]
    fn a_snippet_is_the_text_around_the_first_word() {
        let text = format!("{}\nThe TESTS of Grün fail", "x ".repeat(200));
        let (shown, found) = snippet(&text, &words("test"));
        assert_eq!(&shown[found], "TEST");
        assert!(shown.ends_with("The TESTS of Grün fail") && shown.len() < SNIPPET, "{shown}");
        let (shown, found) = snippet(&text, &words("grün"));
        assert_eq!(&shown[found], "Grün");
        // A word within another is none.
        let (shown, found) = snippet("contest test", &words("test"));
        assert_eq!((&*shown, found), ("contest test", 8..12));
        assert_eq!(snippet("", &words("x")), (String::new(), 0..0));
    }
}
