//! Codex's `hooks.json`: where its lifecycle hooks go if the user has some there and none in
//! `config.toml`, because Codex complains at each start of hooks in both.

use std::path::PathBuf;

use ::codex_config::Paths;
use ::codex_config::codex_toml::{Found, LifecycleHooks};
use ::codex_config::hooks_json::{self, EditError};

use crate::change::{Change, Part, Recognised, Undo};
use crate::files::FileState;
use crate::parts::codex_config;
use crate::plan::change;
use crate::record::Record;

/// The file.
pub(crate) fn file(paths: &Paths) -> PathBuf {
    paths.codex_home.join("hooks.json")
}

/// Whether hooks go there. A file that Codex cannot read has none for it.
pub(crate) fn is_in_use(state: &FileState, found: &Found) -> bool {
    found.hooks.is_empty() && hooks_json::has_hooks(state.text_before()).unwrap_or(false)
}

/// Whether a file runs our program.
pub(crate) fn is_ours(text: &str) -> bool {
    codex_config::is_our_hook(text)
}

/// Adds the hooks, or takes out those of an earlier installation.
pub(crate) fn change_of(
    state: &FileState,
    record: &Record,
    wanted: Option<&LifecycleHooks>,
) -> Result<Option<Change>, EditError> {
    let Some(wanted) = wanted else {
        let earlier = record.entry(state.now.path()).filter(|_| is_ours(state.now.text()));
        let after = state.text_before().to_owned();
        return Ok(earlier.and_then(|_| {
            change(Part::HooksJson, state, record, after, Undo::Leave, |now| !is_ours(now))
        }));
    };
    let after = hooks_json::install(state.text_before(), wanted)?;
    let satisfied =
        |now: &str| hooks_json::install(now, wanted).is_ok_and(|installed| installed == now);
    let undo = Undo::HooksJson(Recognised {});
    Ok(change(Part::HooksJson, state, record, after, undo, satisfied))
}
