//! What becomes of the buffer service.

use std::path::Path;

use buffer_api::process::{self, Running, Status};
use codex_config::variables;

use super::{PlanError, ServiceStep, change};
use crate::answers::Answers;
use crate::autostart::Launcher;
use crate::change::{Change, Part, Undo};
use crate::facts::{self, Facts};
use crate::files::FileState;
use crate::parts::codex_config::sends_to_us;
use crate::python_system::PythonService;
use machine::Machine;
use machine::programs::ProgramCopy;

/// What starts the service at each login, if something is to.
pub(super) fn wanted_launcher(
    facts: &Facts,
    answers: &Answers,
) -> Result<Option<Launcher>, PlanError> {
    // Who had it once keeps it until the uninstallation.
    if !answers.service || !(answers.autostart || facts.record.launcher.is_some()) {
        return Ok(None);
    }
    let launcher = facts.launcher.clone().or_else(|| facts.record.launcher.clone());
    launcher.map(Some).ok_or_else(|| PlanError::Unavailable {
        what: "neither systemd nor launchd starts programs for this user".to_owned(),
        hint: "leave --autostart out; the hook starts the service when it is needed",
    })
}

/// Plans the launcher's file.
pub(super) fn launcher_change(
    machine: &Machine,
    facts: &Facts,
    launcher: &Launcher,
) -> Result<Option<Change>, PlanError> {
    let state = FileState::read(&launcher.file(machine), &facts.record)?;
    let buffer = facts::service(machine, 0).program;
    let said = [variables::CODEX_HOME, variables::ARIZE_HARNESS_HOME]
        .into_iter()
        .filter_map(|name| Some((name, machine.environment.path(name)?)));
    let text = launcher.text(&buffer, &said.collect::<Vec<_>>());
    let satisfied = |now: &str| now == text;
    Ok(change(Part::Autostart, &state, &facts.record, text.clone(), Undo::Leave, satisfied))
}

/// Whether a service runs from another folder than that of this installation.
fn is_another(executable: &Path, machine: &Machine) -> bool {
    let real = |path: &Path| dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(executable) != real(&facts::service(machine, 0).program)
}

/// Decides what becomes of the service, and whether the Python system's makes way.
pub(super) fn step(
    machine: &Machine,
    facts: &Facts,
    answers: &Answers,
    programs: &[ProgramCopy],
    launcher: Option<Launcher>,
    changes: &[Change],
) -> Result<(ServiceStep, Option<PythonService>), PlanError> {
    if !answers.service {
        return Ok((ServiceStep::Leave, None));
    }
    let status = if answers.port == facts.port {
        facts.service.clone()
    } else {
        process::status(&facts::service(machine, answers.port))
    };
    let is_new = programs.iter().any(|copy| {
        copy.differs && copy.to.file_stem().is_some_and(|name| name == "arize-codex-buffer")
    });
    let launcher_is_new = changes.iter().any(|change| change.part == Part::Autostart);
    let python = facts.python_service.clone().filter(|_| answers.replace_python_service);
    let wants_token = sends_to_us(&facts.found, answers.existing_otel)
        && !(facts.has_token && facts.settings.requires_write_token);
    let is_as_wanted = |running: &Running| {
        !is_new
            && !wants_token
            && !launcher_is_new
            && running.endpoint.port == answers.port
            && !is_another(&running.health.executable, machine)
    };
    let step = match (status, &python, launcher) {
        (Status::Taken { endpoint, owner }, None, _) => {
            let owner = facts.python_service.as_ref().map_or_else(
                || owner.to_string(),
                |python| format!("the Python plugin's buffer service (PID {})", python.pid),
            );
            return Err(PlanError::PortTaken { port: endpoint.port, owner });
        }
        (Status::Running(running), ..) if is_as_wanted(&running) => ServiceStep::Leave,
        (_, _, Some(launcher)) => ServiceStep::HandOver(launcher),
        // One that does not answer may be of a release that could not prove what it is.
        (Status::Running(_) | Status::Unresponsive { .. }, _, None) => ServiceStep::Restart,
        (_, _, None) => ServiceStep::Start,
    };
    Ok((step, python))
}
