//! The umbrella command arize-codex.
