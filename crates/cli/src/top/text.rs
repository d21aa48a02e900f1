//! Running turns as text and as JSON.

use std::fmt::Write as _;

use doctor::{Style, cut, dollars};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use textwrap::core::display_width;
use usage::quota::WindowState;

use super::facts::{Facts, Running};
use crate::print::{duration, local, rfc3339};

/// The least width of the last column, which takes what is left.
const LEAST: usize = 16;

/// A column: its name, its width, its value; the width is that of the terminal from which it is there.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) width: usize,
    from: usize,
    pub(super) is_number: bool,
    pub(super) value: fn(&Running) -> String,
}

const COLUMNS: [Column; 8] = [
    Column { name: "THREAD", width: 8, from: 0, is_number: false, value: Running::thread },
    Column { name: "TIME", width: 7, from: 0, is_number: true, value: |it| duration(it.time) },
    Column {
        name: "SILENT",
        width: 7,
        from: 72,
        is_number: true,
        value: |it| duration(it.silence),
    },
    Column {
        name: "TOKENS",
        width: 9,
        from: 50,
        is_number: true,
        value: |it| it.tokens.to_string(),
    },
    Column { name: "COST", width: 8, from: 40, is_number: true, value: |it| cost(it.cost) },
    Column { name: "TOOLS", width: 9, from: 90, is_number: true, value: tools },
    Column { name: "MODEL", width: 14, from: 110, is_number: false, value: |it| it.model.clone() },
    Column {
        name: "FOLDER",
        width: 24,
        from: 130,
        is_number: false,
        value: |it| it.folder.clone(),
    },
];

/// The columns that a width has room for; the last one, what a turn waits for, takes the rest.
pub(super) fn columns(width: usize) -> Vec<&'static Column> {
    COLUMNS.iter().filter(|column| width >= column.from).collect()
}

fn cost(cost: Option<f64>) -> String {
    cost.map_or_else(|| "-".to_owned(), dollars)
}

fn tools(turn: &Running) -> String {
    match turn.failed_tools {
        0 => turn.tools.to_string(),
        failed => format!("{} ({failed}!)", turn.tools),
    }
}

/// The line above the table.
pub(super) fn head(facts: &Facts, zone: &TimeZone) -> String {
    let at = local(facts.now, zone, "%H:%M:%S %Z");
    let count = facts.turns.len();
    let turns = if count == 1 { "turn" } else { "turns" };
    let (tokens, sum) = facts.totals();
    format!("{at}  {count} {turns} running  {tokens} tokens  {}", cost(sum))
}

/// The line with the quota.
pub(super) fn quota(windows: &[WindowState], zone: &TimeZone) -> String {
    if windows.is_empty() {
        return "quota: not reported".to_owned();
    }
    let window = |window: &WindowState| {
        let left = format!("{} {:.0} % left", window.window.name(), window.remaining_percent);
        let resets = window.resets_at.and_then(|at| Timestamp::from_second(at).ok());
        resets.map_or(left.clone(), |at| {
            let at = at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string();
            format!("{left} until {at}")
        })
    };
    format!("quota: {}", windows.iter().map(window).collect::<Vec<_>>().join(", "))
}

/// What a turn waits for, with its prompt where it waits for the model.
pub(super) fn doing(turn: &Running) -> String {
    let mark = if turn.is_sub_agent { "(sub-agent) " } else { "" };
    let prompt = terminal_text::line(turn.prompt.trim());
    match &*turn.waits_for {
        "model" if prompt.is_empty() => format!("{mark}model"),
        "model" => format!("{mark}model  > {prompt}"),
        tool => format!("{mark}{tool}"),
    }
}

/// A cell of its width.
pub(super) fn cell(text: &str, column: &Column) -> String {
    let text = cut(text, column.width);
    let padding = " ".repeat(column.width - display_width(&text));
    if column.is_number { format!("{padding}{text}") } else { format!("{text}{padding}") }
}

/// All of it as lines.
pub(super) fn table(facts: &Facts, zone: &TimeZone, style: Style) -> String {
    let columns = columns(style.width);
    let used: usize = columns.iter().map(|column| column.width + 2).sum();
    let rest = style.width.saturating_sub(used).max(LEAST);
    let mut text = format!("{}\n", style.bold(&cut(&head(facts, zone), style.width)));
    let _ = writeln!(text, "{}", cut(&quota(&facts.windows, zone), style.width));
    if facts.turns.is_empty() {
        return text;
    }
    let names: String =
        columns.iter().map(|column| cell(column.name, column) + "  ").collect::<String>();
    let _ = writeln!(text, "{}", style.dim(&format!("{names}WAITS FOR")));
    for turn in &facts.turns {
        let cells: String =
            columns.iter().map(|column| cell(&(column.value)(turn), column) + "  ").collect();
        let _ = writeln!(text, "{cells}{}", cut(&doing(turn), rest));
    }
    text
}

/// All of it as a line for a program.
pub(super) fn json(facts: &Facts) -> String {
    let time = |second: i64| Timestamp::from_second(second).unwrap_or_default().to_string();
    let turn = |turn: &Running| {
        json!({
            "thread_id": turn.thread_id,
            "trace_id": turn.trace_id,
            "is_sub_agent": turn.is_sub_agent,
            "cwd": turn.folder,
            "model": turn.model,
            "prompt": turn.prompt,
            "waits_for": turn.waits_for,
            "duration_ms": turn.time / 1_000_000,
            "silent_ms": turn.silence / 1_000_000,
            "tokens": turn.tokens,
            "cost_usd": turn.cost.map(doctor::rounded_usd),
            "tool_calls": turn.tools,
            "failed_tool_calls": turn.failed_tools,
        })
    };
    let window = |window: &WindowState| {
        json!({
            "limit": window.limit,
            "window": window.window.name(),
            "remaining_percent": window.remaining_percent,
            "resets_at": window.resets_at.map(time),
        })
    };
    let turns: Vec<Json> = facts.turns.iter().map(turn).collect();
    let quota: Vec<Json> = facts.windows.iter().map(window).collect();
    format!("{}\n", json!({ "time": rfc3339(facts.now), "turns": turns, "quota": quota }))
}
