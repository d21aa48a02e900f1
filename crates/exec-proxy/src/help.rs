//! What the proxy says of itself.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use codex_home::shim::PROXY;

const HELP: &str = "\
Runs Codex with tracing: finds the next `codex` on the PATH, starts the buffer
service where it does not run, and becomes Codex.

Usage: codex [ARGUMENTS OF CODEX]

`arize-codex setup` puts it on the PATH as `codex`. Under that name it passes
every argument on: `codex --help` is Codex's own help.

Options, under the name arize-codex-proxy and without other arguments:
  -h, --help     Print this help
  -V, --version  Print the version

Settings:
  harnesses.codex.codex_bin, ARIZE_CODEX_BIN  The Codex to run, instead of the
                                              next one on the PATH
  ARIZE_TRACE_ENABLED=false                   Only run Codex

The log is ~/.arize/harness/logs/codex.log (`arize-codex logs`).
";

/// The help or the version, if that is what a run under the proxy's own name asks for. As `codex` it
/// answers for Codex alone.
pub(crate) fn answer(program: &OsStr, arguments: &[OsString]) -> Option<String> {
    let is_proxy = Path::new(program).file_stem().is_some_and(|name| name == PROXY);
    let [option] = arguments else { return None };
    match option.to_str().filter(|_| is_proxy)? {
        "--help" | "-h" => Some(HELP.to_owned()),
        "--version" | "-V" => Some(format!("{PROXY} {}\n", env!("CARGO_PKG_VERSION"))),
        _ => None,
    }
}
