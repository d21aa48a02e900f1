//! The program: from one argument and the environment to a traced thread.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use buffer_api::process::Service;
use buffer_api::{Client, Endpoint};
use codex_config::{Environment, Paths, Settings};
use codex_turn::{NotifyError, NotifyPayload};

use crate::deliver::Delivery;
use crate::find;
use crate::log::Log;
use crate::trace_thread::{Context, Trigger, trace_thread};
use crate::{price, state};

/// The longest time that the hook runs, whoever hangs.
pub const CAP: Duration = Duration::from_secs(10);

/// The longest time that one request to the target takes. With the waits before it stays below
/// [`CAP`].
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the hook on Codex's arguments: the last one is the payload. Returns whatever happens, and
/// says what happened in the log only.
pub fn run(arguments: Vec<OsString>, variables: impl Iterator<Item = (OsString, OsString)>) {
    end_after(CAP);
    let environment = Environment::new(variables);
    let Some(paths) = Paths::from_environment(&environment) else { return };
    let settings = Settings::load(&paths, &environment);
    let log = Log::new(settings.log_file.clone(), settings.verbose);
    let panic_log = log.clone();
    // The message of a panic may hold a prompt; its place does not.
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        panic_log.error(format_args!("internal error at {place}; the turn stays unsent"));
    }));
    let work = AssertUnwindSafe(|| hook(arguments.last(), &paths, &settings, &log));
    // The hook above has said all there is to say.
    let _ = panic::catch_unwind(work);
}

fn hook(argument: Option<&OsString>, paths: &Paths, settings: &Settings, log: &Log) {
    let started = Instant::now();
    for warning in &settings.warnings {
        log.warn(format_args!("{warning}"));
    }
    if !settings.enabled {
        log.verbose(format_args!("tracing is switched off (ARIZE_TRACE_ENABLED)"));
        return;
    }
    let Some(payload) = payload(argument, log) else { return };
    let Some(thread_id) = thread_of(&payload, paths, log) else { return };
    let delivery = Delivery::to_target(settings, paths, EXPORT_TIMEOUT);
    if let Err(error) = &delivery {
        log.error(format_args!("{error}; the turn stays unsent"));
    }
    let prices = price::table(paths, log);
    let context = Context {
        settings,
        paths,
        log,
        prices: &prices,
        delivery: delivery.as_ref().ok(),
        buffer: buffer_client(settings, paths, log),
        deadline: started + CAP - Duration::from_millis(500),
    };
    let report =
        trace_thread(&context, &Trigger { thread_id: thread_id.clone(), payload: Some(payload) });
    log.verbose(format_args!(
        "thread {thread_id}: {} turns traced, {} left, {} ms",
        report.traced,
        report.unsent,
        started.elapsed().as_millis()
    ));
    if !settings.dry_run {
        if report.traced > 0 {
            trace_waiting_threads(&context, &thread_id);
        }
        ensure_buffer(&context);
    }
}

/// What an earlier run could not deliver has waited for a run that can.
fn trace_waiting_threads(context: &Context<'_>, except: &str) {
    for thread_id in state::threads_with_unsent_turns(context.paths) {
        if thread_id == except {
            continue;
        }
        if Instant::now() + EXPORT_TIMEOUT > context.deadline {
            break;
        }
        trace_thread(context, &Trigger { thread_id, payload: None });
    }
}

/// Starts the buffer service for the next turn where nothing listens at its address.
fn ensure_buffer(context: &Context<'_>) {
    let Some(client) = &context.buffer else { return };
    if !client.health().is_err_and(|error| error.is_nobody_there()) {
        return;
    }
    let program = std::env::current_exe().map(|hook| hook.with_file_name("arize-codex-buffer"));
    let collector = &context.settings.collector;
    let (Ok(program), Ok(endpoint)) = (program, Endpoint::new(&collector.host, collector.port))
    else {
        return;
    };
    if !program.exists() {
        context.log.verbose(format_args!("no buffer service at `{}`", program.display()));
        return;
    }
    let paths = buffer_api::Paths::under(&context.paths.harness_home);
    match buffer_api::process::ensure(&Service { program, endpoint, paths }) {
        Ok(running) => context
            .log
            .info(format_args!("started the buffer service (pid {})", running.health.pid)),
        Err(error) => context.log.warn(format_args!("the buffer service does not start: {error}")),
    }
}

fn payload(argument: Option<&OsString>, log: &Log) -> Option<NotifyPayload> {
    let Some(argument) = argument else {
        log.error(format_args!("no notify payload: Codex passes it as the last argument"));
        return None;
    };
    match NotifyPayload::decode(&argument.to_string_lossy()) {
        Ok(payload) => Some(payload),
        Err(error @ NotifyError::OtherType(_)) => {
            log.verbose(format_args!("{error}: passed over"));
            None
        }
        Err(error) => {
            log.error(format_args!("{error}"));
            None
        }
    }
}

/// The payload's thread, or for Codex 0.44, which does not name it, the one that gave this answer
/// last.
fn thread_of(payload: &NotifyPayload, paths: &Paths, log: &Log) -> Option<String> {
    if let Some(thread_id) = &payload.thread_id {
        return Some(thread_id.clone());
    }
    let found = find::latest_thread_with_answer(
        &paths.codex_home,
        payload.last_assistant_message.as_deref(),
    );
    if found.is_none() {
        log.error(format_args!(
            "the notify payload has no `thread-id`, and no recent transcript ends with its answer"
        ));
    }
    found
}

/// The client of the buffer service; none where its address makes no sense.
fn buffer_client(settings: &Settings, paths: &Paths, log: &Log) -> Option<Client> {
    let endpoint = match Endpoint::new(&settings.collector.host, settings.collector.port) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            log.warn(format_args!("{error}; going on without telemetry"));
            return None;
        }
    };
    let token = match buffer_api::Paths::under(&paths.harness_home).read_token() {
        Ok(token) => token,
        Err(error) => {
            log.warn(format_args!("the token of the buffer service cannot be read: {error}"));
            None
        }
    };
    Some(Client::new(&endpoint, token))
}

/// Ends the process after a time, even if a file system hangs.
fn end_after(time: Duration) {
    let watchdog = move || {
        std::thread::sleep(time);
        #[expect(clippy::exit, reason = "the last resort against a hanging system call")]
        std::process::exit(0);
    };
    // Without a thread to spare the other bounds still hold.
    let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(watchdog);
}
