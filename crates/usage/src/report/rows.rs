//! The rows of a report, summed up from the store.

use std::collections::BTreeMap;

use pricing::PriceTable;
use trace_store::usage::{Place, Rate, Sums, TurnCounts};
use trace_store::{QueryError, TraceStore};

use super::By;
use super::period::Days;
use super::sheet::Sheet;

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
    /// One of the tags.
    pub tag: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The session, or one of its threads.
    pub session: Option<String>,
}

impl Filter {
    pub(super) fn takes_place(&self, place: &Place) -> bool {
        let fields = [
            (&self.project, &place.project),
            (&self.repository, &place.repository),
            (&self.branch, &place.branch),
            (&self.folder, &place.folder),
            (&self.user, &place.user),
        ];
        let has_tag = self.tag.as_ref().is_none_or(|tag| place.tags.has(tag));
        has_tag
            && fields
                .into_iter()
                .all(|(wanted, is)| wanted.as_ref().is_none_or(|wanted| wanted == is))
    }

    pub(super) fn takes_rate(&self, rate: &Rate) -> bool {
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
    pub(super) fn add(&mut self, rate: &Rate, sums: Sums) {
        match self.rates.get_mut(rate) {
            Some(known) => *known += sums,
            None => drop(self.rates.insert(rate.clone(), sums)),
        }
    }

    pub(super) fn count(&mut self, counts: TurnCounts) {
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

/// At which prices amounts are.
#[derive(Debug, Clone, Copy)]
pub enum Prices<'a> {
    /// Those at which each call was recorded. Nothing changes them.
    Recorded,
    /// Those of a table on the day on which each call ended.
    Of(&'a PriceTable),
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

impl Group {
    fn with_names(self, name: &dyn Fn(&str) -> String) -> Self {
        let mut named = Self { rates: BTreeMap::new(), turns: self.turns };
        for (rate, sums) in self.rates {
            let (model, tier) = (name(&rate.model), name(&rate.tier));
            named.add(&Rate { model, tier, ..rate }, sums);
        }
        named
    }
}

impl Report {
    /// The same with other names in place of those that models, repositories and people gave.
    pub fn with_names(self, name: &dyn Fn(&str) -> String) -> Self {
        let row = |row: Row| Row {
            key: row.key.iter().map(|key| name(key)).collect(),
            group: row.group.with_names(name),
        };
        Self {
            rows: self.rows.into_iter().map(row).collect(),
            total: self.total.with_names(name),
            ..self
        }
    }

    /// Sums up what the store holds.
    pub fn of(
        store: &TraceStore,
        by: Vec<By>,
        days: Days,
        filter: &Filter,
        prices: Prices<'_>,
    ) -> Result<Self, QueryError> {
        let mut sheet = Sheet::new(store, &by, &days, filter)?;
        match prices {
            Prices::Recorded => sheet.add_sums(store)?,
            Prices::Of(table) => sheet.add_calls(store, table)?,
        }
        let (rows, total) = sheet.finish();
        Ok(Self { by, days, rows, total })
    }
}
