//! The overview for a person at a terminal: one screen.

use std::fmt::Write as _;
use std::path::{MAIN_SEPARATOR, Path};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Overview, ServiceState, TargetState, Today, TurnLine, midnight};
use crate::Style;
use crate::words::{count, dollars, line, millis, span};

/// The most unfinished turns that are shown for a target.
const MOST_UNFINISHED: usize = 3;

/// Lays the overview out.
pub fn text(
    overview: &Overview,
    home: &Path,
    now: SystemTime,
    zone: &TimeZone,
    style: Style,
) -> String {
    let mut text = format!("{}  {}\n", style.bold("service"), service(&overview.service));
    let _ = writeln!(text, "{}    {}\n", style.bold("today"), today(&overview.today));
    targets(&mut text, &overview.targets, now, style);
    text.push('\n');
    turns(&mut text, &overview.turns, home, now, zone, style);
    text
}

fn service(service: &ServiceState) -> String {
    let ServiceState { endpoint, pid, uptime_seconds, events, .. } = service;
    let (Some(pid), Some(uptime), Some(events)) = (pid, uptime_seconds, events) else {
        return format!("{endpoint}  does not run (`arize-codex-buffer start`)");
    };
    let uptime = span(Duration::from_secs(*uptime));
    // Some come after their turn was sent, after each session. They are no work that is left over.
    let events = match *events as usize {
        0 => "no events".to_owned(),
        events => count(events, "event", "events"),
    };
    format!("{endpoint}  pid {pid}  up {uptime}  {events} kept for the next turn")
}

fn today(today: &Today) -> String {
    if today.turns == 0 {
        return "no turns".to_owned();
    }
    let counts = |counts: &[(usize, &str)]| {
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        let counts: Vec<String> = counts.map(|(number, what)| format!("{number} {what}")).collect();
        if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
    };
    let not_completed = counts(&[(today.failed, "failed"), (today.interrupted, "interrupted")]);
    let unpriced = counts(&[(today.unpriced, "unpriced")]);
    format!(
        "{}{not_completed}\n         {} tokens in ({} cached), {} out  {}{unpriced}",
        count(today.turns, "turn", "turns"),
        tokens(today.input_tokens),
        tokens(today.cached_tokens),
        tokens(today.output_tokens),
        dollars(today.cost_usd),
    )
}

fn targets(text: &mut String, targets: &[TargetState], now: SystemTime, style: Style) {
    let width = targets.iter().map(|target| target.name.len()).max().unwrap_or(0).max(6);
    let head = format!(
        "{:width$}  {:>7}  {:>7}  {:>8}  {}",
        "TARGET", "SENT", "QUEUED", "REJECTED", "LAST SENT"
    );
    let _ = writeln!(text, "{}", style.dim(&head));
    if targets.is_empty() {
        text.push_str("none: `arize-codex doctor` says why\n");
    }
    for target in targets {
        let ago = target.last_sent_ms.map_or_else(
            || "never".to_owned(),
            |last| format!("{} ago", span(Duration::from_millis(millis(now).saturating_sub(last)))),
        );
        let _ = writeln!(
            text,
            "{:width$}  {:>7}  {:>7}  {:>8}  {ago}",
            target.name, target.sent, target.queued, target.dead_letters
        );
        if let Some(page) = &target.page {
            let _ = writeln!(text, "  {}", terminal_text::line(page));
        }
        let rarer = [
            (target.dropped, "dropped"),
            (target.sampled_out, "left out by sampling"),
            (target.metrics_queued as u64, "with queued metrics"),
            (target.metrics_lost, "with metrics that were lost"),
        ];
        for (number, what) in rarer.into_iter().filter(|(number, _)| *number > 0) {
            let _ = writeln!(text, "  {} {what}", count(number as usize, "turn", "turns"));
        }
        let left = style.width.saturating_sub(2);
        if let Some(place) = &target.place {
            let _ = writeln!(text, "  for {}", line(place, left));
        }
        if target.is_gone {
            let name = &target.name;
            let _ = writeln!(
                text,
                "  not in the settings: arize-codex flush --queue {name} --to TARGET"
            );
        }
        for turn in target.unfinished.iter().take(MOST_UNFINISHED) {
            let _ = writeln!(text, "  {}", turn.describe(now, left));
        }
        if let Some(error) = &target.last_error {
            let _ = writeln!(text, "  {}", line(error, left));
        }
    }
}

