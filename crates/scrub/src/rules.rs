//! Rules that tell a secret by its shape.

use std::ops::Range;
use std::sync::OnceLock;

use regex_lite::Regex;

use crate::entropy::{entropy, is_wordlike};

const BETTERLEAKS: &str = include_str!("../data/rules.tsv");
const OWN: &str = include_str!("../data/own.tsv");

/// All rules, by number.
#[derive(Debug)]
pub(crate) struct Rules(Vec<Rule>);

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its name, which the placeholder shows.
    pub(crate) name: &'static str,
    /// Words in lower case, one of which is in each such secret or right before it.
    pub(crate) keywords: &'static str,
    /// Whether commas are part of the secret.
    pub(crate) has_commas: bool,
    /// How each such secret starts, and a word with it; all keywords are the start of this.
    start: Option<&'static str>,
    least_entropy: f64,
    pattern: &'static str,
    /// Compiled when a keyword occurs; most never are.
    regex: OnceLock<Option<Regex>>,
}

impl Rules {
    /// The rules that are part of the program.
    pub(crate) fn built_in() -> Self {
        Self(OWN.lines().chain(BETTERLEAKS.lines()).filter_map(parse).collect())
    }

    pub(crate) fn get(&self, number: usize) -> &Rule {
        &self.0[number]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

impl Rule {
    /// Whether a secret may start with this keyword, which saves the search for it in most words.
    pub(crate) fn may_start_with(&self, text: &str, keyword: &Range<usize>) -> bool {
        let Some(start) = self.start else { return true };
        let bytes = text.as_bytes();
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let is_escaped = keyword.start > 1 && bytes[keyword.start - 2] == b'\\';
        let is_inside = bytes[..keyword.start].last().is_some_and(is_inner) && !is_escaped;
        !is_inside && start.as_bytes().starts_with(&bytes[keyword.clone()])
    }

    /// The secrets of this shape in a word.
    pub(crate) fn secrets(&self, word: &str) -> Vec<Range<usize>> {
        let regex = self.regex.get_or_init(|| Regex::new(self.pattern).ok());
        let Some(regex) = regex else { return Vec::new() };
        let mut secrets = Vec::new();
        for captures in regex.captures_iter(word) {
            let groups = captures.iter().skip(1).flatten().next();
            let Some(found) = groups.or_else(|| captures.get(0)) else { continue };
            if self.is_likely(found.as_str()) {
                secrets.push(found.range());
            }
        }
        secrets
    }

    /// A shape alone may be that of a word.
    fn is_likely(&self, secret: &str) -> bool {
        entropy(secret) > self.least_entropy && !is_wordlike(secret)
    }
}

/// A rule from its line: name, least entropy, keywords and pattern between tabs.
fn parse(line: &'static str) -> Option<Rule> {
    let mut fields = line.splitn(4, '\t');
    let mut field = || fields.next();
    let (name, entropy, keywords) = (field()?, field()?, field()?);
    let (least_entropy, pattern) = (entropy.parse().ok()?, field()?);
    let has_commas = pattern.contains("=,$]");
    let start = start(pattern).filter(|start| {
        let is_start =
            |word: &str| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
        keywords.split(' ').all(is_start)
    });
    let regex = OnceLock::new();
    Some(Rule { name, keywords, has_commas, start, least_entropy, pattern, regex })
}

/// The letters that all texts of a pattern start with, at the start of a word.
fn start(pattern: &'static str) -> Option<&'static str> {
    /// What ends a secret in many patterns.
    const END: &str = r#"(?:\\?['"\x60]|[\s;]|\\[nr]|$)"#;
    let pattern = pattern.strip_suffix(END).unwrap_or(pattern).strip_prefix(r"\b")?;
    let pattern = pattern.strip_prefix('(').unwrap_or(pattern);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let length = pattern.bytes().take_while(|byte| is_letter(byte)).count();
    let (start, rest) = pattern.split_at(length);
    // The last letter may be there or not.
    let is_whole = !rest.starts_with(['?', '*', '{', '|']);
    (is_whole && !pattern.contains('|')).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_secret_is_known_where_its_pattern_says_it() {
        for (pattern, expected) in [
            (r#"\b(ion_[A-Za-z0-9]{42})(?:\\?['"\x60]|[\s;]|\\[nr]|$)"#, Some("ion_")),
            (r"\bAKCp[A-Za-z0-9]{68,70}\b", Some("AKCp")),
            (r"\b(ab?[0-9])", None),
            (r"\b(xoxb-[0-9]|xapp-[0-9])", None),
            (r"(ab[0-9])", None),
            (r"\b((?i)ab[0-9])", Some("")),
        ] {
            assert_eq!(start(pattern), expected, "{pattern}");
        }
        let known = |rule: &&Rule| rule.start.is_some();
        assert!(Rules::built_in().iter().filter(known).count() > 100);
    }

    #[test]
    fn a_keyword_within_a_word_starts_no_secret() {
        let rules = Rules::built_in();
        let rule = rules.iter().find(|rule| rule.keywords == "ion_").expect("the rule");
        for (text, expected) in [
            ("ion_", true),
            ("a ion_", true),
            ("-ion_", true),
            (r"\nion_", true),
            ("function_", false),
            ("ION_", false),
        ] {
            assert_eq!(
                rule.may_start_with(text, &(text.len() - 4..text.len())),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn every_line_is_a_rule_that_compiles() {
        let lines = OWN.lines().chain(BETTERLEAKS.lines()).filter(|line| !line.starts_with('#'));
        let rules = Rules::built_in();
        assert_eq!(rules.iter().count(), lines.count());
        assert!(BETTERLEAKS.starts_with("# betterleaks 2."), "the table names its version");
        assert!(include_str!("../data/betterleaks-LICENSE").starts_with("MIT License"));
        for rule in rules.iter() {
            let name = rule.name;
            assert!(Regex::new(rule.pattern).is_ok(), "{name}: {}", rule.pattern);
            assert!(rule.keywords.split(' ').all(|word| word.len() >= 3 || word == "q~"), "{name}");
            assert_eq!(rule.keywords, rule.keywords.to_ascii_lowercase(), "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{name}"
            );
        }
    }
}
