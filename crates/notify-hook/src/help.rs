//! What the hook says of itself.

use std::ffi::OsString;

/// A page of the manual is made of it, too (`arize-codex man`).
const HELP: &str = include_str!("help.txt");

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
