//! What is on the machine already and cannot be left as it is without a decision.

use buffer_api::process::Status;

use super::InterviewError;
use crate::answers::{Answers, Backend, ExistingOtel, Request, Targets};
use crate::ask::{Ask, AskError};
use crate::facts::Facts;
use crate::mlflow_plugin;
use crate::parts::codex_config::{can_forward, foreign_exporter};
use crate::plan::changes_otel;
use crate::python_system::PythonService;
use machine::Machine;

/// What becomes of an exporter that Codex already has for its log events.
pub(super) fn existing_otel(
    request: &Request,
    facts: &Facts,
    ask: &mut dyn Ask,
) -> Result<ExistingOtel, InterviewError> {
    let Some(exporter) = foreign_exporter(&facts.found) else {
        return Ok(request.existing_otel.unwrap_or(ExistingOtel::Keep));
    };
    let can_forward = can_forward(exporter);
    if let Some(wanted) = request.existing_otel {
        if wanted == ExistingOtel::Forward && !can_forward {
            return Err(InterviewError::Wrong {
                what: "only `otlp-http` and `otlp-grpc` exporters can be forwarded to, and over https:// or gRPC only one without a user name or a query in its address".to_owned(),
                hint: "--existing-otel keep, or --existing-otel replace".to_owned(),
            });
        }
        return Ok(wanted);
    }
    let place = exporter.endpoint.as_deref().unwrap_or(&exporter.kind);
    let offered: Vec<ExistingOtel> = ExistingOtel::ALL
        .iter()
        .copied()
        .filter(|choice| *choice != ExistingOtel::Forward || can_forward)
        .collect();
    let options: Vec<String> = offered.iter().map(|choice| choice.about().to_owned()).collect();
    let proposed = facts.existing_otel_now();
    let proposed = offered.iter().position(|choice| *choice == proposed).unwrap_or_default();
    let question = format!("Codex sends its log events to {place}. Keep that exporter?");
    Ok(offered[ask.choose(&question, &options, proposed)?])
}

/// Whether the user's own `notify` is one that records the same turns in the same backend. Any other
/// goes on to be started.
pub(super) fn leave_out_notify(
    facts: &Facts,
    targets: Option<&Targets>,
    ask: &mut dyn Ask,
) -> Result<bool, AskError> {
    let Some(notify) = facts.users_notify.as_deref() else { return Ok(false) };
    let to_mlflow =
        targets.map_or(facts.settings.sends_to_mlflow, |targets| targets.has(Backend::Mlflow));
    if to_mlflow && mlflow_plugin::is_notify(notify) {
        let question = "Stop `mlflow-codex`, which records each turn in MLflow, too?";
        let help = "otherwise each turn is there twice; uninstall brings it back";
        return ask.confirm(question, !facts.settings.chains_notify, help);
    }
    if let Some(program) = notify.first() {
        ask.tell(&format!("Your `notify` program, `{program}`, will still run."));
    }
    Ok(false)
}

/// Whether the Python system's buffer service, which has the port, is to make way.
pub(super) fn replace_python_service(facts: &Facts, ask: &mut dyn Ask) -> Result<bool, AskError> {
    let (Status::Taken { .. }, Some(python)) = (&facts.service, &facts.python_service) else {
        return Ok(false);
    };
    let PythonService { pid, command } = python;
    let question = format!("End the Python plugin's buffer service (PID {pid})?");
    ask.confirm(&question, true, &format!("`{command}` has port {}", facts.port))
}

/// Offers the restart whenever the daemon would go on with other telemetry settings than those that
/// Codex's configuration then has.
pub(super) fn restart_daemon(
    facts: &Facts,
    machine: &Machine,
    answers: &Answers,
    ask: &mut dyn Ask,
) -> Result<bool, AskError> {
    let Some(daemon) = facts.daemon.as_ref().filter(|_| !answers.restart_daemon) else {
        return Ok(false);
    };
    if !daemon.has_old_settings && !changes_otel(machine, facts, answers) {
        return Ok(false);
    }
    let question = format!("Restart Codex's background process (PID {})?", daemon.pid);
    ask.confirm(
        &question,
        false,
        "until then it sends its events as before; turns that run would end",
    )
}