fn turns(
    text: &mut String,
    turns: &[TurnLine],
    home: &Path,
    now: SystemTime,
    zone: &TimeZone,
    style: Style,
) {
    let time = i64::try_from(millis(now)).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let name = time.unwrap_or_default().to_zoned(zone.clone()).strftime("%Z").to_string();
    let ended_in = format!("ENDED ({name})");
    let width = ended_in.len().max(8);
    let head = format!(
        "{:8}  {ended_in:width$}  {:>7}  {:>6}  {:>6}  {:>8}  {}",
        "TRACE", "TIME", "IN", "OUT", "COST", "TURN"
    );
    let _ = writeln!(text, "{}", style.dim(&head));
    let begin = midnight(now, zone);
    for turn in turns {
        let entry = &turn.entry;
        let cost = entry.cost_usd.map_or_else(|| "-".to_owned(), dollars);
        let trace: String = entry.trace_id.as_deref().unwrap_or("-").chars().take(8).collect();
        let start = format!(
            "{:8}  {:width$}  {:>7}  {:>6}  {:>6}  {cost:>8}  ",
            line(&trace, 8),
            ended(entry.end_ms, begin, zone),
            duration(turn.duration_ms),
            tokens(entry.input_tokens),
            tokens(entry.output_tokens),
        );
        let status = match entry.status.as_str() {
            "completed" => String::new(),
            status => format!("{}: ", line(status, 16)),
        };
        let left = style.width.saturating_sub(start.len() + status.len());
        let status =
            if entry.status == "failed" { style.red(&status) } else { style.yellow(&status) };
        let _ = writeln!(text, "{start}{status}{}", line(&subject(turn, home), left));
    }
    if turns.is_empty() {
        text.push_str("none yet\n");
    }
}

/// The turn's place in its thread, and the thread's name or directory.
fn subject(turn: &TurnLine, home: &Path) -> String {
    let number = turn.entry.number.map(|number| format!("{number}  ")).unwrap_or_default();
    let directory = turn.entry.cwd.as_deref().map(|cwd| match Path::new(cwd).strip_prefix(home) {
        Ok(below) => format!("~{MAIN_SEPARATOR}{}", below.display()),
        Err(_) => cwd.to_owned(),
    });
    let name = turn.title.clone().or(directory).unwrap_or_else(|| turn.entry.thread.clone());
    format!("{number}{name}")
}

