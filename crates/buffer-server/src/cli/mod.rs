//! The command line of `arize-codex-buffer`.
//!
//! Settings come from the flags, else from the environment, else from the user's settings files, else
//! they are the defaults.

mod environment;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    time::SystemTime,
};

use buffer_api::command_line::{Arguments, Command, Place};
use buffer_api::{
    DEFAULT_HOST, DEFAULT_PORT, Endpoint, Paths,
    process::{
        self, AcquireError, Exit, Running, Service, StartError, Started, Status, StopError, Stopped,
    },
};
use clap::Parser;
use codex_config::{Settings, variables::ARIZE_CODEX_BUFFER_PORT};
use program_log::chain;

pub use environment::Environment;

use crate::{
    config::{self, Limits, LogTarget, ServerConfig, Writers},
    log::Log,
    run::{RunError, run},
};

/// With another port for the service alone, Codex would go on sending to this one.
const OTHER_PORT: &str =
    "move the service and Codex's configuration to another port: arize-codex setup --port PORT";

/// Why a command failed, for the person who gave it.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    message: String,
    hint: Option<&'static str>,
}

/// Does what the command line says and returns how it went.
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    let settings = environment.settings();
    let settings = settings.as_ref();
    let done = service(&arguments.place, environment, settings)
        .and_then(|service| execute(&arguments.command, &service, environment, settings));
    done.unwrap_or_else(|failure| {
        if matches!(arguments.command, Command::Ensure { .. }) {
            return Exit::Success;
        }
        explain(&failure);
        failure.exit
    })
}

/// Where the service is to be, from the flags, the environment and the user's settings.
fn service(
    place: &Place,
    environment: &Environment,
    settings: Option<&Settings>,
) -> Result<Service, Failure> {
    let configured = settings.map(|settings| &settings.collector);
    // Zero is one here, and not in the settings.
    let port = match (place.port, environment.variables.path(ARIZE_CODEX_BUFFER_PORT)) {
        (Some(port), _) => port,
        (None, Some(text)) => {
            text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                let text = text.display();
                Failure::usage(format!("{ARIZE_CODEX_BUFFER_PORT}: `{text}` is not a port"))
            })?
        }
        (None, None) => configured.map_or(DEFAULT_PORT, |it| it.port),
    };
    let host = place.host.as_deref().or(configured.map(|it| &*it.host)).unwrap_or(DEFAULT_HOST);
    let endpoint = Endpoint::new(host, port).map_err(|error| Failure::usage(chain(&error)))?;
    let home =
        place.home.clone().or_else(|| environment.harness_home()).ok_or_else(|| Failure {
            hint: Some("name the directory with --home"),
            ..Failure::usage("there is no home directory")
        })?;
    let home = std::path::absolute(&home)
        .map_err(|error| Failure::usage(format!("`{}`: {error}", home.display())))?;
    let program = environment.program.clone().unwrap_or_else(|| "arize-codex-buffer".into());
    Ok(Service { program, endpoint, paths: Paths::under(&home) })
}

fn execute(
    command: &Command,
    service: &Service,
    environment: &Environment,
    settings: Option<&Settings>,
) -> Result<Exit, Failure> {
    match command {
        Command::Start => match process::start(service)? {
            Started::Now(running) => say(format_args!("started {}", place(&running))),
            Started::Before(running) => say(format_args!("already running {}", place(&running))),
        },
        Command::Stop { force } => {
            let stop = if *force { process::stop_by_force } else { process::stop };
            match stop(service)? {
                Stopped::Ended(pid) => say(format_args!("stopped (PID {pid})")),
                Stopped::NotRunning => say("not running"),
            }
        }
        Command::Status { json } => {
            let status = process::status(service);
            if *json {
                say(status_json(&status))
            } else {
                say(status_text(&status))
            }
            if !matches!(status, Status::Running(_)) {
                return Ok(Exit::NotRunning);
            }
        }
        Command::Ensure { no_wait } => {
            let ensured = match no_wait {
                false => process::ensure(service).map(drop),
                true => process::ensure_soon(service),
            };
            if let Err(error) = ensured
                && let Ok(log) = Log::to_file(&service.paths.log)
            {
                log.line(format_args!("ensure: {}", chain(&error)));
            }
        }
        Command::Run { foreground, require_write_token, no_sweep } => {
            let is_required = environment.requires_write_token(service, settings);
            let writers = match *require_write_token || is_required {
                true => Writers::TokenHolders,
                false => Writers::Everyone,
            };
            run(&ServerConfig {
                endpoint: service.endpoint.clone(),
                paths: service.paths.clone(),
                limits: Limits::default(),
                writers,
                owner: config::owner(),
                program: environment.program.clone(),
                wall_clock: SystemTime::now,
                log: if *foreground { LogTarget::Stderr } else { LogTarget::File },
                sweep: if *no_sweep { None } else { environment.sweep(service) },
                forward: environment.forward(service, settings),
            })?;
        }
    }
    Ok(Exit::Success)
}

