//! The commands, a function each.

use std::ffi::{OsStr, OsString};
use std::slice;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use codex_turn::LifecycleEvent;
use delivery::When;
use otlp_model::UnixNanos;
use program_log::{Log, chain};

use crate::payload::{lifecycle_payload, notify_payload, thread_of};
use crate::reconcile::{Context, Report, TELEMETRY_PATIENCE, reconcile_thread};
use crate::service::{ensure_buffer, refresh_programs};
use crate::session::{EXPORT_TIMEOUT, Session, deadline};
use crate::trigger::Trigger;
use crate::{state, sweep};

/// Reconciles the thread of the notify payload.
pub(crate) fn notify(session: &Session<'_>, argument: Option<&OsStr>) {
    session.reconciling(|context| {
        let Some(payload) = notify_payload(argument, context.log) else { return 0 };
        let Some(thread_id) = thread_of(&payload, context) else { return 0 };
        reconcile_for_codex(context, &thread_id, &Trigger::Notify(payload))
    });
}

/// Reconciles the thread of the lifecycle payload on stdin.
pub(crate) fn lifecycle(session: &Session<'_>) {
    session.reconciling(|context| {
        let at = UnixNanos::from(SystemTime::now());
        let Some(payload) = lifecycle_payload(context.log) else { return 0 };
        let thread_id = payload.thread_id.clone();
        let trigger = if payload.event == LifecycleEvent::SessionEnd {
            let since = sweep::tracing_began(context.paths, context.log);
            Trigger::Sweep { since: since.into(), closed: None }
        } else {
            if payload.transcript.is_none() {
                // Notify, should it come, knows the prompt.
                thread::sleep(TELEMETRY_PATIENCE);
            }
            Trigger::Lifecycle { payload, at }
        };
        reconcile_for_codex(context, &thread_id, &trigger)
    });
}

/// Reconciles these threads, or where none is named those that changed.
pub(crate) fn sweep(session: &Session<'_>, named: &[OsString]) {
    session.reconciling(|context| sweep_once(session, context, named));
}

/// Sweeps until no turn of a Codex that has ended is left. A killed one counts as ended when its
/// transcript has not changed for a second and had no writer twice.
pub(crate) fn settle(session: &Session<'_>) {
    const LONGEST: Duration = Duration::from_secs(5);
    session.reconciling(|context| {
        let until = Instant::now() + LONGEST;
        loop {
            let unsent = sweep_once(session, context, &[]);
            if !sweep::has_untraced_turns(context.paths) || Instant::now() >= until {
                return unsent;
            }
            thread::sleep(Duration::from_millis(200));
            session.rearm_watchdog();
        }
    });
}

/// Sends queued turns whose time has come.
pub(crate) fn flush(session: &Session<'_>, rejected: bool) {
    let Session { settings, log, delivery, .. } = session;
    let Ok(delivery) = delivery else { return };
    if settings.dry_run {
        return;
    }
    if rejected && let Err(error) = delivery.requeue_dead_letters() {
        log.error(format_args!("{}", chain(&error)));
    }
    // Turns for which there is no time are for the next run: the service has threads to sweep, too.
    let until = deadline() - EXPORT_TIMEOUT;
    delivery.flush(until, When::Due).iter().for_each(|flush| flush.log(log));
}

/// Reconciles the thread that Codex named, and turns that earlier runs left behind; says how many turns
/// of the thread stay unsent.
fn reconcile_for_codex(context: &Context<'_>, thread_id: &str, trigger: &Trigger) -> usize {
    let begun = Instant::now();
    let report = reconcile_thread(context, thread_id, trigger);
    log_report(context.log, thread_id, report, begun);
    if !context.settings.dry_run {
        if report.traced > 0 {
            retry_unsent(context, slice::from_ref(&thread_id.to_owned()));
        }
        finish(context);
        refresh_programs(context);
        ensure_buffer(context);
    }
    report.unsent
}

/// One sweep; says how many turns stay unsent. Each thread has the time of a whole run.
fn sweep_once(session: &Session<'_>, context: &mut Context<'_>, named: &[OsString]) -> usize {
    let begun = Instant::now();
    let since = sweep::tracing_began(context.paths, context.log);
    let threads = if named.is_empty() {
        sweep::changed_threads(context.paths, since).into_iter().map(|id| (id, None)).collect()
    } else {
        named.iter().map(|thread| sweep::named(&thread.to_string_lossy())).collect::<Vec<_>>()
    };
    let since = UnixNanos::from(since);
    let mut sum = Report::default();
    let mut with_turns = 0;
    for (place, (thread_id, closed)) in threads.iter().enumerate() {
        if with_turns == sweep::MAX_THREADS || begun.elapsed() > sweep::MAX_TIME {
            let left = threads.len() - place;
            context.log.limit(format_args!("the sweep leaves {left} threads to the next one"));
            break;
        }
        let thread_begun = Instant::now();
        session.start_over(context);
        let trigger = Trigger::Sweep { since, closed: *closed };
        let report = reconcile_thread(context, thread_id, &trigger);
        log_report(context.log, thread_id, report, thread_begun);
        with_turns += usize::from(report != Report::default());
        sum.traced += report.traced;
        sum.unsent += report.unsent;
    }
    if sum.traced > 0 && !context.settings.dry_run {
        let threads: Vec<String> = threads.into_iter().map(|(thread_id, _)| thread_id).collect();
        retry_unsent(context, &threads);
        finish(context);
    }
    sum.unsent
}

/// Waits for answers that are late, and sends queued turns whose time has come, as far as the time of
/// the run allows.
fn finish(context: &Context<'_>) {
    let Some(delivery) = context.delivery else { return };
    for outcome in delivery.finish(context.deadline) {
        outcome.log_late(context.log);
    }
    let until = context.deadline.checked_sub(EXPORT_TIMEOUT);
    let until = until.filter(|until| Instant::now() < *until);
    if let Some(until) = until {
        delivery.flush(until, When::Due).iter().for_each(|flush| flush.log(context.log));
    }
    delivery.metrics().send(until.unwrap_or_else(Instant::now), context.log);
}

/// Reconciles threads with turns that earlier runs could neither send nor queue.
fn retry_unsent(context: &Context<'_>, except: &[String]) {
    for thread_id in state::threads_with_unsent_turns(context.paths) {
        if except.contains(&thread_id) {
            continue;
        }
        if Instant::now() + EXPORT_TIMEOUT > context.deadline {
            break;
        }
        reconcile_thread(context, &thread_id, &Trigger::Retry);
    }
}

fn log_report(log: &Log, thread_id: &str, report: Report, begun: Instant) {
    log.verbose(format_args!(
        "thread {thread_id}: {} turns traced, {} left, {} ms",
        report.traced,
        report.unsent,
        begun.elapsed().as_millis()
    ));
}
