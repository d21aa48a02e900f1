//! Asks on the terminal. Prompts go to the standard error stream, because results go to the other.

use std::io::Write;

use codex_config::Secret;
use inquire::list_option::ListOption;
use inquire::ui::{RenderConfig, Styled};
use inquire::validator::Validation;
use inquire::{Confirm, InquireError, MultiSelect, Password, PasswordDisplayMode, Select, Text};

use terminal_text::{line, lines, wrapped};
use textwrap::core::display_width;

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
        let options: Vec<String> = options.iter().map(|option| fitted_option(option)).collect();
        let question = fitted(question, 0);
        let chosen = Select::new(&question, options)
            .with_render_config(colours())
            .with_starting_cursor(proposed)
            .without_filtering()
            .with_help_message("arrow keys, then Enter")
            .with_formatter(&|option| choice(option.value).to_owned())
            .raw_prompt()
            .map_err(stopped)?;
        Ok(chosen.index)
    }

    fn choose_some(
        &mut self,
        question: &str,
        options: &[String],
        proposed: &[usize],
    ) -> Result<Vec<usize>, AskError> {
        let options: Vec<String> = options.iter().map(|option| fitted_option(option)).collect();
        let question = fitted(question, 0);
        let names = |chosen: &[ListOption<&String>]| {
            chosen.iter().map(|option| choice(option.value)).collect::<Vec<_>>().join(", ")
        };
        let chosen = MultiSelect::new(&question, options)
            .with_render_config(colours())
            .with_default(proposed)
            .without_filtering()
            .with_help_message("arrow keys, Space to choose, then Enter")
            .with_validator(|chosen: &[ListOption<&String>]| {
                Ok(match chosen.is_empty() {
                    true => Validation::Invalid("choose at least one with Space".into()),
                    false => Validation::Valid,
                })
            })
            .with_formatter(&names)
            .raw_prompt()
            .map_err(stopped)?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    }

    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        help: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        let (question, help) = (fitted(question, proposed.chars().count()), fitted_help(help));
        let prompt = Text::new(&question).with_render_config(colours());
        let mut prompt = prompt.with_validator(move |text: &str| {
            Ok(check(text.trim()).map_or_else(
                |wrong| Validation::Invalid(fitted(&wrong, 0).into()),
                |()| Validation::Valid,
            ))
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
        let (question, help) = (fitted(question, 0), fitted_help(help));
        let typed = Password::new(&question)
            .with_render_config(colours())
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
        let (question, help) = (fitted(question, "y/N".len()), fitted_help(help));
        let mut prompt =
            Confirm::new(&question).with_render_config(colours()).with_default(proposed);
        if !help.is_empty() {
            prompt = prompt.with_help_message(&help);
        }
        prompt.prompt().map_err(stopped)
    }

    fn tell(&mut self, message: &str) {
        // There is no reader any more.
        let message = lines(message);
        // What has lines of its own is laid out already.
        let is_sentence = !message.contains('\n');
        let message = if is_sentence { wrapped(&message, columns(), "", "") } else { message };
        let _ = writeln!(std::io::stderr(), "{message}");
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        let items = items.iter().map(|item| wrapped(&line(item), columns(), "  - ", "    "));
        let text = std::iter::once(line(heading)).chain(items).collect::<Vec<_>>().join("\n");
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Of an option the first word is the choice; the rest explains it.
fn choice(option: &str) -> &str {
    option.split("  ").next().unwrap_or_default()
}

fn colours() -> RenderConfig<'static> {
    RenderConfig::default().with_canceled_prompt_indicator(Styled::new("(back)"))
}

fn columns() -> usize {
    textwrap::termwidth().max(20)
}

/// A question, or what is wrong with an answer, between a mark of two columns and what is proposed,
/// which stands in parentheses behind it.
fn fitted(question: &str, proposed: usize) -> String {
    fitted_to(columns(), question, proposed)
}

fn fitted_to(columns: usize, question: &str, proposed: usize) -> String {
    const INDENT: &str = "  ";
    // Room for a short answer as well.
    let behind = if proposed == 0 { 0 } else { proposed + " () ".len() + 1 };
    // A row that is full to its last column would leave it open where the next one begins.
    let width = columns.saturating_sub(INDENT.len() + 1);
    let text = wrapped(&lines(question), width, "", INDENT);
    let last = text.lines().last().unwrap_or_default();
    let is_room = display_width(last) + behind + INDENT.len() < columns;
    if is_room { text } else { format!("{text}\n ") }
}

/// A help text, which stands in brackets.
fn fitted_help(help: &str) -> String {
    wrapped(&lines(help), columns().saturating_sub(3), "", " ")
}

/// An option: a word, and what it means in a column of its own.
fn fitted_option(option: &str) -> String {
    let option = line(option);
    let meaning = option.find("  ").map_or(0, |gap| {
        let behind = &option[gap..];
        option.len() - behind.trim_start().len()
    });
    wrapped(&option, columns().saturating_sub(3), "", &" ".repeat(meaning + 2))
}

/// On the last row of a terminal, inquire 0.9 leaves the cursor on what it printed below a question
/// that was interrupted, and an error would be written over that.
fn erase_below() {
    let _ = write!(std::io::stderr(), "\r\x1b[J");
}

fn stopped(error: InquireError) -> AskError {
    match error {
        InquireError::OperationCanceled => AskError::Back,
        InquireError::OperationInterrupted => {
            erase_below();
            AskError::Stopped
        }
        other => AskError::Terminal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_break_between_words_and_leave_room_for_the_answer() {
        let question = "Use Codex's lifecycle hooks to see turns that fail or are stopped at once?";
        for columns in [20, 40, 60, 80, 120] {
            for proposed in [0, 3, 17] {
                let shown = fitted_to(columns, question, proposed);
                let unbroken = shown.split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(unbroken, question, "{columns}: {shown}");
                let widths: Vec<usize> = shown.lines().map(display_width).collect();
                let (last, others) = widths.split_last().unwrap();
                assert!(others.iter().all(|width| *width <= columns), "{columns}: {shown}");
                let fits = last + proposed + 6 < columns || *last == 1;
                assert!(fits || proposed == 0, "{columns}: {shown}");
            }
        }
    }
}
