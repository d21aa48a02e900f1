//! `arize-codex import`, `report` and `quota`: what Codex used, and what is left.

mod bar;
mod explain;
mod import;
mod merge;
mod metrics;
mod prune;
mod quota;
mod report;
mod send;
mod table;
mod tag;
mod team;

pub(crate) use import::{Import, import};
pub(crate) use metrics::{Metrics, metrics};
pub(crate) use prune::{Prune, prune};
pub(crate) use quota::{Quota, quota};
pub(crate) use report::{Check, Format, Report, report};
pub(crate) use tag::{Tag, tag};

use std::path::{Path, PathBuf};

use codex_config::{Environment, Paths, Settings, Target, TargetSettings};
use codex_import::{ContentSummary, Facts, Found, Progress, Request, Summary, machine_name};
use dispatch::{Secrets, SpanPolicy, price, scrub_settings};
use otlp_model::{SpanBatch, Turn};
use pricing::PriceTable;
use program_log::Log;
use trace_store::{OpenError, TraceStore};

use crate::CommandError;
use bar::Bar;

/// What holds for all turns of this user on this machine.
pub(crate) fn facts(paths: &Paths, environment: &Environment) -> Facts {
    let settings = Settings::load(paths, environment);
    let project = local_target(&settings);
    Facts {
        project: project.map_or_else(|| "codex".to_owned(), |target| target.project_name.clone()),
        user: settings.user_id.unwrap_or_default(),
        machine: machine_name(),
        prices: prices(paths),
    }
}

/// The target whose content policy and project hold for the local store.
fn local_target(settings: &Settings) -> Option<&TargetSettings> {
    let is_local = |target: &&TargetSettings| matches!(target.target, Ok(Target::Local));
    settings.targets.iter().find(is_local).or(settings.targets.first())
}

/// Makes the spans of a turn that the local target would have got.
pub(crate) struct LocalSpans {
    settings: Settings,
    paths: Paths,
    log: Log,
    prices: PriceTable,
    policy: Option<SpanPolicy>,
}

impl LocalSpans {
    pub(crate) fn new(paths: &Paths, environment: &Environment) -> Self {
        let settings = Settings::load(paths, environment);
        let log = Log::new(settings.log_file.clone(), settings.verbose);
        let settings = scrub_settings(settings, paths, &log);
        let policy = local_target(&settings).map(|target| SpanPolicy::of(&settings, target));
        Self { policy, settings, log, prices: prices(paths), paths: paths.clone() }
    }

    pub(crate) fn of(&self, turn: Turn) -> SpanBatch {
        self.with(&self.secrets(), turn)
    }

    /// What takes secrets out of texts, as these settings say.
    pub(crate) fn secrets(&self) -> Secrets<'_> {
        Secrets::new(&self.settings, &self.paths, &self.log)
    }

    /// Spans of another program, as these settings let contents stay. Which of its texts are prompts and
    /// which are outputs is not known: where one of both is held back, no text stays.
    pub(crate) fn of_another_program(&self, mut batch: SpanBatch) -> SpanBatch {
        let content = local_target(&self.settings).map(|target| target.content);
        let is_open = content
            .is_some_and(|content| content.prompts && content.tool_details && content.tool_content);
        let secrets = self.secrets();
        for span in &mut batch.spans {
            if is_open {
                secrets.scrub_span(span);
            } else {
                span.drop_content(&|_| false);
            }
        }
        batch
    }

    fn with(&self, secrets: &Secrets<'_>, mut turn: Turn) -> SpanBatch {
        price(&mut turn, &self.prices);
        secrets.scrub_turn(&mut turn);
        match &self.policy {
            Some(policy) => policy.batch(&turn),
            None => SpanBatch { resource: Vec::new(), spans: Vec::new() },
        }
    }
}

/// Reads what is new in transcripts as spans, as the local target would have got them.
fn read_contents(
    store: &mut TraceStore,
    found: &Found,
    paths: &Paths,
    environment: &Environment,
) -> Result<ContentSummary, CommandError> {
    let local = LocalSpans::new(paths, environment);
    // Its rules are made once.
    let secrets = local.secrets();
    let spans = |turn| local.with(&secrets, turn);
    let mut bar = Bar::new("contents");
    let read = codex_import::import_contents(store, found, &spans, &mut |progress| {
        bar.show(progress);
    });
    read.map_err(|error| CommandError::failed("the contents cannot be read into the store", error))
}

