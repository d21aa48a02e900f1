//! Reports for programs.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};
use trace_store::usage::{PicoUsd, Rate, Sums, TurnCounts, UnitPrices};

use super::rows::{Group, Report, Row};

/// The report as JSON. Amounts are in US dollars; `cost_usd` is null where no call has a price, and what
/// has none is counted beside it. `list` is the same report at the API's list prices, where both are
/// wanted, and `credits` how many credits a dollar is.
pub fn json(report: &Report, list: Option<&Report>, credits: Option<f64>) -> Json {
    let lists = Lists::of(list);
    let row = |key: &[String], group: &Group, list: Option<&Group>| {
        let mut row = Map::new();
        for (by, name) in report.by.iter().zip(key) {
            row.insert(by.name().to_owned(), name.clone().into());
        }
        fill(&mut row, group);
        if let Some(credits) = credits {
            row.insert("cost_credits".to_owned(), cost(group).map(|usd| usd * credits).into());
        }
        if let Some(list) = list {
            row.insert("list_price_usd".to_owned(), cost(list).into());
        }
        let rates = group.rates.iter().map(|(rate, sums)| rate_json(rate, *sums));
        row.insert("rates".to_owned(), rates.collect());
        Json::Object(row)
    };
    let by: Vec<&str> = report.by.iter().map(|by| by.name()).collect();
    json!({
        "timezone": report.days.zone_name(),
        "since": report.days.since.map(|day| day.to_string()),
        "until": report.days.until.map(|day| day.to_string()),
        "by": by,
        "rows": report
            .rows
            .iter()
            .map(|found| row(&found.key, &found.group, lists.row(&found.key)))
            .collect::<Vec<_>>(),
        "total": row(&[], &report.total, list.map(|list| &list.total)),
    })
}

/// A report as a table of columns that each have one kind of cells.
pub(super) struct Columns {
    pub(super) names: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// What a column has for a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    /// Nothing where rows do not have turns of their own.
    Count(Option<i64>),
    /// Nothing where no call has a price.
    Amount(Option<f64>),
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
            Self::Amount(amount) => amount.map(|amount| amount.to_string()).unwrap_or_default(),
        }
    }
}

impl Columns {
    pub(super) fn of(report: &Report, list: Option<&Report>, credits: Option<f64>) -> Self {
        let lists = Lists::of(list);
        let mut names: Vec<&'static str> = report.by.iter().map(|by| by.name()).collect();
        names.extend(["turns", "failed_turns", "interrupted_turns", "human_wait_ms"]);
        names.extend(["calls", "input_tokens", "cached_input_tokens", "cache_write_input_tokens"]);
        names.extend(["output_tokens", "reasoning_output_tokens", "total_tokens"]);
        names.extend(["cost_usd", "unpriced_calls"]);
        names.extend(credits.map(|_| "cost_credits"));
        names.extend(list.map(|_| "list_price_usd"));
        let row = |row: &Row| {
            let (sums, turns) = (row.group.sums(), row.group.turns);
            let mut cells: Vec<Cell> = row.key.iter().cloned().map(Cell::Text).collect();
            let of_turns = |count: fn(TurnCounts) -> i64| Cell::Count(turns.map(count));
            cells.extend([
                of_turns(|turns| turns.turns),
                of_turns(|turns| turns.failed),
                of_turns(|turns| turns.interrupted),
                of_turns(|turns| turns.human_ms),
            ]);
            let counts = [
                sums.calls,
                sums.input,
                sums.cached_input,
                sums.cache_write_input,
                sums.output,
                sums.reasoning_output,
                sums.tokens(),
            ];
            cells.extend(counts.map(|count| Cell::Count(Some(count))));
            let cost_usd = cost(&row.group);
            cells.extend([Cell::Amount(cost_usd), Cell::Count(Some(row.group.unpriced().calls))]);
            cells.extend(credits.map(|of| Cell::Amount(cost_usd.map(|usd| usd * of))));
            cells.extend(list.map(|_| Cell::Amount(lists.row(&row.key).and_then(cost))));
            cells
        };
        Self { names, rows: report.rows.iter().map(row).collect() }
    }
}

