//! How each amount of a report comes about, for a person.

use std::fmt::Write as _;

use doctor::Style;
use pricing::{PriceTable, UnixSeconds};
use trace_store::usage::{PicoUsd, Rate, SourceProgress, Sums};
use usage::report::{Derivation, Report, Row, unpriced_reason};

use super::table::{dollars, grouped, rate_name};

/// The arithmetic of rows: calls, tokens by kind, the price of each, and what has no price and why.
pub(super) fn derivations<'r>(
    rows: impl Iterator<Item = &'r Row>,
    table: &PriceTable,
    now: UnixSeconds,
    style: Style,
) -> String {
    let mut text = String::new();
    for row in rows {
        let name = row.key.iter().map(|key| if key.is_empty() { "-" } else { key });
        let name = name.collect::<Vec<_>>().join(",");
        let _ = writeln!(text, "\n{}", style.bold(&name));
        for (rate, sums) in &row.group.rates {
            let calls = grouped(sums.calls);
            let _ = writeln!(text, "  {}: {calls} calls", rate_name(rate));
            match rate.prices {
                Some(_) => text += &arithmetic(rate, *sums),
                None => {
                    let tokens = grouped(sums.tokens());
                    let reason = unpriced_reason(rate, table, now);
                    let _ = writeln!(text, "    {tokens} tokens not in the cost: {reason}");
                }
            }
        }
    }
    text
}

fn arithmetic(rate: &Rate, sums: Sums) -> String {
    let Derivation { parts, amount } = Derivation::of(rate, sums);
    let mut text = String::new();
    for part in &parts {
        let _ = writeln!(
            text,
            "    {:>15} {:12} × {:>9} per million = {:>12}",
            grouped(part.tokens),
            part.kind,
            per_million(part.unit),
            dollars(part.amount),
        );
    }
    if parts.is_empty() && amount != PicoUsd::default() {
        let amount = dollars(amount);
        let _ = writeln!(text, "    {amount} (an older version stored no prices per token)");
    } else {
        let _ = writeln!(text, "    {:>67}", dollars(amount));
    }
    text
}

/// A price of a million tokens, in dollars.
fn per_million(unit: PicoUsd) -> String {
    let dollars = unit.0 as f64 / 1e6;
    let text = format!("{dollars:.6}");
    let text = text.trim_end_matches('0');
    let decimals = text.rsplit_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("${text}{}", "0".repeat(2_usize.saturating_sub(decimals)))
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
        "costs stay as they were when the calls were imported; `--prices current` computes them anew"
            .to_owned(),
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
    let lines: String = lines.into_iter().map(|line| style.dim(&line) + "\n").collect();
    format!("\n{lines}")
}

#[cfg(test)]
mod tests {
    use trace_store::usage::UnitPrices;

    use super::*;

    #[test]
    fn the_arithmetic_is_that_of_a_bill() {
        let units = UnitPrices {
            input: PicoUsd(1_250_000),
            cached_input: PicoUsd(125_000),
            output: PicoUsd(10_000_000),
            ..UnitPrices::default()
        };
        let rate = Rate { prices: Some("v1".to_owned()), units, ..Rate::default() };
        let sums = Sums {
            calls: 3,
            input: 1_000_000,
            cached_input: 800_000,
            output: 2_000,
            cost: PicoUsd(370_000_000_000),
            ..Sums::default()
        };
        let expected = "            200,000 input        ×     $1.25 per million =      $0.2500
            800,000 cached input ×    $0.125 per million =      $0.1000
              2,000 output       ×    $10.00 per million =      $0.0200
                                                                $0.3700\n";
        assert_eq!(arithmetic(&rate, sums), expected);
    }
}
