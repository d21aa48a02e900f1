//! The last resort against system calls that never return.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use crate::session::CAP;

/// Ends the process when a thread takes longer than [`CAP`], even if a file system hangs.
pub(crate) struct Watchdog(mpsc::Sender<()>);

impl Watchdog {
    pub(crate) fn start() -> Self {
        let (rearm, rearmed) = mpsc::channel();
        // Without a thread to spare the other bounds still hold.
        let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || watch(&rearmed));
        Self(rearm)
    }

    /// Another thread begins.
    pub(crate) fn rearm(&self) {
        let _ = self.0.send(());
    }
}

fn watch(rearmed: &mpsc::Receiver<()>) {
    loop {
        match rearmed.recv_timeout(CAP) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            #[expect(clippy::exit, reason = "the last resort against a hanging system call")]
            Err(RecvTimeoutError::Timeout) => std::process::exit(0),
        }
    }
}
