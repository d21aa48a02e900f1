//! Whether Codex starts with its configuration: what is TOML may still hold a value that it refuses.
//!
//! Codex itself is asked, because each version has other values. What it answers is not shown: it
//! quotes the value, which may be a credential.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use codex_home::CodexVersion;
use processes::{answer, without_keys};

use super::CONFIG;
use crate::Finding;
use crate::words::quoted;

/// Reads the configuration and does nothing else; Codex 0.44 does not have it.
const READ: [&str; 2] = ["features", "list"];
const FIRST_WITH_READ: &str = "0.53.0";

/// How long Codex may take; on a cold disk node alone takes a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has Codex read the configuration in this folder.
pub(super) fn is_refused(
    codex: &Path,
    version: Option<CodexVersion>,
    search: &OsStr,
    codex_home: &Path,
) -> bool {
    const REFUSED: i32 = 1;
    if version < CodexVersion::parse(FIRST_WITH_READ) {
        return false;
    }
    let mut command = Command::new(codex);
    command.args(READ).env("PATH", search).env("CODEX_HOME", codex_home);
    answer(without_keys(&mut command), PATIENCE)
        .is_ok_and(|said| said.status.code() == Some(REFUSED))
}

/// What that means.
pub(super) fn refused(file: &Path) -> Finding {
    let message =
        format!("Codex does not start with `{}`; the command prints its reason", file.display());
    let folder = file.parent().unwrap_or(file);
    let read = READ.join(" ");
    let command = match cfg!(windows) {
        true => format!("$env:CODEX_HOME = {}; codex {read}", quoted(folder)),
        false => format!("CODEX_HOME={} codex {read}", quoted(folder)),
    };
    Finding::failure(CONFIG, message, command)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn codex_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let codex = home.path().join("codex");
        let script = "#!/bin/sh\ntest \"$*\" = 'features list' || exit 2\n\
                      test -e \"$CODEX_HOME/fine\" || exit 1\n";
        std::fs::write(&codex, script).unwrap();
        std::fs::set_permissions(&codex, std::fs::Permissions::from_mode(0o755)).unwrap();
        let is_refused = |version: &str| {
            let version = CodexVersion::parse(version);
            is_refused(&codex, version, OsStr::new("/usr/bin:/bin"), home.path())
        };
        assert!(is_refused("0.169.0") && is_refused("0.53.0"));
        assert!(!is_refused("0.44.0") && !is_refused("unknown"));
        std::fs::write(home.path().join("fine"), "").unwrap();
        assert!(!is_refused("0.169.0"));
    }
}
