//! Takes back what was planned.

use std::fs;
use std::io;
use std::path::Path;

use buffer_api::process;
use codex_config::{TracingStart, file_edit};
use codex_home::shim::{self, ShimError};
use processes::running;
use program_log::chain;

use super::{Removal, Stuck};
use crate::apply::{Problem, commands};
use crate::change::Part;
use crate::facts;
use crate::files::FileState;
use crate::lock::{Lock, LockError};
use crate::record::{Record, RecordError, RecordFiles};
use crate::windows_path;
use machine::Machine;
use machine::programs;

/// What was taken back.
#[derive(Debug, Default)]
pub struct Removed {
    /// What was done, a line each.
    pub done: Vec<String>,
    /// What was not.
    pub problems: Vec<Problem>,
}

impl Removal {
    /// Takes everything back that can be; what cannot be stays noted for another time.
    ///
    /// # Errors
    ///
    /// When another setup or uninstallation is at work; then nothing is changed.
    pub fn carry_out(mut self, machine: &Machine) -> Result<Removed, LockError> {
        let mut removed = Removed::default();
        if self.is_empty() {
            return Ok(removed);
        }
        let place = RecordFiles::under(&machine.paths.harness_home);
        let lock = Lock::take(&place, &self.record)?;
        if let Some(launcher) = &self.record.launcher {
            // While its file is there. It may have been disabled by hand.
            let _ = commands(&launcher.disable());
        }
        self.take_files_back(machine, &mut removed);
        if self.record.windows_path {
            let bin = machine.paths.bin_dir.display().to_string();
            match commands(&[windows_path::remove(&bin)]) {
                Ok(()) => removed.done.push(format!("took {bin} off your PATH")),
                Err(error) => {
                    removed.failed(error, "take the folder off the PATH in the system's settings")
                }
            }
            self.record.windows_path = false;
        }
        end_service(machine, self.port, &mut self.record, &mut removed);
        if self.shim.is_some() {
            remove_shim(machine, &mut removed);
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
        let finished = self.finish(machine, &place, lock);
        if let Err(error) = finished {
            removed.failed(chain(&error), "remove the file by hand");
        }
        Ok(removed)
    }

    /// First those through which Codex and the shells reach what goes next.
    fn take_files_back(&mut self, machine: &Machine, removed: &mut Removed) {
        let mut left = Vec::new();
        for state in &self.files {
            let path = state.now.path();
            match take_back(state) {
                Ok(()) => {
                    let verb = if state.before.is_some() { "restored" } else { "removed" };
                    removed.done.push(format!("{verb} {}", path.display()));
                }
                Err(error) => {
                    let hint = match &error {
                        file_edit::FileError::Changed { .. } => "",
                        _ => "make it writable and ",
                    };
                    left.push((path, chain(&error), hint));
                }
            }
        }
        for Stuck { path, reason } in &self.stuck {
            left.push((
                path,
                format!("what arize-codex added stays in `{}`: {reason}", path.display()),
                "mend it and ",
            ));
        }
        let is_left = |path: &Path| left.iter().any(|(other, ..)| *other == path);
        self.record.entries.retain(|entry| is_left(&entry.path));
        // Who is to run it again needs it.
        let again = machine.paths.bin_dir.join(programs::file_name("arize-codex"));
        let is_ours = self.programs.contains(&again);
        let command = if is_ours { again.display().to_string() } else { "arize-codex".to_owned() };
        for (_, what, hint) in &left {
            removed.failed(what.clone(), &format!("{hint}run `{command} uninstall` again"));
        }
        if !left.is_empty() {
            self.programs.retain(|program| *program != again);
        }
    }

    fn finish(
        mut self,
        machine: &Machine,
        place: &RecordFiles,
        lock: Lock,
    ) -> Result<(), RecordError> {
        let is_done = self.record.entries.is_empty() && self.record.launcher.is_none();
        let folders = std::mem::take(&mut self.record.created_folders);
        if is_done {
            place.forget()?;
        } else {
            self.record.created_folders.clone_from(&folders);
            place.save(&self.record)?;
        }
        if is_done {
            // It is not used any more.
            let _ = fs::remove_file(facts::service(machine, self.port).paths.token);
            TracingStart::of(&machine.paths).forget();
        }
        drop(lock);
        // The inner ones first, and only those in which nothing is left.
        for folder in folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        place.remove_empty_folders();
        Ok(())
    }
}

impl Removed {
    fn failed(&mut self, what: String, hint: &str) {
        self.problems.push(Problem { what, hint: hint.to_owned() });
    }

    fn remove(&mut self, path: &Path) {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { running::remove(path) };
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

fn end_service(machine: &Machine, port: u16, record: &mut Record, removed: &mut Removed) {
    if let Some(launcher) = &record.launcher {
        let has_unit = record.entries.iter().any(|entry| entry.part == Part::Autostart);
        match commands(&launcher.forget()) {
            Ok(()) if !has_unit => record.launcher = None,
            Ok(()) => {}
            Err(error) => removed.failed(error, "run this again"),
        }
    }
    match process::stop(&facts::service(machine, port)) {
        Ok(process::Stopped::Ended(pid)) => {
            removed.done.push(format!("stopped the buffer service (PID {pid})"));
        }
        // Another program's service is none of ours.
        Ok(process::Stopped::NotRunning) | Err(process::StopError::Foreign { .. }) => {}
        Err(error) => removed.failed(chain(&error), "end the process and run this again"),
    }
}

fn remove_shim(machine: &Machine, removed: &mut Removed) {
    match shim::remove(&machine.paths.bin_dir) {
        Ok(shim::Change::Removed) => {
            let shim = machine.paths.bin_dir.join(shim::NAME);
            removed.done.push(format!("removed {}", shim.display()));
        }
        // Another `codex` was put there.
        Ok(_) | Err(ShimError::Foreign { .. }) => {}
        Err(error) => removed.failed(chain(&error), "remove it by hand"),
    }
}
