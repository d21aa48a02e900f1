//! Alerts: turns that a person should look at, when they have ended and while they go on.
//!
//! The rules are the crate `alerts`. Each alert is in the log and in the list that the view shows. The
//! channels of the settings get it from a run of this program of its own ([`give`]), or from the watch over
//! a session, so that one that hangs holds up neither Codex nor the delivery of turns.

use std::ffi::OsStr;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use ::alerts::{Alert, Facts, Given, Kind, Millis, Quiet, Thresholds, Used, Window, examine};
use codex_config::{Paths, Settings};
use codex_turn::{LimitWindow, RateLimits};
use dispatch::Secrets;
use notices::{Notice, Sending, Shown, ShownError};
use otlp_model::Turn;
use program_log::{Log, chain};
use serde_json::{Value, json};
use trace_store::usage::QuotaWindow;

use crate::lifecycle;

/// The argument of the run that sends the notices on stdin.
pub(crate) const GIVE: &str = "--notices";

/// A turn that ended so long ago is no news, in milliseconds.
const NEWS: Millis = 60 * 60 * 1000;

/// Decides which alerts are given.
pub(crate) struct Alerts<'a> {
    settings: &'a Settings,
    paths: &'a Paths,
    log: &'a Log,
    shown: Shown,
    thresholds: Thresholds,
    quiet: Quiet,
}

impl<'a> Alerts<'a> {
    /// None where the settings want no alerts.
    pub(crate) fn new(settings: &'a Settings, paths: &'a Paths, log: &'a Log) -> Option<Self> {
        let wanted = &settings.alerts;
        (wanted.enabled && settings.enabled && !settings.dry_run).then(|| Self {
            settings,
            paths,
            log,
            shown: dispatch::shown(paths),
            thresholds: dispatch::thresholds(wanted),
            quiet: dispatch::quiet(wanted),
        })
    }

    /// Gives the alerts of a turn that has ended.
    pub(crate) fn ended(&self, turn: &Turn, limits: Option<&RateLimits>) {
        let end = turn.end.0 / 1_000_000;
        if end + NEWS < millis() {
            return;
        }
        let session =
            self.shown.add_to_session(&turn.session_id, &turn.key, Used::by(turn), millis());
        let given = session.and_then(|session| self.take(turn, session, limits));
        let notices = match given {
            Ok(notices) => notices,
            Err(error) => {
                self.log.error(format_args!("alerts are not given: {}", chain(&error)));
                return;
            }
        };
        if notices.is_empty() || dispatch::channels(self.settings).is_empty() {
            return;
        }
        let payload = Value::from_iter(
            notices.iter().map(|notice| json!({ "text": notice.text, "json": notice.json })),
        );
        let run = [OsStr::new(GIVE)];
        if let Err(error) = lifecycle::hand_over(payload.to_string().as_bytes(), &run) {
            self.log.error(format_args!("alerts reach no channel: {error}"));
        }
    }

    /// Those of a turn, which may go on, that are to be given now. They are in the log and in the list.
    pub(crate) fn take(
        &self,
        turn: &Turn,
        session: Used,
        limits: Option<&RateLimits>,
    ) -> Result<Vec<Notice>, ShownError> {
        let quota = limits.map(windows).unwrap_or_default();
        let facts = Facts { turn, session, quota: &quota };
        let found = examine(&facts, &self.thresholds);
        let taken = self.shown.take(found, self.quiet, millis())?;
        for alert in &taken {
            self.log.warn(format_args!("thread {}: alert: {}", alert.thread, alert.text));
        }
        Ok(taken.into_iter().map(|alert| self.notice(alert)).collect())
    }

    fn notice(&self, mut alert: Alert) -> Notice {
        let content = self.settings.alerts.content && !self.settings.content_free;
        if content {
            let secrets = Secrets::new(self.settings, self.paths, self.log);
            for text in &mut alert.arguments {
                *text = secrets.scrub(text).into_owned();
            }
        }
        Notice { json: alert.json(content), text: alert.text }
    }
}

/// Sends the notices on stdin to the channels of the settings, and waits for them.
pub(crate) fn give(settings: &Settings, log: &Log) {
    let notices = match lifecycle::payload()
        .map_err(io::Error::other)
        .and_then(|text| Ok(serde_json::from_slice::<Vec<Value>>(&text)?))
    {
        Ok(notices) => notices,
        Err(error) => return log.error(format_args!("alerts reach no channel: {error}")),
    };
    let channels = dispatch::channels(settings);
    let sending: Vec<Sending> = notices
        .into_iter()
        .flat_map(|mut notice| {
            let text = notice["text"].as_str().unwrap_or_default().to_owned();
            channels.send(&Notice { text, json: notice["json"].take() })
        })
        .collect();
    sending.into_iter().for_each(|one| wait(one, log));
}

/// Waits for a channel, and logs that it failed.
pub(crate) fn wait(sending: Sending, log: &Log) {
    if let (channel, Err(error)) = sending.wait() {
        log.warn(format_args!("a notice does not reach {channel}: {}", chain(&error)));
    }
}

/// A notice of a budget for the list that the view shows.
pub(crate) fn note_budget(paths: &Paths, log: &Log, text: &str, session: &str) {
    let given = Given {
        at: millis(),
        kind: Kind::Budget,
        subject: session.to_owned(),
        text: text.to_owned(),
        session: session.to_owned(),
        trace_id: String::new(),
    };
    if let Err(error) = dispatch::shown(paths).note(given) {
        log.warn(format_args!("{}", chain(&error)));
    }
}

/// The windows of the limits of a subscription.
fn windows(limits: &RateLimits) -> Vec<Window> {
    let window = |slot: u8, window: Option<LimitWindow>| {
        let window = window?;
        let name = QuotaWindow::of(window.minutes, slot).name();
        Some(Window {
            name: format!("{} ({name})", terminal_text::line(&limits.limit)),
            used_percent: window.used_percent,
            resets_at: window.resets_at.and_then(|at| i64::try_from(at).ok()),
        })
    };
    [window(1, limits.primary), window(2, limits.secondary)].into_iter().flatten().collect()
}

fn millis() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
