//! The hook's log: did anything fail lately, and did anything work since?

use std::time::{Duration, SystemTime};

use program_log::LIMIT_REACHED;

use super::target::FailedTarget;
use crate::Finding;
use crate::logs::Line;
use crate::words::{count, line, span};

const CHECK: &str = "log";

/// How far back errors matter.
const LATELY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the lines of the hook's log mean. Those about a target that failed its own check are left to
/// the finding about it.
pub(crate) fn check(lines: &[Line], failed: &[FailedTarget], now: SystemTime) -> Vec<Finding> {
    let mut findings = errors(lines, failed, now);
    findings.extend(limits(lines, now));
    findings
}

/// What was left out because it was too much.
fn limits(lines: &[Line], now: SystemTime) -> Option<Finding> {
    let lately = |line: &&Line| line.time.is_some_and(|time| time + LATELY > now);
    let what = |line| message(line).strip_prefix(LIMIT_REACHED);
    let reached: Vec<&str> = lines.iter().filter(lately).filter_map(what).collect();
    let last = reached.last()?;
    let number = count(reached.len(), "limit", "limits");
    let message = format!("{number} reached within 24 hours, the last: {}", line(last, 300));
    Some(Finding::warning(CHECK, message, "arize-codex logs -n 20"))
}

fn errors(lines: &[Line], failed: &[FailedTarget], now: SystemTime) -> Vec<Finding> {
    let lately = |line: &&Line| line.time.is_some_and(|time| time + LATELY > now);
    let errors = lines.iter().filter(lately).filter(|line| line.level() == "error");
    let is_known = |line: &&Line| {
        let places = failed.iter().map(|failed| failed.place.as_str());
        places.filter(|place| !place.is_empty()).any(|place| line.text.contains(place))
    };
    let (known, errors): (Vec<&Line>, Vec<&Line>) = errors.partition(is_known);
    let Some(last) = errors.last() else {
        let beside = match known.len() {
            0 => String::new(),
            known => format!(" but {known} about a target that accepts no turn"),
        };
        return vec![Finding::ok(CHECK, format!("no error within 24 hours{beside}"))];
    };
    let ago = span(last.time.and_then(|time| now.duration_since(time).ok()).unwrap_or_default());
    let number = count(errors.len(), "error", "errors");
    // A run may trace a turn and still fail at a part of it, such as one of several targets.
    let later = lines.iter().rev().take_while(|line| line != last);
    let worked =
        later.filter(|line| process(line) != process(last)).any(|line| line.level() == "info");
    if worked {
        let message =
            format!("no error since the last traced turn; {number} before it, the last {ago} ago");
        return vec![Finding::ok(CHECK, message)];
    }
    let text = line(message(last), 300);
    let message = format!("{number} within 24 hours, the last {ago} ago: {text}");
    vec![Finding::warning(CHECK, message, "arize-codex logs -n 20")]
}

/// The process that wrote a line, as the log names it.
fn process(line: &Line) -> Option<&str> {
    Some(line.text.split_once('[')?.1.split_once(']')?.0)
}

/// What a line says, without its level and process.
fn message(line: &Line) -> &str {
    line.text.split_once("] ").map_or(line.text.as_str(), |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Ok as Fine, Warning};

    fn expect(log: &[&str], level: Level, part: &str) {
        let now = humantime::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        let lines: Vec<Line> = log.iter().map(|line| Line::parse("hook", line)).collect();
        crate::checks::expect::only(&check(&lines, &[], now), level, part);
    }

    #[test]
    fn errors_count_for_a_day_and_until_something_works() {
        let error = "2026-11-21T11:50:00.000Z error [7] Turn 1 stays unsent";
        let earlier = "2026-11-21T11:40:00.000Z error [6] Turn 1 stays unsent";
        let old = "2026-11-19T11:50:00.000Z error [7] Turn 1 stays unsent";
        let success = "2026-11-21T11:51:00.000Z info  [8] Turn 1: 3 spans";
        expect(&[], Fine, "no error");
        expect(&[old], Fine, "no error");
        expect(&[error], Warning, "1 error within 24 hours, the last 10 min ago: Turn 1 stays");
        expect(&[earlier, error, "caused by x"], Warning, "2 errors");
        let fine = "no error since the last traced turn; 1 error before it, the last 10 min ago";
        expect(&[error, success], Fine, fine);
        let same_run = "2026-11-21T11:51:00.000Z info  [7] Turn 1: 3 spans to the other target";
        expect(&[error, same_run], Warning, "1 error");
        expect(&[success, error], Warning, "1 error");
    }

    #[test]
    fn what_was_left_out_is_said() {
        let now = humantime::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        let line = "2026-11-21T11:50:00.000Z warn  [7] limit reached: `a` was read for 4 s";
        let findings = check(&[Line::parse("hook", line)], &[], now);
        let words: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        let limit = "1 limit reached within 24 hours, the last: `a` was read for 4 s";
        assert_eq!(words, ["no error within 24 hours", limit]);
        assert_eq!(findings[1].level, Warning);
    }
    #[test]
    fn what_a_target_answered_is_left_to_the_finding_about_it() {
        let now = humantime::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        let place = "phoenix http://p/v1/traces";
        let refused = format!(
            "2026-11-21T11:50:00.000Z error [7] Turn 1 is queued for {place}: http status 401"
        );
        let other = "2026-11-21T11:51:00.000Z error [8] Turn 2 stays unsent";
        let failed = |place: &str| FailedTarget {
            queue: "phoenix".to_owned(),
            place: place.to_owned(),
            command: "arize-config set harnesses.codex.api_key --stdin".to_owned(),
        };
        for (log, place, level, part) in [
            (
                &[refused.as_str()][..],
                place,
                Fine,
                "24 hours but 1 about a target that accepts no turn",
            ),
            (
                &[&refused, other],
                place,
                Warning,
                "1 error within 24 hours, the last 9 min ago: Turn 2",
            ),
            (&[&refused], "", Warning, "1 error within 24 hours"),
            (&[&refused], "mlflow http://m", Warning, "1 error within 24 hours"),
        ] {
            let lines: Vec<Line> = log.iter().map(|line| Line::parse("hook", line)).collect();
            crate::checks::expect::only(&check(&lines, &[failed(place)], now), level, part);
        }
    }
}
