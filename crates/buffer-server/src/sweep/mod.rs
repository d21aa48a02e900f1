//! Runs of the hook for threads that fell silent without a trigger.
//!
//! Codex announces turns that ended well, and no others. So the service notices two things: that
//! Codex wrote below its sessions folder, and that events arrived which no run of the hook fetched. When such
//! a thread has been silent for a while, the hook program checks it (`--sweep THREAD[@MILLIS]...`, with
//! the time at which its file was last written to or closed). Whether
//! there is a turn to send is the hook's business: the service knows a thread by the name of its
//! file, and opens none.
//!
//! The hook also puts away what it could not deliver. When that is due, the service starts it again
//! (`--flush`), of which it knows only whether files wait and until when; and when the settings file
//! changes, which may hold the key that was wrong.
//!
//! `watch` makes changes of file-system notifications, `plan` says which thread is due when and `flush`
//! when an outbox is, `hook` runs the program, and [`sweep_forever`] waits for all of them. It has no
//! timer while nothing happened and nothing waits.

mod flush;
mod hook;
mod plan;
mod watch;

use std::path::PathBuf;
use std::time::SystemTime;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use crate::config::Sweep;
use crate::http::App;
use flush::FlushPlan;
use hook::{Hook, Order};
use plan::{Due, Plan, Reason};
use watch::Watch;

/// The most threads that one run of the hook checks.
const THREADS_AT_ONCE: usize = 16;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Codex wrote to the file of this thread.
    Written(String),
    /// Events of this thread arrived.
    Received(String),
    /// This folder is new, or gone.
    Folder(PathBuf),
    /// A turn was queued, or sent from a queue.
    Outbox,
    /// The settings are others, with which a target may take what it refused.
    Settings,
}

/// Starts the hook whenever threads fell silent, one run at a time.
pub(crate) async fn sweep_forever(
    app: App,
    sweep: Sweep,
    sender: UnboundedSender<Change>,
    mut changes: UnboundedReceiver<Change>,
) {
    let mut watch = Watch::new(&sweep, sender, &app.log);
    let mut plan = Plan::new(sweep.pace);
    let mut flush = FlushPlan::new(sweep.outbox, sweep.pace.outbox, Instant::now());
    let mut hook = Hook::new(sweep.hook);
    // What ended while no service ran.
    hook.start(Order::Sweep(&[]), &app.log);
    loop {
        let next = plan.next().into_iter().chain(flush.next()).min().filter(|_| !hook.is_running());
        tokio::select! {
            change = changes.recv() => match change {
                Some(Change::Written(thread)) => {
                    plan.written(thread, Instant::now(), SystemTime::now());
                }
                Some(Change::Received(thread)) => {
                    watch.begin(&app.log);
                    plan.received(thread, Instant::now());
                }
                Some(Change::Folder(folder)) => {
                    for thread in watch.folder_changed(&folder, &app.log) {
                        plan.found(thread, Instant::now());
                    }
                }
                Some(Change::Outbox) => flush.changed(Instant::now()),
                Some(Change::Settings) => flush.settings_changed(Instant::now()),
                None => return,
            },
            was_flush = hook.ended(&app.log) => if was_flush {
                flush.ended(Instant::now());
            },
            () = due(next) => {
                let threads = in_need_of_a_run(&app, plan.take_due(Instant::now())).await;
                if !threads.is_empty() {
                    hook.start(Order::Sweep(&threads), &app.log);
                } else if flush.take_due(Instant::now(), SystemTime::now()) {
                    hook.start(Order::Flush, &app.log);
                }
            }
        }
    }
}

/// A thread whose events were all fetched was read since they arrived.
async fn in_need_of_a_run(app: &App, due: Vec<Due>) -> Vec<Due> {
    let mut threads = Vec::new();
    for due in due {
        if due.reason != Reason::Received || app.holds_events_of(due.thread.clone()).await {
            threads.push(due);
        }
    }
    threads
}

async fn due(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}
