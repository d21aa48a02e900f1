//! From when, and until when, prices hold.

/// A point in time, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// The second that a time in nanoseconds since the Unix epoch is in.
    pub fn of_nanos(nanos: u64) -> Self {
        Self((nanos / 1_000_000_000).cast_signed())
    }
}

/// A day (UTC), as a file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) text: String,
    number: i64,
}

/// The days on which prices hold; without bounds, all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Validity {
    pub(crate) from: Option<Day>,
    pub(crate) until: Option<Day>,
}

impl Validity {
    pub(crate) fn covers(&self, at: UnixSeconds) -> bool {
        let day = at.0.div_euclid(24 * 60 * 60);
        self.from.as_ref().is_none_or(|from| from.number <= day)
            && self.until.as_ref().is_none_or(|until| day <= until.number)
    }
}

impl Day {
    /// Days since the Unix epoch.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// Reads `YYYY-MM-DD`; nothing where the calendar has no such day.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_form = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != "YYYY-MM-DD".len() || !is_form {
            return None;
        }
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
        let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + i64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let number = (1..=last).contains(&day).then(|| days_since_epoch(year, month, day))?;
        Some(Self { text: text.to_owned(), number })
    }
}

/// Counts years from March on, so that a leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // 0000-03-01 was 719,468 days before the epoch.
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_the_epoch() {
        for (text, number) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11_016)),
            ("2000-03-01", Some(11_017)),
            ("2026-11-30", Some(20_787)),
            ("2100-03-01", Some(47_541)),
            ("2025-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-04-31", None),
            ("2026-4-1", None),
            ("+026-04-01", None),
            ("2026-04-01 ", None),
            ("2026-04-0é", None),
        ] {
            assert_eq!(Day::parse(text).map(|day| day.number), number, "{text}");
        }
    }
}
