//! Numbers and times as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use otlp_model::{UnixNanos, Value};
use serde_json::json;

pub(crate) fn duration(nanos: u64) -> String {
    let millis = nanos as f64 / 1e6;
    match millis {
        millis if millis < 10.0 => format!("{millis:.1} ms"),
        millis if millis < 1_000.0 => format!("{millis:.0} ms"),
        millis if millis < 60_000.0 => format!("{:.1} s", millis / 1_000.0),
        _ => {
            let seconds = nanos / 1_000_000_000;
            match seconds / 3_600 {
                0 => format!("{}m {:02}s", seconds / 60, seconds % 60),
                hours => format!("{hours}h {:02}m", seconds / 60 % 60),
            }
        }
    }
}

/// Small amounts keep two digits that say something.
pub(crate) fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0".to_owned(),
        amount if amount >= 1.0 => format!("${amount:.2}"),
        amount if amount >= 0.001 => format!("${amount:.4}"),
        amount => format!("${amount:.6}"),
    }
}

pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", groups.join("\u{202f}"))
}

pub(crate) fn count_or_dash(number: i64) -> String {
    if number == 0 { "–".to_owned() } else { count(number) }
}

pub(crate) fn plural(number: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

pub(crate) fn bytes(number: usize) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        _ => format!("{:.1} MB", number as f64 / 1e6),
    }
}

pub(crate) fn share(part: i64, whole: i64) -> String {
    if whole <= 0 {
        "–".to_owned()
    } else {
        format!("{:.0} %", 100.0 * part as f64 / whole as f64)
    }
}

/// Date, time and zone.
pub(crate) fn time(at: UnixNanos, zone: &TimeZone) -> String {
    let nanos = i128::from(at.0);
    match Timestamp::from_nanosecond(nanos) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%F %H:%M:%S %Z").to_string(),
        Err(_) => String::new(),
    }
}

/// The same in UTC, for programs.
pub(crate) fn utc(at: UnixNanos) -> String {
    Timestamp::from_nanosecond(i128::from(at.0)).map(|at| at.to_string()).unwrap_or_default()
}

/// A value for programs.
pub(crate) fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!(text),
        Value::Int(number) => json!(number),
        Value::Double(number) => json!(number),
        Value::Bool(truth) => json!(truth),
        Value::Strings(texts) => json!(texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        let millis = |millis: u64| duration(millis * 1_000_000);
        assert_eq!(duration(420_000), "0.4 ms");
        assert_eq!([millis(16), millis(1_500), millis(61_000)], ["16 ms", "1.5 s", "1m 01s"]);
        assert_eq!(millis(3_600_000 * 2 + 60_000 * 5), "2h 05m");
    }

    #[test]
    fn numbers_are_grouped_and_small_amounts_visible() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!([count(7), count(-1_000)], ["7", "-1\u{202f}000"]);
        assert_eq!(
            [dollars(12.3), dollars(0.25), dollars(0.000_012)],
            ["$12.30", "$0.2500", "$0.000012"]
        );
        assert_eq!([share(1, 2), share(1, 0)], ["50 %", "–"]);
    }

    #[test]
    fn times_name_their_zone() {
        let at = UnixNanos(1_795_262_400_000_000_000);
        assert_eq!(time(at, &TimeZone::UTC), "2026-11-21 12:00:00 UTC");
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(time(at, &zone), "2026-11-21 13:00:00 +01");
        assert_eq!(utc(at), "2026-11-21T12:00:00Z");
    }
}
