//! Summing up: what the store hands out goes into rows by numbers, and texts are made of each once.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use pricing::{PriceTable, TokenUsage, UnixSeconds};
use trace_store::usage::{
    CallRow, PicoUsd, Place, Quarter, QuarterRange, Rate, Sums, ThreadName, TurnCounts, UnitPrices,
};
use trace_store::{QueryError, TraceStore};

use super::By;
use super::period::{self, Days};
use super::rows::{Filter, Group, Row};

/// What is known of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Key {
    quarter: Quarter,
    place: i64,
    rate: Option<i64>,
    thread: Option<i64>,
}

pub(super) struct Sheet<'a> {
    by: &'a [By],
    is_by_time: bool,
    is_by_rate: bool,
    days: &'a Days,
    range: QuarterRange,
    filter: &'a Filter,
    /// Those that the filter takes.
    places: HashMap<i64, Place>,
    /// Those that the filter takes.
    rates: HashMap<i64, Rate>,
    threads: Option<HashMap<i64, ThreadName>>,
    /// Which row a key is in, of which only what the rows are by is kept.
    rows: HashMap<Key, usize>,
    names: HashMap<Vec<String>, usize>,
    sums: HashMap<(usize, i64), Sums>,
    counts: HashMap<usize, TurnCounts>,
    /// The day that was met last: sums come in the order of time.
    day: Option<(QuarterRange, Date)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        store: &TraceStore,
        by: &'a [By],
        days: &'a Days,
        filter: &'a Filter,
    ) -> Result<Self, QueryError> {
        let range = days.range();
        let mut places = store.places()?;
        places.retain(|_, place| filter.takes_place(place));
        let mut rates = store.rates()?;
        rates.retain(|_, rate| filter.takes_rate(rate));
        let needs_threads = by.contains(&By::Session) || filter.session.is_some();
        let mut threads = needs_threads.then(|| store.threads(range)).transpose()?;
        if let (Some(threads), Some(wanted)) = (&mut threads, &filter.session) {
            threads.retain(|_, thread| [&thread.session_id, &thread.thread_id].contains(&wanted));
        }
        Ok(Self {
            by,
            is_by_time: by.iter().any(|by| matches!(by, By::Period(_))),
            is_by_rate: by.iter().any(|by| matches!(by, By::Model | By::Tier)),
            days,
            range,
            filter,
            places,
            rates,
            threads,
            rows: HashMap::new(),
            names: HashMap::new(),
            sums: HashMap::new(),
            counts: HashMap::new(),
            day: None,
        })
    }

    /// Adds the sums that the store keeps.
    pub(super) fn add_sums(&mut self, store: &TraceStore) -> Result<(), QueryError> {
        let range = self.range;
        let has_threads = self.threads.is_some();
        if has_threads && self.is_by_time {
            // No sums are kept by thread and time.
            store.calls(range, |call| self.add(key_of(&call), call.sums))?;
            return self.add_turns(store);
        }
        // Of all times together, there are fewer sums of threads than of quarter hours.
        if has_threads || (range == QuarterRange::ALL && !self.is_by_time) {
            return store.thread_sums(range, |sum| {
                let key = Key { place: sum.place, thread: Some(sum.thread), ..Key::default() };
                match sum.rate {
                    Some(rate) => self.add(Key { rate: Some(rate), ..key }, sum.sums),
                    None => self.count(key, sum.counts),
                }
            });
        }
        store.call_sums(range, |sum| {
            let key = Key { place: sum.place, rate: Some(sum.rate), ..Key::default() };
            self.add(Key { quarter: sum.quarter, ..key }, sum.sums);
        })?;
        self.add_turns(store)
    }

    /// Adds all calls, each at the prices of a table.
    pub(super) fn add_calls(
        &mut self,
        store: &TraceStore,
        table: &PriceTable,
    ) -> Result<(), QueryError> {
        let recorded = std::mem::take(&mut self.rates);
        let mut known: BTreeMap<Rate, i64> = BTreeMap::new();
        store.calls(self.range, |call| {
            let Some(old) = recorded.get(&call.rate) else { return };
            let (rate, cost) = priced(table, old, &call);
            let next = known.len() as i64;
            let id = *known.entry(rate).or_insert_with_key(|rate| {
                self.rates.insert(next, rate.clone());
                next
            });
            let key = Key { rate: Some(id), ..key_of(&call) };
            self.add(key, Sums { cost, ..call.sums });
        })?;
        self.add_turns(store)
    }

    fn add_turns(&mut self, store: &TraceStore) -> Result<(), QueryError> {
        if self.threads.is_none() {
            return store.turn_sums(self.range, |sum| {
                let key = Key { place: sum.place, quarter: sum.quarter, ..Key::default() };
                self.count(key, sum.counts);
            });
        }
        store.turn_starts(self.range, |turn| {
            let key = Key { quarter: turn.quarter, place: turn.place, ..Key::default() };
            self.count(Key { thread: Some(turn.thread), ..key }, turn.counts);
        })
    }

    fn add(&mut self, key: Key, sums: Sums) {
        let Some(rate) = key.rate.filter(|rate| self.rates.contains_key(rate)) else { return };
        if let Some(row) = self.row(key) {
            *self.sums.entry((row, rate)).or_default() += sums;
        }
    }

    fn count(&mut self, key: Key, counts: TurnCounts) {
        // A turn may have calls of several models.
        let is_of_calls = self.is_by_rate || self.filter.model.is_some();
        if !is_of_calls && let Some(row) = self.row(key) {
            *self.counts.entry(row).or_default() += counts;
        }
    }

    /// The row that a key belongs to; none where the filter leaves it out.
    fn row(&mut self, key: Key) -> Option<usize> {
        let day = self.is_by_time.then(|| self.day_of(key.quarter));
        let known = Key {
            quarter: day.map_or(Quarter::default(), |(day, _)| day.since),
            place: key.place,
            rate: key.rate.filter(|_| self.is_by_rate),
            thread: key.thread.filter(|_| self.threads.is_some()),
        };
        if let Some(row) = self.rows.get(&known) {
            return Some(*row);
        }
        let name = self.name(key, day.map(|(_, day)| day).unwrap_or_default())?;
        let next = self.names.len();
        let row = *self.names.entry(name).or_insert(next);
        self.rows.insert(known, row);
        Some(row)
    }

    /// The day that a quarter hour is in, and its quarter hours.
    fn day_of(&mut self, quarter: Quarter) -> (QuarterRange, Date) {
        match self.day {
            Some((day, date)) if day.since <= quarter && quarter < day.until => (day, date),
            _ => *self.day.insert(self.days.whole_day(quarter)),
        }
    }

    fn name(&self, key: Key, day: Date) -> Option<Vec<String>> {
        let place = self.places.get(&key.place)?;
        let unknown = Rate::default();
        let rate = key.rate.and_then(|rate| self.rates.get(&rate)).unwrap_or(&unknown);
        let session = match (&self.threads, key.thread) {
            (Some(threads), Some(thread)) => &*threads.get(&thread)?.session_id,
            _ => "",
        };
        let name = |by: &By| match by {
            By::Period(unit) => period::name(self.days.first_day(day, *unit), *unit),
            By::Model => rate.model.clone(),
            By::Tier => rate.tier.clone(),
            By::Project => place.project.clone(),
            By::Repository => place.repository.clone(),
            By::Branch => format!("{} {}", place.repository, place.branch).trim().to_owned(),
            By::Folder => place.folder.clone(),
            By::User => place.user.clone(),
            By::Machine => place.machine.clone(),
            By::Tags => place.tags.to_string(),
            By::Session => session.to_owned(),
        };
        Some(self.by.iter().map(name).collect())
    }

    pub(super) fn finish(self) -> (Vec<Row>, Group) {
        let mut groups = vec![Group::default(); self.names.len()];
        let mut total = Group::default();
        for ((row, rate), sums) in self.sums {
            let rate = &self.rates[&rate];
            groups[row].add(rate, sums);
            total.add(rate, sums);
        }
        for (row, counts) in self.counts {
            groups[row].count(counts);
            total.count(counts);
        }
        let rows = self
            .names
            .into_iter()
            .map(|(key, row)| Row { key, group: std::mem::take(&mut groups[row]) });
        let mut rows: Vec<Row> = rows.collect();
        let empty = Group::default();
        rows.retain(|row| row.group != empty);
        let periods = self.by.iter().take_while(|by| matches!(by, By::Period(_))).count();
        rows.sort_by_cached_key(|row| {
            let sums = row.group.sums();
            let weight = std::cmp::Reverse((sums.cost, sums.tokens()));
            (row.key[..periods].to_vec(), weight, row.key.clone())
        });
        (rows, total)
    }
}

