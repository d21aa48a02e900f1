//! Traces the finished turns of a Codex thread.
