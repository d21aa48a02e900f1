//! Programs by their names.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What Windows runs where `PATHEXT` does not say.
pub const DEFAULT_EXTENSIONS: &str = ".COM;.EXE;.BAT;.CMD";

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
pub fn is_runnable(file: &Path) -> bool {
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
