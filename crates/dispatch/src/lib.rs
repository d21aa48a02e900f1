//! From a turn and the settings to all targets at once, or to their queues.
//!
//! A target of the settings becomes an exporter ([`exporter()`]) with a queue of its own name
//! ([`outbox`]). [`Delivery`] makes the spans that each target gets of a turn, sends them to all targets
//! at once, and queues what a target does not accept. [`ledger`] has a line for each turn that was sent
//! or queued.
//!
//! Invariants: a turn counts as delivered only when each target accepted it or has it in its queue, on
//! disk; nothing here knows where turns come from.
//!
//! Start reading at [`Delivery`], then `queued_exporter.rs`.

mod assembled;
mod decide;
mod deliver;
mod exporter;
pub mod ledger;
mod metrics;
mod notices;
mod others;
mod outcome;
mod price;
mod queued_exporter;
mod queues;
mod secrets;
mod sent;
mod spans;

pub use self::notices::{channels, quiet, shown, thresholds};
pub use decide::{DecideError, Decided};
pub use deliver::{Batches, Delivery, DeliveryError, TurnBatches};
pub use exporter::{connection, exporter, exposed};
pub use metrics::{PendingMetrics, UnsentMetrics};
pub use outcome::{TargetFlush, TargetOutbox, TargetOutcome};
pub use price::{price, price_table};
pub use queued_exporter::{DeliveryStatus, QueueReason};
pub use queues::{Destination, OtherQueue, other_queues, outbox};
pub use secrets::{Secrets, scrub_settings};
pub use sent::SentHistory;
pub use spans::{SCOPE, SpanPolicy};
