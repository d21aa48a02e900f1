//! What the hook says of itself.

use std::ffi::OsString;

const HELP: &str = "\
Traces the finished turns of a Codex thread. Codex runs it: `arize-codex setup`
writes it into `notify` in Codex's config.toml.

Usage: arize-hook-codex-notify PAYLOAD
       arize-hook-codex-notify --sweep [THREAD... | --settle]
       arize-hook-codex-notify --flush [--rejected]
       arize-hook-codex-notify --lifecycle < PAYLOAD

Arguments:
  PAYLOAD      Codex's notification, as JSON: names the thread to trace

Options:
  --sweep      Trace turns that Codex does not announce, such as failed ones:
               of these threads, or of all that changed
  --settle     With --sweep: until no turn of a Codex that has ended is left
  --flush      Send queued turns whose time has come (`arize-codex flush` sends
               all of them and prints the result)
  --rejected   With --flush: also those that a target rejected
  --lifecycle  Run as a lifecycle hook of Codex, with its payload on stdin
  -h, --help     Print this help
  -V, --version  Print the version

It prints nothing else and exits with 0 whatever happens, because Codex may show
or act on both. Results and errors are in ~/.arize/harness/logs/codex.log
(`arize-codex logs`); ARIZE_DRY_RUN=true prints the spans and sends nothing.
";

/// The help or the version, if a person asks for it. Codex always adds its payload as the last argument.
pub(crate) fn answer(arguments: &[OsString]) -> Option<String> {
    match arguments {
        [] => Some(HELP.to_owned()),
        [option] => match option.to_str()? {
            "--help" | "-h" => Some(HELP.to_owned()),
            "--version" | "-V" => {
                Some(format!("arize-hook-codex-notify {}\n", env!("CARGO_PKG_VERSION")))
            }
            _ => None,
        },
        _ => None,
    }
}
