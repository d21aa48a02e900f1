//! What a page shows, as its address says.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use otlp_model::UnixNanos;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use trace_store::usage::{PicoUsd, TurnFilter, TurnKey, TurnStatus};

use crate::pages::Failure;

/// Which turns a list has. Fields that are empty choose nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TurnChoice {
    pub(crate) q: String,
    pub(crate) status: String,
    pub(crate) since: String,
    pub(crate) until: String,
    pub(crate) thread: String,
    pub(crate) project: String,
    pub(crate) repository: String,
    pub(crate) branch: String,
    pub(crate) user: String,
    pub(crate) folder: String,
    pub(crate) model: String,
    pub(crate) tool: String,
    pub(crate) min_cost: String,
    pub(crate) min_seconds: String,
    /// `with` or `without` sub-agents.
    pub(crate) agents: String,
    /// The last turn of the page before.
    pub(crate) behind: String,
}

/// The words for how turns end that can be chosen.
pub(crate) const STATUSES: [&str; 6] =
    ["running", "completed", "failed", "interrupted", "denied", "unknown"];

impl TurnChoice {
    /// The fields by their names in an address.
    fn fields(&self) -> [(&'static str, &String); 16] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("since", &self.since),
            ("until", &self.until),
            ("thread", &self.thread),
            ("project", &self.project),
            ("repository", &self.repository),
            ("branch", &self.branch),
            ("user", &self.user),
            ("folder", &self.folder),
            ("model", &self.model),
            ("tool", &self.tool),
            ("min_cost", &self.min_cost),
            ("min_seconds", &self.min_seconds),
            ("agents", &self.agents),
            ("behind", &self.behind),
        ]
    }

    /// The address of the list under a path.
    pub(crate) fn address(&self, path: &str) -> String {
        address(path, &self.fields().map(|(name, value)| (name, value.as_str())))
    }

    /// Whether anything is chosen but a page.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.fields().iter().any(|(name, value)| *name != "behind" && !value.is_empty())
    }

    /// The same for the store.
    pub(crate) fn filter(&self, zone: &TimeZone) -> Result<TurnFilter, Failure> {
        let given = |text: &String| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let status = match self.status.as_str() {
            "" => Vec::new(),
            word if STATUSES.contains(&word) => vec![TurnStatus::of_word(word)],
            other => {
                return Err(Failure::Choice(format!("`{other}` is no way in which turns end")));
            }
        };
        let has_sub_agents = match self.agents.as_str() {
            "with" => Some(true),
            "without" => Some(false),
            _ => None,
        };
        let min_cost = number(&self.min_cost)?.map(PicoUsd::from_usd);
        let min_duration = number(&self.min_seconds)?.map(|seconds| (seconds * 1e9) as u64);
        Ok(TurnFilter {
            thread: given(&self.thread),
            statuses: status,
            since: day(&self.since, zone, 0)?,
            until: day(&self.until, zone, 1)?,
            project: given(&self.project),
            repository: given(&self.repository),
            branch: given(&self.branch),
            user: given(&self.user),
            folder: given(&self.folder),
            model: given(&self.model),
            tool: given(&self.tool),
            min_cost,
            min_duration,
            has_sub_agents,
            text: given(&self.q),
            ..TurnFilter::default()
        })
    }

    /// Behind which turn the page begins.
    pub(crate) fn key(&self) -> Result<Option<TurnKey>, Failure> {
        if self.behind.is_empty() {
            return Ok(None);
        }
        let parts = self.behind.split_once('.');
        let key = parts.and_then(|(start, id)| {
            Some(TurnKey { start: UnixNanos(start.parse().ok()?), id: id.parse().ok()? })
        });
        key.map(Some).ok_or_else(|| Failure::Choice("the page before is not known".to_owned()))
    }
}

/// The address of a page with the fields that are not empty.
pub(crate) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');
    let mut address = path.to_owned();
    let mut sign = '?';
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(sign);
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, PLAIN));
        sign = '&';
    }
    address
}

fn number(text: &str) -> Result<Option<f64>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.map(Some).ok_or_else(|| Failure::Choice(format!("`{text}` is no number")))
}

/// When a day begins, so many days later.
fn day(text: &str, zone: &TimeZone, later: i64) -> Result<Option<UnixNanos>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let begin = text.parse::<Date>().ok().and_then(|day| {
        let day = day.checked_add(jiff::Span::new().days(later)).ok()?;
        let midnight = zone.to_zoned(day.at(0, 0, 0, 0)).ok()?.timestamp();
        u64::try_from(midnight.as_nanosecond()).ok()
    });
    let wrong = || Failure::Choice(format!("`{text}` is no day such as 2026-11-30"));
    begin.map(|begin| Some(UnixNanos(begin))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_back_what_it_was_made_of() {
        let choice = TurnChoice {
            q: "a b&c=\"ü\"<x>".to_owned(),
            folder: "/home/ada/my work".to_owned(),
            ..TurnChoice::default()
        };
        let address = choice.address("/turns");
        assert_eq!(address, "/turns?q=a%20b%26c%3D%22%C3%BC%22%3Cx%3E&folder=/home/ada/my%20work");
        let query: axum::http::Uri = address.parse().unwrap();
        let read = axum::extract::Query::<TurnChoice>::try_from_uri(&query).unwrap();
        assert_eq!(read.0, choice);
        assert_eq!(TurnChoice::default().address("/turns"), "/turns");
    }

    #[test]
    fn days_are_those_of_the_zone_and_the_last_one_is_included() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let choice = TurnChoice {
            since: "2026-11-21".to_owned(),
            until: "2026-11-21".to_owned(),
            min_cost: "0.5".to_owned(),
            status: "failed".to_owned(),
            ..TurnChoice::default()
        };
        let filter = choice.filter(&zone).unwrap();
        let hours = |time: Option<UnixNanos>| time.unwrap().0 / 3_600_000_000_000;
        assert_eq!(hours(filter.until) - hours(filter.since), 24);
        assert_eq!(hours(filter.since) % 24, 23);
        assert_eq!(filter.min_cost, Some(PicoUsd::from_usd(0.5)));
        for wrong in [
            TurnChoice { since: "yesterday".to_owned(), ..TurnChoice::default() },
            TurnChoice { min_cost: "-1".to_owned(), ..TurnChoice::default() },
            TurnChoice { status: "good".to_owned(), ..TurnChoice::default() },
        ] {
            assert!(wrong.filter(&zone).is_err(), "{wrong:?}");
        }
        let behind = TurnChoice { behind: "x".to_owned(), ..TurnChoice::default() };
        assert!(behind.key().is_err());
    }
}
