//! A line of a log, and lines in order of time.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who wrote it.
    pub writer: &'static str,
    /// When; none for a line that goes on with the one before it, such as a cause.
    pub time: Option<SystemTime>,
    /// What follows the time.
    pub text: String,
}

impl Line {
    /// Takes a line apart.
    pub fn parse(writer: &'static str, line: &str) -> Self {
        let timed = line
            .split_once(' ')
            .and_then(|(time, text)| Some((humantime::parse_rfc3339(time).ok()?, text)));
        match timed {
            Some((time, text)) => Self { writer, time: Some(time), text: text.to_owned() },
            None => Self { writer, time: None, text: line.to_owned() },
        }
    }

    /// The line with its time in the zone of the reader.
    pub fn shown(&self, zone: &TimeZone) -> String {
        let time = self.time.and_then(|time| Timestamp::try_from(time).ok());
        let time = time.map(|time| time.to_zoned(zone.clone()));
        let time = time.map(|time| time.strftime("%F %H:%M:%S%.3f %Z").to_string());
        // Nothing in a log may act on the terminal that shows it.
        let text = terminal_text::line(&self.text);
        format!("{:27} {:6} {text}", time.unwrap_or_default(), self.writer)
    }

    /// What the hook said of it: `error`, `warn`, `info` or `debug`.
    pub fn level(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }
}

/// Puts the lines of several logs in order; each log is in order already. A line without a time stays
/// behind the one that it follows.
pub fn in_order(lines: Vec<Line>) -> Vec<Line> {
    let mut last: Option<(&'static str, SystemTime)> = None;
    let mut timed: Vec<(SystemTime, Line)> = Vec::with_capacity(lines.len());
    for line in lines {
        let inherited = last.filter(|(writer, _)| *writer == line.writer).map(|(_, time)| time);
        let time = line.time.or(inherited).unwrap_or(SystemTime::UNIX_EPOCH);
        last = Some((line.writer, time));
        timed.push((time, line));
    }
    // Stable: lines of the same time stay as they are.
    timed.sort_by_key(|(time, _)| *time);
    timed.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn two_logs_become_one() {
        let hook = [
            "2026-11-21T03:20:00.100Z info  [7] Turn 1 of thread t: 3 spans",
            "2026-11-21T03:20:02.000Z error [8] stays unsent",
            "caused by: \u{1b}[31ma line of its own",
        ];
        let buffer = ["2026-11-21T03:20:01.000Z started", "2026-11-21T03:20:03Z ended"];
        let hook = hook.map(|line| Line::parse("hook", line));
        let buffer = buffer.map(|line| Line::parse("buffer", line));
        let lines = in_order(hook.into_iter().chain(buffer).collect());
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let text: String = lines.iter().map(|line| line.shown(&zone) + "\n").collect();
        expect![[r#"
            2026-11-21 04:20:00.100 CET hook   info  [7] Turn 1 of thread t: 3 spans
            2026-11-21 04:20:01.000 CET buffer started
            2026-11-21 04:20:02.000 CET hook   error [8] stays unsent
                                        hook   caused by: ␛[31ma line of its own
            2026-11-21 04:20:03.000 CET buffer ended
        "#]]
        .assert_eq(&text);
        assert_eq!(lines[2].level(), "error");
    }
}