/// Reads the numbers that are new in the transcripts of this installation.
pub(crate) fn read_new(
    store: &Path,
    paths: &Paths,
    environment: &Environment,
) -> Result<(), CommandError> {
    let mut store = open(store)?;
    let found = codex_import::find(std::slice::from_ref(&paths.codex_home));
    let facts = facts(paths, environment);
    let request = Request { found: &found, facts: &facts, changed_since: None, dry_run: false };
    let failed =
        |error| CommandError::failed("the transcripts cannot be read into the store", error);
    codex_import::import(&mut store, request, &mut |_| ()).map(drop).map_err(failed)
}

/// Records the turns of spans that were stored since the last time.
pub(crate) fn record_spans(
    store: &mut TraceStore,
    paths: &Paths,
    environment: &Environment,
) -> Result<(), CommandError> {
    let failed = |error| CommandError::failed("the spans cannot be read", error);
    codex_import::record_spans(store, &facts(paths, environment)).map(drop).map_err(failed)
}

/// The prices that hold for this user.
pub(crate) fn prices(paths: &Paths) -> PriceTable {
    let (prices, error) = codex_config::prices(paths);
    if let Some(error) = error {
        warn(&format!("{}; the built-in prices are used", program_log::chain(&error)));
    }
    prices.into_owned()
}

/// Reads what is new in transcripts and in spans.
fn refresh(
    store: &mut TraceStore,
    facts: &Facts,
    found: &Found,
    changed_since: Option<u64>,
    dry_run: bool,
) -> Result<Summary, CommandError> {
    let failed =
        |error| CommandError::failed("the transcripts cannot be read into the store", error);
    let mut bar = Bar::new("numbers");
    let request = Request { found, facts, changed_since, dry_run };
    let summary =
        codex_import::import(store, request, &mut |progress: Progress| bar.show(progress));
    drop(bar);
    let summary = summary.map_err(failed)?;
    if !dry_run {
        let failed = |error| CommandError::failed("the spans cannot be read", error);
        codex_import::record_spans(store, facts).map_err(failed)?;
    }
    Ok(summary)
}

/// A store, with what is new in the transcripts that were changed since a time, if that is asked for.
pub(crate) fn current(
    path: &Path,
    reads_new: bool,
    paths: &Paths,
    environment: &Environment,
    changed_since: Option<u64>,
) -> Result<(TraceStore, Option<Summary>), CommandError> {
    if !reads_new {
        let failed = |error| CommandError::failed("cannot open the local store", error);
        return Ok((TraceStore::open_read_only(path).map_err(failed)?, None));
    }
    let mut store = open(path)?;
    let facts = facts(paths, environment);
    // What was read before is there without it.
    let home = Some(&paths.codex_home).filter(|home| home.is_dir());
    let found = codex_import::find(home.map_or(&[], std::slice::from_ref));
    let summary = refresh(&mut store, &facts, &found, changed_since, false)?;
    let limits = Settings::load(paths, environment).store;
    if let Err(error) = prune::prune_by_itself(&mut store, &facts, limits) {
        warn(&program_log::chain(&error));
    }
    Ok((store, Some(summary)))
}

/// A store with its spans as turns, and with the words of an index where they are searched. One that
/// cannot be written is read as it is.
pub(crate) fn with_turns(
    path: &Path,
    paths: &Paths,
    environment: &Environment,
    is_searched: bool,
) -> Result<TraceStore, OpenError> {
    let read_only = TraceStore::open_read_only(path)?;
    let Ok(mut store) = TraceStore::open(path) else { return Ok(read_only) };
    if codex_import::record_spans(&mut store, &facts(paths, environment)).is_err() {
        return Ok(read_only);
    }
    if is_searched && let Err(error) = store.index() {
        warn(&format!("{}; what is new is not searched", program_log::chain(&error)));
    }
    Ok(store)
}

/// Opens the store for writing.
fn open(path: &Path) -> Result<TraceStore, CommandError> {
    let failed = |error| CommandError::failed("cannot open the local store", error);
    TraceStore::open(path).map_err(failed)
}

/// The store that is asked for: another one, or that of this installation.
fn store_path<'a>(asked: Option<&'a PathBuf>, paths: &'a Paths) -> &'a Path {
    asked.unwrap_or(&paths.traces_db)
}

#[expect(clippy::print_stderr, reason = "a warning beside the result")]
fn warn(text: &str) {
    eprintln!("warning: {}", terminal_text::line(text));
}
