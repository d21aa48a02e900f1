//! Lists of turns: which ones, and what is shown of each.

use otlp_model::{SpanId, TraceId, UnixNanos};
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::query::place;
use super::record::read_sums;
use super::{PicoUsd, Place, Sums, ThreadName, ToolUse, TurnStatus};
use crate::{QueryError, TraceStore, search};

/// Which turns a list has: those to which all of this applies. The default is all turns but those of
/// sub-agents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnFilter {
    /// The id of the thread or of the session, or a part of it.
    pub thread: Option<String>,
    /// How it stands; empty for all.
    pub statuses: Vec<TurnStatus>,
    /// It began then or later.
    pub since: Option<UnixNanos>,
    /// It began before.
    pub until: Option<UnixNanos>,
    /// The project.
    pub project: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The folder, or one that it is in.
    pub folder: Option<String>,
    /// One of its tags.
    pub tag: Option<String>,
    /// A model that it called.
    pub model: Option<String>,
    /// A tool that was called.
    pub tool: Option<String>,
    /// What it cost at least.
    pub min_cost: Option<PicoUsd>,
    /// What it cost at most.
    pub max_cost: Option<PicoUsd>,
    /// How long it took at least, in nanoseconds.
    pub min_duration: Option<u64>,
    /// How long it took at most, in nanoseconds.
    pub max_duration: Option<u64>,
    /// Whether sub-agents worked in its trace.
    pub has_sub_agents: Option<bool>,
    /// Whether the turns of sub-agents are in the list, too.
    pub with_sub_agents: bool,
    /// Words that are in a text of its trace; see [`TraceStore::search`].
    pub text: Option<String>,
}

/// The place of a turn in a list, from the newest to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnKey {
    /// When it began.
    pub start: UnixNanos,
    /// Its number in the store.
    pub id: i64,
}

/// What turns are most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnRank {
    /// What they cost.
    Cost,
    /// How long they took.
    Duration,
}

impl TurnRank {
    fn column(self) -> &'static str {
        match self {
            Self::Cost => "turns.cost",
            Self::Duration => "turns.end_ns - turns.start_ns",
        }
    }
}

/// A turn in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRow {
    /// Its place in the list: the next page goes on before it.
    pub key: TurnKey,
    /// Its root span.
    pub span_id: SpanId,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its thread.
    pub thread: ThreadName,
    /// Where it ran.
    pub place: Place,
    /// Its name; may be empty.
    pub turn_id: String,
    /// Its place in the thread, from 1.
    pub number: Option<u64>,
    /// When it ended, or was last heard of.
    pub end: UnixNanos,
    /// How it stands.
    pub status: TurnStatus,
    /// The beginning of the prompt, where it is stored.
    pub prompt: Option<String>,
    /// The models that it called.
    pub models: Vec<String>,
    /// What its calls used; the cost is that of those with a price.
    pub sums: Sums,
    /// How many of its calls have no price.
    pub unpriced: u64,
    /// The tools that were called, where that is known.
    pub tools: Option<ToolUse>,
    /// How many turns of sub-agents are in its trace.
    pub sub_agents: u64,
    /// Milliseconds that it waited for a person, where that was measured.
    pub human_ms: Option<u64>,
    /// Whether its spans are stored, and not its figures alone.
    pub has_spans: bool,
}

impl TurnRow {
    /// When it began.
    pub fn start(&self) -> UnixNanos {
        self.key.start
    }

    /// What it cost; none where no call has a price.
    pub fn cost(&self) -> Option<PicoUsd> {
        (self.sums.calls.unsigned_abs() > self.unpriced).then_some(self.sums.cost)
    }
}

impl TraceStore {
    /// Up to `limit` turns, the ones that began last first; a page goes on behind a turn.
    ///
    /// Turns are those that are recorded: see [`TraceStore::record_spans`].
    pub fn turns(
        &self,
        filter: &TurnFilter,
        behind: Option<TurnKey>,
        limit: usize,
    ) -> Result<Vec<TurnRow>, QueryError> {
        self.ordered_turns(filter, behind, "turns.start_ns", limit)
    }

