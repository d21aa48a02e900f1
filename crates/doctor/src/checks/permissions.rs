//! Whether others of this machine can read what they should not: keys, prompts, the token.

use std::path::{Path, PathBuf};

use codex_config::{Paths, Settings};

use crate::Finding;
use crate::words::quoted;

const CHECK: &str = "permissions";

#[cfg(unix)]
const CLOSED: &str = "only you can read keys, prompts and logs";
#[cfg(not(unix))]
const CLOSED: &str = "keys, prompts and logs have the permissions of your user's folder";

/// A file that others may read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The file or folder.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// The files that hold credentials or prompts and can be read by others.
pub fn inspect(paths: &Paths, settings: &Settings) -> Vec<Open> {
    let buffer = buffer_api::Paths::under(&paths.harness_home);
    let files = [
        &paths.config_file,
        &paths.legacy_config_file,
        &paths.env_file,
        &paths.traces_db,
        &paths.state_dir,
        &settings.log_file,
        &buffer.token,
        &buffer.log,
        &buffer.database,
    ];
    // Its write token is a credential; without one it is the user's affair who reads it.
    let codex_config = paths.codex_home.join("config.toml");
    let holds_token = std::fs::read_to_string(&codex_config)
        .is_ok_and(|text| text.contains(buffer_api::secrets::TOKEN_HEADER));
    let codex_config = holds_token.then_some(&codex_config);
    files.into_iter().chain(codex_config).filter_map(|path| open(path)).collect()
}

/// What the facts mean.
pub fn check(open: &[Open]) -> Vec<Finding> {
    if open.is_empty() {
        return vec![Finding::ok(CHECK, CLOSED)];
    }
    let finding = |file: &Open| {
        let message =
            format!("other users can read `{}` (mode {:o})", file.path.display(), file.mode);
        Finding::warning(CHECK, message, format!("chmod go= {}", quoted(&file.path)))
    };
    open.iter().map(finding).collect()
}

#[cfg(unix)]
fn open(path: &Path) -> Option<Open> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| Open { path: path.to_owned(), mode })
}

/// On Windows files inherit from the user's folder who may read them.
#[cfg(not(unix))]
fn open(_path: &Path) -> Option<Open> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use codex_config::Environment;

    use super::*;
    use crate::Level;

    #[test]
    fn files_that_others_can_read_are_named_with_what_closes_them() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path().join("it's me"), None);
        let settings = Settings::load(&paths, &Environment::default());
        assert_eq!(check(&inspect(&paths, &settings))[0].level, Level::Ok, "what is not there");
        fs::create_dir_all(&paths.harness_home).unwrap();
        fs::write(&paths.config_file, "").unwrap();
        let mode = |mode| fs::set_permissions(&paths.config_file, fs::Permissions::from_mode(mode));
        mode(0o600).unwrap();
        assert_eq!(inspect(&paths, &settings), []);
        mode(0o640).unwrap();
        let findings = check(&inspect(&paths, &settings));
        assert_eq!((findings.len(), findings[0].level), (1, Level::Warning), "{findings:?}");
        let command = findings[0].command.as_deref().unwrap();
        let done = std::process::Command::new("/bin/sh").args(["-c", command]).status().unwrap();
        assert!(done.success(), "{command}");
        assert_eq!(inspect(&paths, &settings), []);
    }
}
