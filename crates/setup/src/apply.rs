//! Makes the planned changes, each noted durably before it is made.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use buffer_api::process::{self, Status};
use codex_config::file_edit::digest;
use codex_config::{TracingStart, file_edit};
use codex_home::shim::{self, ShimError};
use private_files::WriteError;
use program_log::chain;

use crate::autostart::Launcher;
use crate::change::Change;
use crate::facts::{self, Facts};
use crate::leftovers;
use crate::lock::{Lock, LockError};
use crate::plan::{Plan, ServiceStep};
use crate::record::{Entry, Record, RecordError, RecordFiles};
use crate::windows_path;
use machine::programs::{self, ProgramError};
use machine::{Daemon, Machine};

/// Says what kept an installation from being finished. What was done so far is noted.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It was not begun, because of another one.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The record cannot be kept, without which nothing is changed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A program cannot be copied.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// `codex` cannot be put before the real one.
    #[error(transparent)]
    Shim(#[from] ShimError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] file_edit::FileError),
    /// A file of ours cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Something that did not work, and what helps. The installation goes on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What did not work.
    pub what: String,
    /// A command, or what to do.
    pub hint: String,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What was done, a line each.
    pub done: Vec<String>,
    /// What was not.
    pub problems: Vec<Problem>,
}

/// Makes the changes.
///
/// # Errors
///
/// At the first file that cannot be written. What was made before it can be taken back.
pub fn apply(machine: &Machine, facts: &Facts, plan: &Plan) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let bin = machine.paths.bin_dir.display();
    let mut work = Work {
        place: RecordFiles::under(&machine.paths.harness_home),
        record: facts.record.clone(),
    };
    // The lock may be the first file there.
    work.note_folders(&machine.paths.harness_home.join("state"));
    let _lock = Lock::take(&work.place, &facts.record)?;
    for leftover in leftovers::find(machine, &facts.record) {
        // It does no harm; an uninstallation tries again.
        let _ = std::fs::remove_file(leftover);
    }
    for copy in &plan.programs {
        if !work.record.programs.contains(&copy.to) {
            work.record.programs.push(copy.to.clone());
        }
    }
    work.record.shim |= plan.shim;
    if !programs::are_copies(machine) {
        work.record.origin = programs::origin(machine);
    }
    if let ServiceStep::HandOver(launcher) = &plan.service {
        work.record.launcher = Some(launcher.clone());
    }
    if !plan.programs.is_empty() || plan.shim {
        work.note_folders(&machine.paths.bin_dir);
        work.save()?;
        work.create_folder(&machine.paths.bin_dir)?;
    }
    let different: Vec<_> = plan.programs.iter().filter(|copy| copy.differs).collect();
    for copy in &different {
        copy.install()?;
    }
    if !different.is_empty() {
        applied.done.push(format!("copied {} to {bin}", programs::names(&different)));
    }
    if plan.shim {
        shim::write(&machine.paths.bin_dir)?;
        applied.done.push(format!("put a `codex` that starts tracing into {bin}"));
    }
    if plan.windows_path {
        work.record.windows_path = true;
        work.save()?;
        let added = commands(&[windows_path::add(&bin.to_string())]);
        applied.note(
            added.map(|()| "put arize-codex first on your PATH"),
            "add the folder to the PATH in the system's settings",
        );
    }
    if let Some(token) = &plan.token {
        let paths = buffer_api::Paths::under(&machine.paths.harness_home);
        let error = |source| WriteError { path: paths.token.clone(), source };
        paths.keep_token(token).map_err(error)?;
    }
    if !facts.is_traced() {
        // What ended before is none of ours, also where tracing was uninstalled for a while.
        TracingStart::of(&machine.paths).note(SystemTime::now())?;
    }
    for change in &plan.changes {
        work.make(change)?;
        if change.changes_otel() {
            let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            work.record.otel_changed_ms =
                since_epoch.ok().and_then(|time| u64::try_from(time.as_millis()).ok());
        }
        applied.done.push(change.line(change.verb().1));
    }
    applied.done.extend(plan.prompts.clone());
    let left_out = plan.left_out_notify.iter();
    applied.done.extend(left_out.map(|command| {
        format!("left out `{command}`, which records the same turns, until you uninstall")
    }));
    work.save()?;
    processes(machine, facts, plan, &mut applied);
    Ok(applied)
}

struct Work {
    place: RecordFiles,
    record: Record,
}

