//! Takes an installation back: what is as we left it becomes what it was, byte for byte; what somebody
//! changed since keeps those changes; what is not ours stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buffer_api::log::chain;
use buffer_api::process::{self, Status};
use codex_config::profile::{self, Platform};
use codex_config::{KeyPath, edit, file_edit};
use exec_proxy::shim::{self, ShimError};

use crate::apply::{Problem, commands};
use crate::change::{Part, Undo};
use crate::diff;
use crate::facts::{self, Facts};
use crate::files::{FileError, FileState};
use crate::host::Host;
use crate::leftovers;
use crate::lock::{Lock, LockError};
use crate::programs::{self, PROGRAMS};
use crate::record::{Place, Record, RecordError};
use crate::windows_path;

/// What is to be taken back.
#[derive(Debug)]
pub struct Removal {
    /// The files, the last that was changed first.
    pub files: Vec<FileState>,
    /// Files of ours that somebody changed, which stay.
    pub kept: Vec<PathBuf>,
    /// The `codex` before the real one.
    pub shim: Option<PathBuf>,
    /// The programs.
    pub programs: Vec<PathBuf>,
    /// What an interrupted setup left behind.
    pub leftovers: Vec<PathBuf>,
    /// Files and folders with data.
    pub data: Vec<PathBuf>,
    /// Whether the buffer service is ended.
    pub service: bool,
    record: Record,
}

/// What was taken back.
#[derive(Debug, Default)]
pub struct Removed {
    /// What was done, a line each.
    pub done: Vec<String>,
    /// What was not.
    pub problems: Vec<Problem>,
}

/// Finds out what an uninstallation takes back; `purge` takes the data, too.
pub fn plan(host: &Host, facts: &Facts, purge: bool) -> Result<Removal, FileError> {
    let record = &facts.record;
    // Then there is nothing of ours, and what looks like it is the Python system's.
    let is_pythons = record.is_empty() && facts.has_python_notify();
    let purge = purge && !is_pythons;
    let mut files = Vec::new();
    if !is_pythons {
        files.push(facts.codex_config.clone());
    }
    files.extend(profiles(host, record)?);
    for entry in record.entries.iter().rev() {
        if !files.iter().any(|state| state.now.path() == entry.path) {
            files.push(FileState::look(&entry.path, record)?);
        }
    }
    if purge {
        forget_settings(host, record, &mut files)?;
    }
    let kept = record.entries.iter().filter(|entry| entry.undo == Undo::Leave).filter(|entry| {
        let state = files.iter().find(|state| state.now.path() == entry.path);
        state.is_some_and(|state| state.before.is_some() && entry.before.is_none())
    });
    let kept = kept.map(|entry| entry.path.clone()).collect();
    files.retain(|state| state.now.exists() && state.before.as_deref() != Some(state.now.text()));
    let bin = &host.paths.bin_dir;
    let mut programs: Vec<PathBuf> =
        PROGRAMS.iter().map(|program| bin.join(programs::file_name(program))).collect();
    programs.retain(|program| program.exists() && !is_pythons);
    Ok(Removal {
        files,
        kept,
        shim: (host.has_shim() && !is_pythons).then(|| bin.join(shim::NAME)),
        programs,
        leftovers: leftovers::find(host, record),
        data: if purge { data(host) } else { Vec::new() },
        service: matches!(facts.service, Status::Running(_) | Status::Unresponsive { .. }),
        record: record.clone(),
    })
}

