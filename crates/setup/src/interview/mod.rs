//! From what the command line says and what is there to what is to be the case, asking for the rest.
//!
//! Three questions decide: where traces go ([`targets`]), with which credentials ([`destination`]), and
//! what they hold. What a machine has in the way is asked beside them ([`found`]); for everything else
//! one question is whether the defaults will do ([`rest`]).
//!
//! What is proposed is what is there. So an interview in which everything is taken as proposed
//! ([`TakeProposed`](crate::ask::TakeProposed)) changes nothing the second time.

mod destination;
mod found;
mod rest;
mod targets;

use std::path::{Path, PathBuf};

use codex_config::TlsFiles;

use self::rest::Rest;
use crate::answers::{Answers, Content, Request};
use crate::ask::{Ask, AskError};
use crate::facts::Facts;
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
    let mut targets = match facts.settings.has_own_targets && !request.names_destination() {
        true => None,
        false => Some(targets::targets(request, facts, environment, ask)?),
    };
    let tls = tls(request, facts, folder)?;
    let content = content(request, facts, ask)?;
    let existing_otel = found::existing_otel(request, facts, ask)?;
    let leave_out_notify = found::leave_out_notify(facts, targets.as_ref(), ask)?;
    let replace_python_service = found::replace_python_service(facts, ask)?;
    let asked = rest::Asked { request, facts, machine, targets: targets.as_ref() };
    let rest = asked.rest(replace_python_service, ask)?;
    let Rest { project, user_id, folders, local_copy, port, path, autostart, skills, hooks } = rest;
    if let (Some(targets), Some(local_copy)) = (&mut targets, local_copy) {
        targets.local_copy = local_copy;
    }
    let mut answers = Answers {
        targets,
        tls,
        project,
        user_id: (!user_id.is_empty()).then_some(user_id),
        content,
        folders,
        existing_otel,
        leave_out_notify,
        port,
        path,
        service: !request.no_service,
        autostart,
        skills,
        hooks,
        replace_python_service,
        restart_daemon: request.restart_daemon,
    };
    answers.restart_daemon |= found::restart_daemon(facts, machine, &answers, ask)?;
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
    if facts.log_user_prompt() == Some(false) {
        ask.tell(
            "Codex keeps prompts out of its own log events (`log_user_prompt = false`). Traces are \
             decided on here.",
        );
    }
    let question = "What should traces hold?";
    let chosen = ask.choose(question, &options, proposed.unwrap_or_default())?;
    Ok(Some(Content::ALL[chosen]))
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("this cannot be empty".to_owned()) } else { Ok(()) }
}