impl Work {
    fn make(&mut self, change: &Change) -> Result<(), ApplyError> {
        let path = change.now.path();
        let before =
            change.before.as_ref().map(|text| self.place.back_up(path, text)).transpose()?;
        let (now, after) = (digest(change.now.text()), digest(&change.after));
        let known = self.record.entry(path).is_some_and(|entry| entry.after.contains(&now));
        // Until it is written, the file may hold what the last installation wrote.
        let expected = if known { vec![now, after.clone()] } else { vec![after.clone()] };
        let entry = Entry {
            path: path.to_owned(),
            part: change.part,
            before,
            after: expected,
            undo: change.undo.clone(),
        };
        self.record.note(entry.clone());
        let real = change.now.real_path();
        self.note_folders(real.parent().unwrap_or(path));
        self.save()?;
        if change.after != change.now.text() || !change.now.exists() {
            match change.part.is_private() {
                true => change.now.replace_private(&change.after)?,
                false => change.now.replace(&change.after)?,
            }
        }
        self.record.note(Entry { after: vec![after], ..entry });
        Ok(())
    }

    /// Notes the folders that making this one makes, too.
    fn note_folders(&mut self, folder: &Path) {
        let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            if !self.record.created_folders.iter().any(|known| known == folder) {
                self.record.created_folders.push(folder.to_owned());
            }
        }
    }

    fn create_folder(&self, folder: &Path) -> Result<(), ApplyError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(folder)
            .map_err(|source| WriteError { path: folder.to_owned(), source }.into())
    }

    fn save(&self) -> Result<(), RecordError> {
        self.place.save(&self.record)
    }
}

/// Starts and restarts what the plan says. Files are more important: whatever fails here, the user
/// can do later.
fn processes(machine: &Machine, facts: &Facts, plan: &Plan, applied: &mut Applied) {
    let service = facts::service(machine, plan.port);
    if let Some(python) = &plan.end_python_service {
        let ended = process::end(python.pid).map_err(|error| chain(&error));
        applied.note(
            ended.map(|_| "ended the Python plugin's buffer service"),
            "end the process and run `arize-codex setup` again",
        );
    }
    let start = || process::start(&service).map(drop).map_err(|error| chain(&error));
    let started = match &plan.service {
        ServiceStep::Leave => None,
        ServiceStep::Start => Some(start()),
        ServiceStep::Restart => Some(stop(&service).and_then(|()| start())),
        ServiceStep::HandOver(launcher) => {
            Some(stop(&service).and_then(|()| hand_over(machine, launcher, &service)))
        }
    };
    if let Some(started) = started {
        applied.note(
            started.map(|()| match &plan.service {
                ServiceStep::Restart => "restarted the buffer service",
                _ => "started the buffer service",
            }),
            "`arize-codex-buffer start` says more",
        );
    }
    if plan.restart_daemon.is_some() {
        let restarted = Daemon::restart(facts.codex.as_deref(), &machine.paths);
        applied.note(
            restarted
                .map(|()| "restarted Codex's background process")
                .map_err(|error| chain(&error)),
            "close Codex and run `codex app-server daemon restart`",
        );
    }
}

impl Applied {
    fn note(&mut self, result: Result<&str, String>, hint: &str) {
        match result {
            Ok(done) => self.done.push(done.to_owned()),
            Err(what) => self.problems.push(Problem { what, hint: hint.to_owned() }),
        }
    }
}

fn stop(service: &process::Service) -> Result<(), String> {
    process::stop(service).map(drop).map_err(|error| chain(&error))
}

/// Has the launcher start the service, and waits until it answers.
fn hand_over(
    machine: &Machine,
    launcher: &Launcher,
    service: &process::Service,
) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    // It may have been there with another text.
    if let Launcher::Launchd { .. } = launcher {
        let _ = commands(&launcher.disable());
    }
    commands(&launcher.enable(&launcher.file(machine)))?;
    let deadline = Instant::now() + PATIENCE;
    while !matches!(process::status(service), Status::Running(_)) {
        if Instant::now() >= deadline {
            return Err(format!("{} has not started it within {PATIENCE:?}", launcher.name()));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Runs commands one after the other until one fails; they print nothing.
pub(crate) fn commands(commands: &[Vec<String>]) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(60);
    for words in commands {
        let Some((program, arguments)) = words.split_first() else { continue };
        let line = words.join(" ");
        let output = processes::answer(
            processes::without_keys(Command::new(program).args(arguments)),
            PATIENCE,
        )
        .map_err(|error| format!("`{line}`: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{line}` ended with {}: {}", output.status, said.trim()));
        }
    }
    Ok(())
}
