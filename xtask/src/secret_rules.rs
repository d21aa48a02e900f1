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

/// Rules that a name beside the secret makes, as our own rule of names does, with fewer words of
/// prose and code taken for secrets.
const ASSIGNMENT: &str = "(?:=|>|:{1,3}=|";

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

/// Rules whose keyword stands somewhere in the text and not in the secret, so that it does not say
/// where to look.
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
    let is_vague = id.starts_with("generic") || pattern.contains(ASSIGNMENT);
    let has_gap = GAPS.iter().any(|gap| pattern.contains(gap));
    let without_use = ELSEWHERE.contains(&id) || UNPLACED.contains(&id);
    if is_part || is_vague || has_gap || without_use {
        return None;
    }
    let keywords = rule.get("keywords")?.as_array()?.iter().filter_map(|word| word.as_str());
    let keywords: Vec<&str> = keywords.collect();
    let entropy = text("filter").and_then(entropy).unwrap_or("0");
    Some(format!("{id}\t{entropy}\t{}\t{pattern}", keywords.join(" ")))
}

/// The number in `entropy(finding["secret"]) <= 3.5`.
fn entropy(filter: &str) -> Option<&str> {
    let (_, rest) = filter.split_once(r#"entropy(finding["secret"])"#)?;
    let number = rest.trim_start_matches(['<', '=', ' ']);
    let end = number.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    Some(&number[..end.unwrap_or(number.len())])
}
