//! Takes an installation back: what is as we left it becomes what it was, byte for byte; a file
//! that was changed since keeps those changes; what is not ours stays.
//!
//! A file that cannot be dealt with keeps nothing else from being taken back. It stays noted, and
//! `arize-codex` stays with it, for another uninstallation once the file was mended.

mod carry_out;
mod files;
mod stored;

use std::path::{Path, PathBuf};

use buffer_api::process::{self, Status};
use codex_config::Settings;

pub use self::carry_out::Removed;
use self::files::Files;
pub use self::stored::Stored;
use crate::change::Undo;
use crate::diff;
use crate::facts;
use crate::files::FileState;
use crate::leftovers;
use crate::record::{Record, RecordError, RecordFiles};
use machine::programs::{self, PROGRAMS};
use machine::{Daemon, Machine, Owner};

/// What is to be taken back.
#[derive(Debug)]
pub struct Removal {
    /// The files, the last that was changed first.
    pub files: Vec<FileState>,
    /// Files of ours that were changed since, which stay.
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
    /// Files that cannot be dealt with, which stay as they are.
    pub stuck: Vec<Stuck>,
    port: u16,
    daemon: Option<Daemon>,
    record: Record,
    /// Where the programs were copied from.
    origin: Option<PathBuf>,
}

/// A file that stays as it is, though something of ours is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The file.
    pub path: PathBuf,
    /// What stands in the way, with the place in the file if it is there.
    pub reason: String,
}

/// Finds out what an uninstallation takes back; `purge` takes the data, too.
///
/// # Errors
///
/// When the record cannot be read, without which nothing is known.
pub fn plan(machine: &Machine, purge: bool) -> Result<Removal, RecordError> {
    let record = &RecordFiles::under(&machine.paths.harness_home).load()?;
    let port = Settings::load(&machine.paths, &machine.environment).collector.port;
    let mut found = Files::default();
    let is_pythons = found.read_codex(machine, record, port);
    let purge = purge && !is_pythons;
    found.read_marked(machine, record);
    found.read_noted(record);
    if purge {
        found.forget_settings(machine, record);
    }
    let Files { states: mut files, stuck } = found;
    let kept = record.entries.iter().filter(|entry| entry.undo == Undo::Leave).filter(|entry| {
        let state = files.iter().find(|state| state.now.path() == entry.path);
        state.is_some_and(|state| state.before.is_some() && entry.before.is_none())
    });
    let kept = kept.map(|entry| entry.path.clone()).collect();
    files.retain(|state| state.now.exists() && state.before.as_deref() != Some(state.now.text()));
    let bin = &machine.paths.bin_dir;
    let mut programs: Vec<PathBuf> =
        PROGRAMS.iter().map(|program| bin.join(programs::file_name(program))).collect();
    programs.retain(|program| program.exists() && !is_pythons);
    let service = process::status(&facts::service(machine, port));
    Ok(Removal {
        files,
        kept,
        shim: machine.shim().filter(|_| !is_pythons),
        programs,
        leftovers: leftovers::find(machine, record),
        data: if purge { files::data(machine) } else { Vec::new() },
        service: matches!(service, Status::Running(_) | Status::Unresponsive { .. }),
        stuck,
        port,
        daemon: Daemon::find(&machine.paths),
        record: record.clone(),
        origin: programs::origin(machine).or_else(|| record.origin.clone()),
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
            && self.stuck.is_empty()
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
        for Stuck { path, reason } in &self.stuck {
            steps.push(format!("leave what arize-codex added to {}: {reason}", path.display()));
        }
        if self.service {
            steps.push("stop the buffer service".to_owned());
        }
        let removed =
            self.shim.iter().chain(&self.programs).chain(&self.leftovers).chain(&self.data);
        steps.extend(removed.map(|path| format!("remove {}", path.display())));
        steps
    }

    /// Says what a person does afterwards, a sentence each.
    pub fn next_steps(&self) -> Vec<String> {
        let mut next = Vec::new();
        if self.record.shim {
            let shell = "Open a new shell: this one may still expect `codex` where it was.";
            next.push(shell.to_owned());
        }
        next.extend(self.origin.as_deref().and_then(remove_originals));
        if self.daemon.is_some() {
            next.push(
                "Codex's background process goes on to send its events to the buffer service, \
                 which has ended, until you restart it: `codex app-server daemon restart`. Turns \
                 that it runs end."
                    .to_owned(),
            );
        }
        next
    }
}

/// The programs that setup copied are their package manager's to remove.
fn remove_originals(origin: &Path) -> Option<String> {
    let program = origin.join(programs::file_name(PROGRAMS[0]));
    // A link, perhaps, that leads to a folder of the package manager.
    let folder = dunce::canonicalize(program).ok()?.parent()?.to_owned();
    let owner = Owner::of(&folder);
    match owner {
        Owner::Manager { name, removal, .. } => {
            Some(format!("The programs that {name} installed stay: `{removal}` removes them."))
        }
        Owner::Cache(_) => None,
        Owner::None => Some(format!("The programs in {} stay.", folder.display())),
    }
}
