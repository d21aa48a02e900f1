//! By what a version of Codex tells that a turn may have ended, as measured with the real CLI.

use crate::CodexVersion;

/// The triggers of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggers {
    /// Whether it runs `notify` at the end of a turn that succeeded.
    pub notify: bool,
    /// The events of interest for which it runs lifecycle hooks from `config.toml`; none where it has
    /// no such hooks, or none that a person can allow when Codex starts. They run once a person has
    /// allowed them in the terminal UI, then in `codex exec`, too.
    pub lifecycle: Vec<&'static str>,
    /// The events before which it runs such hooks, and does not go on where one says no.
    pub asks: Vec<&'static str>,
}

/// The name of our program that Codex runs for each of them, by which it is recognised, too.
pub const HOOK_PROGRAM: &str = "arize-hook-codex-notify";

/// How long Codex is to wait for a lifecycle hook of ours, in seconds: longer than any takes, and no
/// longer than it would wait at a session's end, lest it warn of that.
pub const LIFECYCLE_TIMEOUT_SECONDS: u32 = 3;

/// The first version `0.MINOR` that was measured with an event.
const LIFECYCLE: [(u32, &str); 4] =
    [(136, "Stop"), (136, "SubagentStop"), (145, "SessionEnd"), (153, "Interrupt")];

/// The first version `0.MINOR` that was measured to keep to the answer of a hook.
const ASKS: [(u32, &str); 2] = [(145, "UserPromptSubmit"), (145, "PreToolUse")];

/// Says which triggers a version of Codex has. Later versions are taken to have those of the latest
/// that was measured (0.169.0).
pub fn triggers(version: CodexVersion) -> Triggers {
    let known = |(minor, _): &&(u32, &str)| version.major > 0 || version.minor >= *minor;
    let lifecycle = LIFECYCLE.iter().filter(known).map(|(_, event)| *event).collect();
    let asks = ASKS.iter().filter(known).map(|(_, event)| *event).collect();
    Triggers { notify: true, lifecycle, asks }
}

impl Triggers {
    /// Those of all versions together.
    pub fn of_any_version() -> Self {
        let lifecycle = LIFECYCLE.iter().map(|(_, event)| *event).collect();
        let asks = ASKS.iter().map(|(_, event)| *event).collect();
        Self { notify: true, lifecycle, asks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_of_versions() {
        for (version, lifecycle) in [
            ("0.44.0", &[][..]),
            ("0.130.0", &[]),
            ("0.136.0", &["Stop", "SubagentStop"]),
            ("0.145.0", &["Stop", "SubagentStop", "SessionEnd"]),
            ("0.149.0", &["Stop", "SubagentStop", "SessionEnd"]),
            ("0.153.4", &["Stop", "SubagentStop", "SessionEnd", "Interrupt"]),
            ("0.169.0", &["Stop", "SubagentStop", "SessionEnd", "Interrupt"]),
            ("1.0.0", &["Stop", "SubagentStop", "SessionEnd", "Interrupt"]),
        ] {
            let found = triggers(CodexVersion::parse(version).unwrap());
            let asks = match lifecycle.contains(&"SessionEnd") {
                true => vec!["UserPromptSubmit", "PreToolUse"],
                false => vec![],
            };
            let lifecycle = lifecycle.to_vec();
            assert_eq!(found, Triggers { notify: true, lifecycle, asks }, "{version}");
        }
    }
}
