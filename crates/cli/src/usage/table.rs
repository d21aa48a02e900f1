//! A report as a table.

use std::fmt::Write as _;
use std::path::{MAIN_SEPARATOR, Path};

use codex_import::Summary;
use doctor::{Style, cut};
use textwrap::core::display_width;
use trace_store::usage::{PicoUsd, Rate, SourceProgress, Sums};
use usage::report::{By, Group, Report};

/// What a table shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) has_models: bool,
    pub(super) explains: bool,
    pub(super) has_tokens: bool,
    pub(super) has_cost: bool,
}

/// A line of the table.
struct Line {
    key: Vec<String>,
    cells: Vec<String>,
    is_detail: bool,
}

/// The header, a line for each row, and the total.
pub(super) fn text(report: &Report, layout: Layout, home: &Path, style: Style) -> String {
    let mut text = style.bold(&title(report)) + "\n";
    if report.rows.is_empty() {
        let _ = writeln!(text, "nothing was used in this time");
        return text;
    }
    let mut lines = vec![head(report, layout)];
    for row in &report.rows {
        let key = report.by.iter().zip(&row.key).map(|(by, key)| shown(*by, key, home));
        lines.push(line(key.collect(), &row.group, layout));
        if layout.explains {
            let rates = row.group.rates.iter();
            lines.extend(rates.map(|(rate, sums)| explanation(report, rate, *sums, layout)));
        } else if layout.has_models {
            let models = row.group.models();
            lines.extend(models.iter().map(|(model, group)| {
                let mut line = line(blank(report, format!("  {}", named(model))), group, layout);
                line.is_detail = true;
                line
            }));
        }
    }
    lines.push(line(blank(report, "total".to_owned()), &report.total, layout));
    write_lines(&mut text, &lines, style);
    text += &unpriced(&report.total);
    text
}

fn title(report: &Report) -> String {
    let by: Vec<&str> = report.by.iter().map(|by| by.name()).collect();
    let days = &report.days;
    let range = match (days.since, days.until) {
        (Some(since), Some(until)) => format!("{since} to {until}"),
        (Some(since), None) => format!("since {since}"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "all days".to_owned(),
    };
    format!(
        "Codex by {}, {range} ({}), at the API's list prices",
        by.join(" and "),
        days.zone_name()
    )
}

fn blank(report: &Report, first: String) -> Vec<String> {
    let mut key = vec![String::new(); report.by.len()];
    key[0] = first;
    key
}

fn head(report: &Report, layout: Layout) -> Line {
    let key = report.by.iter().map(|by| by.name().to_uppercase()).collect();
    let names = ["TURNS", "CALLS"].into_iter();
    let tokens = ["INPUT", "CACHED", "OUTPUT", "REASONING", "TOKENS"];
    let names = names.chain(tokens.into_iter().filter(|_| layout.has_tokens));
    let names = names.chain(["COST"].into_iter().filter(|_| layout.has_cost));
    Line { key, cells: names.map(str::to_owned).collect(), is_detail: false }
}

fn line(key: Vec<String>, group: &Group, layout: Layout) -> Line {
    let turns = group.turns.map_or_else(String::new, |counts| grouped(counts.turns));
    let sums = group.sums();
    let unpriced = group.unpriced().calls;
    let cost = match (group.has_prices(), unpriced) {
        (true, 0) => dollars(sums.cost),
        (true, _) => format!("{}+", dollars(sums.cost)),
        (false, _) => "no price".to_owned(),
    };
    Line { key, cells: cells(turns, sums, cost, layout), is_detail: false }
}

fn cells(turns: String, sums: Sums, cost: String, layout: Layout) -> Vec<String> {
    let mut cells = vec![turns, grouped(sums.calls)];
    if layout.has_tokens {
        let counts =
            [sums.input, sums.cached_input, sums.output, sums.reasoning_output, sums.tokens()];
        cells.extend(counts.map(grouped));
    }
    if layout.has_cost {
        cells.push(cost);
    }
    cells
}

/// By which price a part of a row is charged.
fn explanation(report: &Report, rate: &Rate, sums: Sums, layout: Layout) -> Line {
    let Rate { model, tier, long_context, prices, .. } = rate;
    let mut text = format!("  {}", named(model));
    if !tier.is_empty() {
        let _ = write!(text, ", {tier}");
    }
    if *long_context {
        text += ", long context";
    }
    if let Some(prices) = prices {
        let _ = write!(text, ", prices {prices}");
    }
    let cost = if prices.is_some() { dollars(sums.cost) } else { "no price".to_owned() };
    let cells = cells(String::new(), sums, cost, layout);
    Line { key: blank(report, text), cells, is_detail: true }
}

fn write_lines(text: &mut String, lines: &[Line], style: Style) {
    let columns = |of: fn(&Line) -> &Vec<String>| -> Vec<usize> {
        let count = lines.first().map_or(0, |line| of(line).len());
        let width = |column: usize| lines.iter().map(|line| display_width(&of(line)[column])).max();
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

/// What no figure of the report has, and why.
pub(super) fn left_out(sources: &[SourceProgress], report: &Report, style: Style) -> String {
    let copies: u64 = sources.iter().map(|source| source.copies).sum();
    let unreadable: u64 = sources.iter().map(|source| source.unreadable).sum();
    let mut lines = vec![
        "cached tokens are part of the input, and reasoning is part of the output".to_owned(),
        format!(
            "calls count in the day in which they ended, turns in that in which they began ({})",
            report.days.zone_name()
        ),
    ];
    if copies > 0 {
        lines.push(format!(
            "{copies} turns that forks repeat count once, in the threads that they are from"
        ));
    }
    if unreadable > 0 {
        lines.push(format!(
            "{unreadable} records of transcripts were not understood, and are left out"
        ));
    }
    lines.into_iter().map(|line| style.dim(&line) + "\n").collect()
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

fn dollars(cost: PicoUsd) -> String {
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
