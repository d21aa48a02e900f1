//! From what the command line says and what is there to what is to be the case, asking for the rest.
//!
//! What is proposed is what is there. So an interview in which everything is taken as proposed
//! ([`TakeProposed`](crate::ask::TakeProposed)) changes nothing the second time.

mod destination;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use buffer_api::process::Status;
use codex_config::TlsFiles;

use crate::answers::{Answers, Backend, Content, Destination, ExistingOtel, Request, Scope};
use crate::ask::{Ask, AskError};
use crate::facts::Facts;
use crate::mlflow_plugin;
use crate::parts::codex_config::{can_forward, foreign_exporter};
use crate::plan::changes_otel;
use crate::python_system::PythonService;
use machine::Machine;

/// Says why the answers are no use.
#[derive(Debug, thiserror::Error)]
pub enum InterviewError {
    /// There is no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Something is missing or does not go together.
    #[error("{what}")]
    Wrong {
        /// What is wrong.
        what: String,
        /// A flag or a command that helps.
        hint: String,
    },
}

/// Decides every answer: from the request, from what is there, or by asking.
pub fn interview(
    request: &Request,
    facts: &Facts,
    machine: &Machine,
    ask: &mut dyn Ask,
) -> Result<Answers, InterviewError> {
    let Machine { environment, folder, .. } = machine;
    let destination = match &request.target {
        None if facts.settings.has_list_of_targets && !request.names_destination() => None,
        _ => Some(destination::destination(request, facts, environment, ask)?),
    };
    let tls = tls(request, facts, folder)?;
    let known = &facts.settings;
    let project = match &request.project {
        // Each target of a list says its own.
        None if destination.is_none() => known.project.clone(),
        said => Some(self::said(said, ask, |ask| {
            let proposed = known.project.as_deref().unwrap_or("codex");
            ask.text("Project", proposed, "the name under which turns appear", not_empty)
        })?),
    };
    let user_id = said(&request.user_id, ask, |ask| {
        let proposed = known.user_id.as_deref().unwrap_or_default();
        ask.text("User id", proposed, "recorded on every span; may be empty", |_| Ok(()))
    })?;
    let content = content(request, facts, ask)?;
    let folders = folders(request, facts, folder, ask)?;
    let existing_otel = existing_otel(request, facts, ask)?;
    let leave_out_notify = leave_out_notify(facts, destination.as_ref(), ask)?;
    let service = !request.no_service;
    let (port, replace_python_service) = port(facts, ask)?;
    let path = !request.no_path
        && ask.confirm(
            "Add a `codex` that starts tracing to the front of your PATH?",
            true,
            "it starts the buffer service where it does not run, and then becomes Codex",
        )?;
    let autostart = service && autostart(request, facts, ask)?;
    let skills = request.with_skills
        || ask.confirm(
            "Install the skill that teaches Codex about arize-codex?",
            facts.record.entries.iter().any(|entry| entry.part == crate::change::Part::Skill),
            "~/.agents/skills/codex-tracing",
        )?;
    let mut answers = Answers {
        destination,
        tls,
        project,
        user_id: (!user_id.is_empty()).then_some(user_id),
        content,
        folders,
        existing_otel,
        leave_out_notify,
        port,
        path,
        service,
        autostart,
        skills,
        hooks: hooks(request, facts, ask)?,
        replace_python_service,
        restart_daemon: request.restart_daemon,
    };
    answers.restart_daemon |= restart_daemon(facts, machine, &answers, ask)?;
    Ok(answers)
}

/// The files for TLS, which must be there: the hook would find out much later.
fn tls(request: &Request, facts: &Facts, folder: &Path) -> Result<TlsFiles, InterviewError> {
    let file = |said: &Option<PathBuf>, known: &Option<PathBuf>, flag: &str| {
        let Some(said) = said else { return Ok(known.clone()) };
        let path = folder.join(said);
        if path.is_file() {
            return Ok(Some(path));
        }
        let what = format!("there is no file `{}`", path.display());
        Err(InterviewError::Wrong { what, hint: format!("{flag} with a PEM file") })
    };
    let (said, known) = (&request.tls, &facts.settings.tls);
    Ok(TlsFiles {
        ca_file: file(&said.ca_file, &known.ca_file, "--ca-file")?,
        client_certificate: file(
            &said.client_certificate,
            &known.client_certificate,
            "--client-certificate",
        )?,
        client_key: file(&said.client_key, &known.client_key, "--client-key")?,
        ..TlsFiles::default()
    })
}

fn content(
    request: &Request,
    facts: &Facts,
    ask: &mut dyn Ask,
) -> Result<Option<Content>, AskError> {
    if request.content.is_some() {
        return Ok(request.content);
    }
    let known = &facts.settings;
    if known.says_content && known.content.is_none() {
        // A combination that the user chose with care.
        return Ok(None);
    }
    let options: Vec<String> =
        Content::ALL.iter().map(|content| content.about().to_owned()).collect();
    let proposed = facts.proposed_content();
    let proposed = Content::ALL.iter().position(|content| proposed == Some(*content));
    let chosen = ask.choose(content_question(facts), &options, proposed.unwrap_or_default())?;
    Ok(Some(Content::ALL[chosen]))
}

