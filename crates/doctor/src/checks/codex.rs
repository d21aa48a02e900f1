//! Which `codex` the shell runs, and whether its version is known.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use codex_config::Paths;
use codex_home::CodexVersion;
use codex_turn::RECORDED_VERSIONS;
use processes::{answer, without_keys};

use crate::Finding;
use crate::words::{program, quoted};

const CHECK: &str = "codex";
const VERSION: &str = "codex.version";

/// How long `codex --version` may take; on a cold disk node alone takes a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The `codex` commands of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Those on `PATH`, in its order; the shell runs the first.
    pub commands: Vec<Found>,
    /// Where our shim is, if it is installed.
    pub shim: Option<PathBuf>,
    /// What the real one says of its version.
    pub version: Option<CodexVersion>,
}

/// A command called `codex`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it only stands before the real one.
    pub is_shim: bool,
}

impl Facts {
    /// The first that is not ours.
    pub(crate) fn real(&self) -> Option<&Path> {
        Some(&self.commands.iter().find(|found| !found.is_shim)?.path)
    }
}

/// Looks for `codex` along this `PATH` (and on Windows `PATHEXT`) and asks the real one for its version.
pub fn gather(paths: &Paths, path: &OsStr, extensions: Option<&OsStr>) -> Facts {
    let mut commands: Vec<Found> = Vec::new();
    for path in codex_home::codex_on_path(path, extensions) {
        if commands.iter().all(|found| found.path != path) {
            let is_shim = codex_home::is_shim(&path);
            commands.push(Found { path, is_shim });
        }
    }
    let shim = Some(paths.bin_dir.join("codex")).filter(|shim| shim.exists());
    let real = commands.iter().find(|found| !found.is_shim);
    let version = real.and_then(|real| ask_version(&real.path, path));
    Facts { commands, shim, version }
}

/// What the facts mean.
pub fn check(facts: &Facts) -> Vec<Finding> {
    const INSTALL: &str = "npm install -g @openai/codex";
    let Some(first) = facts.commands.first() else {
        return vec![Finding::failure(CHECK, "there is no `codex` on `PATH`", INSTALL)];
    };
    let Some(real) = facts.commands.iter().find(|found| !found.is_shim) else {
        let shim = first.path.display();
        let message =
            format!("`{shim}` is the wrapper, and there is no real `codex` behind it on `PATH`");
        return vec![Finding::failure(CHECK, message, INSTALL)];
    };
    let version = facts.version.map(judge).unwrap_or_else(|| {
        let message = format!("`{} --version` prints no version", real.path.display());
        Finding::warning(VERSION, message, format!("{} --version", program(&real.path)))
    });
    vec![found(first, real, facts), version]
}

fn found(first: &Found, real: &Found, facts: &Facts) -> Finding {
    let (first_path, real_path) = (first.path.display(), real.path.display());
    if first.is_shim {
        let message = format!("`codex` is the wrapper `{first_path}`, which runs `{real_path}`");
        return Finding::ok(CHECK, message);
    }
    if let Some(shim) = &facts.shim {
        let message = format!(
            "the shell runs `{first_path}` and not the wrapper `{}`, so that the buffer service may not run when Codex starts",
            shim.display()
        );
        return Finding::warning(CHECK, message, path_command(shim));
    }
    let others = facts.commands.iter().filter(|found| !found.is_shim).count() - 1;
    let others = if others == 0 { String::new() } else { format!(" ({others} more on `PATH`)") };
    Finding::ok(CHECK, format!("`codex` is `{first_path}`{others}"))
}

fn path_command(shim: &Path) -> String {
    let folder = shim.parent().unwrap_or(shim);
    match cfg!(windows) {
        true => format!("$env:PATH = '{};' + $env:PATH", folder.display()),
        false => format!("export PATH={}:\"$PATH\"", quoted(folder)),
    }
}

