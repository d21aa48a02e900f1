//! Alerts: from when on a person should look at a turn, and how often that is said.

use crate::Warning;
use crate::document;
use crate::reader::{Reader, Source::Key};

/// Where all settings of alerts stand.
const PLACE: &str = "harnesses.codex.alerts";

/// Holds what the user wants of alerts; what is not set has the default of the rules, and 0 switches a
/// rule off.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alerts {
    /// Whether there are any.
    pub enabled: bool,
    /// Whether they quote what calls were made with, where they leave the machine.
    pub content: bool,
    /// Whether Codex's hooks are to be installed for them, so that turns are looked at while they run.
    pub while_running: bool,
    /// Minutes between two alerts of a kind about a session.
    pub cool_down_minutes: Option<u64>,
    /// The most of a kind within a day.
    pub per_day: Option<u64>,
    /// How many times the same call is a loop.
    pub loop_same: Option<u64>,
    /// How many times nearly the same call is one.
    pub loop_alike: Option<u64>,
    /// How many rounds of calls are one.
    pub loop_rounds: Option<u64>,
    /// What a turn uses.
    pub turn: AlertAmounts,
    /// What a session uses.
    pub session: AlertAmounts,
    /// What is used without a change of a file; no number of calls.
    pub no_progress: AlertAmounts,
    /// So many calls in a row are looked at for failures.
    pub failures_calls: Option<u64>,
    /// So many of them fail, in per cent.
    pub failures_percent: Option<u64>,
    /// Minutes for which a person lets Codex wait.
    pub wait_minutes: Option<u64>,
    /// What is left of a limit of the subscription, in per cent.
    pub quota_percent: Option<u64>,
}

/// Amounts of which each is enough for an alert.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AlertAmounts {
    /// US dollars.
    pub usd: Option<f64>,
    /// Tokens.
    pub tokens: Option<u64>,
    /// Tool calls.
    pub calls: Option<u64>,
}

/// Decides about alerts.
pub(crate) fn alerts(reader: &mut Reader<'_>) -> Alerts {
    if let Some(value) = reader.value(Key(PLACE))
        && !value.is_mapping()
    {
        let found = document::kind(value);
        reader.warnings.push(Warning::NotMapping { key: PLACE.to_owned(), found });
    }
    Alerts {
        enabled: reader.flag(&[Key("harnesses.codex.alerts.enabled")]).unwrap_or(true),
        content: reader.content_switch(Key("harnesses.codex.alerts.content")).unwrap_or(false),
        while_running: reader.flag(&[Key("harnesses.codex.alerts.while_running")]).unwrap_or(false),
        cool_down_minutes: number(reader, "harnesses.codex.alerts.cool_down_minutes"),
        per_day: number(reader, "harnesses.codex.alerts.per_day"),
        loop_same: number(reader, "harnesses.codex.alerts.loop.same"),
        loop_alike: number(reader, "harnesses.codex.alerts.loop.alike"),
        loop_rounds: number(reader, "harnesses.codex.alerts.loop.rounds"),
        turn: AlertAmounts {
            usd: dollars(reader, "harnesses.codex.alerts.turn.usd"),
            tokens: number(reader, "harnesses.codex.alerts.turn.tokens"),
            calls: number(reader, "harnesses.codex.alerts.turn.calls"),
        },
        session: AlertAmounts {
            usd: dollars(reader, "harnesses.codex.alerts.session.usd"),
            tokens: number(reader, "harnesses.codex.alerts.session.tokens"),
            calls: number(reader, "harnesses.codex.alerts.session.calls"),
        },
        no_progress: AlertAmounts {
            usd: dollars(reader, "harnesses.codex.alerts.no_progress.usd"),
            tokens: number(reader, "harnesses.codex.alerts.no_progress.tokens"),
            calls: None,
        },
        failures_calls: number(reader, "harnesses.codex.alerts.failures.calls"),
        failures_percent: number(reader, "harnesses.codex.alerts.failures.percent"),
        wait_minutes: number(reader, "harnesses.codex.alerts.wait_minutes"),
        quota_percent: number(reader, "harnesses.codex.alerts.quota_percent"),
    }
}

fn number(reader: &mut Reader<'_>, key: &'static str) -> Option<u64> {
    reader.parsed(&[Key(key)], "a whole number", |text| text.trim().replace('_', "").parse().ok())
}

fn dollars(reader: &mut Reader<'_>, key: &'static str) -> Option<f64> {
    let is_amount = |amount: &f64| amount.is_finite() && (0.0..1e6).contains(amount);
    reader.parsed(&[Key(key)], "an amount of dollars", |text| {
        text.trim().parse().ok().filter(is_amount)
    })
}
