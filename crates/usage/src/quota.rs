//! How much of a subscription's limits is left, and how long it lasts.

use std::collections::BTreeMap;

pub use trace_store::usage::QuotaWindow as Window;
use trace_store::usage::{QuotaReading, RESET_TOLERANCE};

/// Readings that are older than this say nothing any more, in seconds: no window is longer than a month.
pub const OLDEST: i64 = 31 * DAY;

const DAY: i64 = 24 * 60 * 60;

/// How a window stands.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowState {
    /// Which limits it is one of.
    pub limit: String,
    /// Which window.
    pub window: Window,
    /// How much is left, in per cent. All of it where the window began anew since it was heard of last.
    pub remaining_percent: f64,
    /// When it begins anew, in seconds since the Unix epoch, where that is known and to come.
    pub resets_at: Option<i64>,
    /// When it was heard of last.
    pub as_of: i64,
    /// When it is used up if it goes on like this, at the earliest and at the latest: at the pace of the
    /// whole window, and at that of its last part. None where it begins anew before, or the pace is not known.
    pub used_up: Option<(i64, i64)>,
    /// The plan, where it was named.
    pub plan: Option<String>,
}

/// How all windows stand at a time, in seconds since the Unix epoch; the one that ends the work first
/// comes first. Nothing where nothing was reported.
pub fn windows(readings: &[QuotaReading], now: i64) -> Vec<WindowState> {
    let mut by_window: BTreeMap<(&str, Window), Vec<&QuotaReading>> = BTreeMap::new();
    for reading in readings.iter().filter(|reading| reading.at >= now - OLDEST) {
        by_window
            .entry((&reading.limit, Window::of(reading.minutes, reading.slot)))
            .or_default()
            .push(reading);
    }
    let states = by_window.into_iter().filter_map(|((_, window), mut readings)| {
        readings.sort_by_key(|reading| reading.at);
        state(window, &readings, now)
    });
    let mut states: Vec<WindowState> = states.collect();
    states.sort_by(|one, other| {
        let ends = |state: &WindowState| state.used_up.map_or(i64::MAX, |(earliest, _)| earliest);
        let left = one.remaining_percent.total_cmp(&other.remaining_percent);
        ends(one).cmp(&ends(other)).then(left)
    });
    states
}

fn state(window: Window, readings: &[&QuotaReading], now: i64) -> Option<WindowState> {
    let last = *readings.last()?;
    let has_reset = last.resets_at.is_some_and(|reset| reset + RESET_TOLERANCE < now);
    let run: Vec<&QuotaReading> =
        readings.iter().copied().filter(|reading| reading.is_of_run(last)).collect();
    let remaining = if has_reset { 100.0 } else { (100.0 - last.used_percent).clamp(0.0, 100.0) };
    let resets_at = last.resets_at.filter(|_| !has_reset);
    let used_up = if has_reset { None } else { used_up(&run, remaining, now) };
    // What begins anew before lasts.
    let is_before = |end: i64| end <= now || resets_at.is_none_or(|reset| end < reset);
    let used_up = used_up.filter(|(earliest, _)| is_before(*earliest));
    Some(WindowState {
        limit: last.limit.clone(),
        window,
        remaining_percent: remaining,
        resets_at,
        as_of: last.at,
        used_up,
        plan: last.plan.clone(),
    })
}

/// When a run of a window is used up, by two paces: that since its first reading, and that since the
/// middle one.
fn used_up(run: &[&QuotaReading], remaining: f64, now: i64) -> Option<(i64, i64)> {
    let last = run.last()?;
    if remaining <= 0.0 {
        return Some((now, now));
    }
    let at_pace_since = |first: &QuotaReading| {
        let (seconds, used) = (last.at - first.at, last.used_percent - first.used_percent);
        let is_pace = seconds > 0 && used > 0.0;
        is_pace.then(|| last.at + (remaining / used * seconds as f64) as i64)
    };
    let whole = at_pace_since(run.first()?)?;
    let recent = at_pace_since(run.get(run.len() / 2)?).unwrap_or(whole);
    Some((whole.min(recent), whole.max(recent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;
    const HOUR: i64 = 3600;

    fn reading(
        slot: u8,
        minutes: u64,
        ago: i64,
        used_percent: f64,
        resets_in: i64,
    ) -> QuotaReading {
        QuotaReading {
            limit: "codex".to_owned(),
            slot,
            at: NOW - ago,
            used_percent,
            minutes: Some(minutes),
            resets_at: Some(NOW + resets_in),
            plan: None,
        }
    }

    #[test]
    fn a_window_is_known_by_its_length_and_below_a_day_by_its_place() {
        for (slot, minutes, expected) in [
            (1, 300, Window::Session),
            (1, 299, Window::Session),
            (2, 10080, Window::Weekly),
            (1, 10080, Window::Weekly),
            (1, 10079, Window::Weekly),
            // What remains of a week.
            (2, 300, Window::Weekly),
            (2, 4320, Window::Weekly),
            (1, 43200, Window::Days(30)),
        ] {
            let window = Window::of(Some(minutes), slot);
            assert_eq!(window, expected, "{slot} {minutes}");
        }
        assert_eq!(Window::of(None, 1), Window::Session);
    }

    #[test]
    fn the_window_that_ends_the_work_first_comes_first() {
        let readings = [
            reading(1, 300, 2 * HOUR, 10.0, 2 * HOUR),
            reading(1, 300, 0, 20.0, 2 * HOUR),
            reading(2, 10080, 10 * HOUR, 90.0, 48 * HOUR),
            reading(2, 10080, 0, 95.0, 48 * HOUR + 60),
        ];
        let states = windows(&readings, NOW);
        assert_eq!(states[0].window, Window::Weekly);
        assert_eq!(states[0].remaining_percent, 5.0);
        // 5 % in ten hours, and as much is left.
        assert_eq!(states[0].used_up, Some((NOW + 10 * HOUR, NOW + 10 * HOUR)));
        // 80 % would last sixteen hours, and it begins anew in two.
        assert_eq!((states[1].window, states[1].used_up), (Window::Session, None));
    }

    #[test]
    fn two_paces_give_the_uncertainty() {
        let run = [
            reading(1, 300, 4 * HOUR, 0.0, 9 * HOUR),
            reading(1, 300, HOUR, 10.0, 9 * HOUR),
            reading(1, 300, 0, 50.0, 9 * HOUR),
        ];
        let states = windows(&run, NOW);
        assert_eq!(states[0].used_up, Some((NOW + 4500, NOW + 4 * HOUR)));
    }

    #[test]
    fn a_window_that_began_anew_is_whole_and_what_is_old_says_nothing() {
        let over = [reading(1, 300, 10 * HOUR, 100.0, -8 * HOUR)];
        let states = windows(&over, NOW);
        assert_eq!((states[0].remaining_percent, states[0].resets_at), (100.0, None));
        // The end of a window moves a little.
        let now = [reading(1, 300, 10, 100.0, -60)];
        assert_eq!(windows(&now, NOW)[0].used_up, Some((NOW, NOW)));
        assert!(windows(&[reading(1, 300, 32 * DAY, 1.0, 0)], NOW).is_empty());
        assert!(windows(&[], NOW).is_empty());
    }
}
