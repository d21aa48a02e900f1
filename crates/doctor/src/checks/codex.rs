//! Which `codex` the shell runs, and whether its version is known.

use std::path::Path;

use codex_home::CodexVersion;
use codex_turn::RECORDED_VERSIONS;
use machine::{Codex, CodexCommand};

use crate::Finding;
use crate::words::{program, quoted};

const CHECK: &str = "codex";
const VERSION: &str = "codex.version";

/// What the facts mean.
pub fn check(codex: &Codex) -> Vec<Finding> {
    const INSTALL: &str = "npm install -g @openai/codex";
    let Some(first) = codex.commands.first() else {
        return vec![Finding::failure(CHECK, "there is no `codex` on `PATH`", INSTALL)];
    };
    let Some(real) = codex.commands.iter().find(|found| !found.is_shim) else {
        let shim = first.path.display();
        let message =
            format!("`{shim}` is the wrapper, and there is no real `codex` behind it on `PATH`");
        return vec![Finding::failure(CHECK, message, INSTALL)];
    };
    let version = codex.version.map(evaluate_version).unwrap_or_else(|| {
        let message = format!("`{} --version` prints no version", real.path.display());
        Finding::warning(VERSION, message, format!("{} --version", program(&real.path)))
    });
    vec![found(first, real, codex), version]
}

fn found(first: &CodexCommand, real: &CodexCommand, codex: &Codex) -> Finding {
    let (first_path, real_path) = (first.path.display(), real.path.display());
    if first.is_shim {
        let message = format!("`codex` is the wrapper `{first_path}`, which runs `{real_path}`");
        return Finding::ok(CHECK, message);
    }
    if let Some(shim) = &codex.shim {
        let message = format!(
            "the shell runs `{first_path}` and not the wrapper `{}`, so that the buffer service may not run when Codex starts",
            shim.display()
        );
        return Finding::warning(CHECK, message, path_command(shim));
    }
    let others = codex.commands.iter().filter(|found| !found.is_shim).count() - 1;
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

fn evaluate_version(version: CodexVersion) -> Finding {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Level;
    use crate::checks::expect;

    const SHIM: &str = "/h/bin/codex";

    fn facts(commands: &[&str], shim: Option<&str>, version: &str) -> Codex {
        let found = |path: &&str| CodexCommand { path: path.into(), is_shim: *path == SHIM };
        Codex {
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
}
