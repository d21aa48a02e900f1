//! Child processes, other processes, programs and ports.
//!
//! | Function | What for |
//! | --- | --- |
//! | [`answer`] | runs a program that may take too long or never end, and gives what it printed |
//! | [`detach`] | lets a child go on when the terminal's Ctrl-C ends this process |
//! | [`without_keys`] | keeps credentials of the environment from a program of the system |
//! | [`is_alive`], [`terminate`], [`kill`], `interrupt` (Unix) | a process by its id |
//! | [`find_program`] | a program by its name, along the `PATH` |
//! | [`running`] | programs that are replaced or removed, also while they run |
//! | [`listener`] | the process that listens on a port |
//!
//! Invariants: nothing here knows which programs there are, and nothing is printed. A signal never goes
//! to a group of processes.

mod answer;
mod find;
mod keys;
mod listener;
pub mod running;
mod signal;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(windows)]
mod streams;

pub use answer::answer;
pub use find::{DEFAULT_EXTENSIONS, file_names, find_program, is_runnable};
pub use keys::without_keys;
pub use listener::{Listener, listener};
#[cfg(unix)]
pub use signal::interrupt;
pub use signal::{is_alive, kill, terminate};
#[cfg(target_os = "linux")]
pub use sockets::user_of;
#[cfg(windows)]
pub use streams::keep_streams;

use std::process::Command;

/// Keeps from what `command` starts the Ctrl-C of the terminal that this process belongs to.
///
/// On Windows it gets an invisible console of its own; without one, each program that it
/// starts would open a window.
pub fn detach(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
        std::os::windows::process::CommandExt::creation_flags(command, flags);
    }
}
