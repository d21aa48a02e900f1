//! `arize-codex prune`, and the same by itself where the settings limit the local store.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use codex_config::{Environment, Settings, StoreLimits};
use codex_import::{Facts, record_spans};
use otlp_model::UnixNanos;
use serde_json::json;
use trace_store::{Pruned, Retention, TraceStore};

use super::table::grouped;
use crate::{CommandError, examples};

/// How often a store is pruned by itself.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// Drop what the local store keeps for too long, or too much of; the oldest turns first.
///
/// The limits are those of the settings (`store.max_age`, `store.max_bytes`, `store.drop`), which hold by
/// themselves when `import` or `report` reads what is new, unless options name others. Contents are
/// dropped, and the numbers of these turns stay in reports; with --all the numbers, too. What was dropped
/// is overwritten in the files, and no import brings it back.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::PRUNE)]
pub(crate) struct Prune {
    /// Drop turns that ended longer ago, such as `90d` or `12h`.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) max_age: Option<Duration>,
    /// Drop turns until the store and its index have at most so many bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_bytes: Option<u64>,
    /// Drop the numbers of these turns, too.
    #[arg(long)]
    pub(crate) all: bool,
    /// Drop nothing; print what would be dropped.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The store, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn age(text: &str) -> Result<Duration, &'static str> {
    codex_config::parse_age(text).ok_or("not an age such as `90d` or `12h`")
}

/// Drops what is too old or too much, and says what that was.
pub(crate) fn prune(args: &Prune, environment: &Environment) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    let settings = Settings::load(&paths, environment).store;
    let limits = match (args.max_age, args.max_bytes) {
        (None, None) => settings,
        (max_age, max_bytes) => StoreLimits { max_age, max_bytes, ..settings },
    };
    if !limits.is_limited() {
        return Err(CommandError::Incomplete {
            what: "there is no limit: the local store keeps everything".to_owned(),
            hint: "name one with `--max-age 90d` or `--max-bytes`, or set `store.max_age`"
                .to_owned(),
        });
    }
    let drops_numbers = limits.drops_numbers || args.all;
    let retention = retention(StoreLimits { drops_numbers, ..limits }, SystemTime::now());
    let path = super::store_path(args.store.as_ref(), &paths);
    if !path.exists() {
        return Err(CommandError::NotFound {
            what: format!("there is no local store at `{}`", path.display()),
            hint: "`arize-codex import` makes one".to_owned(),
        });
    }
    let mut store = super::open(path)?;
    let facts = super::facts(&paths, environment);
    record_spans(&mut store, &facts).map_err(failed)?;
    let before = store.used_bytes().map_err(failed)?;
    let pruned = if args.dry_run {
        store.prunable(&retention).map_err(failed)?
    } else {
        let pruned = store.prune(&retention).map_err(failed)?;
        if pruned.spans + pruned.turns > 0
            && let Err(error) = store.compact()
        {
            super::warn(&format!("the file stays as large as it was: {error}"));
        }
        pruned
    };
    Ok(match args.json {
        true => as_json(&pruned, before, args.dry_run),
        false => text(&pruned, before, args.dry_run),
    })
}

/// Drops what the settings limit, unless that was done not long ago.
pub(super) fn prune_by_itself(
    store: &mut TraceStore,
    facts: &Facts,
    limits: StoreLimits,
) -> Result<(), CommandError> {
    if !limits.is_limited() {
        return Ok(());
    }
    let now = SystemTime::now();
    let last = store.last_pruned().map_err(failed)?;
    if last.is_some_and(|last| last > nanos(now.checked_sub(PERIOD))) {
        return Ok(());
    }
    prune_now(store, facts, limits)
}

/// Drops what the settings limit.
pub(super) fn prune_now(
    store: &mut TraceStore,
    facts: &Facts,
    limits: StoreLimits,
) -> Result<(), CommandError> {
    if limits.is_limited() {
        record_spans(store, facts).map_err(failed)?;
        store.prune(&retention(limits, SystemTime::now())).map_err(failed)?;
    }
    Ok(())
}

fn retention(limits: StoreLimits, now: SystemTime) -> Retention {
    let StoreLimits { max_age, max_bytes, drops_numbers } = limits;
    Retention { before: max_age.map(|age| nanos(now.checked_sub(age))), max_bytes, drops_numbers }
}

fn nanos(time: Option<SystemTime>) -> UnixNanos {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let nanos = since.unwrap_or_default().as_nanos();
    UnixNanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::failed("the local store cannot be pruned", error)
}

fn text(pruned: &Pruned, before: u64, dry_run: bool) -> String {
    let Pruned { traces, spans, turns, bytes, .. } = *pruned;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    if spans + turns == 0 {
        return format!("nothing to drop: the store has {:.1} MB\n", megabytes(before));
    }
    let count = |count: u64| grouped(count.cast_signed());
    let numbers = match turns {
        0 => "; their numbers stay".to_owned(),
        turns => format!(", and the numbers of {} turns", count(turns)),
    };
    let (verb, about) = if dry_run { ("would drop", "about ") } else { ("dropped", "") };
    format!(
        "{verb} the contents of {} traces ({} spans){numbers}\n{about}{:.1} of {:.1} MB\n",
        count(traces),
        count(spans),
        megabytes(bytes),
        megabytes(before),
    )
}

fn as_json(pruned: &Pruned, before: u64, dry_run: bool) -> String {
    let Pruned { traces, spans, turns, bytes, .. } = *pruned;
    let pruned = json!({
        "dry_run": dry_run,
        "traces": traces,
        "spans": spans,
        "turns": turns,
        "bytes": bytes,
        "bytes_before": before,
        "before": pruned.before.map(|before| before.millis()),
    });
    format!("{pruned:#}\n")
}
