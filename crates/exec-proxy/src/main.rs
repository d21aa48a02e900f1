//! `arize-codex-proxy`: what runs in place of `codex`. Its exit code is Codex's.

use std::process::ExitCode;

fn main() -> ExitCode {
    exec_proxy::run(std::env::args_os().skip(1).collect(), std::env::vars_os().collect())
}
