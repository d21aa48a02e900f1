//! The command that changes one setting, wherever it is set.

use codex_config::{Environment, Paths, command_word};

use crate::words::edit;

/// Where settings are, as seen from a shell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remedies<'a> {
    /// The settings files.
    pub(crate) paths: &'a Paths,
    /// The variables of the shell.
    pub(crate) shell: &'a Environment,
}

/// Settings that hold others, which `arize-config` cannot move.
const MAPPINGS: [&str; 9] = [
    "harnesses",
    "codex",
    "logging",
    "outbox",
    "collector",
    "forward",
    "sampling",
    "attributes",
    "targets",
];

impl Remedies<'_> {
    /// Takes a key or a variable away, so that the next source or the default applies.
    pub(crate) fn remove(self, name: &str) -> String {
        match self.place(name) {
            Place::Shell if cfg!(windows) => format!("$env:{name} = ''"),
            Place::Shell => format!("unset {name}"),
            Place::Key => format!("arize-config delete {}", command_word(name)),
            Place::Editor(command) => command,
        }
    }

    /// Gives a key or a variable a value.
    pub(crate) fn set(self, name: &str, value: &str) -> String {
        match self.place(name) {
            Place::Shell if cfg!(windows) => format!("$env:{name} = '{value}'"),
            Place::Shell => format!("export {name}={}", command_word(value)),
            Place::Key => {
                format!("arize-config set {} {}", command_word(name), command_word(value))
            }
            Place::Editor(command) => command,
        }
    }

    /// Asks for the value of a key without showing it.
    pub(crate) fn ask(self, name: &str) -> String {
        match self.place(name) {
            Place::Key => format!("arize-config set {} --stdin", command_word(name)),
            Place::Editor(command) => command,
            Place::Shell => edit(&self.paths.config_file),
        }
    }

    /// Moves the value of a key to another one.
    pub(crate) fn rename(self, from: &str, to: &str) -> String {
        let holds_others = MAPPINGS.iter().any(|mapping| to.rsplit('.').next() == Some(mapping));
        if holds_others || from.contains('[') || to.contains('[') {
            return edit(&self.paths.config_file);
        }
        let (from, to) = (command_word(from), command_word(to));
        format!(
            "arize-config set {to} \"$(arize-config get {from})\" && arize-config delete {from}"
        )
    }

    fn place(self, name: &str) -> Place {
        let is_variable =
            name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !is_variable {
            // `arize-config` reaches no entry of a list.
            return match name.contains('[') {
                true => Place::Editor(edit(&self.paths.config_file)),
                false => Place::Key,
            };
        }
        match self.shell.get(name) {
            Some(_) => Place::Shell,
            None => Place::Editor(edit(&self.paths.env_file)),
        }
    }
}

/// Where a setting is changed.
enum Place {
    /// In the shell that asks.
    Shell,
    /// In `config.yaml`, by `arize-config`.
    Key,
    /// In a file, by hand.
    Editor(String),
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_changed_where_it_is_set() {
        let paths = Paths::new("/h", None);
        let shell = Environment::new([("ARIZE_LOG_PROMPTS", "maybe")]);
        let remedies = Remedies { paths: &paths, shell: &shell };
        let (yaml, env) = (edit(&paths.config_file), edit(&paths.env_file));
        for (command, expected) in [
            (remedies.remove("ARIZE_LOG_PROMPTS"), "unset ARIZE_LOG_PROMPTS"),
            (remedies.set("ARIZE_LOG_PROMPTS", "false"), "export ARIZE_LOG_PROMPTS=false"),
            (remedies.remove("ARIZE_VERBOSE"), env.as_str()),
            (remedies.remove("logging.scrubb"), "arize-config delete logging.scrubb"),
            (remedies.set("logging.prompts", "false"), "arize-config set logging.prompts false"),
            (remedies.remove("harnesses.codex.targets[0].x"), yaml.as_str()),
            (
                remedies.ask("harnesses.codex.api_key"),
                "arize-config set harnesses.codex.api_key --stdin",
            ),
            (
                remedies.rename("logging.promts", "logging.prompts"),
                "arize-config set logging.prompts \"$(arize-config get logging.promts)\" && arize-config delete logging.promts",
            ),
            (remedies.rename("codex", "harnesses.codex"), yaml.as_str()),
        ] {
            assert_eq!(command, expected);
        }
    }
}