impl Removal {
    /// Whether there is nothing of ours.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.shim.is_none()
            && self.programs.is_empty()
            && self.leftovers.is_empty()
            && self.data.is_empty()
            && !self.service
            && self.record.is_empty()
    }

    /// Shows what becomes of the files as a unified diff, without credentials.
    pub fn diff(&self) -> String {
        let shown = self.files.iter().map(|state| {
            let path = state.now.path().display().to_string();
            diff::texts(&path, Some(state.now.text()), state.before.as_deref())
        });
        shown.collect()
    }

    /// Says what is to be done, a line each.
    pub fn steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for state in &self.files {
            let verb = if state.before.is_some() { "restore" } else { "remove" };
            steps.push(format!("{verb} {}", state.now.path().display()));
        }
        if self.service {
            steps.push("stop the buffer service".to_owned());
        }
        let removed =
            self.shim.iter().chain(&self.programs).chain(&self.leftovers).chain(&self.data);
        steps.extend(removed.map(|path| format!("remove {}", path.display())));
        steps
    }

    /// Takes everything back that can be; what cannot be stays noted for another time.
    ///
    /// # Errors
    ///
    /// When another setup or uninstallation is at work; then nothing is changed.
    pub fn carry_out(mut self, host: &Host, facts: &Facts) -> Result<Removed, LockError> {
        let mut removed = Removed::default();
        if self.is_empty() {
            return Ok(removed);
        }
        let place = Place::under(&host.paths.harness_home);
        let lock = Lock::take(&place, &facts.record)?;
        if let Some(launcher) = &self.record.launcher {
            // While its file is there. It may have been disabled by hand.
            let _ = commands(&launcher.disable());
        }
        let mut failed = Vec::new();
        // First those through which Codex and the shells reach what goes next.
        for state in &self.files {
            let path = state.now.path();
            match take_back(state) {
                Ok(()) => {
                    let verb = if state.before.is_some() { "restored" } else { "removed" };
                    removed.done.push(format!("{verb} {}", path.display()));
                }
                Err(error) => {
                    let hint = match &error {
                        file_edit::FileError::Changed { .. } => "run this again",
                        _ => "make it writable and run this again",
                    };
                    removed.failed(chain(&error), hint);
                    failed.push(path);
                }
            }
        }
        self.record.entries.retain(|entry| failed.contains(&entry.path.as_path()));
        if self.record.windows_path {
            let bin = host.paths.bin_dir.display().to_string();
            match commands(&[windows_path::remove(&bin)]) {
                Ok(()) => removed.done.push(format!("took {bin} off the user's PATH")),
                Err(error) => removed.failed(error, "take it off in the system's settings"),
            }
            self.record.windows_path = false;
        }
        end_service(host, facts, &mut self.record, &mut removed);
        if self.shim.is_some() {
            remove_shim(host, &mut removed);
        }
        self.record.shim = false;
        for path in self.programs.iter().chain(&self.leftovers).chain(&self.data) {
            removed.remove(path);
        }
        self.record.programs.retain(|program| program.exists());
        // Windows keeps a program that runs.
        for kept in &self.kept {
            removed.done.push(format!("kept {}, which was changed", kept.display()));
        }
        let finished = self.finish(&place, lock, host);
        if let Err(error) = finished {
            removed.failed(chain(&error), "remove the file by hand");
        }
        Ok(removed)
    }

    fn finish(mut self, place: &Place, lock: Lock, host: &Host) -> Result<(), RecordError> {
        let is_done = self.record.entries.is_empty() && self.record.launcher.is_none();
        let folders = std::mem::take(&mut self.record.created_folders);
        if is_done {
            place.forget()?;
        } else {
            self.record.created_folders.clone_from(&folders);
            place.save(&self.record)?;
        }
        drop(lock);
        // The inner ones first, and only those in which nothing is left.
        for folder in folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        let harness_home = &host.paths.harness_home;
        for folder in ["bin", "run", "logs", "state"] {
            let _ = fs::remove_dir(harness_home.join(folder));
        }
        let _ = fs::remove_dir(harness_home);
        if harness_home.ends_with(".arize/harness") {
            let _ = harness_home.parent().map(fs::remove_dir);
        }
        Ok(())
    }
}

impl Removed {
    fn failed(&mut self, what: String, hint: &str) {
        self.problems.push(Problem { what, hint: hint.to_owned() });
    }

