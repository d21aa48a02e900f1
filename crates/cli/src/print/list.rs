//! The list of turns.

use std::fmt::Write as _;
use std::path::{MAIN_SEPARATOR, Path};

use ::doctor::{cut, dollars};
use otlp_model::{Attribute, SpanStatus, UnixNanos, Value, names};
use serde_json::Value as Json;
use textwrap::core::display_width;
use trace_store::TraceSummary;

use super::{Page, duration, local};

const COST: &str = "codex.turn.cost_usd";
const STATUS: &str = "codex.turn.status";

/// What the list says of a turn beside its times.
pub(super) struct Turn<'a> {
    /// `completed`, `failed`, `interrupted` or `unknown`; of a trace that is no turn, how its first
    /// span ended.
    pub(super) status: &'a str,
    /// US dollars, where a price is known.
    pub(super) cost: Option<f64>,
    /// The working directory.
    pub(super) cwd: Option<String>,
    /// The prompt.
    pub(super) prompt: Option<&'a str>,
}

impl<'a> Turn<'a> {
    pub(super) fn of(trace: &'a TraceSummary) -> Self {
        let metadata = text(&trace.attributes, names::METADATA);
        let metadata = metadata.and_then(|json| serde_json::from_str::<Json>(json).ok());
        let cwd = metadata.as_ref().and_then(|metadata| metadata.get("cwd")?.as_str());
        Self {
            status: text(&trace.attributes, STATUS).unwrap_or(match &trace.status {
                SpanStatus::Error(_) => "failed",
                SpanStatus::Ok => "completed",
                SpanStatus::Unset => "unknown",
            }),
            cost: trace.attributes.iter().find(|attribute| attribute.key == COST).and_then(
                |attribute| match attribute.value {
                    Value::Double(cost) => Some(cost),
                    _ => None,
                },
            ),
            cwd: cwd.map(str::to_owned),
            prompt: text(&trace.attributes, names::INPUT_VALUE),
        }
    }
}

fn text<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| match &attribute
        .value
    {
        Value::String(text) => Some(text.as_ref()),
        _ => None,
    })
}

/// Two lines for each turn, the last one first: its figures and folder, and its prompt.
pub fn summaries(traces: &[TraceSummary], page: Page<'_>) -> String {
    let style = page.style;
    let started = format!("STARTED ({})", local(page.now, page.zone, "%Z"));
    let columns = Columns { started: started.len().max(12) };
    let head = columns.row(["TRACE", "THREAD", &started, "TIME", "STATUS", "COST", "FOLDER"]);
    let mut text = style.dim(&cut(head.concat().trim_end(), style.width)) + "\n";
    for trace in traces {
        let turn = Turn::of(trace);
        let [before, status, after] = columns.row([
            &trace.trace_id.to_string()[..8],
            &trace.session_id.as_deref().map_or_else(|| "-".to_owned(), end_of_id),
            &started_at(trace.start, page),
            &duration(trace.end.since(trace.start)),
            turn.status,
            &turn.cost.map_or_else(|| "-".to_owned(), dollars),
            "",
        ]);
        let used: usize = [&before, &status, &after].map(|part| display_width(part)).iter().sum();
        let folder = turn.cwd.as_deref().map(|cwd| short_folder(cwd, page.home));
        let folder = end_of(&folder.unwrap_or_default(), style.width.saturating_sub(used));
        let status = match turn.status {
            "completed" => status,
            "failed" => style.red(&status),
            _ => style.yellow(&status),
        };
        let _ = writeln!(text, "{}", format!("{before}{status}{after}{folder}").trim_end());
        if let Some(prompt) = turn.prompt.filter(|prompt| !prompt.trim().is_empty()) {
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
fn end_of_id(id: &str) -> String {
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

fn short_folder(cwd: &str, home: &Path) -> String {
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
    use otlp_model::TraceId;

    use super::*;

    fn trace(status: &'static str, cwd: &str, prompt: &str, ago_hours: u64) -> TraceSummary {
        let start = UnixNanos::from_millis(NOW - ago_hours * 3_600_000);
        TraceSummary {
            trace_id: TraceId([u8::try_from(ago_hours).unwrap() + 1; 16]),
            name: "Turn 1".to_owned(),
            session_id: Some("01a1fb18-d745-76d3-8970-09f42d282b2f".to_owned()),
            project: None,
            start,
            end: UnixNanos(start.0 + 83_000_000_000),
            status: SpanStatus::Ok,
            spans: 3,
            input_tokens: Some(12_345_678),
            output_tokens: None,
            model: Some("gpt-5.5".to_owned()),
            attributes: vec![
                Attribute::new(STATUS, status),
                Attribute::new(COST, 0.1234),
                Attribute::new(names::METADATA, format!("{{\"cwd\":{cwd:?}}}")),
                Attribute::new(names::INPUT_VALUE, prompt.to_owned()),
            ],
        }
    }

    /// 2026-11-21T12:00:00Z.
    const NOW: u64 = 1_795_262_400_000;

    fn turns() -> Vec<TraceSummary> {
        let long = "Find out why the nightly job \u{1b}[31mfails\nand mend it, please, before the \
                    others come in";
        vec![
            trace("completed", "/home/ada/work/project", "Fix the flaky test", 0),
            trace("interrupted", "/home/ada", long, 1),
            trace("failed", "/srv/checkouts/a-monorepo/services/billing", " ", 30),
            TraceSummary {
                session_id: None,
                attributes: Vec::new(),
                status: SpanStatus::Error("x".to_owned()),
                ..trace("completed", "", "", 50)
            },
        ]
    }

    fn list(width: usize, colour: bool) -> String {
        let zone = TimeZone::get("America/New_York").unwrap();
        let now = UnixNanos::from_millis(NOW);
        let style = Style { width, colour };
        summaries(&turns(), Page { style, zone: &zone, now, home: Path::new("/home/ada") })
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
            33333333  -         Nov 19 05:00     1m23s  failed              -
        "#]]
        .assert_eq(&list(80, false).replace(MAIN_SEPARATOR, "/"));
        expect![[r#"
            TRACE     THREAD    STARTED (EST)     TIME  STATUS           COST  FOLDER
            01010101  2d282b2f  07:00:00         1m23s  completed     $0.1234  ~/work/project
              Fix the flaky test
            02020202  2d282b2f  06:00:00         1m23s  interrupted   $0.1234  ~
              Find out why the nightly job ␛[31mfails and mend it, please, before the others come in
            1f1f1f1f  2d282b2f  Nov 20 01:00     1m23s  failed        $0.1234  /srv/checkouts/a-monorepo/services/billing
            33333333  -         Nov 19 05:00     1m23s  failed              -
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