/// The rows of a report by their keys.
struct Lists<'a>(HashMap<&'a [String], &'a Group>);

impl<'a> Lists<'a> {
    fn of(report: Option<&'a Report>) -> Self {
        let rows = report.into_iter().flat_map(|report| &report.rows);
        Self(rows.map(|row| (&*row.key, &row.group)).collect())
    }

    fn row(&self, key: &[String]) -> Option<&'a Group> {
        self.0.get(key).copied()
    }
}

/// The amount in US dollars; none where no call has a price.
fn cost(group: &Group) -> Option<f64> {
    group.has_prices().then(|| group.sums().cost.usd())
}

fn rate_json(rate: &Rate, sums: Sums) -> Json {
    let mut object = Map::new();
    object.insert("model".to_owned(), rate.model.clone().into());
    object.insert("tier".to_owned(), rate.tier.clone().into());
    object.insert("long_context".to_owned(), rate.long_context.into());
    object.insert("price_table".to_owned(), rate.prices.clone().into());
    let units = rate.units;
    if units != UnitPrices::default() {
        // A trillionth of a dollar for a token is a millionth for a million.
        let per_million = |unit: PicoUsd| unit.0 as f64 / 1e6;
        let prices = json!({
            "input": per_million(units.input),
            "cached_input": per_million(units.cached_input),
            "cache_write_input": per_million(units.cache_write),
            "output": per_million(units.output),
        });
        object.insert("usd_per_million_tokens".to_owned(), prices);
    }
    fill_sums(&mut object, sums, rate.prices.is_some());
    Json::Object(object)
}

fn fill(row: &mut Map<String, Json>, group: &Group) {
    if let Some(turns) = group.turns {
        row.insert("turns".to_owned(), turns.turns.into());
        row.insert("failed_turns".to_owned(), turns.failed.into());
        row.insert("interrupted_turns".to_owned(), turns.interrupted.into());
        row.insert("human_wait_ms".to_owned(), turns.human_ms.into());
    }
    fill_sums(row, group.sums(), group.has_prices());
    let unpriced = group.unpriced();
    row.insert("unpriced_calls".to_owned(), unpriced.calls.into());
    row.insert("unpriced_tokens".to_owned(), unpriced.tokens().into());
}

fn fill_sums(row: &mut Map<String, Json>, sums: Sums, has_price: bool) {
    let counts = [
        ("calls", sums.calls),
        ("input_tokens", sums.input),
        ("cached_input_tokens", sums.cached_input),
        ("cache_write_input_tokens", sums.cache_write_input),
        ("output_tokens", sums.output),
        ("reasoning_output_tokens", sums.reasoning_output),
        ("total_tokens", sums.tokens()),
    ];
    row.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
    let PicoUsd(cost) = sums.cost;
    let dollars = has_price.then(|| PicoUsd(cost).usd());
    row.insert("cost_usd".to_owned(), dollars.into());
}

/// The report as CSV, a line for each row, without the total.
pub fn csv(report: &Report, list: Option<&Report>, credits: Option<f64>) -> String {
    let mut text = String::new();
    let table = Columns::of(report, list, credits);
    line(&mut text, table.names.iter());
    let texts = |row: &Vec<Cell>| row.iter().map(Cell::text).collect::<Vec<_>>();
    table.rows.iter().for_each(|row| line(&mut text, texts(row).into_iter()));
    text
}

fn line(text: &mut String, fields: impl Iterator<Item = impl AsRef<str>>) {
    let fields: Vec<String> = fields.map(|field| quoted(field.as_ref())).collect();
    text.push_str(&fields.join(","));
    text.push('\n');
}

/// A field that no program takes for anything but a text: names of folders and branches were chosen by
/// others, and spreadsheets run what looks like a formula.
fn quoted(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if is_formula { format!("'{field}") } else { field.to_owned() };
    match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_stays_one_text() {
        for (field, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\n", "\"say \"\"hi\"\"\n\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("-x,", "\"'-x,\""),
        ] {
            assert_eq!(quoted(field), expected);
        }
    }
}
