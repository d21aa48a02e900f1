//! The files of an uninstallation, and what would be in them without us.

use std::fs;
use std::path::{Path, PathBuf};

use codex_config::profile::{self, Platform};
use codex_config::{KeyPath, Paths, codex_toml, edit, env_file, hooks_json, our_hook_states};
use codex_home::HOOK_PROGRAM;
use program_log::chain;

use super::Stuck;
use crate::facts::{self, FactsError};
use crate::files::{FileError, FileState};
use crate::parts::{codex_config as codex_part, hooks_json as hooks_part};
use crate::record::Record;
use machine::Machine;

/// What was found of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Those that can be dealt with, the last that was changed first.
    pub(super) states: Vec<FileState>,
    /// Those that cannot.
    pub(super) stuck: Vec<Stuck>,
}

impl Files {
    /// Reads Codex's configuration, and says whether all in it that looks like ours is the Python
    /// system's, because nothing was noted.
    pub(super) fn read_codex(&mut self, machine: &Machine, record: &Record, port: u16) -> bool {
        let path = codex_part::file(&machine.paths);
        match facts::codex_config(&machine.paths, record, port) {
            Ok(found) => {
                let is_pythons =
                    record.is_empty() && facts::has_python_notify(found.state.now.text());
                if !is_pythons {
                    let made_by_us =
                        record.entry(&path).is_some_and(|entry| entry.before.is_none());
                    self.states.push(without_trust(found.state, &machine.paths, made_by_us));
                }
                is_pythons
            }
            Err(error) => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                if record.entry(&path).is_some() || text.contains(HOOK_PROGRAM) {
                    self.stuck.push(Stuck { path, reason: reason(&error) });
                }
                false
            }
        }
    }

    /// Reads the files that say themselves what of them is ours, as far as they are not in the record.
    pub(super) fn read_marked(&mut self, machine: &Machine, record: &Record) {
        let paths = &machine.paths;
        let profiles =
            profile::profiles(&paths.home, &machine.environment, Platform::CURRENT, Path::exists);
        for profile in profiles {
            self.read_unnoted(&profile.path, record, |text| profile::remove(text).ok());
        }
        let hooks_json = hooks_part::file(paths);
        self.read_unnoted(&hooks_json, record, |text| hooks_json::uninstall(text).ok());
        self.read_unnoted(&paths.env_file, record, |text| Some(env_file::uninstall(text)));
    }

    fn read_unnoted(
        &mut self,
        path: &Path,
        record: &Record,
        uninstall: impl Fn(&str) -> Option<String>,
    ) {
        if record.entry(path).is_some() {
            return;
        }
        // Setup writes to no file that it cannot read, such as one that is not UTF-8.
        let Ok(mut state) = FileState::read(path, record) else { return };
        if let Some(text) = &state.before {
            // One whose part of ours cannot be recognised, such as comments that do not pair up, stays as it is.
            let without = uninstall(text).unwrap_or_else(|| text.clone());
            state.before = (!without.is_empty() || text.is_empty()).then_some(without);
        }
        self.states.push(state);
    }

    /// Reads the files of the record.
    pub(super) fn read_noted(&mut self, record: &Record) {
        for entry in record.entries.iter().rev() {
            self.read(&entry.path, record);
        }
    }

    fn read(&mut self, path: &Path, record: &Record) {
        let is_known = self.states.iter().any(|state| state.now.path() == path)
            || self.stuck.iter().any(|stuck| stuck.path == path);
        if is_known {
            return;
        }
        match FileState::read(path, record) {
            Ok(state) => self.states.push(state),
            Err(error) => {
                let reason = reason(&FactsError::File(error));
                self.stuck.push(Stuck { path: path.to_owned(), reason });
            }
        }
    }

    /// Takes our part out of the settings even where it was not setup that put it there.
    pub(super) fn forget_settings(&mut self, machine: &Machine, record: &Record) {
        let path = &machine.paths.config_file;
        self.read(path, record);
        let Some(state) = self.states.iter_mut().find(|state| state.now.path() == path) else {
            return;
        };
        let key: Result<KeyPath, _> = "harnesses.codex".parse();
        if let (Some(before), Ok(key)) = (&state.before, key)
            && let Ok(without) = edit::delete(before, &key)
        {
            let is_nothing = facts::parse_yaml(&without)
                .is_ok_and(|root| root.as_mapping().is_none_or(|mapping| mapping.is_empty()));
            state.before = (!is_nothing).then_some(without);
        }
    }
}

/// Takes out of Codex's configuration what Codex noted when the user trusted our hooks.
fn without_trust(mut state: FileState, paths: &Paths, made_by_us: bool) -> FileState {
    let hooks_json = fs::read_to_string(hooks_part::file(paths)).unwrap_or_default();
    let in_json = hooks_json::inspect(&hooks_json).unwrap_or_default();
    let Ok(now) = codex_toml::inspect(state.now.text()) else { return state };
    for key in our_hook_states(&paths.codex_home, &now, &in_json) {
        let path = ["hooks", "state", &key];
        // Where the way it is written stands in the way, it does no harm.
        if let Some(Ok(without)) = state.before.as_ref().map(|text| codex_toml::remove(text, &path))
        {
            state.before = Some(without);
        }
    }
    state.before = state.before.filter(|text| !made_by_us || !text.trim().is_empty());
    state
}

/// What stands in the way, without the file, which is named beside it.
fn reason(error: &FactsError) -> String {
    match error {
        FactsError::CodexConfig { source, .. } => chain(source),
        FactsError::File(FileError::Undo { source, .. }) => chain(source),
        other => chain(other),
    }
}

/// What the programs keep, of ours alone: other harnesses have theirs beside it.
pub(super) fn data(machine: &Machine) -> Vec<PathBuf> {
    let paths = &machine.paths;
    let mut data = vec![paths.state_dir.clone()];
    let ours = [
        (&paths.harness_home, "traces.db"),
        (&paths.harness_home, "traces.search.db"),
        (&paths.harness_home, "prices.json"),
        (&paths.run_dir, "codex-buffer."),
        (&paths.logs_dir, "codex.log"),
        (&paths.logs_dir, "codex-buffer.log"),
    ];
    for (folder, start) in ours {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
        data.extend(names.map(|entry| entry.path()));
    }
    data.retain(|path| path.exists());
    data.sort();
    data
}
