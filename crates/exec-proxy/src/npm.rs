//! Codex as npm puts it on the `PATH` of Windows: `codex.cmd`, which has Node run a script.
//!
//! A batch file cannot be given every argument: none of several lines, for one, as prompts are. So what
//! it would run is run without it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use processes::find_program;

/// Prepares to run this Codex, with the programs of this `PATH`.
pub(crate) fn command(codex: PathBuf, path: &OsStr) -> Command {
    let Some((node, script)) = behind(&codex, path) else { return Command::new(codex) };
    let mut command = Command::new(node);
    command.arg(script);
    command
}

/// What a batch file of npm's runs, as it says itself: the Node beside it or the one on the `PATH`,
/// and the script of its package.
fn behind(codex: &Path, path: &OsStr) -> Option<(PathBuf, PathBuf)> {
    codex.extension().filter(|extension| extension.eq_ignore_ascii_case("cmd"))?;
    let folder = codex.parent()?;
    let script = folder.join("node_modules/@openai/codex/bin/codex.js");
    let beside = Some(folder.join("node.exe")).filter(|node| node.is_file());
    let node = beside.or_else(|| find_program("node", path))?;
    script.is_file().then_some((node, script))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_script_is_run_without_the_batch_file() {
        let folder = tempfile::tempdir().unwrap();
        let codex = folder.path().join("codex.CMD");
        let script = folder.path().join("node_modules/@openai/codex/bin/codex.js");
        let node = folder.path().join("node.exe");
        let nowhere = OsStr::new("");
        assert_eq!(command(codex.clone(), nowhere).get_program(), codex);
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        fs::write(&script, "").unwrap();
        assert_eq!(behind(&codex, nowhere), None, "there is no Node");
        fs::write(&node, "").unwrap();
        let command = command(codex, nowhere);
        assert_eq!(command.get_program(), node);
        assert_eq!(command.get_args().collect::<Vec<_>>(), [script.as_os_str()]);
        assert_eq!(behind(&folder.path().join("codex.exe"), nowhere), None);
    }
}
