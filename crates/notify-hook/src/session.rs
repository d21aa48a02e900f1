//! What all commands need: the settings, the targets, and a bound on their time.

use std::time::{Duration, Instant};

use buffer_api::{Client, Endpoint};
use codex_config::{Paths, Settings};
use dispatch::{Delivery, DeliveryError, Secrets, price_table, scrub_settings};
use program_log::Log;

use crate::reconcile::Context;
use crate::transcript_reader::ReadLimit;
use crate::watchdog::Watchdog;

/// The longest time that reconciling a thread takes, whatever hangs; a run for a payload does it once.
pub const CAP: Duration = Duration::from_secs(10);

/// The longest time that one request to a target takes. With the waits before it stays below [`CAP`].
pub(crate) const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Before this time waiting has to come to its end.
const GRACE: Duration = Duration::from_millis(500);

/// A run with usable settings.
pub(crate) struct Session<'a> {
    pub(crate) settings: Settings,
    pub(crate) paths: &'a Paths,
    pub(crate) log: &'a Log,
    pub(crate) delivery: Result<Delivery, DeliveryError>,
    watchdog: Watchdog,
}

impl<'a> Session<'a> {
    /// Logs what is wrong with the settings; none where they switch tracing off.
    pub(crate) fn open(
        settings: Settings,
        paths: &'a Paths,
        log: &'a Log,
        watchdog: Watchdog,
    ) -> Option<Self> {
        for warning in &settings.warnings {
            log.warn(format_args!("{warning}"));
        }
        if !settings.enabled {
            log.verbose(format_args!("tracing is switched off (ARIZE_TRACE_ENABLED)"));
            return None;
        }
        let settings = scrub_settings(settings, paths, log);
        let delivery = Delivery::to_targets(&settings, paths, EXPORT_TIMEOUT);
        Some(Self { settings, paths, log, delivery, watchdog })
    }

    /// Does something with what reconciling needs, for as many threads as a command has. It says how
    /// many turns it left unsent.
    pub(crate) fn reconciling(&self, command: impl FnOnce(&mut Context<'_>) -> usize) {
        let Self { settings, paths, log, delivery, .. } = self;
        let mut context = Context {
            settings,
            paths,
            log,
            prices: &price_table(paths, log),
            secrets: &Secrets::new(settings, paths, log),
            delivery: delivery.as_ref().ok(),
            buffer: buffer_client(settings, paths, log),
            reading: ReadLimit::default(),
            deadline: deadline(),
        };
        let unsent = command(&mut context);
        if let (Err(error), true) = (delivery, unsent > 0) {
            log.error(format_args!("{error}; the turn could not be sent"));
        }
    }

    /// Gives another thread the time of a whole run.
    pub(crate) fn start_over(&self, context: &mut Context<'_>) {
        self.rearm_watchdog();
        context.deadline = deadline();
    }

    pub(crate) fn rearm_watchdog(&self) {
        self.watchdog.rearm();
    }
}

/// When a run that begins now has to come to its end.
pub(crate) fn deadline() -> Instant {
    Instant::now() + CAP - GRACE
}

/// The client of the buffer service; none where its address makes no sense.
fn buffer_client(settings: &Settings, paths: &Paths, log: &Log) -> Option<Client> {
    let endpoint = match Endpoint::new(&settings.collector.host, settings.collector.port) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            log.warn(format_args!("{error}; going on without telemetry"));
            return None;
        }
    };
    let token = match buffer_api::Paths::under(&paths.harness_home).read_token() {
        Ok(token) => token,
        Err(error) => {
            log.warn(format_args!("the token of the buffer service cannot be read: {error}"));
            None
        }
    };
    Some(Client::new(&endpoint, token))
}
