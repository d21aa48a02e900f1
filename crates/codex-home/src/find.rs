//! Where the real Codex is.

use std::ffi::OsStr;
use std::path::PathBuf;

use processes::{DEFAULT_EXTENSIONS, file_names, is_runnable};

use crate::is_shim;

/// What the user types.
const CODEX: &str = "codex";

/// The real Codex: the first `codex` on this `PATH` that is not a shim of ours.
///
/// `extensions` is Windows' `PATHEXT`; see [`processes::file_names`].
pub fn find_codex(path: &OsStr, extensions: Option<&OsStr>) -> Option<PathBuf> {
    codex_on_path(path, extensions).find(|codex| !is_shim(codex))
}

/// Everything that is called `codex` on this `PATH` and can be run, in order: the first is what a
/// shell runs. Shims of ours are among them.
pub fn codex_on_path(path: &OsStr, extensions: Option<&OsStr>) -> impl Iterator<Item = PathBuf> {
    let names = if cfg!(windows) {
        file_names(CODEX, extensions.unwrap_or(OsStr::new(DEFAULT_EXTENSIONS)))
    } else {
        vec![CODEX.into()]
    };
    // An empty part of a `PATH` is the present folder, to a shell and to `join`.
    let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let places =
        move |folder: PathBuf| names.clone().into_iter().map(move |name| folder.join(name));
    folders.into_iter().flat_map(places).filter(|place| is_runnable(place))
}
