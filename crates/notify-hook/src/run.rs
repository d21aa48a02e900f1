//! The program: from one argument and the environment to a traced thread.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use buffer_api::process::Service;
use buffer_api::{Client, Endpoint};
use codex_config::{Environment, Paths, Settings};
use codex_turn::{LifecycleError, LifecycleEvent, LifecyclePayload, NotifyError, NotifyPayload};
use otlp_model::UnixNanos;
use program_log::chain;

use delivery::When;

use crate::chain::Chained;
use crate::order::Order;
use crate::pass_on::pass_on;
use crate::read::ReadLimit;
use crate::secrets::{self, Secrets};
use crate::trace_thread::{Context, Report, TELEMETRY_PATIENCE, trace_thread};
use crate::trigger::{Cause, Trigger};
use crate::watchdog::Watchdog;
use crate::{find, help, lifecycle, price, state, sweep};
use dispatch::Delivery;
use program_log::Log;

/// The longest time that a look at a thread takes, whoever hangs; a run for a payload is one look.
pub const CAP: Duration = Duration::from_secs(10);

/// The longest time that one request to the target takes. With the waits before it stays below
/// [`CAP`].
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Before this time a look has to come to its end.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// Runs the hook: on Codex's arguments, of which the last one is the payload; on `--lifecycle` and the
/// payload on stdin; on `--sweep` and the threads to look at, or with none on all that changed; or on
/// `--flush`, with `--rejected` on all that waits and was set aside. With `--pass-on` it serves the buffer service.
/// Returns whatever happens, and says what happened in the log only.
pub fn run(arguments: Vec<OsString>, variables: impl Iterator<Item = (OsString, OsString)>) {
    // Codex may show what a hook prints, and take its exit code for a decision.
    panic::set_hook(Box::new(|_| {}));
    if let Some(answer) = help::answer(&arguments) {
        // A reader such as `head` may have seen enough.
        let _ = io::stdout().write_all(answer.as_bytes());
        return;
    }
    let _ = panic::catch_unwind(AssertUnwindSafe(|| begin(&arguments, variables)));
}

fn begin(arguments: &[OsString], variables: impl Iterator<Item = (OsString, OsString)>) {
    let order = Order::of(arguments);
    if order == Order::PassOn {
        // It lasts longer than a look.
        let environment = Environment::new(variables);
        return paths(&environment).into_iter().for_each(|paths| pass_on(&paths, &environment));
    }
    let watchdog = Watchdog::start();
    // Codex waits for it.
    let handed_over = (order == Order::Lifecycle).then(lifecycle::hand_over);
    if let Some(Ok(())) = handed_over {
        return;
    }
    let environment = Environment::new(variables);
    let Some(paths) = paths(&environment) else { return };
    // Somebody else's program, and none of our faults is to keep it from running.
    let mut chained = panic::catch_unwind(|| chained(order, &paths, &environment));
    let settings = Settings::load(&paths, &environment);
    let log = Log::new(settings.log_file.clone(), settings.verbose);
    let panic_log = log.clone();
    // The message of a panic may hold a prompt; its place does not.
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        panic_log.error(format_args!("internal error at {place}; the turn could not be sent"));
    }));
    if let Some(Err(error)) = handed_over {
        log.error(format_args!("the lifecycle payload cannot be handed over: {error}"));
    }
    let work = AssertUnwindSafe(|| hook(order, &paths, settings, &log, &watchdog));
    // The hook above has said all there is to say.
    let _ = panic::catch_unwind(work);
    if let Ok(chained) = &mut chained {
        chained.report(&log);
    }
}

/// The home's paths, or where nobody names it, those of the home in which this program is installed.
fn paths(environment: &Environment) -> Option<Paths> {
    Paths::from_environment(environment)
        .or_else(|| Paths::from_program(&std::env::current_exe().ok()?, environment))
}

fn chained(order: Order<'_>, paths: &Paths, environment: &Environment) -> Chained {
    match order {
        Order::Notify(Some(payload)) => Chained::start(paths, environment, payload),
        _ => Chained::None,
    }
}

