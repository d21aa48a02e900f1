//! `notify`: does Codex run our hook at the end of a turn?

use std::ffi::OsStr;
use std::fs;

use codex_config::HOOK_PROGRAM;
use codex_config::codex_toml::{Found, FoundNotify, NotifyOwner};

use super::{Facts, SETUP};
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
    /// It is a script in which our hook is named.
    RunsOurs,
    /// It is a program.
    Runnable,
}

pub(super) fn check(found: &Found, facts: &Facts) -> Finding {
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
                "is not set; Codex's lifecycle hooks tell when a turn ends",
            );
        }
        let message = "is not set, so that Codex does not say when a turn ends";
        return Finding::failure(NOTIFY, message, SETUP);
    };
    let Some(command) = &notify.command else {
        let line = notify.line;
        let message = format!("is no list of texts (line {line}): Codex does not start with it");
        return Finding::failure(NOTIFY, message, edit(&facts.file));
    };
    let shown = line(command.first().map_or("", String::as_str), 160);
    match (facts.program, notify.owner) {
        (Program::Unset | Program::NotRunnable, _) => {
            let expands = shown.starts_with(['~', '$', '%']);
            let why = if expands { "; Codex expands neither `~` nor variables" } else { "" };
            let message = format!("runs `{shown}`, which is no program{why}");
            Finding::failure(NOTIFY, message, SETUP)
        }
        (_, NotifyOwner::Ours) => Finding::ok(NOTIFY, format!("runs `{shown}`")),
        (_, NotifyOwner::PythonSystem) => {
            let message =
                format!("runs the hook of the Python system, `{shown}`, in place of ours");
            Finding::failure(NOTIFY, message, SETUP)
        }
        (Program::RunsOurs, NotifyOwner::Foreign) => {
            Finding::ok(NOTIFY, format!("runs `{shown}`, which names our hook"))
        }
        (Program::Runnable, NotifyOwner::Foreign) => {
            let message = format!("runs `{shown}` and not our hook");
            Finding::failure(NOTIFY, message, SETUP)
        }
    }
}

pub(super) fn program(notify: Option<&FoundNotify>, search: &OsStr) -> Program {
    const LONGEST_SCRIPT: u64 = 64 * 1024;
    let Some(name) = notify.and_then(|notify| notify.command.as_ref()?.first()) else {
        return Program::Unset;
    };
    let Some(file) = exec_proxy::find_program(name, search) else { return Program::NotRunnable };
    let is_short = fs::metadata(&file).is_ok_and(|file| file.len() <= LONGEST_SCRIPT);
    let is_ours =
        is_short && fs::read_to_string(&file).is_ok_and(|text| text.contains(HOOK_PROGRAM));
    if is_ours { Program::RunsOurs } else { Program::Runnable }
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
            (NOTIFY_LINE, Program::NotRunnable, Failure, "hook-codex-notify`, which is no program"),
            ("notify = [\"~/x\"]\n", Program::NotRunnable, Failure, "expands neither `~`"),
            ("", Program::Unset, Failure, "is not set"),
            ("[tui]\nnotify = [\"x\"]\n", Program::Unset, Failure, "line 2 is part of `[tui]`"),
            ("notify = \"x\"\n", Program::Unset, Failure, "no list of texts (line 1)"),
            ("notify = [\"notify-send\"]\n", Program::Runnable, Failure, "and not our hook"),
            ("notify = [\"/h/both.sh\"]\n", Program::RunsOurs, Fine, "which names our hook"),
            (
                "notify = [\"/v/venv/bin/arize-hook-codex-notify\"]\n",
                Program::Runnable,
                Failure,
                "Python system",
            ),
        ] {
            expect(&Facts { program, ..facts(text) }, NOTIFY, level, part);
        }
        let hooks = Facts { program: Program::Unset, hooks: true, ..facts("") };
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
        assert_eq!(look("both.sh"), Program::RunsOurs);
        assert_eq!(look(&script.display().to_string()), Program::RunsOurs);
        assert_eq!(look("/bin/sh"), Program::Runnable);
        assert_eq!(look("~/both.sh"), Program::NotRunnable);
    }
}
