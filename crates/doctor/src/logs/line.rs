//! A line of a log, and lines in order of time.

use std::fmt;
use std::time::SystemTime;

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

    /// What the hook said of it: `error`, `warn`, `info` or `debug`.
    pub fn level(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.map(|time| humantime::format_rfc3339_millis(time).to_string());
        let time = time.unwrap_or_default();
        // Nothing in a log may act on the terminal that shows it.
        let text = terminal_text::line(&self.text);
        write!(f, "{time:24} {:6} {text}", self.writer)
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
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        expect![[r#"
            2026-11-21T03:20:00.100Z hook   info  [7] Turn 1 of thread t: 3 spans
            2026-11-21T03:20:01.000Z buffer started
            2026-11-21T03:20:02.000Z hook   error [8] stays unsent
                                     hook   caused by: ␛[31ma line of its own
            2026-11-21T03:20:03.000Z buffer ended
        "#]]
        .assert_eq(&text);
        assert_eq!(lines[2].level(), "error");
    }
}
