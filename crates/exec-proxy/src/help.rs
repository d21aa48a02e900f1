//! What the proxy says of itself.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use codex_home::shim::PROXY;

/// A page of the manual is made of it, too (`arize-codex man`).
const HELP: &str = include_str!("help.txt");

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
