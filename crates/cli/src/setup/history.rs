//! The offer to read what Codex did before the installation.

use codex_config::{Environment, Settings, Target};
use machine::Machine;
use setup::ask::Ask;
use trace_store::TraceStore;
use trace_store::usage::Pass;

use crate::args::Setup;
use crate::usage::{Import, import};

/// Reads Codex's earlier transcripts into the local store where a flag or a person says so; says what
/// came of it, or how to do it later. Nothing where there are none, or no local store is kept.
pub(super) fn offer(
    args: &Setup,
    settings: &Settings,
    machine: &Machine,
    environment: &Environment,
    ask: &mut dyn Ask,
) -> Option<String> {
    let is_local = |target: &Target| matches!(target, Target::Local);
    if !settings.targets.iter().any(|target| target.target.as_ref().is_ok_and(is_local)) {
        return None;
    }
    let found = codex_import::find(std::slice::from_ref(&machine.paths.codex_home)).transcripts;
    if found.is_empty() || has_history(machine) {
        return None;
    }
    let bytes: u64 = found.iter().map(|transcript| transcript.size).sum();
    let count = found.len();
    let transcripts = if count == 1 { "transcript" } else { "transcripts" };
    let what = format!("{count} earlier {transcripts} of Codex ({:.1} MB)", bytes as f64 / 1e6);
    let wants = match (args.import, args.no_import) {
        (true, _) => true,
        (_, true) => return None,
        // A script that says nothing of it does not wait for it.
        _ if args.yes => false,
        _ => {
            let question = format!("Read the {what} into the local store?");
            let help = "for `report`, `show` and `view`; nothing is sent anywhere";
            // A person who stops here has installed everything.
            ask.confirm(&question, true, help).unwrap_or(false)
        }
    };
    if !wants {
        return Some(format!("`arize-codex import` reads the {what} into the local store."));
    }
    match import(&Import::default(), environment) {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().take(2).collect();
            Some(format!("Earlier turns are in the local store: {}.", lines.join("; ")))
        }
        Err(error) => Some(format!(
            "The {what} could not be read: {}. `arize-codex import` tries again.",
            program_log::chain(&error)
        )),
    }
}

/// Whether transcripts were read with their contents before.
fn has_history(machine: &Machine) -> bool {
    let store = TraceStore::open_read_only(&machine.paths.traces_db).ok();
    store.and_then(|store| store.sources(Pass::Contents).ok()).is_some_and(|read| !read.is_empty())
}
