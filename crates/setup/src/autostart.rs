//! Keeps the buffer service running across logins: a user unit of systemd, an agent of launchd.
//!
//! Which of them is there is a fact of the machine; what is written for it is a pure function.

use std::path::{Path, PathBuf};

use codex_config::variables;
use serde::{Deserialize, Serialize};

use machine::Machine;

/// What starts programs at login on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Launcher {
    /// systemd, with a manager for this user that answers.
    Systemd,
    /// launchd, for the user with this number.
    Launchd {
        /// The user's number.
        user: u32,
    },
}

const UNIT: &str = "arize-codex-buffer.service";
const LABEL: &str = "com.arize.codex-buffer";

/// Finds out what there is.
pub(crate) fn find(machine: &Machine) -> Option<Launcher> {
    if cfg!(target_os = "macos") {
        let user = machine.run("id", &["-u"]).ok()?.stdout;
        let user = String::from_utf8(user).ok()?.trim().parse().ok()?;
        return Some(Launcher::Launchd { user });
    }
    // Answers only where a manager for this user runs: not in a container, not below `su`.
    let answer = machine.run("systemctl", &["--user", "show-environment"]).ok()?;
    answer.status.success().then_some(Launcher::Systemd)
}

impl Launcher {
    /// Names the launcher for a person.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd { .. } => "launchd",
        }
    }

    /// The file that the launcher reads.
    pub(crate) fn file(&self, machine: &Machine) -> PathBuf {
        let home = &machine.paths.home;
        match self {
            Self::Systemd => {
                let config = machine.environment.path(variables::XDG_CONFIG_HOME);
                let config = config.unwrap_or_else(|| home.join(".config"));
                config.join("systemd/user").join(UNIT)
            }
            Self::Launchd { .. } => {
                home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
            }
        }
    }

    /// What the file holds. The launcher's own environment has none of the variables.
    pub(crate) fn text(&self, buffer: &Path, variables: &[(&str, PathBuf)]) -> String {
        match self {
            Self::Systemd => unit(buffer, variables),
            Self::Launchd { .. } => agent(buffer, variables),
        }
    }

    /// The commands that make the launcher start the service, now and at each login.
    pub(crate) fn enable(&self, file: &Path) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => vec![
                words(&["systemctl", "--user", "daemon-reload"]),
                words(&["systemctl", "--user", "enable", "--now", UNIT]),
            ],
            Self::Launchd { user } => {
                let file = file.display().to_string();
                vec![words(&["launchctl", "bootstrap", &format!("gui/{user}"), &file])]
            }
        }
    }

    /// The commands that make it stop the service and forget it.
    pub(crate) fn disable(&self) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => vec![words(&["systemctl", "--user", "disable", "--now", UNIT])],
            Self::Launchd { user } => {
                vec![words(&["launchctl", "bootout", &format!("gui/{user}/{LABEL}")])]
            }
        }
    }

    /// The commands after the file is gone.
    pub(crate) fn forget(&self) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => vec![words(&["systemctl", "--user", "daemon-reload"])],
            Self::Launchd { .. } => Vec::new(),
        }
    }
}

/// A service that was ended by hand stays ended; one that crashed comes back. Exit codes 4 and 5 say
/// that another one runs, or has the port: trying again would not help.
fn unit(buffer: &Path, variables: &[(&str, PathBuf)]) -> String {
    let assigned = |(name, path): &(&str, PathBuf)| {
        format!("Environment={}\n", quoted(&format!("{name}={}", path.display())))
    };
    let variables: String = variables.iter().map(assigned).collect();
    format!(
        "[Unit]\nDescription=Buffer service of arize-codex: keeps Codex's log events until a trace \
         is built\n\n[Service]\n{variables}ExecStart={} run\nRestart=on-failure\n\
         RestartPreventExitStatus=2 4 5\n\n[Install]\nWantedBy=default.target\n",
        quoted(&buffer.display().to_string())
    )
}

/// A word of a unit: specifiers (`%`) and quotes lose their meaning. A `$` has none, in the path of a
/// program as in `Environment=`.
fn quoted(word: &str) -> String {
    let word = word.replace('%', "%%").replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{word}\"")
}

fn agent(buffer: &Path, variables: &[(&str, PathBuf)]) -> String {
    let escaped = |path: &Path| {
        let path = path.display().to_string();
        path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    };
    let buffer = escaped(buffer);
    let assigned = |(name, path): &(&str, PathBuf)| {
        format!("        <key>{name}</key>\n        <string>{}</string>\n", escaped(path))
    };
    let assigned: String = variables.iter().map(assigned).collect();
    let variables = match assigned.as_str() {
        "" => String::new(),
        assigned => {
            format!("    <key>EnvironmentVariables</key>\n    <dict>\n{assigned}    </dict>\n")
        }
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{LABEL}</string>
    <key>ProgramArguments</key>
    <array>
        <string>{buffer}</string>
        <string>run</string>
    </array>
{variables}    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>Crashed</key>
        <true/>
    </dict>
    <key>ProcessType</key>
    <string>Background</string>
</dict>
</plist>
"#
    )
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_unit_of_systemd() {
        let buffer = Path::new("/home/a b/.arize/harness/bin/arize-codex-buffer");
        let variables = [("CODEX_HOME", "/srv/100%".into()), ("ARIZE_HARNESS_HOME", "/a b".into())];
        let unit = Launcher::Systemd.text(buffer, &variables);
        expect![[r#"
            [Unit]
            Description=Buffer service of arize-codex: keeps Codex's log events until a trace is built

            [Service]
            Environment="CODEX_HOME=/srv/100%%"
            Environment="ARIZE_HARNESS_HOME=/a b"
            ExecStart="/home/a b/.arize/harness/bin/arize-codex-buffer" run
            Restart=on-failure
            RestartPreventExitStatus=2 4 5

            [Install]
            WantedBy=default.target
        "#]]
        .assert_eq(&unit);
    }

    #[test]
    fn an_agent_of_launchd() {
        let launcher = Launcher::Launchd { user: 501 };
        let buffer = Path::new("/Users/a&b/bin/arize-codex-buffer");
        let agent = launcher.text(buffer, &[]);
        assert!(
            agent.contains("<string>/Users/a&amp;b/bin/arize-codex-buffer</string>"),
            "{agent}"
        );
        assert!(!agent.contains("EnvironmentVariables"), "{agent}");
        let agent = launcher.text(buffer, &[("ARIZE_HARNESS_HOME", "/srv/<x>".into())]);
        let assigned =
            "<key>ARIZE_HARNESS_HOME</key>\n        <string>/srv/&lt;x&gt;</string>\n    </dict>";
        assert!(agent.contains(assigned), "{agent}");
        let enable = launcher.enable(Path::new("/Users/a/x.plist"));
        assert_eq!(enable, [["launchctl", "bootstrap", "gui/501", "/Users/a/x.plist"]]);
        assert_eq!(
            launcher.disable(),
            [["launchctl", "bootout", "gui/501/com.arize.codex-buffer"]]
        );
    }
}
