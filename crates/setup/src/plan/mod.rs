//! What an installation would change, computed without changing anything.

mod codex;
mod service;
mod settings;
mod show;

pub(crate) use codex::changes_otel;

use std::path::{Path, PathBuf};

use buffer_api::Token;
use codex_config::env_file;
use codex_config::file_edit::{self, digest};

use crate::answers::Answers;
use crate::autostart::Launcher;
use crate::change::{Change, Part, Recognised, Undo};
use crate::facts::Facts;
use crate::files::{EditError, FileError, FileState};
use crate::parts::{codex_config as codex_part, profile};
use crate::python_system::PythonService;
use crate::record::Record;
use crate::skill;
use machine::programs::{self, ProgramCopy, ProgramError};
use machine::{Daemon, Machine};

/// What is to be done, in this order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The programs that are not in place.
    pub programs: Vec<ProgramCopy>,
    /// Whether `codex` goes before the real one.
    pub shim: bool,
    /// Whether our `bin` goes first on the user's `PATH` in Windows' registry.
    pub windows_path: bool,
    /// The files.
    pub changes: Vec<Change>,
    /// What becomes of prompts in Codex's log events, where they come to us.
    pub prompts: Option<String>,
    /// The command of a `notify` that is not started any more.
    pub left_out_notify: Option<String>,
    /// A service of the Python system that is in the way.
    pub end_python_service: Option<PythonService>,
    /// What becomes of the buffer service.
    pub service: ServiceStep,
    /// Codex's background process, if it is to be restarted.
    pub restart_daemon: Option<Daemon>,
    /// The port of the buffer service.
    pub port: u16,
    /// The token of the buffer service, where there is none and Codex's configuration is to have what
    /// comes of it.
    pub token: Option<Token>,
}

/// What becomes of the buffer service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ServiceStep {
    /// It is as it should be.
    #[default]
    Leave,
    /// It is started.
    Start,
    /// It is ended and started: the program, the address or who starts it is another one.
    Restart,
    /// It is handed over to what starts it at each login.
    HandOver(Launcher),
}

/// Says why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A program is missing.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file cannot be dealt with.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file may not be written to.
    #[error("`{}` is read-only", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Whether it is a profile, which setup can do without.
        is_profile: bool,
    },
    /// A file cannot be edited.
    #[error("`{}` cannot be edited", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        #[source]
        source: EditError,
    },
    /// Another program has the port.
    #[error("port {port} is taken by {owner}")]
    PortTaken {
        /// The port.
        port: u16,
        /// Who listens there.
        owner: String,
    },
    /// The settings name several targets in a way of the user's own.
    #[error("`harnesses.codex.targets` is written by hand, and setup does not change it")]
    OwnTargets,
    /// Something that is wanted cannot be had.
    #[error("{what}")]
    Unavailable {
        /// What is missing, or in the way.
        what: String,
        /// A flag or a command that helps.
        hint: &'static str,
    },
}

impl PlanError {
    /// Says of an edit that it is one of this file.
    pub(crate) fn edit<E: Into<EditError>>(path: &Path) -> impl Fn(E) -> Self {
        |source| Self::Edit { path: path.to_owned(), source: source.into() }
    }

    /// A flag or a command that helps.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Program(ProgramError::Missing { .. }) => {
                "all programs must be in one folder; the README says how to build them"
            }
            Self::PortTaken { .. } => "--port with another one",
            Self::OwnTargets => "change the targets in config.yaml, and leave --target out",
            Self::Unavailable { hint, .. } => hint,
            Self::Edit { .. } => "correct the file in an editor",
            Self::File(FileError::Snapshot(file_edit::FileError::Read { source, .. }))
                if source.kind() == std::io::ErrorKind::InvalidData =>
            {
                "save the file as UTF-8, or leave profiles alone with --no-path"
            }
            Self::ReadOnly { is_profile: true, .. } => {
                "make the file writable, or leave profiles alone with --no-path"
            }
            Self::ReadOnly { is_profile: false, .. } => "make the file writable",
            Self::File(FileError::Record(error)) => return error.hint(),
            Self::Program(_) | Self::File(_) => return None,
        })
    }
}

