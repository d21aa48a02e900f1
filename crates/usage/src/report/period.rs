//! Days, weeks and months in a time zone, made of quarter hours.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use trace_store::usage::{Quarter, QuarterRange};

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
}

/// Which days a report is about, as a person says it.
#[derive(Debug, Clone, Default)]
pub struct RangeRequest {
    /// The first day: `2026-11-30` or `20261130`.
    pub since: Option<String>,
    /// The last day.
    pub until: Option<String>,
    /// So many days (`7d`), weeks (`4w`) or months (`12m`) up to today.
    pub last: Option<String>,
    /// All days.
    pub all: bool,
}

/// What is wrong with the days that a person asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It is no date.
    #[error("`{0}` is not a date such as 2026-11-30 or 20261130")]
    Date(String),
    /// It is no number of days, weeks or months.
    #[error("`{0}` is not a number of days, weeks or months such as 7d, 4w or 12m")]
    Last(String),
    /// The range is empty.
    #[error("the first day ({since}) is after the last ({until})")]
    Reversed {
        /// The first day.
        since: Date,
        /// The last day.
        until: Date,
    },
}

/// The days of a report in a time zone.
#[derive(Debug, Clone)]
pub struct Days {
    zone: TimeZone,
    week_begins: Weekday,
    /// The first day; none for all.
    pub since: Option<Date>,
    /// The last day; none for all.
    pub until: Option<Date>,
}

impl Days {
    /// The days that a person asks for at a time. Without a range it is those that one sees at a
    /// glance: 30 days, 12 weeks or 12 months.
    pub fn new(
        request: &RangeRequest,
        unit: Unit,
        zone: TimeZone,
        week_begins: Weekday,
        now: Timestamp,
    ) -> Result<Self, PeriodError> {
        let today = now.to_zoned(zone.clone()).date();
        let RangeRequest { since, until, last, all } = request;
        let mut days = Self { zone, week_begins, since: None, until: None };
        days.since = since.as_deref().map(date).transpose()?;
        days.until = until.as_deref().map(date).transpose()?;
        let is_open = since.is_none() && until.is_none();
        let default = match unit {
            Unit::Day => "30d",
            Unit::Week => "12w",
            Unit::Month => "12m",
        };
        let last = last.as_deref().or((is_open && !all).then_some(default));
        if let Some(last) = last {
            days.since = Some(days.first_of_last(last, days.until.unwrap_or(today))?);
        }
        match (days.since, days.until) {
            (Some(since), Some(until)) if since > until => {
                Err(PeriodError::Reversed { since, until })
            }
            _ => Ok(days),
        }
    }

    /// The first day of so many units up to a day, that of the last included.
    fn first_of_last(&self, last: &str, until: Date) -> Result<Date, PeriodError> {
        let error = || PeriodError::Last(last.to_owned());
        let (count, unit) =
            last.split_at_checked(last.len().saturating_sub(1)).ok_or_else(error)?;
        let count: i32 = count.parse().ok().filter(|count| *count > 0).ok_or_else(error)?;
        let before = count - 1;
        let (span, unit): (Span, Unit) = match unit {
            "d" => (before.days(), Unit::Day),
            "w" => (before.weeks(), Unit::Week),
            "m" => (before.months(), Unit::Month),
            _ => return Err(error()),
        };
        let first = until.checked_sub(span).map_err(|_| error())?;
        Ok(self.first_day(first, unit))
    }

    /// The quarter hours of these days.
    pub fn range(&self) -> QuarterRange {
        let begin = |day: Date| {
            let midnight = self.zone.to_zoned(day.at(0, 0, 0, 0)).ok()?;
            Some(Quarter::of_seconds(midnight.timestamp().as_second()))
        };
        QuarterRange {
            since: self.since.and_then(begin).unwrap_or(QuarterRange::ALL.since),
            until: self
                .until
                .and_then(|until| begin(until.tomorrow().ok()?))
                .unwrap_or(QuarterRange::ALL.until),
        }
    }

    /// When these days begin, in nanoseconds since the Unix epoch; none for all.
    pub fn begin_ns(&self) -> Option<u64> {
        self.since?;
        u64::try_from(self.range().since.begin()).ok()?.checked_mul(1_000_000_000)
    }

    /// The name of the time zone.
    pub fn zone_name(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => Timestamp::now().to_zoned(self.zone.clone()).strftime("%Z").to_string(),
        }
    }

    /// The day that a quarter hour is in, and its quarter hours, as far as they are known.
    pub(super) fn whole_day(&self, quarter: Quarter) -> (QuarterRange, Date) {
        let time = Timestamp::from_second(quarter.begin()).unwrap_or_default();
        let day = self.zone.to_datetime(time).date();
        let begin = |day: Date| {
            let midnight = self.zone.to_zoned(day.at(0, 0, 0, 0)).ok()?.timestamp().as_second();
            // A quarter hour is in the day in which it begins.
            Some(Quarter(-(-midnight).div_euclid(Quarter::SECONDS)))
        };
        let alone = QuarterRange { since: quarter, until: Quarter(quarter.0.saturating_add(1)) };
        let until = day.tomorrow().ok().and_then(begin);
        let whole = begin(day).zip(until).map(|(since, until)| QuarterRange { since, until });
        (whole.unwrap_or(alone), day)
    }

    /// The first day of the unit that a day is in.
    pub(super) fn first_day(&self, day: Date, unit: Unit) -> Date {
        match unit {
            Unit::Day => day,
            Unit::Week => {
                let since = i32::from(day.weekday().since(self.week_begins));
                day.checked_sub(since.days()).unwrap_or(day)
            }
            Unit::Month => day.first_of_month(),
        }
    }
}

