//! What was used: reports and quotas, made of the sums of the local store.
//!
//! [`report`] sums up what the store holds, by time, model, place or session; [`quota`] says what is
//! left of a subscription's limits; [`metrics`] has both for Prometheus; [`compare`] puts two turns beside
//! each other.
//!
//! Invariant: no figure of a report is made of anything but the store's sums.
//!
//! Start reading at [`report::Report::of`].

pub mod compare;
pub mod loops;
pub mod metrics;
pub mod quota;
pub mod report;
