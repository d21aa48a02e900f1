//! `arize-codex import`.

use std::fmt::Write as _;
use std::path::PathBuf;

use codex_config::{Environment, Settings};
use codex_import::{ContentSummary, Summary};
use serde_json::json;

use super::table::grouped;
use crate::{CommandError, examples};

/// Read Codex's transcripts into the local store, for `report`, `show` and `view`. Sends nothing anywhere.
///
/// Reads the sessions and the archived sessions of CODEX_HOME, the newest first, and each turn once: a
/// second import reads only what is new. First come the numbers, then the contents, as far as the
/// settings of the local target let them be stored. `report` reads the numbers of CODEX_HOME by itself.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = examples::IMPORT)]
pub(crate) struct Import {
    /// Homes of Codex, other folders with transcripts, or single files [default: CODEX_HOME].
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Take in the local store of another machine (a copy of its `traces.db`), each turn once.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "no_contents"])]
    pub(crate) from: Option<PathBuf>,
    /// Send the turns to this target of the settings, those that it does not have, instead of reading
    /// them into the local store. Asks before.
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["from", "no_contents", "store"])]
    pub(crate) to: Option<String>,
    /// Send without asking.
    #[arg(long, requires = "to")]
    pub(crate) yes: bool,
    /// Send turns, too, that were sent before; a target keeps each once.
    #[arg(long, requires = "to")]
    pub(crate) resend: bool,
    /// Write nothing; print what would be read.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read numbers only: no prompts, answers, commands and outputs.
    #[arg(long)]
    pub(crate) no_contents: bool,
    /// The machine that the transcripts are from [default: this one].
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// The store to write to, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads transcripts, and says what became of them.
pub(crate) fn import(args: &Import, environment: &Environment) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    if let Some(from) = &args.from {
        return super::merge::merge(args, from, &paths, environment);
    }
    let mut facts = super::facts(&paths, environment);
    if let Some(machine) = &args.machine {
        facts.machine.clone_from(machine);
    }
    let from = match &*args.paths {
        [] => std::slice::from_ref(&paths.codex_home),
        named => named,
    };
    let found = codex_import::find(from);
    if found.transcripts.is_empty() && found.unreadable.is_empty() {
        let places: Vec<String> = from.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(CommandError::NotFound {
            what: format!("no transcript of Codex in {}", places.join(", ")),
            hint: "name a home of Codex, such as `arize-codex import ~/.codex`".to_owned(),
        });
    }
    if let Some(to) = &args.to {
        return super::send::send(args, to, &found, &paths, environment);
    }
    let path = super::store_path(args.store.as_ref(), &paths);
    let summary = if args.dry_run && !path.exists() {
        // Not even an empty store.
        let folder = tempfile::tempdir()
            .map_err(|error| CommandError::failed("cannot make a temporary folder", error))?;
        let mut store = super::open(&folder.path().join("traces.db"))?;
        super::refresh(&mut store, &facts, &found, None, true)?
    } else {
        super::refresh(&mut super::open(path)?, &facts, &found, None, args.dry_run)?
    };
    let contents = if args.no_contents || args.dry_run {
        None
    } else {
        let store = &mut super::open(path)?;
        let limits = Settings::load(&paths, environment).store;
        // Contents that are too old need not be read, and of those that were read there may be too many.
        super::prune::prune_by_itself(store, &facts, limits)?;
        let read = super::read_contents(store, &found, &paths, environment)?;
        if read.spans > 0 {
            super::prune::prune_now(store, &facts, limits)?;
        }
        Some(read)
    };
    Ok(match args.json {
        true => summary_json(&summary, contents.as_ref()),
        false => text(&summary, contents.as_ref(), args.dry_run),
    })
}

fn text(summary: &Summary, contents: Option<&ContentSummary>, dry_run: bool) -> String {
    let Summary {
        files, unchanged, read, bytes, new, changed, known, copies, calls, tokens, ..
    } = summary;
    let mut text = String::new();
    let count = |count: u64, what: &str| format!("{} {what}", grouped(count.cast_signed()));
    let _ = writeln!(
        text,
        "{} of {} transcripts read ({:.1} MB), {} without anything new",
        grouped(*read as i64),
        grouped(*files as i64),
        *bytes as f64 / 1e6,
        grouped(*unchanged as i64),
    );
    let turns = if dry_run {
        count(*new, "turns found; nothing was written")
    } else {
        let parts = [(*new, "new turns"), (*changed, "updated"), (*known, "known already")];
        parts.map(|(turns, what)| count(turns, what)).join(", ")
    };
    let _ = writeln!(text, "{turns}");
    let _ = writeln!(text, "{}, {}", count(*calls, "model calls"), count(*tokens, "tokens"));
    if let Some(contents) = contents {
        let megabytes = contents.bytes as f64 / 1e6;
        let spans = count(contents.spans, "new spans");
        let _ = writeln!(text, "{spans}, from {megabytes:.1} MB of contents");
    }
    if *copies > 0 {
        let _ = writeln!(
            text,
            "{} left out: forks repeat them, and they count in the threads that they are from",
            count(*copies, "turns")
        );
    }
    if summary.dropped > 0 {
        let turns = count(summary.dropped, "turns");
        let _ = writeln!(text, "{turns} left out: those of their time were dropped by `prune`");
    }
    if summary.unreadable_records > 0 {
        let records = count(summary.unreadable_records, "records");
        let _ = writeln!(text, "{records} could not be understood, and were left out");
    }
    for left_out in &summary.left_out {
        let _ = writeln!(text, "not read: {}: {}", left_out.path.display(), left_out.error);
    }
    text
}

fn summary_json(summary: &Summary, contents: Option<&ContentSummary>) -> String {
    let left_out: Vec<_> = summary
        .left_out
        .iter()
        .map(|left_out| {
            json!({ "path": left_out.path.to_string_lossy(), "error": left_out.error.to_string() })
        })
        .collect();
    let contents = contents.map(|contents| {
        json!({
            "transcripts_read": contents.files,
            "bytes_read": contents.bytes,
            "turns": contents.turns,
            "spans_new": contents.spans,
        })
    });
    let summary = json!({
        "contents": contents,
        "transcripts": summary.files,
        "transcripts_read": summary.read,
        "transcripts_unchanged": summary.unchanged,
        "bytes_read": summary.bytes,
        "turns_new": summary.new,
        "turns_updated": summary.changed,
        "turns_known": summary.known,
        "turns_copied": summary.copies,
        "turns_dropped": summary.dropped,
        "records_not_understood": summary.unreadable_records,
        "calls": summary.calls,
        "tokens": summary.tokens,
        "not_read": left_out,
    });
    format!("{summary:#}\n")
}
