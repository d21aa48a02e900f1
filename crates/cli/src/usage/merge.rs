//! `arize-codex import --from`: the store of another machine is taken in.

use std::path::Path;

use codex_config::{Environment, Paths};
use codex_import::{Facts, record_spans};
use serde_json::json;
use trace_store::usage::TurnRecord;
use trace_store::{Merged, TraceStore};

use super::Import;
use super::table::grouped;
use crate::CommandError;

/// Takes in what the other store has, and says what that was.
pub(super) fn merge(
    args: &Import,
    from: &Path,
    paths: &Paths,
    environment: &Environment,
) -> Result<String, CommandError> {
    let failed = |error| CommandError::failed("the other store cannot be opened", error);
    let folder = tempfile::tempdir()
        .map_err(|error| CommandError::failed("cannot make a temporary folder", error))?;
    let other = TraceStore::open_other(from, &folder.path().join("traces.db")).map_err(failed)?;
    let path = super::store_path(args.store.as_ref(), paths);
    let is_same = |path: &Path| path.canonicalize().ok() == from.canonicalize().ok();
    if path.exists() && is_same(path) {
        return Err(CommandError::Incomplete {
            what: format!("`{}` is the store that it would be taken into", from.display()),
            hint: "name the store of another machine, or another one with --store".to_owned(),
        });
    }
    if args.dry_run {
        let ours = match path.exists() {
            true => path.to_owned(),
            false => folder.path().join("empty.db"),
        };
        let expected = super::open(&ours)?.mergeable(&other).map_err(unreadable)?;
        return Ok(said(&expected, args));
    }
    let mut store = super::open(path)?;
    let facts = super::facts(paths, environment);
    // Spans that are here already are of this machine.
    record_spans(&mut store, &facts).map_err(unwritable)?;
    let machine = match &args.machine {
        Some(machine) => machine.clone(),
        None => machine_of(&other)?,
    };
    let complete = |turn: &mut TurnRecord| {
        if turn.place.machine.is_empty() {
            turn.place.machine.clone_from(&machine);
        }
    };
    let merged = store.merge(&other, &complete);
    let merged = merged
        .map_err(|error| CommandError::failed("the other store cannot be taken in", error))?;
    let theirs = Facts { machine: machine.clone(), ..facts };
    record_spans(&mut store, &theirs).map_err(unwritable)?;
    store.index().map_err(unwritable)?;
    Ok(said(&merged, args))
}

/// The machine on which most of the places of a store are.
fn machine_of(store: &TraceStore) -> Result<String, CommandError> {
    let mut machines = std::collections::BTreeMap::<String, usize>::new();
    for place in store.places().map_err(unreadable)?.into_values() {
        if !place.machine.is_empty() {
            *machines.entry(place.machine).or_default() += 1;
        }
    }
    let most = machines.into_iter().max_by_key(|(_, places)| *places);
    Ok(most.map(|(machine, _)| machine).unwrap_or_default())
}

fn unreadable(error: trace_store::QueryError) -> CommandError {
    CommandError::failed("the other store cannot be read", error)
}

fn unwritable(error: trace_store::InsertError) -> CommandError {
    CommandError::failed("the store cannot be written", error)
}

fn said(merged: &Merged, args: &Import) -> String {
    let turns = merged.turns;
    if args.json {
        let merged = json!({
            "dry_run": args.dry_run,
            "turns_new": turns.new,
            "turns_updated": turns.changed,
            "turns_known": turns.known,
            "turns_dropped": turns.dropped,
            "spans_new": merged.spans,
        });
        return format!("{merged:#}\n");
    }
    let count = |count: u64| grouped(count.cast_signed());
    let mut text = format!(
        "{} new turns, {} updated, {} known already\n{} new spans\n",
        count(turns.new),
        count(turns.changed),
        count(turns.known),
        count(merged.spans)
    );
    if turns.dropped > 0 {
        let dropped = count(turns.dropped);
        text.push_str(&format!(
            "{dropped} turns left out: those of their time were dropped by `prune`\n"
        ));
    }
    if args.dry_run {
        text.push_str("nothing was written\n");
    }
    text
}
