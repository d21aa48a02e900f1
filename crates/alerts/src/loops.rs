//! Calls of tools that go round in circles: the same one again and again, nearly the same one, or a few
//! in turn.
//!
//! What is found is a hint with its evidence, and no verdict: a reader sees the calls. A call that gives
//! something else than before is no repetition: it waits for something, or reads on.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use crate::changes::command;

/// Tools that are called again to wait for what goes on.
const WAITING: [&str; 4] = ["wait", "wait_agent", "write_stdin", "sleep"];

/// The most calls that are called in turn.
const LONGEST_ROUND: usize = 4;

/// How many calls are a loop; 0 where none are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// So many times the same call in a row.
    pub same: usize,
    /// So many times nearly the same.
    pub alike: usize,
    /// So many rounds of two to four calls.
    pub rounds: usize,
}

/// How calls repeat one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// The same tool with the same arguments.
    Same,
    /// The same tool with arguments that differ in numbers only.
    Alike,
    /// So many calls in turn.
    Round(usize),
}

/// A call as it is compared.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    tool: &'a str,
    arguments: &'a str,
    /// The arguments without their numbers.
    shape: u64,
    /// The same of what it gave back, where that is known.
    output: Option<u64>,
    /// Whether it gave nothing back.
    is_silent: bool,
}

impl<'a> Call<'a> {
    /// A call with what it gave back, where that is known. None of one that waits, or has no arguments.
    pub fn new(tool: &'a str, arguments: &'a str, output: Option<&str>) -> Option<Self> {
        let waits = WAITING.contains(&tool) || is_sleep(arguments);
        let call = || Self {
            tool,
            arguments,
            shape: shape(arguments),
            output: output.map(shape),
            is_silent: output.is_some_and(str::is_empty),
        };
        (!arguments.is_empty() && !waits).then(call)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.tool == other.tool && self.arguments == other.arguments && self.gives_as(other)
    }

    fn is_alike(&self, other: &Self) -> bool {
        // Work on one thing after the other, of which there is nothing to say, is none.
        self.tool == other.tool
            && self.shape == other.shape
            && self.gives_as(other)
            && (!self.is_silent || self.arguments == other.arguments)
    }

    fn gives_as(&self, other: &Self) -> bool {
        self.output.zip(other.output).is_none_or(|(one, another)| one == another)
    }
}

fn is_sleep(arguments: &str) -> bool {
    arguments.contains("sleep")
        && command(arguments).is_some_and(|command| {
            let mut words = command.split_whitespace();
            words.next() == Some("sleep") && words.nth(1).is_none()
        })
}

/// A text without its numbers, as a number.
fn shape(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let parts = text.split(|sign: char| sign.is_ascii_digit());
    parts.filter(|part| !part.is_empty()).for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

/// Calls that repeat one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// How they do.
    pub kind: Repeats,
    /// How often.
    pub times: usize,
    /// Which ones of those that were looked at.
    pub calls: Range<usize>,
}

