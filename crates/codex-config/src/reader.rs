//! Finds settings in their sources, in order of precedence.

use serde_yaml::Value;

use crate::{Environment, KeyPath, Warning, document, unknown_keys};

/// The keys of the tool as a whole.
const CODEX: &str = "harnesses.codex";

/// Several targets: a list of entries, or a mapping of names to entries.
pub(crate) const TARGETS: &str = "harnesses.codex.targets";

/// A place where a setting may stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// An environment variable.
    Variable(&'static str),
    /// A dotted key of the configuration file.
    Key(&'static str),
    /// A key of the target that is being read: below `harnesses.codex`, or in the target's own entry
    /// of `harnesses.codex.targets`.
    Own(&'static str),
}

/// The sources of all settings, and the warnings collected while reading them.
pub(crate) struct Reader<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) config: &'a Value,
    pub(crate) warnings: Vec<Warning>,
    /// The entry of `harnesses.codex.targets` that is being read. What it says itself wins over the
    /// environment, which one target cannot have alone.
    pub(crate) entry: Option<usize>,
}

impl Reader<'_> {
    /// Gives the first source that is set, as text.
    pub(crate) fn text(&mut self, sources: &[Source]) -> Option<String> {
        self.named(sources).map(|(_, text)| text)
    }

    /// Gives the first source that is set, by name and as text.
    pub(crate) fn named(&mut self, sources: &[Source]) -> Option<(String, String)> {
        self.by_precedence(sources).into_iter().find_map(|source| self.read(source))
    }

    /// Gives the first source that `parse` understands; warns about those before it.
    pub(crate) fn parsed<T>(
        &mut self,
        sources: &[Source],
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.by_precedence(sources).into_iter().find_map(|source| {
            let (name, value) = self.read(source)?;
            let parsed = parse(&value);
            if parsed.is_none() {
                self.warnings.push(Warning::InvalidValue { name, value, expected });
            }
            parsed
        })
    }

    /// Gives the first source that is a boolean; warns about those before it.
    pub(crate) fn flag(&mut self, sources: &[Source]) -> Option<bool> {
        self.parsed(sources, "true or false", parse_bool)
    }

    /// Gives a switch that decides what content is recorded. A value that is not understood means
    /// no, because the user who wrote it did not want the default.
    pub(crate) fn content_switch(&mut self, source: Source) -> Option<bool> {
        if let Some(value) = self.value(source)
            && document::scalar_text(value).is_none()
        {
            let (name, value) = (self.name(source), document::kind(value).to_owned());
            self.warnings.push(Warning::InvalidContentSwitch { name, value });
            return Some(false);
        }
        let (name, value) = self.read(source)?;
        let switch = parse_bool(&value);
        if switch.is_none() {
            self.warnings.push(Warning::InvalidContentSwitch { name, value });
        }
        Some(switch.unwrap_or(false))
    }

    /// Gives a word that decides whether there are contents, `all` or `none`. Another one means none.
    pub(crate) fn content_word(&mut self, source: Source) -> Option<&'static str> {
        let (name, value) = match self.value(source) {
            Some(value) if document::scalar_text(value).is_none() => {
                (self.name(source), document::kind(value).to_owned())
            }
            _ => self.read(source)?,
        };
        Some(match value.trim().to_ascii_lowercase().as_str() {
            "all" => "all",
            "none" => "none",
            _ => {
                self.warnings.push(Warning::InvalidContent { name, value });
                "none"
            }
        })
    }

    /// Whether a variable says that something is hidden. A value that is not understood hides.
    pub(crate) fn hides(&mut self, variable: &'static str) -> bool {
        let Some((name, value)) = self.read(Source::Variable(variable)) else { return false };
        let hides = parse_bool(&value);
        if hides.is_none() {
            self.warnings.push(Warning::InvalidHideSwitch { name, value });
        }
        hides.unwrap_or(true)
    }

    /// Gives a list of texts below a dotted key; a single text is a list of one. Warns about what is
    /// neither, and leaves it out.
    pub(crate) fn list(&mut self, key: &'static str) -> Vec<String> {
        let entries = match self.value(Source::Key(key)) {
            None => return Vec::new(),
            Some(Value::Sequence(entries)) => entries.clone(),
            Some(value) => vec![value.clone()],
        };
        let mut texts = Vec::new();
        for entry in entries {
            match document::scalar_text(&entry) {
                Some(text) => texts.push(text),
                None => {
                    let (key, found) = (key.to_owned(), document::kind(&entry));
                    self.warnings.push(Warning::NotScalar { key, found });
                }
            }
        }
        texts
    }

    /// Gives what the configuration file has in a place; a variable is not in it.
    pub(crate) fn value(&self, source: Source) -> Option<&Value> {
        debug_assert!(self.is_known(source), "{source:?} is missing in `unknown_keys`");
        let lookup = |root, key: &'static str| document::lookup(root, key.split('.'));
        let value = match (source, self.entry) {
            (Source::Variable(_), _) => None,
            (Source::Key(key), _) => lookup(self.config, key),
            (Source::Own(key), None) => lookup(lookup(self.config, CODEX)?, key),
            (Source::Own(key), Some(entry)) => match lookup(self.config, TARGETS)? {
                Value::Mapping(entries) => lookup(entries.iter().nth(entry)?.1, key),
                entries => lookup(entries.as_sequence()?.get(entry)?, key),
            },
        };
        value.filter(|value| !value.is_null())
    }

    fn is_known(&self, source: Source) -> bool {
        let dotted = match (source, self.entry) {
            (Source::Variable(_), _) => return true,
            (Source::Key(key), _) => key.to_owned(),
            (Source::Own(key), None) => format!("{CODEX}.{key}"),
            (Source::Own(key), Some(_)) => format!("{CODEX}.targets[].{key}"),
        };
        let (place, key) = dotted.rsplit_once('.').unwrap_or(("", &dotted));
        unknown_keys::is_known(place, key)
    }

    /// Names a place as a user would.
    pub(crate) fn name(&self, source: Source) -> String {
        match (source, self.entry) {
            (Source::Variable(name) | Source::Key(name), _) => name.to_owned(),
            (Source::Own(key), _) => format!("{}.{key}", self.section()),
        }
    }

    /// Names the place of the keys of the target that is being read.
    pub(crate) fn section(&self) -> String {
        match (self.entry, self.entry_name()) {
            (None, _) => CODEX.to_owned(),
            (Some(_), Some(name)) => {
                let name = KeyPath::from_segments(&[name]);
                format!("{TARGETS}.{name}")
            }
            (Some(entry), None) => format!("{TARGETS}[{entry}]"),
        }
    }

    /// The name that the entry has in a mapping of targets.
    pub(crate) fn entry_name(&self) -> Option<String> {
        let entries = document::lookup(self.config, TARGETS.split('.'))?.as_mapping()?;
        let (name, _) = entries.iter().nth(self.entry?)?;
        document::scalar_text(name)
    }

    fn by_precedence(&self, sources: &[Source]) -> Vec<Source> {
        let mut sources = sources.to_vec();
        if self.entry.is_some() {
            sources.sort_by_key(|source| !matches!(source, Source::Own(_)));
        }
        sources
    }

    fn read(&mut self, source: Source) -> Option<(String, String)> {
        if let Source::Variable(name) = source {
            return self.environment.get(name).map(|text| (name.into(), text.into()));
        }
        let value = self.value(source)?;
        match document::scalar_text(value) {
            Some(text) => (!text.is_empty()).then(|| (self.name(source), text)),
            None => {
                let (key, found) = (self.name(source), document::kind(value));
                self.warnings.push(Warning::NotScalar { key, found });
                None
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
