//! Delivers span batches to tracing backends.
