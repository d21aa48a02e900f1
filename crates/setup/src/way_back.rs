//! A way back to earlier questions.
//!
//! What asks is a function that runs from the first question to the last and changes nothing. To go
//! back, it is run again: the answers up to the question before are given in its place, and then the
//! person is asked, who finds the earlier answers proposed.

use codex_config::Secret;

use crate::ask::{Ask, AskError};

/// Asks, and remembers the answers.
pub struct WayBack<'a> {
    ask: &'a mut dyn Ask,
    /// The answers in order, also those after a question that is asked again.
    given: Vec<Given>,
    /// How many of them are given without asking.
    settled: usize,
    /// How many questions there were in this run.
    asked: usize,
    /// Whether the run ended because of a way back.
    goes_back: bool,
}

struct Given {
    question: String,
    answer: Answer,
}

#[derive(Clone)]
enum Answer {
    Choice(usize),
    Choices(Vec<usize>),
    Text(String),
    Secret(Option<Secret>),
    Confirmed(bool),
}

/// Runs what asks until it ends otherwise than by going back.
pub fn with_way_back<T, E>(
    ask: &mut dyn Ask,
    mut run: impl FnMut(&mut WayBack<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut way_back = WayBack { ask, given: Vec::new(), settled: 0, asked: 0, goes_back: false };
    loop {
        way_back.asked = 0;
        way_back.goes_back = false;
        let result = run(&mut way_back);
        if result.is_ok() || !way_back.goes_back {
            return result;
        }
    }
}

impl WayBack<'_> {
    /// Goes back to the first question; the run has to end with this error.
    pub fn to_the_first(&mut self) -> AskError {
        // The answer that led here is not the one to propose.
        let last = self.given.get(self.asked.saturating_sub(1)).map(|given| given.question.clone());
        while last.is_some() && self.given.last().map(|given| &given.question) == last.as_ref() {
            self.given.pop();
        }
        self.settled = 0;
        self.goes_back = true;
        AskError::Back
    }

    /// The answer of an earlier run, or that of the person, to whom the one before is proposed.
    fn answer(
        &mut self,
        question: &str,
        ask: impl Fn(&mut dyn Ask, Option<&Answer>) -> Result<Answer, AskError>,
    ) -> Result<Answer, AskError> {
        let place = self.asked;
        self.asked += 1;
        let before = self.given.get(place).filter(|given| given.question == question);
        if let Some(given) = before.filter(|_| place < self.settled) {
            return Ok(given.answer.clone());
        }
        let before = before.map(|given| given.answer.clone());
        let answer = loop {
            match ask(self.ask, before.as_ref()) {
                // There is no earlier question.
                Err(AskError::Back) if place == 0 => {}
                Err(AskError::Back) => {
                    self.settled = place - 1;
                    self.goes_back = true;
                    return Err(AskError::Back);
                }
                other => break other?,
            }
        };
        let given = Given { question: question.to_owned(), answer: answer.clone() };
        match self.given.get_mut(place) {
            Some(known) => *known = given,
            None => self.given.push(given),
        }
        self.settled = place + 1;
        Ok(answer)
    }

    /// Whether the questions so far are answered from an earlier run, whose texts were seen.
    fn repeats(&self) -> bool {
        self.asked < self.settled
    }
}

/// What an answer of this kind is; another kind cannot be, because the question is the same.
macro_rules! expect {
    ($answer:expr, $kind:ident) => {
        match $answer {
            Answer::$kind(answer) => Ok(answer),
            _ => Err(AskError::Terminal("an answer of another kind".to_owned())),
        }
    };
}

impl Ask for WayBack<'_> {
    fn choose(
        &mut self,
        question: &str,
        options: &[String],
        proposed: usize,
    ) -> Result<usize, AskError> {
        let answer = self.answer(question, |ask, before| {
            let before = match before {
                Some(Answer::Choice(before)) if *before < options.len() => *before,
                _ => proposed,
            };
            ask.choose(question, options, before).map(Answer::Choice)
        })?;
        expect!(answer, Choice)
    }

    fn choose_some(
        &mut self,
        question: &str,
        options: &[String],
        proposed: &[usize],
    ) -> Result<Vec<usize>, AskError> {
        let answer = self.answer(question, |ask, before| {
            let before = match before {
                Some(Answer::Choices(before)) => before,
                _ => proposed,
            };
            ask.choose_some(question, options, before).map(Answer::Choices)
        })?;
        expect!(answer, Choices)
    }

    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        help: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        let answer = self.answer(question, |ask, before| {
            let before = match before {
                Some(Answer::Text(before)) => before,
                _ => proposed,
            };
            ask.text(question, before, help, check).map(Answer::Text)
        })?;
        expect!(answer, Text)
    }

    fn secret(&mut self, question: &str, help: &str) -> Result<Option<Secret>, AskError> {
        let answer = self.answer(question, |ask, before| match before {
            Some(Answer::Secret(Some(before))) => {
                let typed =
                    ask.secret(question, "it is not shown; Enter keeps the one you typed")?;
                Ok(Answer::Secret(typed.or_else(|| Some(before.clone()))))
            }
            _ => ask.secret(question, help).map(Answer::Secret),
        })?;
        expect!(answer, Secret)
    }

    fn confirm(&mut self, question: &str, proposed: bool, help: &str) -> Result<bool, AskError> {
        let answer = self.answer(question, |ask, before| {
            let before = match before {
                Some(Answer::Confirmed(before)) => *before,
                _ => proposed,
            };
            ask.confirm(question, before, help).map(Answer::Confirmed)
        })?;
        expect!(answer, Confirmed)
    }

    fn tell(&mut self, message: &str) {
        if !self.repeats() {
            self.ask.tell(message);
        }
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        if !self.repeats() {
            self.ask.list(heading, items);
        }
    }
}