    /// Up to `limit` turns, those first that cost or took the most.
    pub fn top_turns(
        &self,
        filter: &TurnFilter,
        by: TurnRank,
        limit: usize,
    ) -> Result<Vec<TurnRow>, QueryError> {
        self.ordered_turns(filter, None, by.column(), limit)
    }

    fn ordered_turns(
        &self,
        filter: &TurnFilter,
        behind: Option<TurnKey>,
        order: &str,
        limit: usize,
    ) -> Result<Vec<TurnRow>, QueryError> {
        let read = || {
            let Some(mut chosen) = Chosen::by(filter, self)? else { return Ok(Vec::new()) };
            if let Some(TurnKey { start, id }) = behind {
                chosen.and("(start_ns, id) < (?, ?)", [time(start), Value::Integer(id)]);
            }
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            chosen.values.push(Value::Integer(limit));
            let sql = format!(
                "{HEAD}{} ORDER BY {order} DESC, id DESC LIMIT ?){TAIL} ORDER BY {order} DESC, turns.id DESC",
                chosen.conditions
            );
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(chosen.values), row)?;
            let mut rows: Vec<TurnRow> = rows.collect::<rusqlite::Result<_>>()?;
            let mut sums = self.connection.prepare(SUMS)?;
            for row in &mut rows {
                row.sums = sums.query_row([row.key.id], |row| read_sums(row, 0))?;
            }
            Ok(rows)
        };
        read().map_err(|source| self.query_error(source))
    }
}

const HEAD: &str = "
    SELECT turns.id, turns.start_ns, turns.span_id, turns.trace_id, turns.turn_id, turns.number,
        turns.end_ns, turns.status, turns.prompt, turns.unpriced, turns.human_ms,
        turns.tool_calls, turns.failed_tools, models.names, tools.names,
        threads.thread_id, threads.session_id, threads.parent_id,
        (SELECT count(*) FROM turns AS others WHERE others.trace_id = turns.trace_id
            AND others.thread <> turns.thread),
        EXISTS (SELECT 1 FROM spans WHERE spans.span_id = turns.span_id),
        project, repository, branch, folder, user, machine, tags
    FROM (SELECT id AS chosen FROM turns WHERE TRUE";

const TAIL: &str = "
    CROSS JOIN turns ON turns.id = chosen
    JOIN threads ON threads.id = turns.thread
    JOIN places ON places.id = turns.place
    LEFT JOIN name_sets AS models ON models.id = turns.models
    LEFT JOIN name_sets AS tools ON tools.id = turns.tools";

const SUMS: &str = "
    SELECT count(*), ifnull(sum(input), 0), ifnull(sum(cached), 0), ifnull(sum(cache_write), 0),
        ifnull(sum(output), 0), ifnull(sum(reasoning), 0), ifnull(sum(cost), 0)
    FROM calls WHERE turn = ?";

/// Traces in which sub-agents worked: many, so that turns are not looked up by them (the `+` before the
/// column).
const WITH_SUB_AGENTS: &str = "
    SELECT trace_id FROM threads CROSS JOIN turns AS below ON below.thread = threads.id
    WHERE threads.parent_id IS NOT NULL";

/// Conditions on turns, with the values in them.
pub(super) struct Chosen {
    pub(super) conditions: String,
    pub(super) values: Vec<Value>,
}

impl Chosen {
    /// None where no turn can be meant.
    pub(super) fn by(filter: &TurnFilter, store: &TraceStore) -> rusqlite::Result<Option<Self>> {
        let mut chosen = Self { conditions: String::new(), values: Vec::new() };
        chosen.times(filter);
        chosen.names(filter);
        if !filter.statuses.is_empty() {
            let words = filter.statuses.iter().map(|status| text(status.word()));
            let marks = vec!["?"; filter.statuses.len()].join(", ");
            chosen.and(&format!("status IN ({marks})"), words);
        }
        match filter.has_sub_agents {
            Some(true) => chosen.and(&format!("+trace_id IN ({WITH_SUB_AGENTS})"), []),
            Some(false) => chosen.and(&format!("+trace_id NOT IN ({WITH_SUB_AGENTS})"), []),
            None => {}
        }
        if !filter.with_sub_agents {
            chosen.and("thread NOT IN (SELECT id FROM threads WHERE parent_id IS NOT NULL)", []);
        }
        if let Some(query) = &filter.text {
            let Some(terms) = search::terms_of(&store.connection, &store.path, query)? else {
                return Ok(None);
            };
            chosen.and(&format!("trace_id IN ({})", search::TRACES), [text(&terms)]);
        }
        Ok(Some(chosen))
    }

    fn times(&mut self, filter: &TurnFilter) {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let cost = |cost: PicoUsd| Value::Integer(cost.0);
        let bounds = [
            ("start_ns >= ?", filter.since.map(time)),
            ("start_ns < ?", filter.until.map(time)),
            ("cost >= ?", filter.min_cost.map(cost)),
            ("cost <= ?", filter.max_cost.map(cost)),
            ("end_ns - start_ns >= ?", filter.min_duration.map(number)),
            ("end_ns - start_ns <= ?", filter.max_duration.map(number)),
        ];
        for (condition, value) in bounds {
            if let Some(value) = value {
                self.and(condition, [value]);
            }
        }
    }

    fn names(&mut self, filter: &TurnFilter) {
        const THREADS: &str = "thread IN (SELECT id FROM threads
            WHERE instr(thread_id, ?) > 0 OR instr(session_id, ?) > 0)";
        const FOLDERS: &str = "place IN (SELECT id FROM places
            WHERE folder = ? OR substr(folder, 1, length(?) + 1) IN (? || '/', ? || '\\'))";
        let place = |name: &str| format!("place IN (SELECT id FROM places WHERE {name} = ?)");
        let named = |column: &str| {
            format!(
                "{column} IN (SELECT id FROM name_sets
                     WHERE EXISTS (SELECT 1 FROM json_each(names) WHERE value = ?))"
            )
        };
        const TAGS: &str = "place IN (SELECT id FROM places
            WHERE instr(',' || tags || ',', ',' || ? || ',') > 0)";
        let TurnFilter {
            thread, project, repository, branch, user, folder, tag, model, tool, ..
        } = filter;
        let folder = folder.as_deref().map(|folder| folder.trim_end_matches(['/', '\\']));
        let conditions = [
            (THREADS.to_owned(), 2, thread.as_deref()),
            (place("project"), 1, project.as_deref()),
            (place("repository"), 1, repository.as_deref()),
            (place("branch"), 1, branch.as_deref()),
            (place("user"), 1, user.as_deref()),
            (FOLDERS.to_owned(), 4, folder),
            (TAGS.to_owned(), 1, tag.as_deref()),
            (named("models"), 1, model.as_deref()),
            (named("tools"), 1, tool.as_deref()),
        ];
        for (condition, times, value) in conditions {
            if let Some(value) = value {
                self.and(&condition, vec![text(value); times]);
            }
        }
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
        self.values.extend(values);
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn time(time: UnixNanos) -> Value {
    Value::Integer(i64::try_from(time.0).unwrap_or(i64::MAX))
}

