//! The other programs: `arize-codex service`, and `arize-codex version`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use buffer_api::process::{self, Running, Status};
use buffer_api::{Endpoint, Paths as BufferPaths};
use codex_config::{Environment, Settings};
use serde_json::json;

use crate::args::Version;
use crate::{CommandError, place};

/// The program of the buffer service.
const SERVICE: &str = "arize-codex-buffer";

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `arize-codex-buffer` with these words, and ends as it ends.
pub(crate) fn service(words: &[OsString]) -> Result<std::process::ExitCode, CommandError> {
    let program = place::program(SERVICE)?;
    let status = Command::new(&program).args(words).status().map_err(|error| {
        CommandError::failed(format!("cannot run `{}`", program.display()), error)
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(code.into())
}

struct Program {
    name: &'static str,
    path: Option<PathBuf>,
    version: Option<String>,
}

impl Program {
    /// The program of this name beside this one.
    fn find(name: &'static str) -> Self {
        let path = place::program(name).ok();
        let version = path.as_ref().and_then(|path| {
            let mut command = Command::new(path);
            let output = processes::answer(command.arg("--version"), PATIENCE).ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            text.split_whitespace().last().map(str::to_owned)
        });
        Self { name, path, version }
    }
}

/// Names all programs with their versions.
pub(crate) fn version(args: &Version, environment: &Environment) -> Result<String, CommandError> {
    let programs: Vec<Program> = setup::PROGRAMS.iter().map(|name| Program::find(name)).collect();
    let service = running(environment)?;
    if args.json {
        let programs: Vec<_> = programs
            .iter()
            .map(|Program { name, path, version }| {
                json!({ "name": name, "version": version, "path": path })
            })
            .collect();
        let service = service.map(|Running { endpoint, health }| {
            json!({
                "version": health.version,
                "endpoint": endpoint.to_string(),
                "pid": health.pid,
                "path": health.executable,
            })
        });
        return Ok(format!("{:#}\n", json!({ "programs": programs, "service": service })));
    }
    let mut text = String::new();
    for Program { name, path, version } in &programs {
        let version = version.as_deref().unwrap_or("-");
        let path =
            path.as_ref().map_or_else(|| "missing".to_owned(), |path| path.display().to_string());
        text.push_str(&format!("{name:24}  {version:8}  {path}\n"));
    }
    let service = service.map_or_else(
        || "not running".to_owned(),
        |Running { endpoint, health }| {
            let version = health.version;
            format!("{version:8}  {} (PID {}, {endpoint})", health.executable.display(), health.pid)
        },
    );
    text.push_str(&format!("{:24}  {service}\n", "running service"));
    Ok(text)
}

/// The service that runs.
fn running(environment: &Environment) -> Result<Option<Running>, CommandError> {
    let paths = crate::paths(environment)?;
    let collector = Settings::load(&paths, environment).collector;
    let Ok(endpoint) = Endpoint::new(&collector.host, collector.port) else { return Ok(None) };
    let paths = BufferPaths::under(&paths.harness_home);
    let Ok(program) = place::program(SERVICE) else { return Ok(None) };
    match process::status(&process::Service { program, endpoint, paths }) {
        Status::Running(running) => Ok(Some(running)),
        _ => Ok(None),
    }
}
