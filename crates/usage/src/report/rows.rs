//! The rows of a report, summed up from the store.

use std::collections::{BTreeMap, HashMap};

use trace_store::usage::{Place, Quarter, Rate, Sums, ThreadName, TurnCounts};
use trace_store::{QueryError, TraceStore};

use super::By;
use super::period::{self, Days};

/// Which calls a report is about: all whose fields are these, where they are given.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The project.
    pub project: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The folder.
    pub folder: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The model.
    pub model: Option<String>,
}

impl Filter {
    fn takes_place(&self, place: &Place) -> bool {
        let fields = [
            (&self.project, &place.project),
            (&self.repository, &place.repository),
            (&self.branch, &place.branch),
            (&self.folder, &place.folder),
            (&self.user, &place.user),
        ];
        fields.into_iter().all(|(wanted, is)| wanted.as_ref().is_none_or(|wanted| wanted == is))
    }

    fn takes_rate(&self, rate: &Rate) -> bool {
        self.model.as_ref().is_none_or(|model| *model == rate.model)
    }
}

/// What calls used, by rate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// By rate, which says the model and whether there is a price.
    pub rates: BTreeMap<Rate, Sums>,
    /// The turns that began; none where rows do not have turns of their own.
    pub turns: Option<TurnCounts>,
}

impl Group {
    fn add(&mut self, rate: &Rate, sums: Sums) {
        match self.rates.get_mut(rate) {
            Some(known) => *known += sums,
            None => drop(self.rates.insert(rate.clone(), sums)),
        }
    }

    fn count(&mut self, counts: TurnCounts) {
        *self.turns.get_or_insert_default() += counts;
    }

    /// All calls.
    pub fn sums(&self) -> Sums {
        let mut all = Sums::default();
        self.rates.values().for_each(|sums| all += *sums);
        all
    }

    /// The calls without a price.
    pub fn unpriced(&self) -> Sums {
        let mut all = Sums::default();
        let unpriced = self.rates.iter().filter(|(rate, _)| rate.prices.is_none());
        unpriced.for_each(|(_, sums)| all += *sums);
        all
    }

    /// Whether any of the calls has a price, or there are none.
    pub fn has_prices(&self) -> bool {
        self.rates.is_empty() || self.rates.keys().any(|rate| rate.prices.is_some())
    }

    /// What the models used, the most expensive first.
    pub fn models(&self) -> Vec<(&str, Self)> {
        let mut models: BTreeMap<&str, Self> = BTreeMap::new();
        for (rate, sums) in &self.rates {
            models.entry(&rate.model).or_default().add(rate, *sums);
        }
        let mut models: Vec<_> = models.into_iter().collect();
        models.sort_by_key(|(_, group)| {
            std::cmp::Reverse((group.sums().cost, group.sums().tokens()))
        });
        models
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the row is about, one text for each thing that the report has rows for.
    pub key: Vec<String>,
    /// What it used.
    pub group: Group,
}

/// A report.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it has rows for.
    pub by: Vec<By>,
    /// The days that it is about.
    pub days: Days,
    /// Its rows: periods in the order of time, others by cost, the most expensive first.
    pub rows: Vec<Row>,
    /// All of them.
    pub total: Group,
}

impl Report {
    /// Sums up what the store holds.
    pub fn of(
        store: &TraceStore,
        by: Vec<By>,
        days: Days,
        filter: &Filter,
    ) -> Result<Self, QueryError> {
        let mut sheet = Sheet {
            places: store.places()?,
            rates: store.rates()?,
            threads: HashMap::new(),
            by: &by,
            days: &days,
            filter,
            rows: HashMap::new(),
            total: Group::default(),
        };
        let range = days.range();
        if by.contains(&By::Session) {
            sheet.threads = store.threads(range)?;
            store.thread_sums(range, |sum| {
                let key = Key { place: sum.place, thread: Some(sum.thread), ..Key::default() };
                match sum.rate {
                    Some(rate) => sheet.add(Key { rate: Some(rate), ..key }, sum.sums),
                    None => sheet.count(key, sum.counts),
                }
            })?;
        } else {
            store.call_sums(range, |sum| {
                let key = Key { place: sum.place, rate: Some(sum.rate), ..Key::default() };
                sheet.add(Key { quarter: sum.quarter, ..key }, sum.sums);
            })?;
            store.turn_sums(range, |sum| {
                let key = Key { place: sum.place, quarter: sum.quarter, ..Key::default() };
                sheet.count(key, sum.counts);
            })?;
        }
        let (rows, total) = sheet.finish();
        Ok(Self { by, days, rows, total })
    }
}

/// What is known of a sum.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    quarter: Quarter,
    place: i64,
    rate: Option<i64>,
    thread: Option<i64>,
}

struct Sheet<'a> {
    places: HashMap<i64, Place>,
    rates: HashMap<i64, Rate>,
    threads: HashMap<i64, ThreadName>,
    by: &'a [By],
    days: &'a Days,
    filter: &'a Filter,
    rows: HashMap<Vec<String>, Group>,
    total: Group,
}

impl Sheet<'_> {
    fn add(&mut self, key: Key, sums: Sums) {
        let place = self.places.get(&key.place).cloned().unwrap_or_default();
        let rate = key.rate.and_then(|rate| self.rates.get(&rate)).cloned().unwrap_or_default();
        if self.filter.takes_place(&place) && self.filter.takes_rate(&rate) {
            self.total.add(&rate, sums);
            let name = self.name(key, &place, &rate);
            self.rows.entry(name).or_default().add(&rate, sums);
        }
    }

    fn count(&mut self, key: Key, counts: TurnCounts) {
        let place = self.places.get(&key.place).cloned().unwrap_or_default();
        // A turn may have calls of several models.
        let is_of_calls = self.by.iter().any(|by| matches!(by, By::Model | By::Tier))
            || self.filter.model.is_some();
        if self.filter.takes_place(&place) && !is_of_calls {
            self.total.count(counts);
            let name = self.name(key, &place, &Rate::default());
            self.rows.entry(name).or_default().count(counts);
        }
    }

    fn name(&self, key: Key, place: &Place, rate: &Rate) -> Vec<String> {
        let session = || {
            let thread = self.threads.get(&key.thread?)?;
            Some(thread.session_id.clone())
        };
        let name = |by: &By| match by {
            By::Period(unit) => period::name(self.days.day_of(key.quarter, *unit), *unit),
            By::Model => rate.model.clone(),
            By::Tier => rate.tier.clone(),
            By::Project => place.project.clone(),
            By::Repository => place.repository.clone(),
            By::Branch => format!("{} {}", place.repository, place.branch).trim().to_owned(),
            By::Folder => place.folder.clone(),
            By::User => place.user.clone(),
            By::Machine => place.machine.clone(),
            By::Session => session().unwrap_or_default(),
        };
        self.by.iter().map(name).collect()
    }

    fn finish(self) -> (Vec<Row>, Group) {
        let rows = self.rows.into_iter().map(|(key, group)| Row { key, group });
        let mut rows: Vec<Row> = rows.collect();
        let periods = self.by.iter().take_while(|by| matches!(by, By::Period(_))).count();
        rows.sort_by_cached_key(|row| {
            let sums = row.group.sums();
            let weight = std::cmp::Reverse((sums.cost, sums.tokens()));
            (row.key[..periods].to_vec(), weight, row.key.clone())
        });
        (rows, self.total)
    }
}
