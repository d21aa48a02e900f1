//! Asks on the terminal. Prompts go to the standard error stream, because results go to the other.

use std::io::Write;

use codex_config::Secret;
use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};

use terminal_text::{line, lines};

use crate::ask::{Ask, AskError};

/// The person at the terminal.
#[derive(Debug, Default)]
pub struct Terminal;

impl Ask for Terminal {
    fn choose(
        &mut self,
        question: &str,
        options: &[String],
        proposed: usize,
    ) -> Result<usize, AskError> {
        let options: Vec<String> = options.iter().map(|option| line(option)).collect();
        let question = lines(question);
        let chosen = Select::new(&question, options)
            .with_starting_cursor(proposed)
            .without_filtering()
            .with_help_message("arrow keys, then Enter; Ctrl-C stops")
            // The first word is the choice; the rest explained it.
            .with_formatter(&|option| {
                option.value.split("  ").next().unwrap_or_default().to_owned()
            })
            .raw_prompt()
            .map_err(stopped)?;
        Ok(chosen.index)
    }

    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        help: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        let (question, help) = (lines(question), lines(help));
        let mut prompt = Text::new(&question).with_validator(move |text: &str| {
            Ok(check(text.trim())
                .map_or_else(|wrong| Validation::Invalid(wrong.into()), |()| Validation::Valid))
        });
        if !help.is_empty() {
            prompt = prompt.with_help_message(&help);
        }
        // What is proposed is shown, and comes from a file.
        if !proposed.is_empty() && line(proposed) == proposed {
            prompt = prompt.with_default(proposed);
        }
        Ok(prompt.prompt().map_err(stopped)?.trim().to_owned())
    }

    fn secret(&mut self, question: &str, help: &str) -> Result<Option<Secret>, AskError> {
        let (question, help) = (lines(question), lines(help));
        let typed = Password::new(&question)
            .with_display_mode(PasswordDisplayMode::Hidden)
            .without_confirmation()
            .with_help_message(&help)
            // Not even its length shows.
            .with_formatter(&|typed| if typed.is_empty() { "" } else { "***" }.to_owned())
            .prompt()
            .map_err(stopped)?;
        let typed = typed.trim();
        Ok((!typed.is_empty()).then(|| Secret::new(typed)))
    }

    fn confirm(&mut self, question: &str, proposed: bool, help: &str) -> Result<bool, AskError> {
        let (question, help) = (lines(question), lines(help));
        let mut prompt = Confirm::new(&question).with_default(proposed);
        if !help.is_empty() {
            prompt = prompt.with_help_message(&help);
        }
        prompt.prompt().map_err(stopped)
    }

    fn tell(&mut self, message: &str) {
        // Whoever closed the stream does not want to know.
        let _ = writeln!(std::io::stderr(), "{}", lines(message));
    }
}

/// On the last row of a terminal, inquire 0.9 leaves the cursor on what it printed below a question
/// that was interrupted, and an error would be written over that.
fn erase_below() {
    let _ = write!(std::io::stderr(), "\r\x1b[J");
}

fn stopped(error: InquireError) -> AskError {
    match error {
        InquireError::OperationCanceled => AskError::Stopped,
        InquireError::OperationInterrupted => {
            erase_below();
            AskError::Stopped
        }
        other => AskError::Terminal(other.to_string()),
    }
}
