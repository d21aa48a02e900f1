//! Where the real Codex is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::is_shim;

/// What the user types.
const CODEX: &str = "codex";

/// What Windows runs where `PATHEXT` does not say.
const DEFAULT_EXTENSIONS: &str = ".COM;.EXE;.BAT;.CMD";

/// The real Codex: the first `codex` on this `PATH` that is not a shim of ours.
///
/// `extensions` is Windows' `PATHEXT`; see [`file_names`].
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

/// The names under which Windows looks for a program: with each extension of `PATHEXT`, in its order.
pub fn file_names(program: &str, extensions: &OsStr) -> Vec<OsString> {
    let extensions = extensions.to_string_lossy();
    let extensions = extensions.split(';').map(str::trim).filter(|extension| !extension.is_empty());
    extensions.map(|extension| format!("{program}{extension}").into()).collect()
}

/// Finds the program of this name as `execvp` does: along the `PATH` unless the name has a folder.
pub fn find_program(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.contains(['/', '\\']) {
        return Some(PathBuf::from(name)).filter(|file| is_runnable(file));
    }
    let mut names = vec![name.into()];
    if cfg!(windows) {
        names.extend(file_names(name, OsStr::new(DEFAULT_EXTENSIONS)));
    }
    let folders = std::env::split_paths(path);
    let mut places = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    places.find(|file| is_runnable(file))
}

/// Whether a shell would run this file.
pub(crate) fn is_runnable(file: &Path) -> bool {
    let Ok(metadata) = file.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_looks_for_each_extension_in_turn() {
        for (extensions, expected) in [
            (".COM;.EXE;.BAT;.CMD", vec!["codex.COM", "codex.EXE", "codex.BAT", "codex.CMD"]),
            (".exe; .Cmd ;;", vec!["codex.exe", "codex.Cmd"]),
            ("", vec![]),
        ] {
            assert_eq!(file_names("codex", OsStr::new(extensions)), expected, "{extensions}");
        }
    }
}
