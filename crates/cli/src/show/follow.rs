//! What running turns do, line by line as they do it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use codex_config::Environment;
use codex_live::{LiveTurn, LiveTurns};
use dispatch::Secrets;
use doctor::Style;
use jiff::tz::TimeZone;
use otlp_model::{SpanId, Turn};
use pricing::PriceTable;

use super::filters;
use crate::args::{Show, ShowFilters};
use crate::logs::pause;
use crate::print::{Page, Row, row_json, row_line, rows_of};
use crate::usage::LocalSpans;
use crate::{CommandError, ExitCode, Output, usage};

/// How often the transcripts are read.
const INTERVAL: Duration = Duration::from_millis(300);

/// Prints rows until Ctrl-C, or until the reader has gone.
pub(super) fn follow(
    args: &Show,
    environment: &Environment,
    style: Style,
    output: Output<'_>,
) -> Result<ExitCode, CommandError> {
    let paths = crate::paths(environment)?;
    let zone = TimeZone::system();
    let prices = usage::prices(&paths);
    let filter = Wanted::of(&args.filters);
    let stopped = on_interrupt();
    let Output { stream, is_terminal } = output;
    if is_terminal {
        let line = format!("turns of {} from now on; Ctrl-C ends this", paths.codex_home.display());
        let _ = stream.write_all(terminal_text::styled(&(style.dim(&line) + "\n")).as_bytes());
    }
    let mut live = LiveTurns::new(&paths.codex_home, SystemTime::now());
    let mut printed = Printed::default();
    let local = LocalSpans::new(&paths, environment);
    let secrets = local.secrets();
    loop {
        let mut text = String::new();
        for changed in live.poll(SystemTime::now()).into_iter().filter(|turn| filter.has(turn)) {
            let page = Page::new(style, &zone, &paths.home);
            for (turn, row) in printed.new_rows(changed, &prices, &secrets) {
                text += &if args.json {
                    terminal_text::json(&row_json(&turn, &row))
                } else {
                    terminal_text::styled(&row_line(&turn, &row, page))
                };
            }
        }
        if stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return Ok(ExitCode::Success);
        }
        if stopped.load(Ordering::Relaxed) {
            return Ok(ExitCode::Stopped);
        }
        if !pause(INTERVAL) {
            return Ok(ExitCode::Success);
        }
    }
}

/// Whether Ctrl-C was pressed.
pub(crate) fn on_interrupt() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without a handler the signal ends the program, which is as well.
        let _ = signal_hook::flag::register(signal, Arc::clone(&stopped));
    }
    stopped
}

/// Which turns are followed.
struct Wanted {
    thread: Option<String>,
    folder: Option<String>,
    model: Option<String>,
}

impl Wanted {
    fn of(args: &ShowFilters) -> Self {
        let ShowFilters { thread, cwd, model, .. } = args;
        let folder = cwd.as_deref().map(filters::folder);
        Self { thread: thread.clone(), folder, model: model.clone() }
    }

    fn has(&self, live: &LiveTurn) -> bool {
        let turn = &live.turn;
        let is_thread = |id: &String| turn.thread_id.contains(id) || turn.session_id.contains(id);
        let is_in = |folder: &String| {
            let own = live.folder.as_deref().map(codex_import::folder_of).unwrap_or_default();
            std::path::Path::new(&own).starts_with(folder)
        };
        self.thread.as_ref().is_none_or(is_thread)
            && self.folder.as_ref().is_none_or(is_in)
            && self.model.as_ref().is_none_or(|model| turn.model.as_ref() == Some(model))
    }
}

/// How many rows of each turn were printed.
#[derive(Default)]
struct Printed {
    rows: HashMap<SpanId, Vec<String>>,
}

impl Printed {
    /// The rows of a turn that were not printed before.
    fn new_rows(
        &mut self,
        live: LiveTurn,
        prices: &PriceTable,
        secrets: &Secrets<'_>,
    ) -> Vec<(Arc<Turn>, Row)> {
        let LiveTurn { mut turn, has_ended, folder, .. } = live;
        dispatch::price(&mut turn, prices);
        secrets.scrub_turn(&mut turn);
        let turn = Arc::new(turn);
        let id = turn.span_id();
        let known = self.rows.entry(id).or_default();
        let mut new = Vec::new();
        for row in rows_of(&turn, folder.as_deref(), has_ended) {
            if !known.contains(&row.key) {
                known.push(row.key.clone());
                new.push((Arc::clone(&turn), row));
            }
        }
        if has_ended {
            self.rows.remove(&id);
        }
        new
    }
}
