//! One pass over a text that finds the keywords of everything.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Match};

use crate::command::{COMMANDS, Command};
use crate::names::Names;
use crate::pem;
use crate::placeholder;
use crate::rules::Rules;

/// What a keyword hints at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hint {
    /// A secret of the shape of this rule.
    Shape(usize),
    /// A name with a secret beside it.
    Name,
    /// A command, which may have a password beside one of its flags.
    Command(Command),
    /// A URL, which may have a password in it.
    Url,
    /// A private key.
    Pem,
    /// The place of a secret that is gone.
    Placeholder,
}

/// All keywords, and what each hints at.
#[derive(Debug)]
pub(crate) struct Keywords {
    automaton: Option<AhoCorasick>,
    hints: Vec<Hint>,
}

impl Keywords {
    pub(crate) fn new(rules: &Rules, names: &Names) -> Self {
        let mut words = Vec::new();
        let mut hints = Vec::new();
        let mut add = |word: &str, hint| {
            words.push(word.to_owned());
            hints.push(hint);
        };
        for (number, rule) in rules.iter().enumerate() {
            rule.keywords.split(' ').for_each(|word| add(word, Hint::Shape(number)));
        }
        names.keywords().for_each(|word| add(word, Hint::Name));
        COMMANDS.into_iter().for_each(|(word, command)| add(word, Hint::Command(command)));
        add("://", Hint::Url);
        add(pem::START, Hint::Pem);
        add(placeholder::START, Hint::Placeholder);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words);
        // It fails for more than two billion states alone.
        Self { automaton: automaton.ok(), hints }
    }

    /// Every place where a keyword stands, those within others, too.
    pub(crate) fn hits(&self, text: &str) -> impl Iterator<Item = (Hint, Match)> {
        let hits = self.automaton.as_ref().map(|automaton| automaton.find_overlapping_iter(text));
        hits.into_iter().flatten().map(|hit| (self.hints[hit.pattern().as_usize()], hit))
    }
}