fn status_text(status: &Status) -> String {
    match status {
        Status::Running(running) => format!("running {}", place(running)),
        Status::Unresponsive { pid: Some(pid) } => {
            format!("not answering (PID {pid})")
        }
        Status::Unresponsive { pid: None } => "not answering".to_owned(),
        Status::Taken { endpoint, owner } => {
            format!("stopped ({endpoint} is taken by {owner})")
        }
        Status::Stopped => "stopped".to_owned(),
    }
}

fn status_json(status: &Status) -> serde_json::Value {
    match status {
        Status::Running(Running { endpoint, health }) => serde_json::json!({
            "running": true,
            "endpoint": endpoint.to_string(),
            "health": health,
        }),
        _ => serde_json::json!({ "running": false, "reason": status_text(status) }),
    }
}

fn place(running: &Running) -> String {
    format!("(PID {}, {})", running.health.pid, running.endpoint)
}

#[expect(clippy::print_stdout, reason = "this is what the user asked for")]
fn say(message: impl Display) {
    println!("{}", terminal_text::lines(&message.to_string()));
}

fn explain(failure: &Failure) {
    let mut text = format!("error: {}\n", failure.message);
    if let Some(hint) = failure.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    let _ = io::stderr().write_all(terminal_text::lines(&text).as_bytes());
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: None }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let (exit, hint) = match error {
            StartError::PortTaken { .. } => (Exit::PortTaken, Some(OTHER_PORT)),
            StartError::Elsewhere { .. } => {
                (Exit::AlreadyRunning, Some("stop it first: arize-codex-buffer stop"))
            }
            _ => (Exit::Failed, None),
        };
        Self { exit, message: chain(&error), hint }
    }
}

impl From<StopError> for Failure {
    fn from(error: StopError) -> Self {
        let force = Some("arize-codex-buffer stop --force ends it");
        let (exit, hint) = match error {
            StopError::Foreign { .. } => (Exit::PortTaken, Some(OTHER_PORT)),
            StopError::Unresponsive { .. } | StopError::StillRunning { .. } => {
                (Exit::Failed, force)
            }
            StopError::Signal { .. } => (Exit::Failed, None),
        };
        Self { exit, message: chain(&error), hint }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let (exit, hint) = match error {
            RunError::Instance(AcquireError::Held { .. }) => (Exit::AlreadyRunning, None),
            RunError::PortTaken { .. } => (Exit::PortTaken, Some(OTHER_PORT)),
            _ => (Exit::Failed, None),
        };
        Self { exit, message: chain(&error), hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_flags_the_environment_or_the_settings() {
        let home = tempfile::tempdir().unwrap();
        let port_with = |flag: Option<u16>, variable: Option<&str>| {
            let place = Place { host: None, port: flag, home: None };
            let home = Some(home.path().to_owned());
            let variables = variable.map(|port| (ARIZE_CODEX_BUFFER_PORT, port));
            let variables = codex_config::Environment::new(variables);
            let environment = Environment { home, variables, ..Environment::default() };
            let settings = environment.settings();
            service(&place, &environment, settings.as_ref()).ok().unwrap().endpoint.port
        };
        assert_eq!(port_with(None, None), DEFAULT_PORT);
        let file = home.path().join(".arize/harness/config.yaml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "harnesses:\n  codex:\n    collector:\n      port: 4400\n").unwrap();
        assert_eq!(port_with(None, None), 4400);
        assert_eq!(port_with(None, Some("")), 4400, "an empty variable is none");
        assert_eq!(port_with(None, Some("4401")), 4401);
        assert_eq!(port_with(Some(4402), Some("4401")), 4402);
    }

    #[test]
    fn a_harness_home_elsewhere_is_the_users_as_well() {
        let home = tempfile::tempdir().unwrap();
        let place = Place { host: None, port: None, home: None };
        let environment = Environment {
            home: Some(home.path().join("of-the-user")),
            variables: codex_config::Environment::new([("ARIZE_HARNESS_HOME", home.path())]),
            ..Environment::default()
        };
        let text = "harnesses: {codex: {collector: {port: 4400}}}\n";
        std::fs::write(home.path().join("config.yaml"), text).unwrap();
        let settings = environment.settings();
        let service = service(&place, &environment, settings.as_ref()).ok().unwrap();
        assert_eq!((service.paths.home.as_path(), service.endpoint.port), (home.path(), 4400));
        assert!(environment.sweep(&service).is_some());
    }
}
