//! `arize-codex-proxy`: what runs in place of `codex`. Its exit code is Codex's.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    exec_proxy::run(&program, arguments.collect(), std::env::vars_os().collect())
}
