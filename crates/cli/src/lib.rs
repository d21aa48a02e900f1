//! The umbrella command `arize-codex`.
//!
//! It puts together what the other crates do, for a person at a terminal: `setup` installs the tracing
//! of Codex and `uninstall` takes it back, `demo` runs the whole pipeline on a recorded session, `show`
//! prints what the local store holds, `doctor` says why nothing arrives, `status` what is going on,
//! `view` shows it in a browser, `flush` sends queued turns, `logs` prints the logs of the programs,
//! `import` reads Codex's transcripts, `report` says what was used,
//! `quota` what is left, `self` what an agent used itself, `top` what runs now, `budget` what may be spent, `alerts` which
//! turns a person should look at. Results go to stdout,
//! everything else to stderr.
//!
//! Start reading at [`run`]; how a span tree looks on a terminal is in [`print`](mod@print).

mod args;
mod budget;
pub mod config;
mod demo;
mod doctor;
mod error;
mod examples;
mod flush;
mod given_alerts;
mod job;
mod keep_current;
mod logs;
mod own_run;
mod place;
pub mod print;
mod programs;
mod receive;
mod reference;
mod setup;
mod show;
mod status;
mod top;
mod usage;
mod view;

pub use error::{CommandError, ExitCode};

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use codex_config::{Environment, Paths};

use args::{Args, Command};

/// Where results go.
pub struct Output<'a> {
    /// The stream.
    pub stream: &'a mut dyn Write,
    /// Whether a person sees it as it is written.
    pub is_terminal: bool,
}

/// Runs the command line, writes its result, and says how it went.
pub fn run(
    arguments: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    output: Output<'_>,
) -> Result<std::process::ExitCode, CommandError> {
    let words: Vec<OsString> = arguments.collect();
    let is_check = words.get(1).is_some_and(|word| word == "quota");
    let checked = |error: CommandError| if is_check { error.of_check() } else { error };
    let args = Args::try_parse_from(&words).map_err(|error| checked(error.into()))?;
    let environment = Environment::new(variables).or_home(std::env::home_dir());
    let width = ::doctor::columns(output.is_terminal);
    let terminal = output.is_terminal.then_some(width);
    let is_json = args.command.is_json();
    let is_styled = matches!(
        args.command,
        Command::Alerts(_)
            | Command::Budget(_)
            | Command::Doctor(_)
            | Command::Status(_)
            | Command::Show(_)
            | Command::Demo(_)
            | Command::OwnRun(_)
            | Command::Quota(_)
            | Command::Report(_)
    );
    let style = ::doctor::Style::of(output.is_terminal, &environment);
    // A tree has more to show where there is more room.
    let wide = ::doctor::Style { width, ..style };
    let (text, code) = match args.command {
        Command::Config(config) => return Ok(config::main_with(config, &environment)),
        // The words behind the program and `service`.
        Command::Service(_) => return programs::service(words.get(2..).unwrap_or_default()),
        Command::Version(version) => {
            (programs::version(&version, &environment)?, ExitCode::Success)
        }
        Command::Completions(completions) => {
            reference::completions(&completions, output.stream)?;
            return Ok(ExitCode::Success.into());
        }
        Command::Man(man) => {
            reference::man(&man, output.stream)?;
            return Ok(ExitCode::Success.into());
        }
        Command::Setup(setup) => setup::setup(&setup, &environment, terminal)?,
        Command::Uninstall(uninstall) => setup::uninstall(&uninstall, &environment, terminal)?,
        Command::Demo(demo) => (demo::demo(&demo, wide)?, ExitCode::Success),
        Command::Doctor(doctor) => doctor::doctor(&doctor, &environment, style)?,
        Command::Flush(flush) => flush::flush(&flush, &environment)?,
        Command::Alerts(alerts) => given_alerts::alerts(&alerts, &environment, style)?,
        Command::Budget(budget) => budget::budget(&budget, &environment, style)?,
        Command::Import(import) => (usage::import(&import, &environment)?, ExitCode::Success),
        Command::Prune(prune) => (usage::prune(&prune, &environment)?, ExitCode::Success),
        Command::Quota(quota) => usage::quota(&quota, &environment, style).map_err(checked)?,
        Command::Report(report) if report.check.is_some() => {
            budget::check(&environment, report.check.unwrap_or(usage::Check::Strict))?
        }
        Command::Report(report) => {
            (usage::report(&report, &environment, style)?, ExitCode::Success)
        }
        Command::OwnRun(own) => (own_run::own_run(&own, &environment, style)?, ExitCode::Success),
        Command::Logs(logs) => {
            logs::logs(&logs, &environment, output.stream)?;
            return Ok(ExitCode::Success.into());
        }
        Command::Tag(tag) => (usage::tag(&tag, &environment)?, ExitCode::Success),
        Command::Top(top) => return Ok(top::top(&top, &environment, wide, output)?.into()),
        Command::View(view) => {
            view::view(&view, &environment, output)?;
            return Ok(ExitCode::Success.into());
        }
        Command::Metrics(metrics) => {
            usage::metrics(&metrics, &environment, output)?;
            return Ok(ExitCode::Success.into());
        }
        Command::Status(status) => {
            (status::status(&status, &environment, style)?, ExitCode::Success)
        }
        Command::Show(show) if show.follow => {
            return Ok(show::show_running(&show, &environment, wide, output)?.into());
        }
        Command::Show(show) => show::show(&show, &environment, wide)?,
    };
    // Much of it was written by models, servers and files of a workspace.
    let text = match (is_json, is_styled) {
        (true, _) => terminal_text::json(&text),
        (false, true) => terminal_text::styled(&text),
        (false, false) => terminal_text::lines(&text),
    };
    // A reader such as `head` may have seen enough.
    let _ = output.stream.write_all(text.as_bytes());
    Ok(code.into())
}

/// Where the files of this user are.
fn paths(environment: &Environment) -> Result<Paths, CommandError> {
    let what = || CommandError::Failed { what: "`HOME` is not set".to_owned(), source: None };
    Paths::from_environment(environment).ok_or_else(what)
}
