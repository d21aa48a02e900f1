//! How much of a subscription's limits was used.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::{QueryError, TraceStore};

/// A window whose end moved by less than this, in seconds, is the same one.
pub const RESET_TOLERANCE: i64 = 120;

/// A window of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaWindow {
    /// Some hours.
    Session,
    /// A week.
    Weekly,
    /// So many days.
    Days(u64),
}

impl QuotaWindow {
    /// Which window it is. Its length says so, whatever place it stands in. Below a day the
    /// place decides: old versions write the minutes that remain of a week.
    pub fn of(minutes: Option<u64>, slot: u8) -> Self {
        const WEEK: u64 = 7;
        let days = minutes.map_or(0, |minutes| (minutes + 30) / (24 * 60));
        match (days, slot) {
            (0, 1) => Self::Session,
            (0 | WEEK, _) => Self::Weekly,
            (days, 2) if days < WEEK => Self::Weekly,
            (days, _) => Self::Days(days),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Session => "session".to_owned(),
            Self::Weekly => "weekly".to_owned(),
            Self::Days(days) => format!("{days} days"),
        }
    }
}

/// How much of a window was used at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaReading {
    /// Which limits these are.
    pub limit: String,
    /// In which place the window stood, from 1.
    pub slot: u8,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// Per cent.
    pub used_percent: f64,
    /// The length of the window in minutes, where it was reported.
    pub minutes: Option<u64>,
    /// When it begins anew, in seconds since the Unix epoch.
    pub resets_at: Option<i64>,
    /// The plan, where it was named.
    pub plan: Option<String>,
}

impl QuotaReading {
    /// Whether another reading is of the same run of the same window.
    pub fn is_of_run(&self, other: &Self) -> bool {
        match (self.resets_at, other.resets_at) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= RESET_TOLERANCE,
            (ours, theirs) => ours == theirs,
        }
    }
}

impl TraceStore {
    /// All readings since a time in seconds since the Unix epoch, in the order of time.
    pub fn quota(&self, since: i64) -> Result<Vec<QuotaReading>, QueryError> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT limit_id, slot, at, used, minutes, resets_at, plan FROM quota
                 WHERE at >= ? ORDER BY at",
            )?;
            let rows = statement.query_map([since], |row| {
                Ok(QuotaReading {
                    limit: row.get(0)?,
                    slot: row.get(1)?,
                    at: row.get(2)?,
                    used_percent: row.get(3)?,
                    minutes: row.get(4)?,
                    resets_at: row.get(5)?,
                    plan: row.get(6)?,
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|source| self.query_error(source))
    }
}

/// Stores readings within a transaction; one that says the same as the one before it is left out.
pub(super) fn save(
    transaction: &Transaction<'_>,
    readings: &[QuotaReading],
) -> rusqlite::Result<()> {
    let mut before = transaction.prepare(
        "SELECT used, resets_at FROM quota WHERE limit_id = ? AND slot = ? AND at <= ?
         ORDER BY at DESC LIMIT 1",
    )?;
    let mut insert =
        transaction.prepare("INSERT OR REPLACE INTO quota VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for reading in readings {
        let QuotaReading { limit, slot, at, used_percent, minutes, resets_at, plan } = reading;
        let last = before
            .query_row(params![limit, slot, at], |row| {
                let (used, resets_at): (f64, _) = (row.get(0)?, row.get(1)?);
                let last = QuotaReading { resets_at, ..reading.clone() };
                Ok(used == *used_percent && reading.is_of_run(&last))
            })
            .optional()?;
        if last != Some(true) {
            insert.execute(params![limit, slot, at, used_percent, minutes, resets_at, plan])?;
        }
    }
    Ok(())
}
