//! Which turns a target gets.

use crate::reader::{
    Reader,
    Source::{Key, Own},
};
use crate::{Warning, document};

/// Says which share of all traces a target gets, and what it gets besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The share, from 0 to 1.
    pub ratio: f64,
    /// Whether turns that failed or were stopped are kept.
    pub keep_errors: bool,
    /// Turns that cost more are kept, in US dollars.
    pub keep_over_cost_usd: Option<f64>,
    /// Turns that took longer are kept, in seconds.
    pub keep_over_seconds: Option<f64>,
}

/// Decides what the target that is being read gets: by its own keys, then by those of all.
pub(crate) fn sampling(reader: &mut Reader<'_>) -> Sampling {
    for group in [Own("sampling"), Key("harnesses.codex.sampling")] {
        if let Some(value) = reader.value(group).filter(|value| !value.is_mapping()) {
            let (key, found) = (reader.name(group), document::kind(value));
            let warning = Warning::NotMapping { key, found };
            if !reader.warnings.contains(&warning) {
                reader.warnings.push(warning);
            }
        }
    }
    let ratio = [Own("sampling.ratio"), Key("harnesses.codex.sampling.ratio")];
    let errors = [Own("sampling.keep_errors"), Key("harnesses.codex.sampling.keep_errors")];
    let cost =
        [Own("sampling.keep_over_cost_usd"), Key("harnesses.codex.sampling.keep_over_cost_usd")];
    let seconds =
        [Own("sampling.keep_over_seconds"), Key("harnesses.codex.sampling.keep_over_seconds")];
    let at_least_0 = |text: &str| text.trim().parse().ok().filter(|number: &f64| *number >= 0.0);
    let share = |text: &str| at_least_0(text).filter(|number| *number <= 1.0);
    Sampling {
        ratio: reader.parsed(&ratio, "a number from 0 to 1", share).unwrap_or(1.0),
        keep_errors: reader.flag(&errors).unwrap_or(true),
        keep_over_cost_usd: reader.parsed(&cost, "a number of dollars", at_least_0),
        keep_over_seconds: reader.parsed(&seconds, "a number of seconds", at_least_0),
    }
}
