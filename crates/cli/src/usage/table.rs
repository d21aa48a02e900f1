//! A report as a table.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{MAIN_SEPARATOR, Path};

use codex_import::Summary;
use doctor::{Style, cut};
use textwrap::core::display_width;
use trace_store::usage::{PicoUsd, Rate, Sums};
use usage::report::{By, Group, Report};

/// What a table shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) has_models: bool,
    pub(super) explains: bool,
    /// Whether there are columns beside that of all tokens and that of the cost.
    pub(super) is_wide: bool,
    pub(super) has_tokens: bool,
    pub(super) money: Money,
    /// The same at the API's list prices, which gets a column of its own.
    pub(super) list: Option<&'a Report>,
    /// How many rows there are at most.
    pub(super) limit: usize,
}

/// What amounts are in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Money {
    None,
    Usd,
    /// Credits of a plan, so many for a US dollar.
    Credits(f64),
}

impl Money {
    pub(super) fn text(self, amount: PicoUsd) -> String {
        match self {
            Self::None => String::new(),
            Self::Usd => dollars(amount),
            Self::Credits(per_usd) => format!("{:.2}", amount.usd() * per_usd),
        }
    }
}

/// A line of the table.
struct Line {
    key: Vec<String>,
    cells: Vec<String>,
    is_detail: bool,
}

/// The header, a line for each row, and the total.
pub(super) fn text(report: &Report, layout: Layout<'_>, home: &Path, style: Style) -> String {
    let mut text = style.bold(&title(report, layout.money)) + "\n";
    if report.rows.is_empty() {
        let _ = writeln!(text, "nothing was used in this time");
        return text;
    }
    let mut lines = vec![head(report, layout)];
    let lists: HashMap<&[String], &Group> = layout.list.map_or_else(HashMap::new, |list| {
        list.rows.iter().map(|row| (&*row.key, &row.group)).collect()
    });
    for row in report.rows.iter().take(layout.limit) {
        let key = report.by.iter().zip(&row.key).map(|(by, key)| shown(*by, key, home));
        let mut of_row = line(report, key.collect(), &row.group, layout);
        if layout.list.is_some() {
            of_row
                .cells
                .push(lists.get(&*row.key).map_or_else(String::new, |it| cost(it, layout.money)));
        }
        lines.push(of_row);
        if layout.explains {
            let rates = row.group.rates.iter();
            lines.extend(rates.map(|(rate, sums)| explanation(report, rate, *sums, layout)));
        } else if layout.has_models {
            let models = row.group.models();
            lines.extend(models.iter().map(|(model, group)| {
                let key = blank(report, format!("  {}", named(model)));
                let mut line = line(report, key, group, layout);
                line.is_detail = true;
                line
            }));
        }
    }
    let left_over = report.rows.len().saturating_sub(layout.limit);
    if left_over > 0 {
        let rows = format!("… {} more rows", grouped(left_over as i64));
        lines.push(Line { key: blank(report, rows), cells: Vec::new(), is_detail: true });
    }
    let mut total = line(report, blank(report, "total".to_owned()), &report.total, layout);
    total.cells.extend(layout.list.map(|list| cost(&list.total, layout.money)));
    lines.push(total);
    write_lines(&mut text, &lines, style);
    if !matches!(layout.money, Money::None) {
        text += &unpriced(&report.total);
    }
    text
}

/// What the amounts are: not what a subscription pays.
fn prices(report: &Report, money: Money) -> String {
    let is_own = |rate: &Rate| rate.prices.as_ref().is_some_and(|version| version.contains('+'));
    let prices = match report.total.rates.keys().any(is_own) {
        true => "at the prices of prices.json and the API's list prices",
        false => "at the API's list prices",
    };
    match money {
        Money::None => String::new(),
        Money::Usd => format!(", {prices}"),
        Money::Credits(per_usd) => format!(", {prices}, a US dollar being {per_usd} credits"),
    }
}

