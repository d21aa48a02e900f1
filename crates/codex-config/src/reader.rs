//! Finds settings in their sources, in order of precedence.

use serde_yaml::Value;

use crate::{Environment, Warning, document};

/// A place where a setting may stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// An environment variable.
    Variable(&'static str),
    /// A dotted key of the configuration file.
    Key(&'static str),
}

/// The sources of all settings, and the warnings collected while reading them.
pub(crate) struct Reader<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) config: &'a Value,
    pub(crate) warnings: Vec<Warning>,
}

impl Reader<'_> {
    /// Gives the first source that is set, as text.
    pub(crate) fn text(&mut self, sources: &[Source]) -> Option<String> {
        self.named(sources).map(|(_, text)| text)
    }

    /// Gives the first source that is set, by name and as text.
    pub(crate) fn named(&mut self, sources: &[Source]) -> Option<(&'static str, String)> {
        sources.iter().find_map(|source| self.read(source))
    }

    /// Gives the first source that `parse` understands; warns about those before it.
    pub(crate) fn parsed<T>(
        &mut self,
        sources: &[Source],
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        sources.iter().find_map(|source| {
            let (name, value) = self.read(source)?;
            let parsed = parse(&value);
            if parsed.is_none() {
                let name = name.to_owned();
                self.warnings.push(Warning::InvalidValue { name, value, expected });
            }
            parsed
        })
    }

    /// Gives the first source that is a boolean; warns about those before it.
    pub(crate) fn flag(&mut self, sources: &[Source]) -> Option<bool> {
        self.parsed(sources, "true or false", parse_bool)
    }

    /// Decides whether content is recorded: yes by default, but a value that is not understood
    /// means no, because whoever wrote it did not want the default.
    pub(crate) fn content_switch(&mut self, sources: &[Source]) -> bool {
        let Some((name, value)) = self.named(sources) else {
            return true;
        };
        parse_bool(&value).unwrap_or_else(|| {
            let name = name.to_owned();
            self.warnings.push(Warning::InvalidContentSwitch { name, value });
            false
        })
    }

    /// Gives the value under a dotted key of the configuration file.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        document::lookup(self.config, key.split('.')).filter(|value| !value.is_null())
    }

    fn read(&mut self, source: &Source) -> Option<(&'static str, String)> {
        match *source {
            Source::Variable(name) => self.environment.get(name).map(|text| (name, text.into())),
            Source::Key(key) => {
                let value = self.value(key)?;
                match document::scalar_text(value) {
                    Some(text) => (!text.is_empty()).then_some((key, text)),
                    None => {
                        let found = document::kind(value);
                        self.warnings.push(Warning::NotScalar { key: key.to_owned(), found });
                        None
                    }
                }
            }
        }
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
