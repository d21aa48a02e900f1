//! `arize-codex top`: the turns that run now, as a screen, as text or as JSON.

mod facts;
mod screen;
mod text;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use codex_config::{Environment, Paths};
use codex_live::LiveTurns;
use doctor::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pricing::PriceTable;
use trace_store::TraceStore;
use usage::quota::{self, WindowState};

use crate::logs::pause;
use crate::show::on_interrupt;
use crate::{CommandError, ExitCode, Output, examples};
use facts::Facts;

/// How often the transcripts are read.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often text and JSON are printed again, if something changed.
const PRINTS: u32 = 4;

/// See the turns that run now: what each does, its tokens and cost, and what is left of the quota.
///
/// Reads Codex's transcripts while they are written. On a terminal it is a screen, which `q` ends;
/// elsewhere, and with --plain, it is a table that is printed again when something changed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::TOP)]
pub(crate) struct Top {
    /// Print text instead of a screen, for screen readers and pipes.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print it once and end.
    #[arg(long)]
    pub(crate) once: bool,
    /// Print a line of JSON each time.
    #[arg(long, conflicts_with = "plain")]
    pub(crate) json: bool,
}

/// Shows running turns until `q`, Ctrl-C, or the end of the reader.
pub(crate) fn top(
    args: &Top,
    environment: &Environment,
    style: Style,
    output: Output<'_>,
) -> Result<ExitCode, CommandError> {
    let paths = crate::paths(environment)?;
    let source = Source::new(&paths);
    let is_screen = output.is_terminal && io::stdin().is_terminal();
    if is_screen && !args.plain && !args.once && !args.json {
        return screen::run(source, style)
            .map_err(|error| CommandError::failed("cannot use the terminal", error));
    }
    Ok(print(args, source, style, output))
}

/// What running turns are read from.
struct Source<'p> {
    paths: &'p Paths,
    live: LiveTurns,
    prices: PriceTable,
    zone: TimeZone,
}

impl<'p> Source<'p> {
    fn new(paths: &'p Paths) -> Self {
        let live = LiveTurns::new(&paths.codex_home, SystemTime::now());
        let prices = crate::usage::prices(paths);
        Self { paths, live, prices, zone: TimeZone::system() }
    }

    /// What is so now.
    fn read(&mut self) -> Facts {
        let now = SystemTime::now();
        self.live.poll(now);
        let windows = self.windows(Timestamp::now().as_second());
        Facts::of(self.live.running(), &self.prices, windows, &self.paths.home, now.into())
    }

    /// What is left of the quota: as running turns say, and else as the store has it.
    fn windows(&self, now: i64) -> Vec<WindowState> {
        let live = self.live.limits().map(codex_import::quota_readings);
        let mut readings: Vec<_> = live.into_iter().flatten().collect();
        if readings.is_empty()
            && let Ok(store) = TraceStore::open_read_only(&self.paths.traces_db)
        {
            readings = store.quota(now - quota::OLDEST).unwrap_or_default();
        }
        quota::windows(&readings, now)
    }
}

fn print(args: &Top, mut source: Source<'_>, style: Style, output: Output<'_>) -> ExitCode {
    let stopped: Arc<AtomicBool> = on_interrupt();
    let mut before = None;
    loop {
        let facts = source.read();
        // A time that goes on is no change.
        if before.as_ref() != Some(&facts.without_times()) {
            let text = if args.json {
                terminal_text::json(&text::json(&facts))
            } else {
                terminal_text::styled(&text::table(&facts, &source.zone, style))
            };
            let written = output.stream.write_all(text.as_bytes());
            if written.and_then(|()| output.stream.flush()).is_err() {
                return ExitCode::Success;
            }
            before = Some(facts.without_times());
        }
        if args.once {
            return ExitCode::Success;
        }
        let has_reader = pause(INTERVAL * PRINTS);
        if stopped.load(Ordering::Relaxed) {
            return ExitCode::Stopped;
        }
        if !has_reader {
            return ExitCode::Success;
        }
    }
}
