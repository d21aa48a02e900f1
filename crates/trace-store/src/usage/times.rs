//! How long turns and model calls took.

use std::collections::BTreeMap;

use rusqlite::params_from_iter;

use super::TurnFilter;
use super::list::Chosen;
use crate::{QueryError, TraceStore};

/// Times of many things, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// How many there are.
    pub count: u64,
    /// Half of them took at most so long.
    pub median: u64,
    /// 95 of 100 took at most so long.
    pub p95: u64,
    /// The longest.
    pub longest: u64,
}

/// How long the turns and calls of a time took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    /// Turns, from their beginning to their end.
    pub turns: Times,
    /// Model calls by model, from the request to the end of the response.
    pub calls: BTreeMap<String, CallLatencies>,
}

/// How long the calls of a model took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallLatencies {
    /// To the end of the response.
    pub whole: Times,
    /// To its first token, of those calls where that was measured.
    pub first_token: Times,
}

impl Times {
    /// Of these milliseconds.
    pub fn of(mut millis: Vec<u64>) -> Self {
        millis.sort_unstable();
        // The smallest value that so many of a hundred do not exceed.
        let at = |percent: usize| {
            let rank = (millis.len() * percent).div_ceil(100).max(1);
            millis.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            count: millis.len() as u64,
            median: at(50),
            p95: at(95),
            longest: millis.last().copied().unwrap_or_default(),
        }
    }
}

impl TraceStore {
    /// How long the turns took that a filter chooses, and the model calls of their traces.
    pub fn latencies(&self, filter: &TurnFilter) -> Result<Latencies, QueryError> {
        let read = || -> rusqlite::Result<Latencies> {
            let Some(chosen) = Chosen::by(filter, self)? else { return Ok(Latencies::default()) };
            let sql = format!(
                "SELECT (end_ns - start_ns) / 1000000 FROM turns WHERE status <> 'running'{}",
                chosen.conditions
            );
            let mut statement = self.connection.prepare(&sql)?;
            let turns = statement
                .query_map(params_from_iter(&chosen.values), |row| row.get::<_, i64>(0))?
                .map(|millis| millis.map(i64::unsigned_abs))
                .collect::<rusqlite::Result<_>>()?;
            Ok(Latencies { turns: Times::of(turns), calls: self.call_latencies(filter)? })
        };
        read().map_err(|source| self.query_error(source))
    }

    fn call_latencies(
        &self,
        filter: &TurnFilter,
    ) -> rusqlite::Result<BTreeMap<String, CallLatencies>> {
        // Which calls are of a time, they say themselves; all else the turns of their traces say.
        let TurnFilter { since, until, model, .. } = filter.clone();
        let rest = TurnFilter { since: None, until: None, model: None, ..filter.clone() };
        let mut sql = "SELECT model, millis, first_token_ms FROM call_times WHERE TRUE".to_owned();
        let mut values = Vec::new();
        for (condition, time) in [(" AND start_ns >= ?", since), (" AND start_ns < ?", until)] {
            if let Some(time) = time {
                sql += condition;
                values.push(i64::try_from(time.0).unwrap_or(i64::MAX).into());
            }
        }
        if let Some(model) = model {
            sql += " AND model = ?";
            values.push(model.into());
        }
        let everything = TurnFilter { with_sub_agents: true, ..TurnFilter::default() };
        if rest != everything {
            let Some(chosen) = Chosen::by(&rest, self)? else { return Ok(BTreeMap::new()) };
            sql += " AND trace_id IN (SELECT trace_id FROM turns WHERE TRUE";
            sql += &chosen.conditions;
            sql += ")";
            values.extend(chosen.values);
        }
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut models: BTreeMap<String, [Vec<u64>; 2]> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let model = row.get_ref(0)?.as_str()?;
            if !models.contains_key(model) {
                models.insert(model.to_owned(), Default::default());
            }
            if let Some([whole, first_token]) = models.get_mut(model) {
                whole.push(row.get(1)?);
                first_token.extend(row.get::<_, Option<u64>>(2)?);
            }
        }
        let times = models.into_iter().map(|(model, [whole, first_token])| {
            let (whole, first_token) = (Times::of(whole), Times::of(first_token));
            (model, CallLatencies { whole, first_token })
        });
        Ok(times.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        assert_eq!(Times::of(Vec::new()), Times::default());
        let one = Times { count: 1, median: 7, p95: 7, longest: 7 };
        assert_eq!(Times::of(vec![7]), one);
        let hundred = Times::of((1..=100).rev().collect());
        assert_eq!(hundred, Times { count: 100, median: 50, p95: 95, longest: 100 });
    }
}
