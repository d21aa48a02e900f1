//! The list of turns.

use std::fmt::Write as _;
use std::path::{MAIN_SEPARATOR, Path};

use ::doctor::{cut, dollars};
use otlp_model::UnixNanos;
use textwrap::core::display_width;
use trace_store::usage::{TurnRow, TurnStatus};

use super::{Page, duration, local};

/// Two lines for each turn, the last one first: its figures and folder, and its prompt.
pub fn turns(turns: &[TurnRow], page: Page<'_>) -> String {
    let style = page.style;
    let started = format!("STARTED ({})", local(page.now, page.zone, "%Z"));
    let columns = Columns { started: started.len().max(12) };
    let head = columns.row(["TRACE", "THREAD", &started, "TIME", "STATUS", "COST", "FOLDER"]);
    let mut text = style.dim(&cut(head.concat().trim_end(), style.width)) + "\n";
    for turn in turns {
        let [before, status, after] = columns.row([
            &turn.trace_id.to_string()[..8],
            &end_of_id(&turn.thread.thread_id),
            &started_at(turn.start(), page),
            &duration(turn.end.since(turn.start())),
            turn.status.word(),
            &turn.cost().map_or_else(|| "-".to_owned(), |cost| dollars(cost.usd())),
            "",
        ]);
        let used: usize = [&before, &status, &after].map(|part| display_width(part)).iter().sum();
        let folder = short_folder(&turn.place.folder, page.home);
        let folder = end_of(&folder, style.width.saturating_sub(used));
        let status = match turn.status {
            TurnStatus::Completed => status,
            TurnStatus::Failed => style.red(&status),
            _ => style.yellow(&status),
        };
        let _ = writeln!(text, "{}", format!("{before}{status}{after}{folder}").trim_end());
        if let Some(prompt) = turn.prompt.as_deref().filter(|prompt| !prompt.trim().is_empty()) {
            let prompt = cut(prompt.trim(), style.width.saturating_sub(2));
            let _ = writeln!(text, "  {}", style.bold(&prompt));
        }
    }
    text
}

struct Columns {
    started: usize,
}

impl Columns {
    /// A line in three parts, so that the second, the status, can have a colour.
    fn row(&self, [trace, thread, started, time, status, cost, folder]: [&str; 7]) -> [String; 3] {
        let width = self.started;
        [
            format!("{trace:8}  {thread:8}  {started:width$}  {time:>7}  "),
            format!("{:11}", cut(status, 11)),
            format!("  {cost:>8}  {folder}"),
        ]
    }
}

/// The end of a thread's id: the beginning is the time at which the thread began, and alike for
/// threads of the same minute.
pub(crate) fn end_of_id(id: &str) -> String {
    let id = terminal_text::line(id);
    let skipped = id.chars().count().saturating_sub(8);
    id.chars().skip(skipped).collect()
}

/// The time of a day that is today, else the day, too.
fn started_at(start: UnixNanos, page: Page<'_>) -> String {
    let day = |time| local(time, page.zone, "%F");
    let form = if day(start) == day(page.now) { "%H:%M:%S" } else { "%b %e %H:%M" };
    local(start, page.zone, form)
}

pub(crate) fn short_folder(cwd: &str, home: &Path) -> String {
    match Path::new(cwd).strip_prefix(home) {
        Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Ok(below) => format!("~{MAIN_SEPARATOR}{}", below.display()),
        Err(_) => cwd.to_owned(),
    }
}

