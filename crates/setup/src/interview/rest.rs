//! Everything else: what most people leave as it is proposed.

use std::net::TcpListener;
use std::path::PathBuf;

use buffer_api::process::Status;

use super::{InterviewError, not_empty};
use crate::answers::{Request, Scope, Targets};
use crate::ask::{Ask, AskError, TakeProposed};
use crate::change::Part;
use crate::facts::Facts;
use machine::Machine;

/// The answers to these questions.
pub(super) struct Rest {
    pub(super) project: Option<String>,
    pub(super) user_id: String,
    pub(super) folders: Option<Vec<PathBuf>>,
    /// Nothing where there is no target but the local store, or the targets stay as they are.
    pub(super) local_copy: Option<bool>,
    pub(super) port: u16,
    pub(super) path: bool,
    pub(super) autostart: bool,
    pub(super) skills: bool,
    pub(super) hooks: bool,
}

/// What decides about the questions and what they propose.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a Facts,
    pub(super) machine: &'a Machine,
    /// Nothing where the targets stay as they are.
    pub(super) targets: Option<&'a Targets>,
}

impl Asked<'_> {
    /// Takes the defaults, or asks for each where a person wants to see them.
    pub(super) fn rest(
        &self,
        replaces_python: bool,
        ask: &mut dyn Ask,
    ) -> Result<Rest, InterviewError> {
        let mut proposed = TakeProposed::default();
        let defaults = self.questions(replaces_python, &mut proposed)?;
        if proposed.questions == 0 {
            return Ok(defaults);
        }
        ask.list("The rest:", &self.described(&defaults));
        let question = match self.facts.is_configured() {
            true => "Leave the rest as it is?",
            false => "Use these defaults for the rest?",
        };
        match ask.choose(question, &["yes".to_owned(), "customise".to_owned()], 0)? {
            0 => Ok(defaults),
            _ => self.questions(replaces_python, ask),
        }
    }

    fn questions(&self, replaces_python: bool, ask: &mut dyn Ask) -> Result<Rest, InterviewError> {
        let Self { request, facts, .. } = self;
        Ok(Rest {
            project: self.project(ask)?,
            user_id: said(&request.user_id, ask, |ask| {
                let proposed = facts.settings.user_id.as_deref().unwrap_or_default();
                ask.text("User id", proposed, "recorded on every span; may be empty", |_| Ok(()))
            })?,
            folders: self.folders(ask)?,
            local_copy: self.local_copy(ask)?,
            port: self.port(replaces_python, ask)?,
            path: !request.no_path
                && ask.confirm(
                    "Add a `codex` wrapper that starts tracing to the front of your PATH?",
                    true,
                    "it starts the buffer service where it does not run, and then becomes Codex",
                )?,
            autostart: !request.no_service && self.autostart(ask)?,
            skills: request.with_skills
                || ask.confirm(
                    "Install the skill that teaches Codex about arize-codex?",
                    facts.record.entries.iter().any(|entry| entry.part == Part::Skill),
                    "~/.agents/skills/codex-tracing",
                )?,
            hooks: self.hooks(ask)?,
        })
    }

    /// The answers, a line each.
    fn described(&self, rest: &Rest) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(rest.project.as_ref().map(|project| format!("project `{project}`")));
        lines.push(match &rest.folders {
            None => "turns are traced wherever you run Codex".to_owned(),
            Some(folders) => {
                let folders = folders.iter().map(|folder| folder.display().to_string());
                format!("turns are traced in {}", folders.collect::<Vec<_>>().join(", "))
            }
        });
        lines.extend(rest.local_copy.map(|kept| match kept {
            true => "a copy of each turn in the local store, for `arize-codex show`".to_owned(),
            false => "no copy of turns on this machine".to_owned(),
        }));
        if let Some(owner) = self.taken_by().filter(|_| rest.port != self.facts.port) {
            let (port, taken) = (rest.port, self.facts.port);
            lines.push(format!("buffer service at port {port}: {taken} is taken by {owner}"));
        }
        let switches = [
            (rest.path, "`codex` wrapper that starts tracing, first on your PATH"),
            (rest.autostart, "start of the buffer service at login"),
            (rest.hooks, "lifecycle hooks of Codex"),
            (rest.skills, "skill for coding agents"),
        ];
        let of = |wanted: bool| {
            let names = switches.iter().filter(move |(is_on, _)| *is_on == wanted);
            names.map(|(_, name)| *name).collect::<Vec<_>>()
        };
        lines.extend(of(true).iter().map(|name| format!("a {name}")));
        let off = of(false);
        if !off.is_empty() {
            lines.push(format!("no {}", off.join(", no ")));
        }
        lines
    }

    fn project(&self, ask: &mut dyn Ask) -> Result<Option<String>, AskError> {
        let known = &self.facts.settings.project;
        match &self.request.project {
            // Each target of the user's own says its own.
            None if self.targets.is_none() => Ok(known.clone()),
            project => said(project, ask, |ask| {
                let proposed = known.as_deref().unwrap_or("codex");
                ask.text("Project", proposed, "the name under which turns appear", not_empty)
            })
            .map(Some),
        }
    }

    fn local_copy(&self, ask: &mut dyn Ask) -> Result<Option<bool>, AskError> {
        let Some(targets) = self.targets.filter(|targets| targets.has_backend()) else {
            return Ok(None);
        };
        if targets.local_copy || self.request.local_copy.is_some() {
            return Ok(Some(self.request.local_copy.unwrap_or(true)));
        }
        // Who has had none goes on without.
        let proposed = match &self.facts.settings.targets {
            Some(known) => known.local_copy || !known.has_backend(),
            None => true,
        };
        let question = "Keep a copy of each turn in the local store?";
        ask.confirm(question, proposed, "`arize-codex show` prints it").map(Some)
    }

    /// The folders in which turns are traced.
    fn folders(&self, ask: &mut dyn Ask) -> Result<Option<Vec<PathBuf>>, AskError> {
        let (known, folder) = (&self.facts.settings.folders, &self.machine.folder);
        let scope = match self.request.scope {
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
                folders.push(folder.clone());
            }
            folders
        }))
    }

    /// The port of the buffer service.
    fn port(&self, replaces_python: bool, ask: &mut dyn Ask) -> Result<u16, InterviewError> {
        let Facts { port, settings, .. } = self.facts;
        let port = *port;
        let fixed = |what: String| InterviewError::Wrong {
            what,
            hint: "ARIZE_CODEX_BUFFER_PORT says the port, in the environment or in arize-env.sh"
                .to_owned(),
        };
        if settings.port_is_fixed && Some(port) != settings.port {
            return Err(fixed(format!("port {port} would not be the one that the hook asks")));
        }
        let Some(owner) = self.taken_by().filter(|_| !replaces_python) else { return Ok(port) };
        if settings.port_is_fixed {
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
        Ok(typed.parse().unwrap_or(free))
    }

    /// What else listens on the port of the buffer service.
    fn taken_by(&self) -> Option<String> {
        match &self.facts.service {
            Status::Taken { owner, .. } => Some(owner.to_string()),
            _ => None,
        }
    }

    fn autostart(&self, ask: &mut dyn Ask) -> Result<bool, AskError> {
        let Self { request, facts, .. } = self;
        if request.autostart || facts.record.launcher.is_some() {
            return Ok(true);
        }
        let Some(launcher) = &facts.launcher else { return Ok(false) };
        let question = format!("Have {} start the buffer service at each login?", launcher.name());
        ask.confirm(&question, false, "otherwise Codex's first turn after a login starts it")
    }

    /// Codex asks a person whether to trust hooks, so that they are for those who want them, or for a
    /// Codex that has nothing else.
    fn hooks(&self, ask: &mut dyn Ask) -> Result<bool, InterviewError> {
        let Self { request, facts, .. } = self;
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
        let question =
            "Use Codex's lifecycle hooks, so that failed and stopped turns appear at once?";
        Ok(ask.confirm(question, facts.has_lifecycle_hooks(), help)?)
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

/// The next port that no process listens on.
fn free_port(taken: u16) -> Option<u16> {
    let mut candidates = taken.checked_add(1)?..=taken.saturating_add(64);
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}