/// The time of a day that is today, else the day.
fn ended(end_ms: u64, midnight: u64, zone: &TimeZone) -> String {
    let time = i64::try_from(end_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = time.unwrap_or_default().to_zoned(zone.clone());
    let form = if end_ms >= midnight { "%H:%M:%S" } else { "%b %e" };
    time.strftime(form).to_string()
}

fn duration(millis: u64) -> String {
    match millis {
        0..60_000 => format!("{:.1} s", millis as f64 / 1e3),
        60_000..3_600_000 => format!("{}m{:02}s", millis / 60_000, millis / 1000 % 60),
        _ => format!("{}h{:02}m", millis / 3_600_000, millis / 60_000 % 60),
    }
}

fn tokens(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use dispatch::ledger::Entry;
    use expect_test::expect;
    use textwrap::core::display_width;

    use super::*;
    use crate::UnfinishedTurn;

    fn turn(title: Option<&str>, status: &str, minutes: u64, cost_usd: Option<f64>) -> TurnLine {
        // 2026-11-21T12:00:00Z.
        let end_ms = 1_795_262_400_000 - minutes * 60_000;
        let entry = Entry {
            thread: "01a1fb18-d745-76d3-8970-09f42d282b2f".to_owned(),
            trace_id: Some("8f997398c0a639f4f157e73cb3e837aa".to_owned()),
            number: Some(3),
            cwd: Some("/home/ada/work/project".to_owned()),
            start_ms: end_ms - 83_000,
            end_ms,
            status: status.to_owned(),
            input_tokens: 45_210,
            output_tokens: 812,
            cost_usd,
            ..Entry::default()
        };
        TurnLine { title: title.map(str::to_owned), duration_ms: 83_000, entry }
    }

    fn overview() -> Overview {
        let state = TargetState {
            name: "phoenix".to_owned(),
            place: None,
            is_gone: false,
            target: Some("phoenix http://localhost:6006/v1/traces".to_owned()),
            page: Some("http://localhost:6006/redirects/projects/codex".to_owned()),
            sent: 123,
            last_sent_ms: Some(1_795_262_400_000 - 300_000),
            queued: 0,
            queued_bytes: 0,
            unfinished: Vec::new(),
            next_attempt_ms: None,
            dead_letters: 0,
            dropped: 0,
            sampled_out: 9,
            metrics_queued: 0,
            metrics_lost: 0,
            last_error: None,
        };
        let away = TargetState {
            name: "team".to_owned(),
            queued: 2,
            unfinished: vec![UnfinishedTurn {
                trace_id: "8f997398c0a639f4f157e73cb3e837aa".to_owned(),
                queued_since_ms: 1_795_262_400_000 - 300_000,
                spans: 1501,
                spans_done: 600,
                bytes: 29 << 20,
                bytes_done: 12 << 20,
                failures: 0,
                next_attempt_ms: None,
                last_error: None,
            }],
            page: None,
            metrics_queued: 2,
            dead_letters: 1,
            last_sent_ms: None,
            last_error: Some("`https://traces.example/v1/traces`: cannot connect: Connection refused (os error 111)".to_owned()),
            ..state.clone()
        };
        let one_off = TargetState {
            name: "phoenix@1a2b3c4d".to_owned(),
            place: Some("phoenix http://there, project `other`".to_owned()),
            page: None,
            queued: 1,
            sampled_out: 0,
            ..state.clone()
        };
        let gone =
            TargetState { name: "old".to_owned(), place: None, is_gone: true, ..one_off.clone() };
        let long = "A name that is so long that it does not fit on a line of a terminal any more";
        Overview {
            service: ServiceState {
                running: true,
                endpoint: "127.0.0.1:4318".to_owned(),
                pid: Some(4711),
                version: Some("1.0.0".to_owned()),
                uptime_seconds: Some(10_800),
                threads: Some(1),
                events: Some(33),
            },
            targets: vec![state, away, one_off, gone],
            today: Today {
                turns: 2,
                failed: 0,
                interrupted: 1,
                input_tokens: 345_678,
                cached_tokens: 200_000,
                output_tokens: 9_999,
                cost_usd: 1.25,
                unpriced: 1,
            },
            turns: vec![
                turn(Some("Fix the flaky test"), "completed", 15, Some(0.1234)),
                turn(Some(long), "interrupted", 60, None),
                turn(None, "failed", 60 * 24, Some(12.0)),
                turn(Some(&"長い".repeat(9)), "completed", 60 * 24, None),
            ],
        }
    }

    #[test]
    fn it_fits_a_screen() {
        let now = humantime::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        let style = Style { width: 80, colour: false };
        let text = text(&overview(), Path::new("/home/ada"), now, &TimeZone::UTC, style);
        expect![[r#"
            service  127.0.0.1:4318  pid 4711  up 3 h  33 events kept for the next turn
            today    2 turns (1 interrupted)
                     345k tokens in (200k cached), 9999 out  $1.25 (1 unpriced)

            TARGET               SENT   QUEUED  REJECTED  LAST SENT
            phoenix               123        0         0  5 min ago
              http://localhost:6006/redirects/projects/codex
              9 turns left out by sampling
            team                  123        2         1  never
              9 turns left out by sampling
              2 turns with queued metrics
              600 of 1501 spans (12 MiB of 29 MiB) of trace 8f997398 sent since 5 min
              `https://traces.example/v1/traces`: cannot connect: Connection refused (os er…
            phoenix@1a2b3c4d      123        1         0  5 min ago
              for phoenix http://there, project `other`
            old                   123        1         0  5 min ago
              not in the settings: arize-codex flush --queue old --to TARGET

            TRACE     ENDED (UTC)     TIME      IN     OUT      COST  TURN
            8f997398  11:45:00       1m23s     45k     812   $0.1234  3  Fix the flaky test
            8f997398  11:00:00       1m23s     45k     812         -  interrupted: 3  A nam…
            8f997398  Nov 20         1m23s     45k     812    $12.00  failed: 3  ~/work/pro…
            8f997398  Nov 20         1m23s     45k     812         -  3  長い長い長い長い長…
        "#]]
        .assert_eq(&text.replace(MAIN_SEPARATOR, "/"));
        assert!(text.lines().all(|line| display_width(line) <= 80), "{text}");
        let nothing = Overview {
            targets: Vec::new(),
            today: Today::default(),
            turns: Vec::new(),
            service: ServiceState { running: false, pid: None, ..overview().service },
        };
        let text = super::text(&nothing, Path::new("/home/ada"), now, &TimeZone::UTC, style);
        expect![[r#"
            service  127.0.0.1:4318  does not run (`arize-codex-buffer start`)
            today    no turns

            TARGET     SENT   QUEUED  REJECTED  LAST SENT
            none: `arize-codex doctor` says why

            TRACE     ENDED (UTC)     TIME      IN     OUT      COST  TURN
            none yet
        "#]]
        .assert_eq(&text);
    }
}
