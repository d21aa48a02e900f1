//! What an installation writes, one module per kind of file. Each computes what a file is to hold
//! from what it would hold without us.

pub(crate) mod codex_config;
pub(crate) mod hooks_json;
pub(crate) mod profile;
