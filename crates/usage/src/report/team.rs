//! Reports of a team: the same rows and columns, from what a Prometheus has scraped of many machines.

use std::collections::{BTreeMap, HashMap};

use trace_store::usage::{PicoUsd, Rate, Sums, TurnCounts};

use super::{By, Days, Group, Report, Row};

/// A series of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// The metrics that a report is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Tokens by kind.
    Tokens,
    /// Model calls.
    Calls,
    /// Dollars.
    Cost,
    /// Turns by status.
    Turns,
    /// Seconds in which turns waited for people.
    Waits,
}

/// So far back counts the last value of a machine that reports no more, in days.
const OLDEST: u64 = 400;

/// Stands for the price table, which metrics do not name.
const REPORTED: &str = "reported";

impl Family {
    const ALL: [Self; 5] = [Self::Tokens, Self::Calls, Self::Cost, Self::Turns, Self::Waits];

    fn metric(self) -> &'static str {
        match self {
            Self::Tokens => "codex_tokens_total",
            Self::Calls => "codex_model_calls_total",
            Self::Cost => "codex_cost_usd_total",
            Self::Turns => "codex_turns_total",
            Self::Waits => "codex_human_wait_seconds_total",
        }
    }

    fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Tokens => &["model", "tier", "kind"],
            Self::Calls | Self::Cost => &["model", "tier"],
            Self::Turns => &["status"],
            Self::Waits => &[],
        }
    }
}

/// The label that has what a report has rows for; none where metrics do not say it.
pub fn label(by: By) -> Option<&'static str> {
    Some(match by {
        By::Project => "project",
        By::Repository => "repository",
        By::User => "user",
        By::Machine => "machine",
        By::Model => "model",
        By::Tier => "tier",
        By::Period(_) | By::Branch | By::Folder | By::Tags | By::Session => return None,
    })
}

/// The questions of a report, in PromQL. `matchers` is empty, or such as `team="web"`; without `seconds`
/// all that was ever counted is meant.
pub fn queries(by: &[By], matchers: &str, seconds: Option<i64>) -> Vec<(Family, String)> {
    // Turns have no model.
    let has_turns = !by.iter().any(|by| matches!(by, By::Model | By::Tier));
    let families = Family::ALL.into_iter();
    let families = families.filter(|family| has_turns || family.labels().contains(&"model"));
    families
        .map(|family| {
            let mut labels: Vec<&str> = by.iter().filter_map(|by| label(*by)).collect();
            for label in family.labels() {
                if !labels.contains(label) {
                    labels.push(label);
                }
            }
            let (labels, metric) = (labels.join(", "), family.metric());
            let counted = match seconds {
                Some(seconds) => format!("increase({metric}{{{matchers}}}[{seconds}s])"),
                // A laptop that is away has counted what it had counted.
                None => format!("last_over_time({metric}{{{matchers}}}[{OLDEST}d])"),
            };
            (family, format!("sum by ({labels}) ({counted})"))
        })
        .collect()
}

