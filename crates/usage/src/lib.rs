//! What Codex used: its transcripts read into the local store, and reports made of that.
//!
//! [`import`] reads every transcript of one or several homes of Codex, or what was added to them since
//! the last time, and records each turn once: turns have the ids that live tracing gives them. It reads
//! nothing but what counts, and sends nothing anywhere. [`report`] sums up what the store holds, by
//! time, model, place or session; [`quota`] says what is left of a subscription's limits.
//!
//! Invariants: nothing is dropped without a count and a reason; a second import changes no figure; no
//! figure of a report is made of anything but the store's sums.
//!
//! Start reading at [`import::import`] and [`report::Report::of`].

pub mod import;
pub mod quota;
pub mod report;