    fn remove(&mut self, path: &Path) {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Ok(()) => self.done.push(format!("removed {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.failed(format!("`{}`: {error}", path.display()), "remove it by hand");
            }
        }
    }
}

fn take_back(state: &FileState) -> Result<(), file_edit::FileError> {
    match &state.before {
        Some(before) => state.now.replace(before),
        None => state.now.remove(),
    }
}

/// The profiles in which a block of ours is, noted or not.
fn profiles(host: &Host, record: &Record) -> Result<Vec<FileState>, FileError> {
    let profiles =
        profile::profiles(&host.paths.home, &host.environment, Platform::CURRENT, Path::exists);
    let mut found = Vec::new();
    for profile in profiles {
        let is_noted = record.entry(&profile.path).is_some();
        let mut state = match FileState::look(&profile.path, record) {
            // Setup writes to no file that it cannot read, such as one that is not UTF-8.
            Err(FileError::Snapshot(_)) if !is_noted => continue,
            state => state?,
        };
        if let (Some(text), false) = (&state.before, is_noted) {
            // One in which the comments do not pair up stays as it is.
            state.before = Some(profile::remove(text).unwrap_or_else(|_| text.clone()));
        }
        found.push(state);
    }
    Ok(found)
}

/// Takes our part out of the settings even where it was not setup that put it there.
fn forget_settings(
    host: &Host,
    record: &Record,
    files: &mut Vec<FileState>,
) -> Result<(), FileError> {
    let path = &host.paths.config_file;
    if !files.iter().any(|state| state.now.path() == path) {
        files.push(FileState::look(path, record)?);
    }
    let Some(state) = files.iter_mut().find(|state| state.now.path() == path) else {
        return Ok(());
    };
    let key: Result<KeyPath, _> = "harnesses.codex".parse();
    if let (Some(before), Ok(key)) = (&state.before, key)
        && let Ok(without) = edit::delete(before, &key)
    {
        let is_nothing = facts::parse_yaml(&without)
            .is_ok_and(|root| root.as_mapping().is_none_or(|mapping| mapping.is_empty()));
        state.before = (!is_nothing).then_some(without);
    }
    Ok(())
}

/// What the programs keep, of ours alone: other harnesses have theirs beside it.
fn data(host: &Host) -> Vec<PathBuf> {
    let paths = &host.paths;
    let mut data = vec![paths.state_dir.clone()];
    let ours = [
        (&paths.harness_home, "traces.db"),
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

fn end_service(host: &Host, facts: &Facts, record: &mut Record, removed: &mut Removed) {
    if let Some(launcher) = &record.launcher {
        let has_unit = record.entries.iter().any(|entry| entry.part == Part::Autostart);
        match commands(&launcher.forget()) {
            Ok(()) if !has_unit => record.launcher = None,
            Ok(()) => {}
            Err(error) => removed.failed(error, "run this again"),
        }
    }
    let port = facts.settings.port.unwrap_or(buffer_api::DEFAULT_PORT);
    match process::stop(&facts::service(host, port)) {
        Ok(process::Stopped::Ended(pid)) => {
            removed.done.push(format!("stopped the buffer service (PID {pid})"));
        }
        // Another program's service is none of ours.
        Ok(process::Stopped::NotRunning) | Err(process::StopError::Foreign { .. }) => {}
        Err(error) => removed.failed(chain(&error), "end the process and run this again"),
    }
}

fn remove_shim(host: &Host, removed: &mut Removed) {
    match shim::remove(&host.paths.bin_dir) {
        Ok(shim::Change::Removed) => {
            let shim = host.paths.bin_dir.join(shim::NAME);
            removed.done.push(format!("removed {}", shim.display()));
        }
        // Somebody put another `codex` there.
        Ok(_) | Err(ShimError::Foreign { .. }) => {}
        Err(error) => removed.failed(chain(&error), "remove it by hand"),
    }
}
