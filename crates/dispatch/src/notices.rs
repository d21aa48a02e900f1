//! From the settings to the rules of alerts and the channels of notices.

use ::alerts::{Amounts, Failures, Quiet, Thresholds};
use ::notices::{Channels, Shown, TIMEOUT};
use codex_config::{AlertAmounts, Alerts, Paths, Settings};

use crate::connection;

/// Trillionths of a dollar.
const PICO: f64 = 1e12;

/// Where notices go.
pub fn channels(settings: &Settings) -> Channels {
    let channels = &settings.channels;
    Channels {
        desktop: channels.desktop,
        command: channels.command.clone(),
        webhook: channels.webhook.clone(),
        ntfy: channels.ntfy.clone(),
        connection: connection(&channels.tls, &channels.proxies, TIMEOUT),
    }
}

/// The notices that were given in this home.
pub fn shown(paths: &Paths) -> Shown {
    Shown::at(paths.state_dir.join("alerts/shown.json"))
}

/// From when on there is an alert.
pub fn thresholds(settings: &Alerts) -> Thresholds {
    let usual = Thresholds::default();
    let size = |set: Option<u64>, usual: usize| {
        set.map_or(usual, |set| usize::try_from(set).unwrap_or(usize::MAX))
    };
    let mut thresholds = Thresholds {
        turn: amounts(&settings.turn, usual.turn),
        session: amounts(&settings.session, usual.session),
        no_progress: amounts(&settings.no_progress, usual.no_progress),
        failures: Failures {
            calls: settings.failures_calls.unwrap_or(usual.failures.calls),
            percent: settings.failures_percent.unwrap_or(usual.failures.percent),
        },
        wait_minutes: settings.wait_minutes.unwrap_or(usual.wait_minutes),
        quota_percent: settings.quota_percent.unwrap_or(usual.quota_percent),
        ..usual
    };
    thresholds.loops.same = size(settings.loop_same, usual.loops.same);
    thresholds.loops.alike = size(settings.loop_alike, usual.loops.alike);
    thresholds.loops.rounds = size(settings.loop_rounds, usual.loops.rounds);
    thresholds
}

/// How often there is one.
pub fn quiet(settings: &Alerts) -> Quiet {
    Quiet {
        cool_down: settings.cool_down_minutes.unwrap_or(60).saturating_mul(60_000),
        per_day: usize::try_from(settings.per_day.unwrap_or(5)).unwrap_or(usize::MAX),
    }
}

fn amounts(set: &AlertAmounts, usual: Amounts) -> Amounts {
    Amounts {
        pico_usd: set.usd.map_or(usual.pico_usd, |usd| (usd * PICO) as u64),
        tokens: set.tokens.unwrap_or(usual.tokens),
        calls: set.calls.unwrap_or(usual.calls),
    }
}
