//! Ids of what many rows share: threads, places, rates and sets of names.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, Statement, Transaction, params};

use super::{Place, Rate, ThreadName, UnitPrices};

/// The ids that a transaction has met.
pub(super) struct Names<'t> {
    threads: Table<'t, ThreadName>,
    places: Table<'t, Place>,
    rates: Table<'t, Rate>,
    sets: Table<'t, String>,
    learn: Statement<'t>,
    inherit: Statement<'t>,
    has_new_children: bool,
}

struct Table<'t, K> {
    known: HashMap<K, i64>,
    find: Statement<'t>,
    insert: Statement<'t>,
}

impl<'t, K: std::hash::Hash + Eq + Clone> Table<'t, K> {
    fn new(transaction: &'t Transaction<'_>, find: &str, insert: &str) -> rusqlite::Result<Self> {
        Ok(Self {
            known: HashMap::new(),
            find: transaction.prepare(find)?,
            insert: transaction.prepare(insert)?,
        })
    }

    /// The id of a key, with whether it is new.
    fn id(
        &mut self,
        key: &K,
        find: &[&dyn rusqlite::ToSql],
        insert: &[&dyn rusqlite::ToSql],
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(key) {
            return Ok(*id);
        }
        let found = self.find.query_row(find, |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => self.insert.insert(insert)?,
        };
        self.known.insert(key.clone(), id);
        Ok(id)
    }
}

impl<'t> Names<'t> {
    pub(super) fn new(transaction: &'t Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            threads: Table::new(
                transaction,
                "SELECT id FROM threads WHERE thread_id = ?",
                "INSERT INTO threads (thread_id, session_id, parent_id) VALUES (?, ?, ?)",
            )?,
            places: Table::new(
                transaction,
                "SELECT id FROM places WHERE project = ? AND repository = ? AND branch = ?
                 AND folder = ? AND user = ? AND machine = ? AND tags = ?",
                "INSERT INTO places (project, repository, branch, folder, user, machine, tags)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
            rates: Table::new(
                transaction,
                "SELECT id FROM rates
                 WHERE model = ? AND tier = ? AND long_context = ? AND prices = ?
                 AND input = ? AND cached = ? AND cache_write = ? AND output = ?",
                "INSERT INTO rates (model, tier, long_context, prices, input, cached, cache_write,
                     output)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            sets: Table::new(
                transaction,
                "SELECT id FROM name_sets WHERE names = ?",
                "INSERT INTO name_sets (names) VALUES (?)",
            )?,
            // Some sources know the root of a tree of sub-agents, others only the thread above.
            learn: transaction.prepare(
                "UPDATE threads SET session_id = ?2, parent_id = coalesce(parent_id, ?3)
                 WHERE id = ?1 AND session_id = thread_id
                 AND (session_id <> ?2 OR parent_id IS NOT coalesce(parent_id, ?3))",
            )?,
            inherit: transaction.prepare(
                "UPDATE threads SET session_id = above.session_id
                 FROM threads AS above
                 WHERE above.thread_id = threads.parent_id
                 AND above.session_id <> threads.session_id
                 AND (above.parent_id IS NULL OR above.session_id <> above.thread_id)",
            )?,
            has_new_children: false,
        })
    }

    pub(super) fn thread(&mut self, thread: &ThreadName) -> rusqlite::Result<i64> {
        let ThreadName { thread_id, session_id, parent_id } = thread;
        if let Some(id) = self.threads.known.get(thread) {
            return Ok(*id);
        }
        let id = self.threads.id(thread, &[thread_id], &[thread_id, session_id, parent_id])?;
        self.learn.execute(params![id, session_id, parent_id])?;
        self.has_new_children |= parent_id.is_some();
        Ok(id)
    }

    pub(super) fn place(&mut self, place: &Place) -> rusqlite::Result<i64> {
        let Place { project, repository, branch, folder, user, machine, tags } = place;
        let tags = tags.to_text();
        let columns: [&dyn rusqlite::ToSql; 7] =
            [project, repository, branch, folder, user, machine, &tags];
        self.places.id(place, &columns, &columns)
    }

    pub(super) fn rate(&mut self, rate: &Rate) -> rusqlite::Result<i64> {
        let Rate { model, tier, long_context, prices, units } = rate;
        let prices = prices.as_deref().unwrap_or_default();
        let UnitPrices { input, cached_input, cache_write, output } = units;
        let columns: [&dyn rusqlite::ToSql; 8] = [
            model,
            tier,
            long_context,
            &prices,
            &input.0,
            &cached_input.0,
            &cache_write.0,
            &output.0,
        ];
        self.rates.id(rate, &columns, &columns)
    }

    /// The id of some names; none where there are none.
    pub(super) fn set<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
    ) -> rusqlite::Result<Option<i64>> {
        let names: BTreeSet<&str> = names.collect();
        if names.is_empty() {
            return Ok(None);
        }
        let json = serde_json::to_string(&names)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.sets.id(&json, &[&json], &[&json]).map(Some)
    }

    /// Gives sub-agents whose own source names only the thread above them the session of that.
    pub(super) fn inherit_sessions(&mut self) -> rusqlite::Result<()> {
        // Trees are not deeper than this.
        const DEPTH: usize = 16;
        let mut rounds = if self.has_new_children { DEPTH } else { 0 };
        while rounds > 0 && self.inherit.execute([])? > 0 {
            rounds -= 1;
        }
        Ok(())
    }
}
