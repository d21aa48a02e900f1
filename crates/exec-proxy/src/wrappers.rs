//! Scripts called `codex` that run `codex` again.
//!
//! People put a script of their own in front of Codex, with some flags, say. Where it finds the proxy
//! under that name, the proxy must not run the script again. So the proxy notes what it runs, and in
//! which process: a proxy that is started by that process, or in its place, passes over it. A Codex that
//! runs a Codex is no script, and finds the same one again.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The variable in which the proxy notes what it ran: a line for each, with the id of the process.
pub(crate) const RAN: &str = "ARIZE_CODEX_PROXY_RAN";

/// What the proxies before this one have run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran(Vec<(u32, PathBuf)>);

impl Ran {
    /// Reads the variable; what is no such line is not ours.
    pub(crate) fn from_variables(variables: &[(OsString, OsString)]) -> Self {
        let text = variables.iter().find(|(name, _)| name == RAN);
        let text = text.and_then(|(_, text)| text.to_str()).unwrap_or_default();
        let entry = |line: &str| {
            let (pid, path) = line.split_once(' ')?;
            Some((pid.parse().ok()?, PathBuf::from(path)))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// Whether this program is a script that one of these processes ran and that has led here.
    pub(crate) fn leads_here(&self, codex: &Path, here: [u32; 2]) -> bool {
        let is_ran = |(pid, path): &(u32, PathBuf)| here.contains(pid) && path == codex;
        self.0.iter().any(is_ran) && is_script(codex)
    }

    /// The value of the variable for what this process runs now. What the same process ran before
    /// stays, because it leads here, too; what others ran does not.
    pub(crate) fn with(&self, codex: &Path, here: [u32; 2]) -> String {
        let [own, _] = here;
        let before = self.0.iter().filter(|(pid, _)| here.contains(pid));
        let lines = before.map(|(_, path)| path.as_path()).chain([codex]);
        lines.map(|path| format!("{own} {}\n", path.display())).collect()
    }
}

/// This process and its parent: a script starts a program, or is replaced by it.
pub(crate) fn here() -> [u32; 2] {
    #[cfg(unix)]
    let parent = std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    let parent = 0;
    [std::process::id(), parent]
}

/// Whether another program interprets this file. npm's `codex` is one, too; it runs Codex as a child.
fn is_script(path: &Path) -> bool {
    let mut begin = [0; 2];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut begin).is_ok() && begin == *b"#!")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(text: &str) -> Ran {
        Ran::from_variables(&[(RAN.into(), text.into())])
    }

    #[test]
    fn a_script_leads_here_where_its_process_or_its_parent_ran_it() {
        let folder = tempfile::tempdir().unwrap();
        let (script, program) = (folder.path().join("script"), folder.path().join("program"));
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        std::fs::write(&program, "\u{7f}ELF").unwrap();
        let text = format!("7 {}\n7 {}\nnonsense\n", script.display(), program.display());
        let ran = ran(&text);
        for (path, here, expected) in [
            (&script, [7, 1], true),
            (&script, [8, 7], true),
            (&script, [8, 1], false),
            (&program, [8, 7], false),
            (&folder.path().join("other"), [8, 7], false),
        ] {
            assert_eq!(ran.leads_here(path, here), expected, "{path:?} {here:?}");
        }
    }

    #[test]
    fn what_led_here_is_noted_for_the_next_one() {
        let next = ran("7 /a\n9 /b\n").with(Path::new("/c"), [8, 7]);
        assert_eq!(next, "8 /a\n8 /c\n");
        assert_eq!(Ran::from_variables(&[]).with(Path::new("/c"), [8, 7]), "8 /c\n");
    }
}
