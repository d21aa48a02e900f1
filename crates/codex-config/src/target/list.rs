//! All targets: the one below `harnesses.codex`, or those of `harnesses.codex.targets`, and beside them
//! the local store, where `harnesses.codex.local_copy` says so.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_yaml::Value;

use super::{Kind, OneOff, Target, TargetError, resolve, select};
use crate::content::{self, ContentPolicy};
use crate::proxies::{self, Proxies};
use crate::reader::{
    Reader,
    Source::{self, Key, Own, Variable},
    TARGETS,
};
use crate::sampling::{self, Sampling};
use crate::{Paths, Warning, document, variables};

const LOCAL_COPY: &str = "harnesses.codex.local_copy";

/// Says where traces go, and what of them.
#[derive(Debug)]
pub struct TargetSettings {
    /// Names the target among all: letters, digits, `.`, `-` and `_`, no two alike in lower case.
    /// Its kind, unless the user gave it a name.
    pub name: String,
    /// Where traces go, or why they cannot go there until the configuration is put right.
    pub target: Result<Target, TargetError>,
    /// The project that traces go to.
    pub project_name: String,
    /// What content the target gets to see.
    pub content: ContentPolicy,
    /// Which turns it gets.
    pub sampling: Sampling,
    /// Whether it gets metrics beside the spans.
    pub metrics: bool,
    /// The proxies on the way to it, which are those of the network.
    pub proxies: Proxies,
    /// What the environment of this process alone says of its place.
    pub one_off: Option<OneOff>,
    /// Where its keys stand in the settings file, such as `harnesses.codex`.
    pub section: String,
}

impl TargetSettings {
    /// A number that changes when what decides about a delivery does. It says nothing of credentials.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match &self.target {
            Ok(target) => target.hash(&mut hasher),
            Err(error) => error.to_string().hash(&mut hasher),
        }
        self.project_name.hash(&mut hasher);
        self.proxies.hash(&mut hasher);
        hasher.finish()
    }
}

/// Decides every target. There is at least one.
pub(crate) fn resolve_all(paths: &Paths, reader: &mut Reader<'_>) -> Vec<TargetSettings> {
    let mut all = configured(paths, reader);
    let has_local = all.iter().any(|target| matches!(target.target, Ok(Target::Local)));
    if reader.flag(&[Key(LOCAL_COPY)]) == Some(true) && !has_local {
        let local = local_copy(paths, reader, &all);
        all.push(local);
    }
    all
}

/// The local store beside other targets. Content and sampling are those of all targets.
fn local_copy(paths: &Paths, reader: &mut Reader<'_>, others: &[TargetSettings]) -> TargetSettings {
    let mut settings = settings(paths, reader);
    settings.name = unique(Kind::Local.name().to_owned(), others);
    TargetSettings {
        target: Ok(Target::Local),
        project_name: project_name(reader, Some(Kind::Local)),
        metrics: false,
        ..settings
    }
}

fn configured(paths: &Paths, reader: &mut Reader<'_>) -> Vec<TargetSettings> {
    let entries = match reader.value(Key(TARGETS)) {
        None => return vec![settings(paths, reader)],
        Some(Value::Sequence(entries)) if !entries.is_empty() => entries.len(),
        Some(Value::Mapping(entries)) if !entries.is_empty() => entries.len(),
        Some(other) => {
            let found = match other {
                Value::Sequence(_) => "an empty list",
                Value::Mapping(_) => "an empty mapping",
                other => document::kind(other),
            };
            let mut settings = settings(paths, reader);
            settings.name = unknown(0);
            settings.target = Err(TargetError::NoList { found });
            return vec![settings];
        }
    };
    if reader.value(super::TARGET).is_some() {
        reader.warnings.push(Warning::TargetBesideTargets);
    }
    let mut all: Vec<TargetSettings> = Vec::with_capacity(entries);
    for entry in 0..entries {
        reader.entry = Some(entry);
        let mut settings = settings(paths, reader);
        settings.name = unique(settings.name, &all);
        all.push(settings);
    }
    reader.entry = None;
    all
}

fn settings(paths: &Paths, reader: &mut Reader<'_>) -> TargetSettings {
    let selected = select(reader);
    let kind = selected.as_ref().ok().copied();
    let name = name(reader).unwrap_or_else(|| match kind {
        Some(kind) => kind.name().to_owned(),
        None => unknown(reader.entry.unwrap_or(0)),
    });
    let target = selected.and_then(|kind| resolve(kind, paths, reader));
    let project_name = project_name(reader, kind);
    let (content, proxies) = (content::policy(reader), proxies::from_environment(reader));
    let (sampling, metrics) = (sampling::sampling(reader), metrics(reader, kind));
    TargetSettings {
        name,
        target,
        project_name,
        content,
        sampling,
        metrics,
        proxies,
        one_off: None,
        section: reader.section(),
    }
}

/// Only receivers of OTLP and files take metrics.
fn metrics(reader: &mut Reader<'_>, kind: Option<Kind>) -> bool {
    const METRICS: Source = Own("metrics");
    let wanted = reader.flag(&[METRICS]).unwrap_or(false);
    let taken = matches!(kind, Some(Kind::Otlp | Kind::File));
    if let (true, false, Some(kind)) = (wanted, taken, kind) {
        let (key, target) = (reader.name(METRICS), kind.name());
        reader.warnings.push(Warning::NoMetrics { key, target });
    }
    wanted && taken
}

/// The name of a target of which nothing is known but its place.
fn unknown(entry: usize) -> String {
    format!("unknown-{entry}")
}

/// Only targets among several have names: there is nothing else that tells them apart. Those of a
/// mapping have its keys.
fn name(reader: &mut Reader<'_>) -> Option<String> {
    reader.entry?;
    let expected = "a name of at most 64 letters, digits, `.`, `-` and `_`";
    if let Some(said) = reader.parsed(&[Own("name")], expected, plain_name) {
        return Some(said);
    }
    let key = reader.entry_name()?;
    let name = plain_name(&key);
    if name.is_none() {
        let name = reader.section();
        reader.warnings.push(Warning::InvalidValue { name, value: key, expected });
    }
    name
}

fn plain_name(text: &str) -> Option<String> {
    const MAX_LENGTH: usize = 64;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let is_name = text.len() <= MAX_LENGTH && text.chars().all(is_plain);
    (is_name && !text.starts_with('.')).then(|| text.to_owned())
}

/// The second of a name gets a number.
fn unique(name: String, others: &[TargetSettings]) -> String {
    let is_free = |name: &String| others.iter().all(|other| !other.name.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

fn project_name(reader: &mut Reader<'_>, kind: Option<Kind>) -> String {
    let mut sources = vec![Variable(variables::ARIZE_PROJECT_NAME)];
    if kind == Some(Kind::Phoenix) {
        sources.push(Variable(variables::PHOENIX_PROJECT));
        sources.push(Variable(variables::PHOENIX_PROJECT_NAME));
    }
    sources.extend([Own("project_name"), Key("harnesses.codex.project_name")]);
    reader.text(&sources).unwrap_or_else(|| "codex".to_owned())
}