fn key_of(call: &CallRow) -> Key {
    Key {
        quarter: call.quarter(),
        place: call.place,
        rate: Some(call.rate),
        thread: Some(call.thread),
    }
}

/// What a call costs at the prices of a table on the day on which it ended.
fn priced(table: &PriceTable, recorded: &Rate, call: &CallRow) -> (Rate, PicoUsd) {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let usage = TokenUsage {
        input: count(call.sums.input),
        cached_input: count(call.sums.cached_input),
        cache_write_input: count(call.sums.cache_write_input),
        output: count(call.sums.output),
    };
    let at = UnixSeconds(call.end_ms / 1000);
    let unpriced = Rate {
        long_context: false,
        prices: None,
        units: UnitPrices::default(),
        ..recorded.clone()
    };
    let tier = Some(&*recorded.tier).filter(|tier| !tier.is_empty());
    let Some(cost) = table.cost(&recorded.model, tier, usage, at) else {
        return (unpriced, PicoUsd::default());
    };
    let of_token = |price: f64| PicoUsd::from_usd(price / 1e6);
    let rate = Rate {
        tier: cost.tier.to_owned(),
        long_context: cost.long_context,
        prices: Some(cost.price_version()),
        units: UnitPrices {
            input: of_token(cost.prices.input),
            cached_input: of_token(cost.prices.cached_input),
            cache_write: of_token(cost.prices.cache_write),
            output: of_token(cost.prices.output),
        },
        ..unpriced
    };
    (rate, PicoUsd::from_usd(cost.total()))
}