/// The row of a turn, without its sums.
fn row(row: &Row<'_>) -> rusqlite::Result<TurnRow> {
    let names = |column| -> rusqlite::Result<Vec<String>> {
        let json: Option<String> = row.get(column)?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    };
    let tools = match row.get(11)? {
        Some(calls) => Some(ToolUse {
            names: names(14)?.into_iter().collect(),
            calls,
            failed: row.get::<_, Option<u64>>(12)?.unwrap_or(0),
        }),
        None => None,
    };
    Ok(TurnRow {
        key: TurnKey { id: row.get(0)?, start: UnixNanos(row.get(1)?) },
        span_id: SpanId(row.get(2)?),
        trace_id: TraceId(row.get(3)?),
        turn_id: row.get(4)?,
        number: row.get(5)?,
        end: UnixNanos(row.get(6)?),
        status: TurnStatus::of_word(row.get_ref(7)?.as_str()?),
        prompt: row.get(8)?,
        unpriced: row.get(9)?,
        human_ms: row.get(10)?,
        models: names(13)?,
        tools,
        thread: ThreadName {
            thread_id: row.get(15)?,
            session_id: row.get(16)?,
            parent_id: row.get(17)?,
        },
        sub_agents: row.get(18)?,
        has_spans: row.get(19)?,
        place: place(row, 20)?,
        sums: Sums::default(),
    })
}
