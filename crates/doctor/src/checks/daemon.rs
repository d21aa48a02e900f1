//! Codex's background daemon, which runs the turns of its terminal sessions.

use std::path::Path;

use codex_home::CodexVersion;
use machine::{Daemon, Machine};

use crate::Finding;

const CHECK: &str = "codex.daemon";

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// The process.
    pub daemon: Daemon,
    /// Its version and that of `codex`, where it is the older one.
    pub outdated: Option<(CodexVersion, CodexVersion)>,
}

/// Finds the daemon, and has `codex` ask it for its version.
pub fn inspect(machine: &Machine, codex: Option<&Path>) -> Option<DaemonFacts> {
    let daemon = Daemon::find(&machine.paths)?;
    Some(DaemonFacts { daemon, outdated: codex.and_then(|codex| Daemon::outdated(machine, codex)) })
}

/// What the facts mean.
pub fn check(facts: Option<&DaemonFacts>) -> Vec<Finding> {
    const ENDS: &str = "which ends the turns that it runs";
    let Some(DaemonFacts { daemon: Daemon { pid, has_old_settings }, outdated }) = facts else {
        return vec![Finding::ok(CHECK, "no daemon of Codex's terminal sessions runs")];
    };
    let daemon = format!("the daemon of Codex's terminal sessions (pid {pid})");
    vec![match (outdated, has_old_settings) {
        (Some((old, new)), _) => {
            let message = format!(
                "{daemon} is Codex {old}, and `codex` is {new}: terminal sessions run {old} until the daemon is updated, {ENDS}"
            );
            // A restart keeps the version (Codex 0.171).
            Finding::warning(CHECK, message, "codex app-server daemon update --from-cli")
        }
        (None, true) => {
            let message = format!(
                "{daemon} was started before the telemetry settings last changed, and keeps the old ones until it is restarted, {ENDS}"
            );
            Finding::warning(CHECK, message, "codex app-server daemon restart")
        }
        (None, false) => Finding::ok(CHECK, format!("{daemon} has the present settings")),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::checks::expect;

    #[test]
    fn a_daemon_with_old_settings_or_an_old_version_is_named_with_what_renews_it() {
        let daemon = |has_old_settings, outdated| {
            check(Some(&DaemonFacts { daemon: Daemon { pid: 7, has_old_settings }, outdated }))
        };
        expect::only(&check(None), Level::Ok, "no daemon");
        expect::only(&daemon(false, None), Level::Ok, "(pid 7) has the present settings");
        let findings = daemon(true, None);
        expect::only(&findings, Level::Warning, "(pid 7) was started before");
        assert!(findings[0].message.ends_with("which ends the turns that it runs"));
        let command = findings[0].command.as_deref();
        assert_eq!(command, Some("codex app-server daemon restart"));

        let versions = CodexVersion::parse("0.169.0").zip(CodexVersion::parse("0.171.0"));
        let findings = daemon(true, versions);
        expect::only(&findings, Level::Warning, "(pid 7) is Codex 0.169.0, and `codex` is 0.171.0");
        let command = findings[0].command.as_deref();
        assert_eq!(command, Some("codex app-server daemon update --from-cli"));
    }
}
