//! Asking a person, or taking what is proposed.

use codex_config::Secret;

/// Answers questions: a person, or what is proposed. Each question proposes an answer.
pub trait Ask {
    /// Lets one of several options be chosen; gives its index.
    fn choose(
        &mut self,
        question: &str,
        options: &[String],
        proposed: usize,
    ) -> Result<usize, AskError>;

    /// Asks for a text. `check` says what is wrong with one.
    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        help: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError>;

    /// Asks for a credential without showing it; nothing if it stays as it is.
    fn secret(&mut self, question: &str, help: &str) -> Result<Option<Secret>, AskError>;

    /// Asks for a yes or a no.
    fn confirm(&mut self, question: &str, proposed: bool, help: &str) -> Result<bool, AskError>;

    /// Tells something that needs no answer.
    fn tell(&mut self, message: &str);
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The person wants to stop.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(String),
}

/// Takes what is proposed, and asks no person.
#[derive(Debug, Default)]
pub struct TakeProposed {
    /// The messages.
    pub messages: Vec<String>,
}

impl Ask for TakeProposed {
    fn choose(&mut self, _: &str, _: &[String], proposed: usize) -> Result<usize, AskError> {
        Ok(proposed)
    }

    fn text(
        &mut self,
        _: &str,
        proposed: &str,
        _: &str,
        _: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        Ok(proposed.to_owned())
    }

    fn secret(&mut self, _: &str, _: &str) -> Result<Option<Secret>, AskError> {
        Ok(None)
    }

    fn confirm(&mut self, _: &str, proposed: bool, _: &str) -> Result<bool, AskError> {
        Ok(proposed)
    }

    fn tell(&mut self, message: &str) {
        self.messages.push(message.to_owned());
    }
}
