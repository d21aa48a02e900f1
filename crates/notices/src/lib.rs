//! Notices to a person: the channels that they go through, and those that were given.
//!
//! [`Channels::send`] hands a [`Notice`] to the desktop, a program, a webhook and ntfy, each in a thread of
//! its own with [`TIMEOUT`]. [`Shown`] is the file of the last notices, which also keeps alerts from being
//! given twice or too often.
//!
//! Invariants: nothing here decides whether there is a reason for a notice. No text of a notice and no
//! address of a channel is in a command line but that of the user's own program, in an environment or in an
//! error.

mod channels;
mod shown;

pub use channels::{Channels, Notice, SendError, Sending, TIMEOUT};
pub use shown::{Shown, ShownError};
