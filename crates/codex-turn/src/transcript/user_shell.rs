//! A command that the user runs with `!` in the terminal UI.
//!
//! Codex runs it in the turn that goes on, or else in a turn of its own, and tells the model in a
//! message. Newer versions (0.171; not 0.145) note the command as an item, too.

use otlp_model::UnixNanos;
use serde_json::{Value as Json, json};

use super::Transcript;
use super::open_turn::OpenTurn;
use super::responses::Entry;
use super::turn::TurnEnd;
use crate::tools::{ToolItem, USER_SHELL};

/// Reads the message that tells the model of a command.
pub(super) fn command_of(message: &str, at: UnixNanos) -> Option<ToolItem> {
    let message = message.strip_prefix("<user_shell_command>\n<command>\n")?;
    let (command, result) = message.split_once("\n</command>\n<result>\nExit code: ")?;
    let (code, result) = result.split_once("\nDuration: ")?;
    let (seconds, output) = result.split_once(" seconds\nOutput:\n")?;
    // The end of a very long output may be cut off.
    let output = output.strip_suffix("\n</result>\n</user_shell_command>").unwrap_or(output);
    let duration = seconds.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0)?;
    Some(ToolItem {
        name: USER_SHELL.to_owned(),
        arguments: Some(json!({ "cmd": command }).to_string()),
        output: Some(output.to_owned()),
        exit_code: Some(code.parse().ok()?),
        started: Some(at.minus((duration * 1e9) as u64)),
        completed: Some(at),
        ..ToolItem::default()
    })
}

impl Transcript {
    /// Takes in a command that a message tells of, which the model of the turn that goes on gets to
    /// see.
    pub(super) fn user_ran(
        &mut self,
        record: &Json,
        message: String,
        command: ToolItem,
        time: UnixNanos,
    ) {
        let has_no_marks = self.meta.has_no_turn_markers();
        if has_no_marks && self.open.current().is_none_or(OpenTurn::is_answered) {
            return self.turn_of(command, time);
        }
        let Some(turn) = self.open.current_mut() else { return };
        let is_end = |entry: &Entry| matches!(entry, Entry::End(_));
        let is_its_own = turn.prompts.is_empty() && turn.entries.iter().all(is_end);
        let noted = turn.noted_commands.iter().position(|noted| *noted == command.arguments);
        match noted {
            Some(noted) => drop(turn.noted_commands.swap_remove(noted)),
            None => turn.entries.push(Entry::End(command)),
        }
        if is_its_own {
            self.open.touch(time);
        } else {
            self.hold(record, "user", message, time);
        }
    }

    /// Adds the turn that Codex has for a command, which up to 0.98 nothing but the message shows.
    fn turn_of(&mut self, command: ToolItem, time: UnixNanos) {
        for open in self.open.end_all() {
            self.close(open, TurnEnd::Implied);
        }
        // Messages before it that are the next turn's are read again with it.
        let begin = self.open.pending_from().unwrap_or(self.line());
        let started = command.started.unwrap_or(time);
        let mut turn = self.number(OpenTurn::new(&Json::Null, started, begin));
        turn.last = time;
        turn.entries.push(Entry::End(command));
        self.close(turn, TurnEnd::Completed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_from_the_message_to_the_model() {
        let at = UnixNanos::from_millis(5_000);
        let message = |output: &str| {
            format!(
                "<user_shell_command>\n<command>\necho a\necho b\n</command>\n<result>\n\
                 Exit code: -1\nDuration: 1.5000 seconds\nOutput:\n{output}"
            )
        };
        let closing = "\n</result>\n</user_shell_command>";
        for (text, output) in [
            (message(&format!("Exit code: 3\n{closing}")), "Exit code: 3\n"),
            (message("cut"), "cut"),
        ] {
            let command = command_of(&text, at).unwrap();
            assert_eq!(command.arguments.as_deref(), Some(r#"{"cmd":"echo a\necho b"}"#));
            assert_eq!(command.output.as_deref(), Some(output));
            assert_eq!(command.exit_code, Some(-1));
            assert_eq!(command.started, Some(UnixNanos::from_millis(3_500)));
        }
        for other in ["echo a", "<user_shell_command>", "I typed <user_shell_command>\n<command>\n"]
        {
            assert_eq!(command_of(other, at), None, "{other}");
        }
    }
}