/// The end of a text on one line of this width, which tells folders apart.
fn end_of(text: &str, width: usize) -> String {
    let line = terminal_text::line(text);
    if display_width(&line) <= width {
        return line;
    }
    let reversed: String = line.chars().rev().collect();
    cut(&reversed, width).chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use ::doctor::Style;
    use expect_test::expect;
    use jiff::tz::TimeZone;
    use otlp_model::{SpanId, TraceId};
    use trace_store::usage::{PicoUsd, Place, Sums, ThreadName, TurnKey};

    use super::*;

    fn turn(status: TurnStatus, folder: &str, prompt: &str, ago_hours: u64) -> TurnRow {
        let start = UnixNanos::from_millis(NOW - ago_hours * 3_600_000);
        TurnRow {
            key: TurnKey { start, id: 1 },
            span_id: SpanId([1; 8]),
            trace_id: TraceId([u8::try_from(ago_hours).unwrap() + 1; 16]),
            thread: ThreadName {
                thread_id: "01a1fb18-d745-76d3-8970-09f42d282b2f".to_owned(),
                ..ThreadName::default()
            },
            place: Place { folder: folder.to_owned(), ..Place::default() },
            turn_id: String::new(),
            number: Some(1),
            end: UnixNanos(start.0 + 83_000_000_000),
            status,
            prompt: Some(prompt.to_owned()),
            models: vec!["gpt-5.5".to_owned()],
            sums: Sums { calls: 1, cost: PicoUsd::from_usd(0.1234), ..Sums::default() },
            unpriced: 0,
            tools: None,
            sub_agents: 0,
            human_ms: None,
            has_spans: true,
        }
    }

    /// 2026-11-21T12:00:00Z.
    const NOW: u64 = 1_795_262_400_000;

    fn listed() -> Vec<TurnRow> {
        let long = "Find out why the nightly job \u{1b}[31mfails\nand mend it, please, before the \
                    others come in";
        vec![
            turn(TurnStatus::Completed, "/home/ada/work/project", "Fix the flaky test", 0),
            turn(TurnStatus::Interrupted, "/home/ada", long, 1),
            turn(TurnStatus::Failed, "/srv/checkouts/a-monorepo/services/billing", " ", 30),
            TurnRow { unpriced: 1, prompt: None, ..turn(TurnStatus::Failed, "", "", 50) },
        ]
    }

    fn list(width: usize, colour: bool) -> String {
        let zone = TimeZone::get("America/New_York").unwrap();
        let now = UnixNanos::from_millis(NOW);
        let style = Style { width, colour };
        turns(&listed(), Page { style, zone: &zone, now, home: Path::new("/home/ada") })
    }

    #[test]
    fn turns_differ_in_their_ids() {
        expect![[r#"
            TRACE     THREAD    STARTED (EST)     TIME  STATUS           COST  FOLDER
            01010101  2d282b2f  07:00:00         1m23s  completed     $0.1234  …work/project
              Fix the flaky test
            02020202  2d282b2f  06:00:00         1m23s  interrupted   $0.1234  ~
              Find out why the nightly job ␛[31mfails and mend it, please, before the other…
            1f1f1f1f  2d282b2f  Nov 20 01:00     1m23s  failed        $0.1234  …ices/billing
            33333333  2d282b2f  Nov 19 05:00     1m23s  failed              -
        "#]]
        .assert_eq(&list(80, false).replace(MAIN_SEPARATOR, "/"));
        expect![[r#"
            TRACE     THREAD    STARTED (EST)     TIME  STATUS           COST  FOLDER
            01010101  2d282b2f  07:00:00         1m23s  completed     $0.1234  ~/work/project
              Fix the flaky test
            02020202  2d282b2f  06:00:00         1m23s  interrupted   $0.1234  ~
              Find out why the nightly job ␛[31mfails and mend it, please, before the others come in
            1f1f1f1f  2d282b2f  Nov 20 01:00     1m23s  failed        $0.1234  /srv/checkouts/a-monorepo/services/billing
            33333333  2d282b2f  Nov 19 05:00     1m23s  failed              -
        "#]].assert_eq(&list(110, false).replace(MAIN_SEPARATOR, "/"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [40, 64, 80, 100, 200] {
            for line in list(width, false).lines() {
                assert!(display_width(line) <= width.max(72), "{width}: {line}");
            }
        }
    }

    #[test]
    fn turns_that_did_not_complete_have_a_colour() {
        let text = list(80, true);
        assert!(text.contains("\u{1b}[31mfailed"), "{text}");
        assert!(text.contains("\u{1b}[33minterrupted"), "{text}");
    }
}