fn judge(version: CodexVersion) -> Finding {
    let known: Vec<CodexVersion> =
        RECORDED_VERSIONS.iter().filter_map(|version| CodexVersion::parse(version)).collect();
    let (Some(oldest), Some(newest)) = (known.first(), known.last()) else {
        return Finding::ok(VERSION, version.to_string());
    };
    if version < *oldest {
        let message = format!("{version} is older than {oldest}, the oldest tested version");
        return Finding::warning(VERSION, message, "npm install -g @openai/codex");
    }
    if version > *newest {
        let message = format!(
            "{version} is newer than {newest}, the newest tested version; what is new in it may be missing from traces"
        );
        return Finding::ok(VERSION, message);
    }
    let tested = if known.contains(&version) { "is tested" } else { "is between tested versions" };
    Finding::ok(VERSION, format!("{version} {tested}"))
}

fn ask_version(codex: &Path, path: &OsStr) -> Option<CodexVersion> {
    let mut command = Command::new(codex);
    command.arg("--version").env("PATH", path);
    let said = answer(without_keys(&mut command), PATIENCE).ok()?;
    CodexVersion::parse(&String::from_utf8_lossy(&said.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::checks::expect;

    const SHIM: &str = "/h/bin/codex";

    fn facts(commands: &[&str], shim: Option<&str>, version: &str) -> Facts {
        let found = |path: &&str| Found { path: path.into(), is_shim: *path == SHIM };
        Facts {
            commands: commands.iter().map(found).collect(),
            shim: shim.map(PathBuf::from),
            version: CodexVersion::parse(version),
        }
    }

    #[test]
    fn what_the_shell_runs() {
        use Level::{Failure, Ok, Warning};
        for (commands, shim, level, part) in [
            (vec![], None, Failure, "no `codex` on `PATH`"),
            (vec!["/usr/bin/codex"], None, Ok, "`codex` is `/usr/bin/codex`"),
            (vec!["/usr/bin/codex", "/opt/codex"], None, Ok, "(1 more on `PATH`)"),
            (vec![SHIM, "/usr/bin/codex"], Some(SHIM), Ok, "which runs `/usr/bin/codex`"),
            (vec![SHIM], Some(SHIM), Failure, "no real `codex`"),
            (vec!["/usr/bin/codex", SHIM], Some(SHIM), Warning, "and not the wrapper"),
            (vec!["/usr/bin/codex"], Some(SHIM), Warning, "and not the wrapper"),
        ] {
            expect::of(CHECK, &check(&facts(&commands, shim, "0.169.0")), level, part);
        }
    }

    #[test]
    fn versions() {
        use Level::{Ok, Warning};
        for (text, level, part) in [
            ("codex-cli 0.169.0", Ok, "0.169.0 is tested"),
            ("codex-cli 0.168.0-alpha.2", Ok, "0.168.0 is between tested"),
            ("codex-cli 1.0.0", Ok, "1.0.0 is newer than 0.171.0"),
            ("codex-cli 0.9.1", Warning, "0.9.1 is older than 0.44.0"),
            ("what?", Warning, "prints no version"),
        ] {
            expect::of(VERSION, &check(&facts(&["/usr/bin/codex"], None, text)), level, part);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_first_program_on_the_path_is_asked() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        let folder = |name: &str, mode| {
            let folder = home.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let script = format!("#!/bin/sh\necho codex-cli 0.{mode}.0\n");
            std::fs::write(folder.join("codex"), script).unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.join("codex"), mode).unwrap();
            folder
        };
        let (text, first, second) = (folder("t", 0o644), folder("a", 0o755), folder("b", 0o700));
        let path = std::env::join_paths([&text, &first, &second, &first]).unwrap();
        let facts = gather(&paths, &path, None);
        let found = |folder: &Path| Found { path: folder.join("codex"), is_shim: false };
        assert_eq!(facts.commands, [found(&first), found(&second)]);
        assert_eq!(facts.version, CodexVersion::parse("0.493.0"));
        assert_eq!(gather(&paths, OsStr::new("/nowhere"), None), Facts::default());
    }
}
