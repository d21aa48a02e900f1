//! Puts placeholders in place of the secrets in a text.
//!
//! A secret is recognised by the name beside it (`"api_key": "…"`, `PASSWORD=…`, `--token …`,
//! `Authorization: Bearer …`, `user:password@host`, `curl -u user:password`) or by its own shape (the tokens of GitHub, AWS,
//! Slack, …; private keys; JSON Web Tokens). The shapes are betterleaks' (`data/rules.tsv`, MIT).
//! In its place stands `[scrubbed:RULE:HASH]`: the hash of a secret is the same wherever it stands,
//! and without the salt guesses of the secret cannot be checked.
//!
//! ```
//! let scrubber = scrub::Scrubber::new([7; 32], &["house_key".to_owned()]);
//! let text = r#"{"api_key": "9f8a7b6c5d4e3f2a1b0c", "house_key": "under-the-mat-7", "city": "Bonn"}"#;
//! let scrubbed = scrubber.scrub(text);
//! assert_eq!(scrubbed.secrets, 2);
//! assert!(scrubbed.text.contains("[scrubbed:") && scrubbed.text.contains("Bonn"));
//! assert_eq!(scrubber.scrub(&scrubbed.text).text, scrubbed.text);
//! ```
//!
//! Invariants: scrubbing twice changes nothing; a JSON text stays one; the time grows with the
//! length of the text alone. One pass finds the keywords of all rules, and a rule reads the
//! word around its keyword: a text without keywords costs that pass.
//!
//! This crate does not know what the texts are, nor where the salt comes from.

mod find;
mod keywords;
mod peel;
mod runs;

mod cursor;
mod judge;
mod names;
mod pair;
mod stand_in;
mod table;
mod value;

mod call;
mod command;
mod entropy;
mod kubernetes;
mod pem;
mod pipe;
mod placeholder;
mod rules;
mod url;
mod wrap;

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::find::{Finding, findings};
use crate::keywords::Keywords;
use crate::names::Names;
use crate::placeholder::placeholder;
use crate::rules::Rules;

/// How often a text is looked through: what stood beside a secret may show as one when it is gone.
const PASSES: usize = 4;

/// Knows the rules and the salt.
#[derive(Debug)]
pub struct Scrubber {
    salt: [u8; 32],
    names: Names,
    rules: Rules,
    keywords: Keywords,
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// How many secrets were in it.
    pub secrets: usize,
}

impl Scrubber {
    /// A scrubber whose hashes compare with those of others with the same salt. What stands beside
    /// a name that ends in one of `further_names` is a secret, too; case and `_`, `-`, `.` in a name
    /// do not matter.
    pub fn new(salt: [u8; 32], further_names: &[String]) -> Self {
        let names = Names::new(further_names);
        let rules = Rules::built_in();
        let keywords = Keywords::new(&rules, &names);
        Self { salt, names, rules, keywords }
    }

    /// Replaces the secrets in a text.
    pub fn scrub<'t>(&self, text: &'t str) -> Scrubbed<'t> {
        let scrubbed = self.scrub_text(text);
        if !is_broken(text, &scrubbed) {
            return scrubbed;
        }
        let values = self.scrub_values(text);
        // A name beside a text makes it a secret, too.
        let whole = self.scrub_text(&values.text);
        if is_broken(&values.text, &whole) {
            return values;
        }
        let secrets = values.secrets + whole.secrets;
        Scrubbed { text: Cow::Owned(whole.text.into_owned()), secrets }
    }

    fn scrub_text<'t>(&self, text: &'t str) -> Scrubbed<'t> {
        let mut scrubbed = Scrubbed { text: Cow::Borrowed(text), secrets: 0 };
        for _ in 0..PASSES {
            let found = findings(self, &scrubbed.text, 0);
            if found.is_empty() {
                break;
            }
            scrubbed.secrets += found.len();
            scrubbed.text = self.replace(&scrubbed.text, &found).into();
        }
        scrubbed
    }

    fn replace(&self, text: &str, found: &[Finding]) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut done = 0;
        for finding in found {
            let quote = finding.quote.as_deref().unwrap_or_default();
            replaced.push_str(&text[done..finding.range.start]);
            replaced.push_str(quote);
            let secret = &text[finding.range.clone()];
            replaced.push_str(&placeholder(&self.salt, finding.rule, secret));
            replaced.push_str(quote);
            done = finding.range.end;
        }
        replaced.push_str(&text[done..]);
        replaced
    }

    /// Scrubs each text in a JSON document by itself, for a secret that reaches from one into the next.
    fn scrub_values(&self, text: &str) -> Scrubbed<'static> {
        let mut secrets = 0;
        let mut document: Json = serde_json::from_str(text).unwrap_or_default();
        self.scrub_value(&mut document, &mut secrets);
        Scrubbed { text: Cow::Owned(document.to_string()), secrets }
    }

    fn scrub_value(&self, value: &mut Json, secrets: &mut usize) {
        match value {
            Json::String(text) => {
                let scrubbed = self.scrub(text);
                *secrets += scrubbed.secrets;
                *text = scrubbed.text.into_owned();
            }
            Json::Array(values) => {
                values.iter_mut().for_each(|value| self.scrub_value(value, secrets));
            }
            Json::Object(entries) => {
                for (name, mut value) in std::mem::take(entries) {
                    if let Some((rule, secret)) = self.names.secret_field(&name, &value) {
                        value = placeholder(&self.salt, rule, &secret).into();
                        *secrets += 1;
                    }
                    self.scrub_value(&mut value, secrets);
                    let name = self.scrub(&name);
                    *secrets += name.secrets;
                    entries.insert(name.text.into_owned(), value);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
}

/// Whether a text was JSON until its secrets were replaced.
fn is_broken(text: &str, scrubbed: &Scrubbed<'_>) -> bool {
    scrubbed.secrets > 0 && is_json(text) && !is_json(&scrubbed.text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