/// Plans what these answers need on this machine.
pub fn plan(machine: &Machine, facts: &Facts, answers: &Answers) -> Result<Plan, PlanError> {
    let bin = &machine.paths.bin_dir;
    if programs::is_noexec(bin) {
        let what =
            format!("`{}` is on a file system that runs no programs (`noexec`)", bin.display());
        let hint =
            "set ARIZE_HARNESS_HOME, in your shell's profile, too, to a folder on another one";
        return Err(PlanError::Unavailable { what, hint });
    }
    let mut programs = programs::compare(machine)?;
    programs.retain(|copy| copy.differs || !facts.record.programs.contains(&copy.to));
    let mut changes = Vec::new();
    changes.extend(settings::change(facts, answers)?);
    changes.extend(env_file_change(facts));
    if answers.skills {
        changes.extend(skill::change_of(machine, &facts.record)?);
    }
    changes.extend(codex::changes(machine, facts, answers)?);
    if answers.path {
        changes.extend(profile::changes(machine, &facts.record)?);
    }
    if answers.path && machine.has_foreign_codex() {
        let codex = machine.paths.bin_dir.join(codex_home::shim::NAME);
        let what = format!("`{}` is another program, not the one of arize-codex", codex.display());
        return Err(PlanError::Unavailable { what, hint: "--no-path leaves it alone" });
    }
    let launcher = service::wanted_launcher(facts, answers)?;
    if let Some(launcher) = &launcher {
        changes.extend(service::launcher_change(machine, facts, launcher)?);
    }
    changes.iter().try_for_each(writable)?;
    let sends_to_us = codex_part::sends_to_us(&facts.found, answers.existing_otel);
    let token = !facts.has_token && sends_to_us;
    let edits_codex = changes.iter().any(|change| change.part == Part::CodexConfig);
    let prompts = (edits_codex && sends_to_us).then(|| codex_part::prompts(facts, answers));
    let (service, end_python_service) =
        service::step(machine, facts, answers, &programs, launcher, &changes)?;
    Ok(Plan {
        shim: answers.path
            && (!facts.record.shim || machine.shim().is_none() || renews_shim(&programs)),
        windows_path: machine.has_registry && answers.path && !facts.record.windows_path,
        prompts,
        left_out_notify: (answers.leave_out_notify && edits_codex)
            .then(|| facts.users_notify.iter().flatten().cloned().collect::<Vec<_>>().join(" ")),
        end_python_service,
        service,
        restart_daemon: facts.daemon.clone().filter(|_| answers.restart_daemon),
        port: answers.port,
        token: token.then(|| facts.token.clone()),
        programs,
        changes,
    })
}

/// Whether the shim, which on Windows is a copy of the proxy, is an old one.
fn renews_shim(programs: &[ProgramCopy]) -> bool {
    cfg!(windows) && programs.iter().any(|copy| copy.differs)
}

/// Finds a file that cannot be changed before others are.
fn writable(change: &Change) -> Result<(), PlanError> {
    let path = change.now.path();
    match path.metadata() {
        Ok(metadata) if metadata.permissions().readonly() && change.after != change.now.text() => {
            Err(PlanError::ReadOnly {
                path: path.to_owned(),
                is_profile: change.part == Part::Profile,
            })
        }
        _ => Ok(()),
    }
}

/// Makes a change of a file unless it is as wanted. `satisfied` says whether an edit of the file as it
/// is would change nothing, which decides about files that were changed since.
pub(crate) fn change(
    part: Part,
    state: &FileState,
    record: &Record,
    after: String,
    undo: Undo,
    satisfied: impl FnOnce(&str) -> bool,
) -> Option<Change> {
    let now = &state.now;
    let is_as_wanted = match record.entry(now.path()) {
        Some(entry) if !entry.after.contains(&digest(now.text())) => {
            now.exists() && satisfied(now.text())
        }
        Some(_) => now.exists() && now.text() == after,
        // What is not noted is ours only if it would be another one without us.
        None => state.before.as_deref() == Some(after.as_str()) && now.text() == after,
    };
    let (now, before) = (now.clone(), state.before.clone());
    (!is_as_wanted).then_some(Change { part, now, before, after, undo })
}

fn env_file_change(facts: &Facts) -> Option<Change> {
    let state = &facts.env_file;
    let after = env_file::install(state.text_before());
    let satisfied = |now: &str| env_file::install(now) == now;
    let undo = Undo::EnvFile(Recognised {});
    change(Part::EnvFile, state, &facts.record, after, undo, satisfied)
}