fn hook(order: Order<'_>, paths: &Paths, settings: Settings, log: &Log, watchdog: &Watchdog) {
    for warning in &settings.warnings {
        log.warn(format_args!("{warning}"));
    }
    if !settings.enabled {
        log.verbose(format_args!("tracing is switched off (ARIZE_TRACE_ENABLED)"));
        return;
    }
    let settings = &secrets::scrub_settings(settings, paths, log);
    let delivery = Delivery::to_targets(settings, paths, EXPORT_TIMEOUT);
    let prices = price::table(paths, log);
    let secrets = Secrets::new(settings, paths, log);
    let mut context = Context {
        settings,
        paths,
        log,
        prices: &prices,
        secrets: &secrets,
        delivery: delivery.as_ref().ok(),
        buffer: buffer_client(settings, paths, log),
        reading: ReadLimit::default(),
        deadline: Instant::now() + CAP - GRACE,
    };
    let unsent = match order {
        Order::Notify(argument) => notify(&context, argument),
        Order::LifecycleLook => lifecycle(&context),
        Order::Sweep(threads) => sweep(&mut context, threads, watchdog),
        Order::Settle => settle(&mut context, watchdog),
        Order::Flush { rejected } => flush(&context, rejected),
        Order::Lifecycle | Order::PassOn => 0,
    };
    if let (Err(error), true) = (&delivery, unsent > 0) {
        log.error(format_args!("{error}; the turn could not be sent"));
    }
}

/// Looks at the thread of the notify payload; says how many turns stay unsent.
fn notify(context: &Context<'_>, argument: Option<&OsStr>) -> usize {
    let log = context.log;
    let Some(payload) = payload(argument, log) else { return 0 };
    let Some(thread_id) = thread_of(&payload, context) else { return 0 };
    look(context, &Trigger { thread_id, cause: Cause::Notify(payload) })
}

/// Looks at the thread of the lifecycle payload on stdin; says how many turns stay unsent.
fn lifecycle(context: &Context<'_>) -> usize {
    let at = UnixNanos::from(SystemTime::now());
    let Some(payload) = lifecycle_payload(context.log) else { return 0 };
    let thread_id = payload.thread_id.clone();
    let cause = if payload.event == LifecycleEvent::SessionEnd {
        let since = sweep::tracing_began(context.paths, context.log);
        Cause::Sweep { since: since.into(), closed: None }
    } else {
        if payload.transcript.is_none() {
            // Notify, should it come, knows the prompt.
            thread::sleep(TELEMETRY_PATIENCE);
        }
        Cause::Lifecycle { payload, at }
    };
    look(context, &Trigger { thread_id, cause })
}

/// One look that Codex asked for, and what an earlier one left behind.
fn look(context: &Context<'_>, trigger: &Trigger) -> usize {
    let begun = Instant::now();
    let report = trace_thread(context, trigger);
    say(context.log, &trigger.thread_id, report, begun);
    if !context.settings.dry_run {
        if report.traced > 0 {
            trace_waiting_threads(context, std::slice::from_ref(&trigger.thread_id));
        }
        finish(context);
        ensure_buffer(context);
    }
    report.unsent
}

/// Looks at these threads, or where none is named at those that changed; says how many turns stay
/// unsent. Each look has the time of a whole run.
fn sweep(context: &mut Context<'_>, named: &[OsString], watchdog: &Watchdog) -> usize {
    let begun = Instant::now();
    let since = sweep::tracing_began(context.paths, context.log);
    let threads = if named.is_empty() {
        sweep::changed_threads(context.paths, since).into_iter().map(|id| (id, None)).collect()
    } else {
        named.iter().map(|thread| sweep::named(&thread.to_string_lossy())).collect::<Vec<_>>()
    };
    let mut sum = Report::default();
    let mut told = 0;
    for (place, (thread_id, closed)) in threads.iter().enumerate() {
        if told == sweep::MAX_THREADS || begun.elapsed() > sweep::MAX_TIME {
            let left = threads.len() - place;
            context.log.limit(format_args!("the sweep leaves {left} threads to the next one"));
            break;
        }
        watchdog.rearm();
        let look = Instant::now();
        context.deadline = look + CAP - GRACE;
        let cause = Cause::Sweep { since: since.into(), closed: *closed };
        let report = trace_thread(context, &Trigger { thread_id: thread_id.clone(), cause });
        say(context.log, thread_id, report, look);
        told += usize::from(report != Report::default());
        sum.traced += report.traced;
        sum.unsent += report.unsent;
    }
    if sum.traced > 0 && !context.settings.dry_run {
        let threads: Vec<String> = threads.into_iter().map(|(thread_id, _)| thread_id).collect();
        trace_waiting_threads(context, &threads);
        finish(context);
    }
    sum.unsent
}