/// A report of the answers.
pub fn of_answers(by: Vec<By>, days: Days, answers: &[(Family, Vec<Sample>)]) -> Report {
    let mut sums: BTreeMap<Vec<String>, BTreeMap<Rate, Sums>> = BTreeMap::new();
    let mut turns: BTreeMap<Vec<String>, TurnCounts> = BTreeMap::new();
    for (family, samples) in answers {
        for Sample { labels, value } in samples {
            let text = |label: &str| labels.get(label).cloned().unwrap_or_default();
            let key: Vec<String> = by.iter().filter_map(|by| label(*by)).map(text).collect();
            let whole = value.round() as i64;
            let rate = Rate { model: text("model"), tier: text("tier"), ..Rate::default() };
            match family {
                Family::Turns | Family::Waits => {
                    let counts = turns.entry(key).or_default();
                    let status = text("status");
                    match family {
                        Family::Turns => {
                            counts.turns += whole;
                            counts.failed += if status == "failed" { whole } else { 0 };
                            counts.interrupted += if status == "interrupted" { whole } else { 0 };
                        }
                        _ => counts.human_ms += (value * 1000.0).round() as i64,
                    }
                }
                Family::Tokens | Family::Calls | Family::Cost => {
                    let sums = sums.entry(key).or_default().entry(rate).or_default();
                    match (family, &*text("kind")) {
                        (Family::Calls, _) => sums.calls += whole,
                        (Family::Cost, _) => sums.cost.0 += PicoUsd::from_usd(*value).0,
                        // No token is in two kinds; the sums have them within one another.
                        (_, "cached_input") => {
                            sums.cached_input += whole;
                            sums.input += whole;
                        }
                        (_, "cache_write") => {
                            sums.cache_write_input += whole;
                            sums.input += whole;
                        }
                        (_, "reasoning") => {
                            sums.reasoning_output += whole;
                            sums.output += whole;
                        }
                        (_, "output") => sums.output += whole,
                        _ => sums.input += whole,
                    }
                }
            }
        }
    }
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    for (key, rates) in sums {
        let group = groups.entry(key).or_default();
        for (rate, sums) in rates {
            // What costs nothing has no price.
            let prices = (sums.cost != PicoUsd::default()).then(|| REPORTED.to_owned());
            group.add(&Rate { prices, ..rate }, sums);
        }
    }
    for (key, counts) in turns {
        groups.entry(key).or_default().count(counts);
    }
    let empty = Group { turns: Some(TurnCounts::default()), ..Group::default() };
    let mut total = Group::default();
    let mut rows = Vec::new();
    for (key, mut group) in groups {
        group.rates.retain(|_, sums| *sums != Sums::default());
        if group.rates.is_empty() && (group.turns.is_none() || group.turns == empty.turns) {
            continue;
        }
        group.rates.iter().for_each(|(rate, sums)| total.add(rate, *sums));
        group.turns.into_iter().for_each(|counts| total.count(counts));
        rows.push(Row { key, group });
    }
    rows.sort_by_cached_key(|row| {
        let sums = row.group.sums();
        (std::cmp::Reverse((sums.cost, sums.tokens())), row.key.clone())
    });
    Report { by, days, rows, total }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;

    use super::super::{RangeRequest, Unit};
    use super::*;

    fn days() -> Days {
        let request = RangeRequest { all: true, ..RangeRequest::default() };
        Days::new(&request, Unit::Day, TimeZone::UTC, Weekday::Monday, Timestamp::UNIX_EPOCH)
            .unwrap()
    }

    fn sample(labels: &[(&str, &str)], value: f64) -> Sample {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Sample { labels: labels.collect(), value }
    }

    #[test]
    fn questions_name_what_rows_are_for() {
        let all = queries(&[By::User], "", None);
        assert_eq!(all.len(), 5);
        assert_eq!(
            all[0].1,
            "sum by (user, model, tier, kind) (last_over_time(codex_tokens_total{}[400d]))"
        );
        let of_models = queries(&[By::Model], "team=\"web\"", Some(60));
        let expected = "sum by (model, tier) (increase(codex_cost_usd_total{team=\"web\"}[60s]))";
        assert_eq!((of_models.len(), &*of_models[2].1), (3, expected));
    }

    #[test]
    fn answers_become_the_columns_of_a_report() {
        let ada = ("user", "ada");
        let (m, n) = (("model", "m"), ("model", "no price"));
        let answers = [
            (
                Family::Tokens,
                vec![
                    sample(&[ada, m, ("kind", "input")], 100.2),
                    sample(&[ada, m, ("kind", "cached_input")], 50.0),
                    sample(&[ada, m, ("kind", "output")], 10.0),
                    sample(&[ada, m, ("kind", "reasoning")], 5.0),
                    sample(&[("user", "grace"), n, ("kind", "input")], 7.0),
                    sample(&[("user", "gone"), n, ("kind", "input")], 0.0),
                ],
            ),
            (Family::Calls, vec![sample(&[ada, m], 3.0), sample(&[("user", "grace"), n], 1.0)]),
            (Family::Cost, vec![sample(&[ada, m], 0.25), sample(&[("user", "grace"), n], 0.0)]),
            (
                Family::Turns,
                vec![
                    sample(&[ada, ("status", "ended")], 2.0),
                    sample(&[ada, ("status", "failed")], 1.0),
                ],
            ),
            (Family::Waits, vec![sample(&[ada], 1.5)]),
        ];
        let report = of_answers(vec![By::User], days(), &answers);
        assert_eq!(report.rows.len(), 2);
        let (ada, grace) = (&report.rows[0].group, &report.rows[1].group);
        let sums = ada.sums();
        assert_eq!((sums.input, sums.cached_input, sums.output), (150, 50, 15));
        assert_eq!((sums.calls, sums.reasoning_output, sums.cost.usd()), (3, 5, 0.25));
        let turns = ada.turns.unwrap();
        assert_eq!((turns.turns, turns.failed, turns.human_ms), (3, 1, 1500));
        assert!(!grace.has_prices() && grace.unpriced().calls == 1);
        assert_eq!(report.total.sums().tokens(), 172);
    }
}
