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
    Some(Rule { name, keywords, has_commas, least_entropy, pattern, regex: OnceLock::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

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