/// Sweeps until no turn of a Codex that has ended is left. A killed one counts as ended when its
/// transcript has not changed for a second and had no writer twice.
fn settle(context: &mut Context<'_>, watchdog: &Watchdog) -> usize {
    const LONGEST: Duration = Duration::from_secs(5);
    let until = Instant::now() + LONGEST;
    loop {
        let unsent = sweep(context, &[], watchdog);
        if !sweep::has_untraced_turns(context.paths) || Instant::now() >= until {
            return unsent;
        }
        thread::sleep(Duration::from_millis(200));
        watchdog.rearm();
    }
}

/// Waits for answers that are late, and offers the targets what waits for them and is due, as far as
/// the time of the look allows.
fn finish(context: &Context<'_>) {
    let Some(delivery) = context.delivery else { return };
    for told in delivery.finish(context.deadline) {
        told.log_late(context.log);
    }
    let until = context.deadline.checked_sub(EXPORT_TIMEOUT);
    let until = until.filter(|until| Instant::now() < *until);
    if let Some(until) = until {
        delivery.flush(until, When::Due).iter().for_each(|flush| flush.log(context.log));
    }
    delivery.metrics().send(until.unwrap_or_else(Instant::now), context.log);
}

/// Offers the targets what waits for them and is due.
fn flush(context: &Context<'_>, rejected: bool) -> usize {
    let Some(delivery) = context.delivery.filter(|_| !context.settings.dry_run) else { return 0 };
    if rejected && let Err(error) = delivery.offer_rejected_again() {
        context.log.error(format_args!("{}", chain(&error)));
    }
    let until = Instant::now() + CAP - GRACE - EXPORT_TIMEOUT;
    // What there is no time for is for the next run: the service has threads to be looked at, too.
    delivery.flush(until, When::Due).iter().for_each(|flush| flush.log(context.log));
    0
}

fn say(log: &Log, thread_id: &str, report: Report, begun: Instant) {
    log.verbose(format_args!(
        "thread {thread_id}: {} turns traced, {} left, {} ms",
        report.traced,
        report.unsent,
        begun.elapsed().as_millis()
    ));
}

/// What an earlier run could not deliver has waited for a run that can.
fn trace_waiting_threads(context: &Context<'_>, except: &[String]) {
    for thread_id in state::threads_with_unsent_turns(context.paths) {
        if except.contains(&thread_id) {
            continue;
        }
        if Instant::now() + EXPORT_TIMEOUT > context.deadline {
            break;
        }
        trace_thread(context, &Trigger { thread_id, cause: Cause::Retry });
    }
}

/// Starts the buffer service for the next turn where nothing listens at its address.
fn ensure_buffer(context: &Context<'_>) {
    let Some(client) = &context.buffer else { return };
    if client.has_answered() || !client.health().is_err_and(|error| error.is_nobody_there()) {
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
        Err(error) => {
            let error = chain(&error);
            context.log.warn(format_args!("the buffer service does not start: {error}"));
        }
    }
}

fn payload(argument: Option<&OsStr>, log: &Log) -> Option<NotifyPayload> {
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

fn lifecycle_payload(log: &Log) -> Option<LifecyclePayload> {
    let text = lifecycle::receive().map_err(|error| {
        log.error(format_args!("the lifecycle payload cannot be read: {error}"));
    });
    match LifecyclePayload::decode(&text.ok()?) {
        Ok(payload) => Some(payload),
        Err(error @ LifecycleError::OtherEvent(_)) => {
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
fn thread_of(payload: &NotifyPayload, context: &Context<'_>) -> Option<String> {
    if let Some(thread_id) = &payload.thread_id {
        return Some(thread_id.clone());
    }
    let found = find::latest_thread_with_answer(
        &context.paths.codex_home,
        payload.last_assistant_message.as_deref(),
        context.reading.starting_now(),
    );
    if found.is_none() {
        context.log.error(format_args!(
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
