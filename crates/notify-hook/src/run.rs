//! The program: from its arguments and the environment to a command.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use codex_config::{Environment, Paths, Settings};
use codex_turn::LifecycleQuestion;
use program_log::Log;

use crate::chain::Chained;
use crate::command::Command;
use crate::pass_on::pass_on;
use crate::session::Session;
use crate::watchdog::Watchdog;
use crate::{alerts, budgets, commands, help, lifecycle};

/// Runs the hook: on Codex's arguments, of which the last one is the payload; on `--lifecycle` and the
/// payload on stdin; on `--sweep` and the threads to reconcile, or with none on all that changed; or on
/// `--flush`, with `--rejected` on all that is queued and was rejected. With `--pass-on` it serves the
/// buffer service. Returns whatever happens, and says what happened in the log only.
pub fn run(arguments: Vec<OsString>, variables: impl Iterator<Item = (OsString, OsString)>) {
    // Codex may show what a hook prints, and take its exit code for a decision.
    panic::set_hook(Box::new(|_| {}));
    if let Some(answer) = help::answer(&arguments) {
        // A reader such as `head` may have seen enough.
        let _ = io::stdout().write_all(answer.as_bytes());
        return;
    }
    let command = Command::parse(&arguments);
    let _ = panic::catch_unwind(AssertUnwindSafe(|| match command {
        // It lasts longer than any other command: no watchdog.
        Command::PassOn => {
            let environment = Environment::new(variables);
            home(&environment).inspect(|paths| pass_on(paths, &environment));
        }
        Command::HandOver => {
            let watchdog = Watchdog::start();
            match lifecycle::payload() {
                Ok(payload) => match LifecycleQuestion::decode(&payload) {
                    Some(question) => {
                        answer(&question, &payload, variables);
                    }
                    None => {
                        let run = [OsStr::new(lifecycle::RECONCILE)];
                        if let Err(error) = lifecycle::hand_over(&payload, &run) {
                            trace(command, variables, watchdog, Some(error));
                        }
                    }
                },
                Err(error) => trace(command, variables, watchdog, Some(error)),
            }
        }
        // It lasts as long as a turn.
        Command::WatchBudgets(codex) => {
            let codex = codex.first().and_then(|pid| pid.to_str()?.parse().ok());
            with_settings(variables, |settings, paths, log| {
                budgets::watch(codex, settings, paths, log);
            });
        }
        // Each channel has a limit of its own.
        Command::Notices => {
            with_settings(variables, |settings, _, log| alerts::give(settings, log));
        }
        _ => trace(command, variables, Watchdog::start(), None),
    }));
}

/// Answers Codex, which waits, with what the budgets say; with nothing where none says anything.
fn answer(
    question: &LifecycleQuestion,
    payload: &[u8],
    variables: impl Iterator<Item = (OsString, OsString)>,
) {
    with_settings(variables, |settings, paths, log| {
        let gate = budgets::Gate { settings, paths, log };
        let answer = gate.answer(question, payload);
        // A Codex that is gone needs no answer.
        let _ = io::stdout().write_all(answer.unwrap_or_default().as_bytes());
    });
}

fn with_settings(
    variables: impl Iterator<Item = (OsString, OsString)>,
    run: impl FnOnce(&Settings, &Paths, &Log),
) {
    let environment = Environment::new(variables);
    let Some(paths) = home(&environment) else { return };
    let settings = Settings::load(&paths, &environment);
    let log = Log::new(settings.log_file.clone(), settings.verbose);
    log_panics(&log);
    run(&settings, &paths, &log);
}

/// Runs a command that needs the settings.
fn trace(
    command: Command<'_>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    watchdog: Watchdog,
    not_handed_over: Option<io::Error>,
) {
    let environment = Environment::new(variables);
    let Some(paths) = home(&environment) else { return };
    // It is the user's program, and none of our faults is to keep it from running.
    let mut chained = panic::catch_unwind(|| chained(command, &paths, &environment));
    let settings = Settings::load(&paths, &environment);
    let log = Log::new(settings.log_file.clone(), settings.verbose);
    log_panics(&log);
    if let Some(error) = not_handed_over {
        log.error(format_args!("the lifecycle payload cannot be handed over: {error}"));
    }
    // The panic hook has said all there is to say.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        let session = Session::open(settings, &paths, &log, watchdog);
        session.inspect(|session| execute(command, session));
    }));
    if let Ok(chained) = &mut chained {
        chained.report(&log);
    }
}

fn execute(command: Command<'_>, session: &Session<'_>) {
    match command {
        Command::Notify(payload) => commands::notify(session, payload),
        Command::Lifecycle => commands::lifecycle(session),
        Command::Sweep(threads) => commands::sweep(session, threads),
        Command::Settle => commands::settle(session),
        Command::Flush { rejected } => commands::flush(session, rejected),
        // These need no session.
        Command::HandOver | Command::PassOn | Command::WatchBudgets(_) | Command::Notices => {}
    }
}

/// The message of a panic may hold a prompt; its place does not.
fn log_panics(log: &Log) {
    let log = log.clone();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log.error(format_args!("internal error at {place}; the turn could not be sent"));
    }));
}

/// The paths of the home, or where the environment names none, of that in which this program is
/// installed.
fn home(environment: &Environment) -> Option<Paths> {
    Paths::from_environment(environment)
        .or_else(|| Paths::from_program(&std::env::current_exe().ok()?, environment))
}

fn chained(command: Command<'_>, paths: &Paths, environment: &Environment) -> Chained {
    match command {
        Command::Notify(Some(payload)) => Chained::start(paths, environment, payload),
        _ => Chained::None,
    }
}
