//! The tool with which a Codex version lets the model run shell commands.
//!
//! It was renamed twice, and a version offers another one to another model. So a [`Script`] only says
//! which command is run; the scripted model chooses a tool that Codex offers, as a real one does.
//!
//! [`Script`]: crate::Script

use serde_json::{Value, json};

/// One of the tools that run a shell command, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shell {
    /// `exec_command`, since Codex 0.98.
    #[default]
    ExecCommand,
    /// `shell_command`, in between.
    ShellCommand,
    /// `shell`, up to Codex 0.53.
    Shell,
}

impl Shell {
    const ALL: [Self; 3] = [Self::ExecCommand, Self::ShellCommand, Self::Shell];

    /// Returns the first of them that a request to the model offers.
    pub fn offered(request: &Value) -> Option<Self> {
        let tools = request["tools"].as_array()?;
        Self::ALL.into_iter().find(|shell| tools.iter().any(|tool| tool["name"] == shell.name()))
    }

    /// Returns the one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecCommand => "exec_command",
            Self::ShellCommand => "shell_command",
            Self::Shell => "shell",
        }
    }

    /// Returns what the model passes to it to run a command.
    pub fn arguments(self, command: &str) -> Value {
        match self {
            Self::ExecCommand => json!({ "cmd": command }),
            Self::ShellCommand => json!({ "command": command }),
            Self::Shell => json!({ "command": ["bash", "-lc", command] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_is_offered_is_used() {
        let request = |names: &[&str]| {
            let tools = names.iter().map(|name| json!({ "type": "function", "name": name }));
            json!({ "tools": tools.collect::<Vec<_>>() })
        };
        let both = request(&["update_plan", "shell_command", "exec_command"]);
        assert_eq!(Shell::offered(&both), Some(Shell::ExecCommand));
        assert_eq!(Shell::offered(&request(&["shell", "view_image"])), Some(Shell::Shell));
        assert_eq!(Shell::offered(&request(&["update_plan"])), None);
        assert_eq!(Shell::offered(&json!({ "input": [] })), None);
    }
}
