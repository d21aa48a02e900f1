//! `notify`: does Codex run the hook at the end of a turn?

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use codex_config::codex_toml::{Found, FoundNotify, NotifyOwner, is_hook};
use codex_home::HOOK_PROGRAM;

use super::{ConfigFacts, SETUP};
use crate::Finding;
use crate::words::{edit, line};

const NOTIFY: &str = "codex.notify";

/// The program that `notify` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// There is none.
    Unset,
    /// It cannot be run.
    NotRunnable,
    /// It is a script in which the hook is named.
    RunsHook,
    /// It is a program of the system, not a script.
    Native,
    /// It is some other script.
    Runnable,
}

pub(super) fn check(found: &Found, facts: &ConfigFacts) -> Finding {
    if let (None, Some((line, table))) = (&found.notify, found.misplaced_notify.first()) {
        let message = format!(
            "`notify` on line {line} is part of `[{table}]`, where Codex ignores it: it belongs above the first table"
        );
        return Finding::failure(NOTIFY, message, SETUP);
    }
    let Some(notify) = &found.notify else {
        if facts.hooks {
            return Finding::ok(
                NOTIFY,
                "is not set; Codex's lifecycle hooks announce the end of a turn",
            );
        }
        let message = "is not set, so that Codex does not announce the end of a turn";
        return Finding::failure(NOTIFY, message, SETUP);
    };
    let Some(command) = &notify.command else {
        let line = notify.line;
        let message = format!("is not a list of texts (line {line}): Codex does not start with it");
        return Finding::failure(NOTIFY, message, edit(&facts.file));
    };
    let shown = line(command.first().map_or("", String::as_str), 160);
    match (facts.program, notify.owner) {
        (Program::Unset | Program::NotRunnable, _) => {
            let expands = shown.starts_with(['~', '$', '%']);
            let why = if expands { "; Codex expands neither `~` nor variables" } else { "" };
            let message = format!("runs `{shown}`, which is not a program{why}");
            Finding::failure(NOTIFY, message, SETUP)
        }
        (_, NotifyOwner::Ours) => Finding::ok(NOTIFY, format!("runs `{shown}`")),
        // The user may have put this hook in the place of the Python plugin's.
        (Program::Native, NotifyOwner::PythonSystem) if is_hook(&shown) => {
            Finding::ok(NOTIFY, format!("runs `{shown}`"))
        }
        (_, NotifyOwner::PythonSystem) => {
            let message = format!("runs the hook of the Python plugin, `{shown}`");
            Finding::failure(NOTIFY, message, SETUP)
        }
        (Program::RunsHook, NotifyOwner::Foreign) => {
            Finding::ok(NOTIFY, format!("runs `{shown}`, which names the hook"))
        }
        (Program::Runnable | Program::Native, NotifyOwner::Foreign) => {
            let message = format!("runs `{shown}` and not `{HOOK_PROGRAM}`");
            Finding::failure(NOTIFY, message, SETUP)
        }
    }
}

pub(super) fn program(notify: Option<&FoundNotify>, search: &OsStr) -> Program {
    const LONGEST_SCRIPT: u64 = 64 * 1024;
    let Some(name) = notify.and_then(|notify| notify.command.as_ref()?.first()) else {
        return Program::Unset;
    };
    let Some(file) = processes::find_program(name, search) else { return Program::NotRunnable };
    let file = fs::canonicalize(&file).unwrap_or(file);
    if is_native(&file) {
        return Program::Native;
    }
    let is_short = fs::metadata(&file).is_ok_and(|file| file.len() <= LONGEST_SCRIPT);
    let names_hook =
        is_short && fs::read_to_string(&file).is_ok_and(|text| text.contains(HOOK_PROGRAM));
    if names_hook { Program::RunsHook } else { Program::Runnable }
}

/// Whether this is a program of the system, as the hook is. The Python plugin's is a script, or on
/// Windows a program that starts one.
fn is_native(file: &Path) -> bool {
    let mut begin = [0; 2];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && !cfg!(windows) && begin != *b"#!"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{Failure, Ok as Fine};
    use crate::checks::codex_toml::tests::{expect, facts};

    const NOTIFY_LINE: &str = "notify = [\"/h/arize-hook-codex-notify\"]\n";

    #[test]
    fn each_way_not_to_announce_a_turn() {
        for (text, program, level, part) in [
            (NOTIFY_LINE, Program::Runnable, Fine, "runs `/h/arize-hook-codex-notify`"),
            (
                NOTIFY_LINE,
                Program::NotRunnable,
                Failure,
                "hook-codex-notify`, which is not a program",
            ),
            ("notify = [\"~/x\"]\n", Program::NotRunnable, Failure, "expands neither `~`"),
            ("", Program::Unset, Failure, "is not set"),
            ("[tui]\nnotify = [\"x\"]\n", Program::Unset, Failure, "line 2 is part of `[tui]`"),
            ("notify = \"x\"\n", Program::Unset, Failure, "not a list of texts (line 1)"),
            (
                "notify = [\"notify-send\"]\n",
                Program::Runnable,
                Failure,
                "and not `arize-hook-codex-notify`",
            ),
            ("notify = [\"/h/both.sh\"]\n", Program::RunsHook, Fine, "which names the hook"),
            (
                "notify = [\"/v/venv/bin/arize-hook-codex-notify\"]\n",
                Program::Runnable,
                Failure,
                "Python plugin",
            ),
            (
                "notify = [\"/v/venv/bin/arize-hook-codex-notify\"]\n",
                Program::Native,
                Fine,
                "runs `/v/venv/bin/arize-hook-codex-notify`",
            ),
            (
                "notify = [\"python3\", \"/v/arize-hook-codex-notify\"]\n",
                Program::Native,
                Failure,
                "Python plugin",
            ),
        ] {
            expect(&ConfigFacts { program, ..facts(text) }, NOTIFY, level, part);
        }
        let hooks = ConfigFacts { program: Program::Unset, hooks: true, ..facts("") };
        expect(&hooks, NOTIFY, Fine, "lifecycle hooks");
    }

    #[cfg(unix)]
    #[test]
    fn the_program_is_looked_at() {
        use std::os::unix::fs::PermissionsExt;

        use codex_config::codex_toml;

        let home = tempfile::tempdir().unwrap();
        let script = home.path().join("both.sh");
        let look = |notify: &str| {
            let found = codex_toml::inspect(&format!("notify = [\"{notify}\"]\n")).unwrap();
            program(found.notify.as_ref(), home.path().as_os_str())
        };
        assert_eq!(look("both.sh"), Program::NotRunnable);
        fs::write(&script, "#!/bin/sh\nother \"$@\"\n/h/arize-hook-codex-notify \"$@\"\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(look("both.sh"), Program::RunsHook);
        assert_eq!(look(&script.display().to_string()), Program::RunsHook);
        assert_eq!(look("/bin/sh"), Program::Native);
        // The old place of the Python plugin's hook, with a link to the one of today.
        let link = home.path().join("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        assert_eq!(look(&link.display().to_string()), Program::Native);
        fs::write(&script, "#!/bin/sh\nother\n").unwrap();
        assert_eq!(look("both.sh"), Program::Runnable);
        assert_eq!(look("~/both.sh"), Program::NotRunnable);
    }
}
