//! One pass over a text that finds the keywords of everything.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::call::{CALLS, Which};
use crate::command::{Command, commands};
use crate::kubernetes;
use crate::names::Names;
use crate::pem;
use crate::pipe;
use crate::placeholder;
use crate::rules::Rules;

/// What a keyword hints at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hint {
    /// A secret of the shape of this rule.
    Shape(usize),
    /// A name with a secret beside it.
    Name,
    /// The command of this number, which may have a secret beside one of its flags.
    Command(usize),
    /// A command that may be given a secret on a pipe.
    Taker,
    /// A call, one of whose arguments may be a secret.
    Call(Which),
    /// A secret of Kubernetes.
    Kubernetes,
    /// A URL, which may have a password in it.
    Url,
    /// A private key.
    Pem,
    /// The place of a secret that is gone.
    Placeholder,
}

/// After so many bytes, the time that it takes to make an automaton that searches twice as fast comes
/// back.
const MUCH: usize = 1 << 20;

/// All keywords, and what each hints at.
#[derive(Debug)]
pub(crate) struct Keywords {
    words: Vec<String>,
    /// Quick to make.
    small: Option<AhoCorasick>,
    /// Quick to search with.
    large: OnceLock<Option<AhoCorasick>>,
    searched: AtomicUsize,
    hints: Vec<Hint>,
    commands: Vec<Command>,
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
        let commands = commands();
        for (number, command) in commands.iter().enumerate() {
            command.words.split(' ').for_each(|word| add(word, Hint::Command(number)));
        }
        pipe::TAKERS.iter().for_each(|word| add(word, Hint::Taker));
        CALLS.into_iter().for_each(|(word, which)| add(word, Hint::Call(which)));
        kubernetes::KINDS.iter().for_each(|word| add(word, Hint::Kubernetes));
        add("://", Hint::Url);
        pem::STARTS.iter().for_each(|word| add(word, Hint::Pem));
        add(placeholder::START, Hint::Placeholder);
        let small = automaton(&words, AhoCorasickKind::ContiguousNFA);
        let (large, searched) = (OnceLock::new(), AtomicUsize::new(0));
        Self { words, small, large, searched, hints, commands }
    }

    /// Every place where a keyword stands in a part of a text, those within others, too.
    pub(crate) fn hits(
        &self,
        text: &str,
        part: Range<usize>,
    ) -> impl Iterator<Item = (Hint, Range<usize>)> {
        let offset = part.start;
        let part = &text.as_bytes()[part];
        let searched = self.searched.fetch_add(part.len(), Ordering::Relaxed);
        let automaton = match searched > MUCH {
            true => self.large.get_or_init(|| automaton(&self.words, AhoCorasickKind::DFA)),
            false => &self.small,
        };
        let hits = automaton.as_ref().map(|automaton| automaton.find_overlapping_iter(part));
        hits.into_iter().flatten().map(move |hit| {
            (self.hints[hit.pattern().as_usize()], offset + hit.start()..offset + hit.end())
        })
    }

    /// The command of this number.
    pub(crate) fn command(&self, number: usize) -> &Command {
        &self.commands[number]
    }
}

fn automaton(words: &[String], kind: AhoCorasickKind) -> Option<AhoCorasick> {
    let builder = AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(kind)).build(words);
    // It fails for more than two billion states alone.
    builder.ok()
}
