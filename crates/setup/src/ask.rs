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

    /// Lets some of several options be chosen, at least one; gives their indices in order.
    fn choose_some(
        &mut self,
        question: &str,
        options: &[String],
        proposed: &[usize],
    ) -> Result<Vec<usize>, AskError>;

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

    /// Says something that needs no answer.
    fn tell(&mut self, message: &str);

    /// Says a list of things, each on a line of its own.
    fn list(&mut self, heading: &str, items: &[String]);
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The person wants to answer an earlier question anew ([`WayBack`](crate::way_back::WayBack)).
    #[error("nothing was changed: an earlier question is asked again")]
    Back,
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
    /// How many questions there were.
    pub questions: usize,
    /// The messages.
    pub messages: Vec<String>,
}

impl Ask for TakeProposed {
    fn choose(&mut self, _: &str, _: &[String], proposed: usize) -> Result<usize, AskError> {
        self.questions += 1;
        Ok(proposed)
    }

    fn choose_some(
        &mut self,
        _: &str,
        _: &[String],
        proposed: &[usize],
    ) -> Result<Vec<usize>, AskError> {
        self.questions += 1;
        Ok(proposed.to_vec())
    }

    fn text(
        &mut self,
        _: &str,
        proposed: &str,
        _: &str,
        _: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        self.questions += 1;
        Ok(proposed.to_owned())
    }

    fn secret(&mut self, _: &str, _: &str) -> Result<Option<Secret>, AskError> {
        self.questions += 1;
        Ok(None)
    }

    fn confirm(&mut self, _: &str, proposed: bool, _: &str) -> Result<bool, AskError> {
        self.questions += 1;
        Ok(proposed)
    }

    fn tell(&mut self, message: &str) {
        self.messages.push(message.to_owned());
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        self.messages.push(heading.to_owned());
        self.messages.extend(items.iter().cloned());
    }
}