/// The name of a unit by its first day.
pub(super) fn name(first: Date, unit: Unit) -> String {
    match unit {
        Unit::Day | Unit::Week => first.to_string(),
        Unit::Month => first.strftime("%Y-%m").to_string(),
    }
}

fn date(text: &str) -> Result<Date, PeriodError> {
    let is_short = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let form = if is_short { "%Y%m%d" } else { "%Y-%m-%d" };
    Date::strptime(form, text).map_err(|_| PeriodError::Date(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(request: RangeRequest, unit: Unit, zone: &str) -> Result<Days, PeriodError> {
        let now: Timestamp = "2026-11-30T23:30:00Z".parse().unwrap();
        Days::new(&request, unit, TimeZone::get(zone).unwrap(), Weekday::Monday, now)
    }

    fn last(last: &str) -> RangeRequest {
        RangeRequest { last: Some(last.to_owned()), ..RangeRequest::default() }
    }

    #[test]
    fn a_range_ends_today_where_the_reader_is() {
        // It is the next day there already.
        for (zone, request, unit, expected) in [
            ("UTC", last("7d"), Unit::Day, "2026-11-24"),
            ("Asia/Tokyo", last("7d"), Unit::Day, "2026-11-25"),
            ("UTC", last("2w"), Unit::Day, "2026-11-23"),
            ("UTC", last("3m"), Unit::Day, "2026-09-01"),
            ("UTC", RangeRequest::default(), Unit::Day, "2026-11-01"),
            ("UTC", RangeRequest::default(), Unit::Month, "2025-12-01"),
        ] {
            let since = days(request, unit, zone).unwrap().since.unwrap();
            assert_eq!(since.to_string(), expected, "{zone}");
        }
        let all = RangeRequest { all: true, ..RangeRequest::default() };
        assert_eq!(days(all, Unit::Day, "UTC").unwrap().range(), QuarterRange::ALL);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", "7", "d", "0d", "-1d", "7x", "é"] {
            assert_eq!(
                days(last(text), Unit::Day, "UTC").unwrap_err(),
                PeriodError::Last(text.to_owned())
            );
        }
        let range = |since: &str, until: &str| RangeRequest {
            since: Some(since.to_owned()),
            until: Some(until.to_owned()),
            ..RangeRequest::default()
        };
        assert!(days(range("20261101", "2026-11-30"), Unit::Day, "UTC").is_ok());
        for (since, until) in [("2026-13-01", "2026-11-30"), ("2026-11-30", "today")] {
            assert!(matches!(
                days(range(since, until), Unit::Day, "UTC"),
                Err(PeriodError::Date(_))
            ));
        }
        let reversed = days(range("2026-11-30", "2026-11-29"), Unit::Day, "UTC");
        assert!(matches!(reversed, Err(PeriodError::Reversed { .. })));
    }

    #[test]
    fn a_day_has_as_many_quarters_as_the_clock_gives_it() {
        let range = |day: &str, zone| {
            let request = RangeRequest {
                since: Some(day.to_owned()),
                until: Some(day.to_owned()),
                ..RangeRequest::default()
            };
            let range = days(request, Unit::Day, zone).unwrap().range();
            range.until.0 - range.since.0
        };
        assert_eq!(range("2026-03-28", "Europe/Berlin"), 96);
        assert_eq!(range("2026-03-29", "Europe/Berlin"), 92);
        assert_eq!(range("2026-10-25", "Europe/Berlin"), 100);
        // Zones that differ from UTC by quarters, and a clock change of half an hour.
        assert_eq!(range("2026-11-30", "Asia/Kathmandu"), 96);
        assert_eq!(range("2026-04-05", "Australia/Lord_Howe"), 98);
    }

    #[test]
    fn each_quarter_is_in_the_day_of_the_reader() {
        let quarter = |time: &str| {
            let time: Timestamp = time.parse().unwrap();
            Quarter::of_seconds(time.as_second())
        };
        let day = |time: &str, zone: &str, unit| {
            let days = days(RangeRequest::default(), unit, zone).unwrap();
            let (range, day) = days.whole_day(quarter(time));
            // All of its quarter hours are in the same day, and no others.
            for quarter in range.since.0 - 1..=range.until.0 {
                let (of_quarter, at) = days.whole_day(Quarter(quarter));
                let is_in = range.since.0 <= quarter && quarter < range.until.0;
                assert_eq!((of_quarter == range, at == day), (is_in, is_in), "{zone} {time}");
            }
            name(days.first_day(day, unit), unit)
        };
        assert_eq!(day("2026-11-30T23:59:00Z", "UTC", Unit::Day), "2026-11-30");
        assert_eq!(day("2026-11-30T23:59:00Z", "Europe/Berlin", Unit::Day), "2026-12-01");
        assert_eq!(day("2026-11-30T18:14:00Z", "Asia/Kathmandu", Unit::Day), "2026-11-30");
        assert_eq!(day("2026-11-30T18:15:00Z", "Asia/Kathmandu", Unit::Day), "2026-12-01");
        assert_eq!(day("2026-11-29T12:00:00Z", "UTC", Unit::Week), "2026-11-23");
        // 25 hours, 23 and a half, and a midnight that the clock passed over.
        assert_eq!(day("2026-10-25T12:00:00Z", "Europe/Berlin", Unit::Day), "2026-10-25");
        assert_eq!(day("2026-10-03T18:00:00Z", "Australia/Lord_Howe", Unit::Day), "2026-10-04");
        assert_eq!(day("2018-11-04T12:00:00Z", "America/Sao_Paulo", Unit::Day), "2018-11-04");
        assert_eq!(day("2026-11-30T23:59:00Z", "Europe/Berlin", Unit::Month), "2026-12");
    }
}