/// The question says which switch of Codex's it is not about.
fn content_question(facts: &Facts) -> &'static str {
    match facts.log_user_prompt() {
        Some(false) => {
            "What should spans record? Codex's `log_user_prompt = false` is about its log events alone; `none` does the same for spans"
        }
        _ => "What should spans record? Codex's own `log_user_prompt` stays as it is",
    }
}

/// What a flag says, or else a person.
fn said(
    flag: &Option<String>,
    ask: &mut dyn Ask,
    question: impl FnOnce(&mut dyn Ask) -> Result<String, AskError>,
) -> Result<String, AskError> {
    match flag {
        Some(said) => Ok(said.clone()),
        None => question(ask),
    }
}

/// The folders in which turns are traced.
fn folders(
    request: &Request,
    facts: &Facts,
    folder: &Path,
    ask: &mut dyn Ask,
) -> Result<Option<Vec<PathBuf>>, AskError> {
    let known = &facts.settings.folders;
    let scope = match request.scope {
        Some(scope) => scope,
        None => {
            let mut options: Vec<String> =
                Scope::ALL.iter().map(|scope| scope.about().to_owned()).collect();
            let places = known.iter().flatten().map(|folder| folder.display().to_string());
            let places: Vec<String> = places.collect();
            if known.is_some() {
                options.push(format!("as now   in {}", places.join(", ")));
            }
            let proposed = if known.is_some() { Scope::ALL.len() } else { 0 };
            match ask.choose("Where should turns be traced?", &options, proposed)? {
                0 => Scope::User,
                1 => Scope::Project,
                _ => return Ok(known.clone()),
            }
        }
    };
    Ok((scope == Scope::Project).then(|| {
        let mut folders = known.clone().unwrap_or_default();
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
        folders
    }))
}

fn existing_otel(
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
fn leave_out_notify(
    facts: &Facts,
    destination: Option<&Destination>,
    ask: &mut dyn Ask,
) -> Result<bool, AskError> {
    let Some(notify) = facts.users_notify.as_deref() else { return Ok(false) };
    let to_mlflow = destination.map_or(facts.settings.sends_to_mlflow, |destination| {
        destination.backend == Backend::Mlflow
    });
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

/// The port of the buffer service, and whether the Python system's is to make way.
fn port(facts: &Facts, ask: &mut dyn Ask) -> Result<(u16, bool), InterviewError> {
    let port = facts.port;
    let fixed = |what: String| InterviewError::Wrong {
        what,
        hint: "ARIZE_CODEX_BUFFER_PORT says the port, in the environment or in arize-env.sh"
            .to_owned(),
    };
    if facts.settings.port_is_fixed && Some(port) != facts.settings.port {
        return Err(fixed(format!("port {port} would not be the one that the hook asks")));
    }
    let Status::Taken { owner, .. } = &facts.service else { return Ok((port, false)) };
    if let Some(PythonService { pid, command }) = &facts.python_service {
        let question = format!("End the Python plugin's buffer service (PID {pid})?");
        let help = format!("`{command}` has port {port}");
        if ask.confirm(&question, true, &help)? {
            return Ok((port, true));
        }
    }
    if facts.settings.port_is_fixed {
        return Err(fixed(format!("port {port} is taken by {owner}")));
    }
    let free = free_port(port).ok_or_else(|| InterviewError::Wrong {
        what: format!("port {port} is taken by {owner}"),
        hint: "--port with another one".to_owned(),
    })?;
    ask.tell(&format!("Port {port} is taken by {owner}."));
    let check = |text: &str| match text.parse::<u16>() {
        Ok(port) if port != 0 => Ok(()),
        _ => Err("a number from 1 to 65535".to_owned()),
    };
    let typed = ask.text("Port of the buffer service", &free.to_string(), "", check)?;
    Ok((typed.parse().unwrap_or(free), false))
}

/// The next port that no process listens on.
fn free_port(taken: u16) -> Option<u16> {
    let mut candidates = taken.checked_add(1)?..=taken.saturating_add(64);
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

fn autostart(request: &Request, facts: &Facts, ask: &mut dyn Ask) -> Result<bool, AskError> {
    if request.autostart || facts.record.launcher.is_some() {
        return Ok(true);
    }
    let Some(launcher) = &facts.launcher else { return Ok(false) };
    let question = format!("Have {} start the buffer service at each login?", launcher.name());
    ask.confirm(&question, false, "otherwise Codex's first turn after a login starts it")
}

/// Codex asks a person whether to trust hooks, so that they are for those who want them, or for a
/// Codex that has nothing else.
fn hooks(request: &Request, facts: &Facts, ask: &mut dyn Ask) -> Result<bool, InterviewError> {
    let triggers = &facts.triggers;
    if triggers.lifecycle.is_empty() {
        return match request.hooks {
            true => Err(InterviewError::Wrong {
                what: "no Codex with lifecycle hooks was found".to_owned(),
                hint: "leave --hooks out; Codex 0.136 and later have them".to_owned(),
            }),
            false => Ok(false),
        };
    }
    if request.hooks || !triggers.notify {
        return Ok(true);
    }
    let help = "Codex asks you to trust them; without them such turns appear seconds later";
    let question = "Use Codex's lifecycle hooks, so that failed and stopped turns appear at once?";
    Ok(ask.confirm(question, facts.has_lifecycle_hooks(), help)?)
}

/// Offers the restart whenever the daemon would go on with other telemetry settings than those that
/// Codex's configuration then has.
fn restart_daemon(
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

fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("this cannot be empty".to_owned()) } else { Ok(()) }
}
