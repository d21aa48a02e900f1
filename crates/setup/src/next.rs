//! What a person does after an installation, and what would keep traces from arriving.

use std::fs;

use buffer_api::process::Status;
use codex_config::{HookTrust, Settings, Target, codex_toml, hooks_json, our_hooks};

use crate::answers::{Answers, ExistingOtel};
use crate::change::Change;
use crate::facts::Facts;
use crate::parts::codex_config::{can_forward, foreign_exporter};
use crate::plan::Plan;
use machine::{Daemon, Machine};

/// Says what to do next, a sentence each.
pub fn next_steps(machine: &Machine, facts: &Facts, answers: &Answers, plan: &Plan) -> Vec<String> {
    let mut next = Vec::new();
    if facts.codex.is_none() {
        next.push("Install Codex: there is no `codex` on the PATH.".to_owned());
    }
    if !facts.settings.enabled {
        next.push(
            "Nothing is traced while ARIZE_TRACE_ENABLED is off, in the environment or in \
             arize-env.sh."
                .to_owned(),
        );
    }
    next.extend(other_port(facts, answers));
    let keeps_settings = |daemon: &&Daemon| {
        let is_behind = daemon.has_old_settings || plan.changes.iter().any(Change::changes_otel);
        is_behind && !answers.restart_daemon
    };
    if let Some(daemon) = facts.daemon.as_ref().filter(keeps_settings) {
        next.push(format!(
            "Codex's background process (PID {}) keeps the old telemetry settings: close Codex and \
             run `codex app-server daemon restart`, which ends the turns that it runs.",
            daemon.pid
        ));
    }
    if let Some(program) = facts.unexpanded_notify.as_ref() {
        next.push(format!(
            "`notify` named `{program}`: Codex does not expand `~`, so that the program never ran. {}",
            match facts.users_notify {
                Some(_) => "Write its whole path into `harnesses.codex.chained_notify`.",
                None => "It now has the whole path.",
            }
        ));
    }
    let kept = foreign_exporter(&facts.found);
    if let Some(kept) = kept.filter(|_| answers.existing_otel == ExistingOtel::Keep) {
        let otherwise = if can_forward(kept) { "forward" } else { "replace" };
        next.push(format!(
            "Codex's log events still go to your exporter alone: turns are traced from the \
             transcript, without approvals, time to first token and HTTP attempts. \
             `arize-codex setup --existing-otel {otherwise}` adds these."
        ));
    }
    if has_untrusted_hooks(machine) {
        next.push(
            "Start `codex` once in a terminal and trust the hooks of arize-codex when it asks: \
             Codex does not run them before."
                .to_owned(),
        );
    }
    if answers.path && !is_first_on_path(machine) {
        next.push(
            "Open a new shell (or run `exec $SHELL`), so that the traced `codex` is used."
                .to_owned(),
        );
    }
    next.push("Test it: `arize-codex doctor --send` sends a test turn end to end.".to_owned());
    next.push(where_turns_appear(&plan.settings(machine, facts)));
    next
}

/// Where to see the turns, in all targets that show them.
fn where_turns_appear(settings: &Settings) -> String {
    let places = settings.targets.iter().filter_map(|target| match &target.target {
        Ok(Target::Local) => Some("with `arize-codex show --last`".to_owned()),
        Ok(Target::File(file)) => Some(format!("in {}", file.path.display())),
        _ => target.web_page().map(|page| format!("at {page}")),
    });
    let places: Vec<String> = places.collect();
    match &*places {
        [] => "Use Codex; each turn appears when it has ended".to_owned(),
        places => {
            format!("Use Codex; each turn appears when it has ended, {}", places.join(" and "))
        }
    }
}

/// Whether a shell that is started like this process finds our folder first.
fn is_first_on_path(machine: &Machine) -> bool {
    let path = machine.environment.path("PATH").unwrap_or_default();
    std::env::split_paths(&path).next().is_some_and(|first| first == machine.paths.bin_dir)
}

/// Whether Codex asks a person about our hooks when it is started next.
fn has_untrusted_hooks(machine: &Machine) -> bool {
    let home = &machine.paths.codex_home;
    let read = |file| fs::read_to_string(home.join(file)).unwrap_or_default();
    let config = codex_toml::inspect(&read("config.toml")).unwrap_or_default();
    let json = hooks_json::inspect(&read("hooks.json")).unwrap_or_default();
    let hooks = our_hooks(home, &config, &json);
    hooks.iter().any(|(_, trust)| matches!(trust, HookTrust::Untrusted | HookTrust::Changed))
}

/// Who takes what is proposed was not asked about the port.
fn other_port(facts: &Facts, answers: &Answers) -> Option<String> {
    let Status::Taken { endpoint, owner } = &facts.service else { return None };
    (endpoint.port != answers.port).then(|| {
        format!(
            "Port {} is taken by {owner}: the buffer service is at port {}.",
            endpoint.port, answers.port
        )
    })
}
