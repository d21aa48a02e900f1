//! What a person does after an installation, and what would keep traces from arriving.

use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use buffer_api::process::Status;
use codex_config::{HookTrust, Settings, codex_toml, hooks_json, our_hooks};

use crate::answers::{Answers, Backend, ExistingOtel};
use crate::facts::Facts;
use crate::host::Host;
use crate::parts::codex_config::foreign_exporter;

/// Says what to do next, a sentence each.
pub fn next_steps(host: &Host, facts: &Facts, answers: &Answers) -> Vec<String> {
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
    next.extend(unusable(host));
    next.extend(unreachable(answers));
    if let Some(daemon) =
        facts.daemon.as_ref().filter(|_| !answers.restart_daemon && !facts.is_configured())
    {
        next.push(format!(
            "Codex's background process (PID {}) keeps the old telemetry settings: close Codex and \
             run `codex app-server daemon restart`.",
            daemon.pid
        ));
    }
    if foreign_exporter(&facts.found).is_some() && answers.existing_otel == ExistingOtel::Keep {
        next.push(
            "Codex's log events go where they went: turns are traced from the transcript, without \
             approvals, time to first token and HTTP attempts. `--existing-otel` changes that."
                .to_owned(),
        );
    }
    if has_untrusted_hooks(host) {
        next.push(
            "Start `codex` once in a terminal and trust our hooks when it asks: until then it does \
             not run them."
                .to_owned(),
        );
    }
    if answers.path && !is_first_on_path(host) {
        next.push("Open a new shell, so that `codex` is found where it is traced.".to_owned());
    }
    next.push("Try it: `arize-codex doctor --send` sends a test turn the whole way.".to_owned());
    next.push(match answers.destination.as_ref().map(|destination| destination.backend) {
        Some(Backend::Local) => {
            "Use Codex, then look at the turn: `arize-codex show --last`.".to_owned()
        }
        _ => "Use Codex; each turn appears when it has ended.".to_owned(),
    });
    next
}

/// Whether a shell that is started like this process finds our folder first.
fn is_first_on_path(host: &Host) -> bool {
    let path = host.environment.path("PATH").unwrap_or_default();
    std::env::split_paths(&path).next().is_some_and(|first| first == host.paths.bin_dir)
}

/// Whether Codex asks a person about our hooks when it is started next.
fn has_untrusted_hooks(host: &Host) -> bool {
    let home = &host.paths.codex_home;
    let read = |file| fs::read_to_string(home.join(file)).unwrap_or_default();
    let config = codex_toml::inspect(&read("config.toml")).unwrap_or_default();
    let json = hooks_json::inspect(&read("hooks.json")).unwrap_or_default();
    let hooks = our_hooks(home, &config, &json);
    hooks.iter().any(|(_, trust)| matches!(trust, HookTrust::Untrusted | HookTrust::Changed))
}

/// Who takes what is proposed was not asked about the port.
fn other_port(facts: &Facts, answers: &Answers) -> Option<String> {
    let Status::Taken { endpoint, occupant } = &facts.service else { return None };
    (endpoint.port != answers.port).then(|| {
        format!(
            "Port {} is taken by {occupant}: the buffer service is at port {}.",
            endpoint.port, answers.port
        )
    })
}

/// What keeps a target from being used at all, such as a variable that is not set.
fn unusable(host: &Host) -> Vec<String> {
    let settings = Settings::load(&host.paths, &host.environment);
    let errors = settings.targets.iter().filter_map(|target| target.target.as_ref().err());
    errors.map(|error| format!("Nothing can be sent yet: {error}; {}.", error.hint())).collect()
}

/// Knocks at the backend's door. That somebody opens says nothing about the key.
fn unreachable(answers: &Answers) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const WAIT: &str = "Until then the turns wait on this machine.";
    let destination = answers.destination.as_ref()?;
    let endpoint = destination.endpoint.as_deref()?;
    let (host, port) = host_and_port(endpoint)?;
    let name = destination.backend;
    let addresses = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            return Some(format!(
                "{host}, the host of the target {name}, cannot be found: {error}. {WAIT}"
            ));
        }
    };
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return None,
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(String::new, |error| format!(": {error}"));
    let is_program = matches!(name, Backend::Phoenix | Backend::Mlflow);
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "::1");
    let start = match is_program && is_here {
        true => format!("Start {name}: nothing"),
        false => "Nothing".to_owned(),
    };
    Some(format!("{start} answers at {endpoint}{why}. {WAIT}"))
}

/// The host and the port of an address, with or without a scheme.
fn host_and_port(endpoint: &str) -> Option<(&str, u16)> {
    let (rest, default) = match endpoint.split_once("://") {
        Some(("http", rest)) => (rest, 80),
        Some(("https", rest)) => (rest, 443),
        Some(_) => return None,
        None => (endpoint, 443),
    };
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match port_at {
        Some(at) => (&authority[..at], authority[at + 1..].parse().ok()?),
        None => (authority, default),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (endpoint, expected) in [
            ("http://localhost:6006", Some(("localhost", 6006))),
            ("https://app.phoenix.arize.com/s/x?y#z", Some(("app.phoenix.arize.com", 443))),
            ("otlp.arize.com:443", Some(("otlp.arize.com", 443))),
            ("http://user@[::1]:4318/v1", Some(("::1", 4318))),
            ("http://[::1]", Some(("::1", 80))),
            ("ftp://x", None),
            ("http://x:port", None),
        ] {
            assert_eq!(host_and_port(endpoint), expected, "{endpoint}");
        }
    }
}