fn title(report: &Report, money: Money) -> String {
    let by: Vec<&str> = report.by.iter().map(|by| by.name()).collect();
    let days = &report.days;
    let range = match (days.since, days.until) {
        (Some(since), Some(until)) => format!("{since} to {until}"),
        (Some(since), None) => format!("since {since}"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "all days".to_owned(),
    };
    let prices = prices(report, money);
    format!("Codex by {}, {range} ({}){prices}", by.join(" and "), days.zone_name())
}

fn blank(report: &Report, first: String) -> Vec<String> {
    let mut key = vec![String::new(); report.by.len()];
    key[0] = first;
    key
}

fn head(report: &Report, layout: Layout<'_>) -> Line {
    let key = report.by.iter().map(|by| by.name().to_uppercase()).collect();
    let mut names = Vec::new();
    if layout.is_wide {
        names.extend(["TURNS", "CALLS"]);
        names.extend(has_waits(report).then_some("WAITED"));
    }
    if layout.has_tokens && layout.is_wide {
        names.extend(["INPUT", "CACHED", "OUTPUT", "REASONING"]);
    }
    names.extend(layout.has_tokens.then_some("TOKENS"));
    names.extend(match layout.money {
        Money::None => None,
        Money::Usd => Some("COST"),
        Money::Credits(_) => Some("CREDITS"),
    });
    names.extend(layout.list.map(|_| "LIST PRICE"));
    Line { key, cells: names.into_iter().map(str::to_owned).collect(), is_detail: false }
}

/// Whether any turn is known to have waited for a person.
fn has_waits(report: &Report) -> bool {
    report.total.turns.is_some_and(|turns| turns.human_ms > 0)
}

fn line(report: &Report, key: Vec<String>, group: &Group, layout: Layout<'_>) -> Line {
    let turns = group.turns.map_or_else(String::new, |counts| grouped(counts.turns));
    let waited = group.turns.map_or_else(String::new, |counts| waited(counts.human_ms));
    let waited = has_waits(report).then_some(waited);
    let cost = cost(group, layout.money);
    Line { key, cells: cells(turns, waited, group.sums(), cost, layout), is_detail: false }
}

/// An amount; `+` where it does not have all calls, and no amount where it has none.
fn cost(group: &Group, money: Money) -> String {
    match (group.has_prices(), group.unpriced().calls) {
        (true, 0) => money.text(group.sums().cost),
        (true, _) => money.text(group.sums().cost) + "+",
        (false, _) => "no price".to_owned(),
    }
}

fn waited(millis: i64) -> String {
    match millis / 1000 {
        0 => "0s".to_owned(),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m", grouped(seconds / 3600), seconds / 60 % 60),
    }
}

fn cells(
    turns: String,
    waited: Option<String>,
    sums: Sums,
    cost: String,
    layout: Layout<'_>,
) -> Vec<String> {
    let mut cells = Vec::new();
    if layout.is_wide {
        cells.extend([turns, grouped(sums.calls)]);
        cells.extend(waited);
    }
    if layout.has_tokens && layout.is_wide {
        let counts = [sums.input, sums.cached_input, sums.output, sums.reasoning_output];
        cells.extend(counts.map(grouped));
    }
    cells.extend(layout.has_tokens.then(|| grouped(sums.tokens())));
    cells.extend((!matches!(layout.money, Money::None)).then_some(cost));
    cells
}

/// By which price a part of a row is charged.
fn explanation(report: &Report, rate: &Rate, sums: Sums, layout: Layout<'_>) -> Line {
    let cost = match rate.prices {
        Some(_) => layout.money.text(sums.cost),
        None => "no price".to_owned(),
    };
    let waited = has_waits(report).then(String::new);
    let cells = cells(String::new(), waited, sums, cost, layout);
    Line { key: blank(report, format!("  {}", rate_name(rate))), cells, is_detail: true }
}

/// A rate in words: the model, the tier, the band of a long context and the price table.
pub(super) fn rate_name(rate: &Rate) -> String {
    let Rate { model, tier, long_context, prices, .. } = rate;
    let mut text = named(model).to_owned();
    if !tier.is_empty() {
        let _ = write!(text, ", {tier}");
    }
    if *long_context {
        text += ", long context";
    }
    if let Some(prices) = prices {
        let _ = write!(text, ", prices {prices}");
    }
    text
}

fn write_lines(text: &mut String, lines: &[Line], style: Style) {
    let columns = |of: fn(&Line) -> &Vec<String>| -> Vec<usize> {
        let count = lines.first().map_or(0, |line| of(line).len());
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| of(line).get(column));
            cells.map(|cell| display_width(cell)).max()
        };
        (0..count).map(|column| width(column).unwrap_or(0)).collect()
    };
    let keys = columns(|line| &line.key);
    let cells = columns(|line| &line.cells);
    let last = lines.len().saturating_sub(1);
    for (index, line) in lines.iter().enumerate() {
        let mut out = String::new();
        for (name, width) in line.key.iter().zip(&keys) {
            let padding = width.saturating_sub(display_width(name));
            let _ = write!(out, "{name}{}  ", " ".repeat(padding));
        }
        for (cell, width) in line.cells.iter().zip(&cells) {
            let padding = width.saturating_sub(display_width(cell));
            let _ = write!(out, "{}{cell}  ", " ".repeat(padding));
        }
        let out = out.trim_end();
        let out = match index {
            0 => style.dim(out),
            _ if index == last => style.bold(out),
            _ if line.is_detail => style.dim(out),
            _ => out.to_owned(),
        };
        let _ = writeln!(text, "{out}");
    }
}

