//! Checks of the texts in packages that other programs read.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::run::{announce, succeed};
use crate::workspace::root;

/// A tool, Debian's package of it, and what it is given: last a file.
const TOOLS: [(&str, &str, &[&str]); 3] = [
    ("shellcheck", "shellcheck", &["install.sh"]),
    ("ruby", "ruby", &["-c", "arize-codex.rb"]),
    ("node", "nodejs", &["--check", "npm/launch.js"]),
];

/// Runs those tools that are there. On a Linux where `CI` is set, all have to be.
pub(super) fn check(out: &Path) -> anyhow::Result<()> {
    for (tool, package, words) in TOOLS {
        let mut probe = Command::new(tool);
        if probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            let what = format!("`{tool}` is missing, which is in Debian's {package}");
            if cfg!(target_os = "linux") && std::env::var_os("CI").is_some() {
                bail!("{what}, and `CI` is set");
            }
            announce(&format!("left out: {what}"));
            continue;
        }
        let is_made = words.last().is_some_and(|file| out.join(file).exists());
        let folder = if is_made { out.to_owned() } else { root()?.join("packaging") };
        succeed(Command::new(tool).args(words).current_dir(folder))?;
    }
    Ok(())
}
