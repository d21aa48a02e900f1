//! `secret-rules`: the rules of betterleaks that find a secret by its shape alone, as a table.
//!
//! betterleaks (MIT, by the author of gitleaks) keeps its rules in one TOML file. Most of what it says
//! of a rule, such as how to ask a service whether a key works, is of no use here. The table has
//! a line per rule: name, least entropy of the secret in bits per character, keywords, pattern.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use toml_edit::{DocumentMut, Table};

use crate::workspace;

const TABLE: &str = "crates/scrub/data/rules.tsv";

/// Ends what a rule says of the name beside the secret. Our own rule of names does that, with fewer
/// words of prose and code taken for secrets; the shape of the secret follows.
const ASSIGNMENT: &str = r#"(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}"#;

/// Patterns that reach from one word over anything to the next.
const GAPS: [&str; 4] = [r"(?:.|[\n\r])", r"[\s\S]", r"(?s:.", r"\{[^{]+"];

/// Rules whose secret another rule of ours finds: a password in an address, a header, a key's name.
const ELSEWHERE: [&str; 7] = [
    "azure-app-configuration-connection-string",
    "azure-servicebus-connection-string",
    "curl-auth-header",
    "curl-auth-user",
    "mongodb-connection-string",
    "private-key",
    "sidekiq-sensitive-url",
];

/// A shorter beginning of a secret is in too many words.
const SHORTEST_KEYWORD: usize = 3;

/// Beginnings of secrets that are words, too.
const WORDS: [&str; 7] = ["key", "key_", "live", "test", "pat", "1000", "1001"];

/// Rules whose keyword stands somewhere in the text, and whose secret begins in too many ways.
const UNPLACED: [&str; 5] = [
    "airtable-personnal-access-token",
    "facebook-access-token",
    "salesforce-access-token",
    "tableau-personal-access-token",
    "twilio-api-key",
];

/// Writes the table from betterleaks' own file.
#[expect(clippy::print_stdout, reason = "the number of rules is the result")]
pub(crate) fn run(version: &str, file: &Path) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let document: DocumentMut = text.parse().context("this is not TOML")?;
    let rules = document.get("rules").and_then(|rules| rules.as_array_of_tables());
    let rules = rules.context("no rules in it")?;
    let mut table = format!("# betterleaks {version}: name, least entropy, keywords, pattern\n");
    let mut taken = 0;
    for rule in rules.iter().filter_map(line) {
        writeln!(table, "{rule}")?;
        taken += 1;
    }
    if taken == 0 {
        bail!("no rule is of use: has the form of the file changed?");
    }
    let path = workspace::root()?.join(TABLE);
    fs::write(&path, table).with_context(|| format!("cannot write `{}`", path.display()))?;
    println!("{taken} of {} rules", rules.len());
    Ok(())
}

/// A rule's line; none where the rule is of no use here.
fn line(rule: &Table) -> Option<String> {
    let text = |key: &str| rule.get(key).and_then(|value| value.as_str());
    let (id, pattern) = (text("id")?, text("regex")?);
    let id = id.split('.').next().unwrap_or(id);
    let is_part = rule.get("skipReport").is_some() || rule.get("path").is_some();
    let has_gap = GAPS.iter().any(|gap| pattern.contains(gap));
    let without_use = ELSEWHERE.contains(&id) || UNPLACED.contains(&id);
    if is_part || id.starts_with("generic") || has_gap || without_use {
        return None;
    }
    let given = rule.get("keywords")?.as_array()?.iter().filter_map(|word| word.as_str());
    let (keywords, pattern) = match pattern.split_once(ASSIGNMENT) {
        Some((_, shape)) => (literal(shape)?, format!(r"\b{shape}")),
        None => (keywords(given.collect(), pattern), pattern.to_owned()),
    };
    let entropy = text("filter").and_then(entropy).unwrap_or("0");
    Some(format!("{id}\t{entropy}\t{keywords}\t{pattern}"))
}

/// Words that stand in the secret or right before it. Where the pattern has none of those given, they
/// stand somewhere in the text and do not say where to look, and how the secret begins does.
fn keywords(given: Vec<&str>, pattern: &str) -> String {
    let lower = pattern.to_ascii_lowercase().replace('\\', "");
    let is_placed = given.iter().any(|word| lower.contains(word));
    let begins = if is_placed { None } else { literal(pattern) };
    begins.unwrap_or_else(|| given.join(" "))
}

/// The letters that a pattern begins with, in lower case.
fn literal(pattern: &str) -> Option<String> {
    let start = pattern.trim_start_matches(r"\b").trim_start_matches(['(', '?', ':']);
    let is_literal = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let end = start.find(|letter| !is_literal(letter)).unwrap_or(start.len());
    // One of several beginnings.
    if start[end..].starts_with('|') {
        return None;
    }
    // `s?` and `s{2}` may be no `s` at all, or two.
    let is_counted = start[end..].starts_with(['?', '*', '{']);
    let end = end.saturating_sub(usize::from(is_counted));
    let word = start[..end].to_ascii_lowercase();
    (end >= SHORTEST_KEYWORD && !WORDS.contains(&word.as_str())).then_some(word)
}

/// The number in `entropy(finding["secret"]) <= 3.5`.
fn entropy(filter: &str) -> Option<&str> {
    let (_, rest) = filter.split_once(r#"entropy(finding["secret"])"#)?;
    let number = rest.trim_start_matches(['<', '=', ' ']);
    let end = number.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    Some(&number[..end.unwrap_or(number.len())])
}