/// The loops among calls of one agent in the order of time.
pub fn find(calls: &[Call<'_>], sizes: Sizes) -> Vec<Loop> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < calls.len() {
        match loop_at(&calls[at..], sizes) {
            Some((kind, times, length)) => {
                found.push(Loop { kind, times, calls: at..at + length });
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

fn loop_at(calls: &[Call<'_>], sizes: Sizes) -> Option<(Repeats, usize, usize)> {
    let first = calls.first()?;
    let run = |size: usize, is_one: &dyn Fn(&Call<'_>) -> bool| {
        let run = (size > 0).then(|| calls.iter().take_while(|call| is_one(call)).count());
        run.filter(|run| *run >= size)
    };
    if let Some(same) = run(sizes.same, &|call| call.is_same(first)) {
        return Some((Repeats::Same, same, same));
    }
    if let Some(alike) = run(sizes.alike, &|call| call.is_alike(first)) {
        return Some((Repeats::Alike, alike, alike));
    }
    (2..=LONGEST_ROUND).find_map(|length| round(calls, length, sizes.rounds))
}

/// Rounds of so many calls, which are not all the same.
fn round(calls: &[Call<'_>], length: usize, rounds: usize) -> Option<(Repeats, usize, usize)> {
    let once = calls.get(..length)?;
    if rounds == 0 || once.iter().all(|call| call.is_same(&once[0])) {
        return None;
    }
    let repeats = calls
        .iter()
        .enumerate()
        .take_while(|(nth, call)| *nth < length || call.is_same(&calls[nth - length]));
    let times = repeats.count() / length;
    (times >= rounds).then_some((Repeats::Round(length), times, times * length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(calls: &str) -> Vec<(Repeats, usize, usize)> {
        found_with(calls, Sizes { same: 4, alike: 6, rounds: 3 })
    }

    fn found_with(calls: &str, sizes: Sizes) -> Vec<(Repeats, usize, usize)> {
        let calls = calls.split_whitespace().filter_map(|call| {
            let (arguments, output) = call.split_once('=').unzip();
            Call::new("shell", arguments.unwrap_or(call), output)
        });
        let calls: Vec<Call<'_>> = calls.collect();
        let loops = find(&calls, sizes);
        loops.into_iter().map(|it| (it.kind, it.times, it.calls.len())).collect()
    }

    #[test]
    fn what_repeats_itself_is_found_with_its_calls() {
        assert_eq!(found("a a a b a"), []);
        assert_eq!(found("b a a a a a c"), [(Repeats::Same, 5, 5)]);
        assert_eq!(found("f1 f2 f3 f14 f5 f6"), [(Repeats::Alike, 6, 6)]);
        assert_eq!(found("f1 f2 f3 f4 f5"), []);
        assert_eq!(found("a b a b a b c"), [(Repeats::Round(2), 3, 6)]);
        assert_eq!(found("a b c a b c a b c a"), [(Repeats::Round(3), 3, 9)]);
        assert_eq!(found("a b c a b c d"), []);
        assert_eq!(found("a a a a b b b b"), [(Repeats::Same, 4, 4), (Repeats::Same, 4, 4)]);
        assert_eq!(found(""), []);
    }

    #[test]
    fn what_is_switched_off_is_not_found_as_something_else() {
        let off = Sizes { same: 0, alike: 0, rounds: 3 };
        assert_eq!(found_with("a a a a a a a a a a a a", off), []);
        assert_eq!(found_with("a b a b a b", off), [(Repeats::Round(2), 3, 6)]);
        assert_eq!(found_with("a b a b a b", Sizes { rounds: 0, ..off }), []);
    }

    #[test]
    fn what_gives_something_else_is_no_repetition() {
        assert_eq!(found("a=x a=x1 a=x2 a=x3"), [(Repeats::Same, 4, 4)], "but for numbers");
        assert_eq!(found("a=one a=two a=three a=four a=five"), [], "it waits for a change");
        assert_eq!(found("f1=q f2=w f3=e f4=r f5=t f6=y"), [], "it reads on");
        assert_eq!(found("a=x b=y a=x b=z a=x b=w"), []);
        assert_eq!(found("f1= f2= f3= f4= f5= f6= f7="), [], "it works on");
        assert_eq!(found("f= f= f= f="), [(Repeats::Same, 4, 4)]);
    }

    #[test]
    fn waiting_is_no_loop() {
        assert!(Call::new("wait", "{}", None).is_none());
        assert!(Call::new("exec_command", r#"{"cmd":"sleep 30"}"#, Some("")).is_none());
        assert!(Call::new("shell", r#"{"command":["bash","-lc","sleep 5"]}"#, None).is_none());
        assert!(Call::new("exec_command", r#"{"cmd":"sleep 30; ls"}"#, None).is_some());
    }
}