/// What has no price, which is not in the amounts.
fn unpriced(total: &Group) -> String {
    let mut text = String::new();
    for (model, group) in total.models() {
        let Sums { calls, .. } = group.unpriced();
        if calls > 0 {
            let tokens = grouped(group.unpriced().tokens());
            let _ = writeln!(
                text,
                "no price is known for {}: {} calls with {tokens} tokens are not in the cost",
                named(model),
                grouped(calls),
            );
        }
    }
    text
}

/// What could not be read, or was left for later.
pub(super) fn missing(summary: &Summary, style: Style) -> String {
    let mut text = String::new();
    if !summary.left_out.is_empty() {
        let line = format!(
            "{} transcripts or folders cannot be read; `arize-codex import` says why",
            summary.left_out.len()
        );
        text += &(style.yellow(&line) + "\n");
    }
    text
}

fn named(model: &str) -> &str {
    if model.is_empty() { "(unknown model)" } else { model }
}

/// What a row is about, as a person reads it.
fn shown(by: By, key: &str, home: &Path) -> String {
    const WIDEST: usize = 48;
    if key.is_empty() {
        return format!("(no {by})");
    }
    let key = match by {
        By::Folder => match Path::new(key).strip_prefix(home) {
            Ok(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Ok(rest) => format!("~{MAIN_SEPARATOR}{}", rest.display()),
            Err(_) => key.to_owned(),
        },
        _ => key.to_owned(),
    };
    cut(&key, WIDEST)
}

/// A whole number with commas between its thousands.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn dollars(cost: PicoUsd) -> String {
    const CENT: i64 = 10_000_000_000;
    const THOUSAND: i64 = 100_000 * CENT;
    if cost.0 < THOUSAND {
        return doctor::dollars(cost.usd());
    }
    let cents = cost.0.saturating_add(CENT / 2) / CENT;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn waits_are_rounded_down() {
        for (millis, expected) in [
            (0, "0s"),
            (999, "0s"),
            (59_999, "59s"),
            (61_000, "1m 01s"),
            (3_725_000, "1h 02m"),
            (3_600_000_000, "1,000h 00m"),
        ] {
            assert_eq!(waited(millis), expected);
        }
    }

    #[test]
    fn large_amounts_are_grouped_too() {
        for (dollars_of, expected) in [
            (0.5, "$0.5000"),
            (12.345, "$12.35"),
            (1234.5, "$1,234.50"),
            (1_020_304.0, "$1,020,304.00"),
        ] {
            assert_eq!(dollars(PicoUsd::from_usd(dollars_of)), expected);
        }
    }
}
