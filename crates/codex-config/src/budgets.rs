//! Budgets: limits on what Codex uses, from the settings and from a file in a repository.

use budget::{Limit, Origin, Policy, Scope, Unit};
use serde_yaml::{Mapping, Value};

use crate::reader::{Reader, Source::Key};
use crate::{Environment, ParseError, document, unknown_keys};

/// The file in which a repository has budgets of its own.
pub const REPOSITORY_FILE: &str = ".arize-codex.yaml";

/// How long the model has to save its work, in seconds, where the settings do not say.
const GRACE_SECONDS: u64 = 60;

/// Where the limits stand.
const LIMITS: [(Scope, Unit, &str); 18] = [
    (Scope::Turn, Unit::Usd, "harnesses.codex.budgets.turn.usd"),
    (Scope::Turn, Unit::Credits, "harnesses.codex.budgets.turn.credits"),
    (Scope::Turn, Unit::Tokens, "harnesses.codex.budgets.turn.tokens"),
    (Scope::Session, Unit::Usd, "harnesses.codex.budgets.session.usd"),
    (Scope::Session, Unit::Credits, "harnesses.codex.budgets.session.credits"),
    (Scope::Session, Unit::Tokens, "harnesses.codex.budgets.session.tokens"),
    (Scope::Day, Unit::Usd, "harnesses.codex.budgets.day.usd"),
    (Scope::Day, Unit::Credits, "harnesses.codex.budgets.day.credits"),
    (Scope::Day, Unit::Tokens, "harnesses.codex.budgets.day.tokens"),
    (Scope::Month, Unit::Usd, "harnesses.codex.budgets.month.usd"),
    (Scope::Month, Unit::Credits, "harnesses.codex.budgets.month.credits"),
    (Scope::Month, Unit::Tokens, "harnesses.codex.budgets.month.tokens"),
    (Scope::Project, Unit::Usd, "harnesses.codex.budgets.project.usd"),
    (Scope::Project, Unit::Credits, "harnesses.codex.budgets.project.credits"),
    (Scope::Project, Unit::Tokens, "harnesses.codex.budgets.project.tokens"),
    (Scope::Repository, Unit::Usd, "harnesses.codex.budgets.repository.usd"),
    (Scope::Repository, Unit::Credits, "harnesses.codex.budgets.repository.credits"),
    (Scope::Repository, Unit::Tokens, "harnesses.codex.budgets.repository.tokens"),
];

/// Where all settings of budgets stand.
const PLACE: &str = "harnesses.codex.budgets";

/// Holds the budgets of the user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budgets {
    /// The limits.
    pub limits: Vec<Limit>,
    /// What follows when one is exceeded.
    pub policy: Policy,
    /// What is wrong with the settings of budgets, so that one is not in force.
    pub problems: Vec<String>,
}

/// Decides the budgets of the user.
pub(crate) fn budgets(reader: &mut Reader<'_>) -> Budgets {
    let seconds = reader.parsed(
        &[Key("harnesses.codex.budgets.grace_seconds")],
        "a whole number of seconds",
        |text| text.trim().parse::<u32>().ok(),
    );
    let hard_limit = reader.flag(&[Key("harnesses.codex.budgets.hard_limit")]).unwrap_or(false);
    let grace = seconds.map_or(GRACE_SECONDS, u64::from) * 1000;
    let limits = limits(reader, Origin::User);
    if let Some(value) = reader.value(Key(PLACE))
        && !value.is_mapping()
    {
        let found = document::kind(value);
        reader.warnings.push(crate::Warning::NotMapping { key: PLACE.to_owned(), found });
    }
    let problems = problems(reader);
    Budgets { limits, policy: Policy { hard_limit, grace }, problems }
}

/// Reads the file of a repository: its limits, and what is wrong with it. Such a file limits, and does
/// nothing else: who stops and who is notified is the user's word.
pub fn repository_budgets(text: &str) -> Result<(Vec<Limit>, Vec<String>), ParseError> {
    let root = document::parse_yaml(text).and_then(document::merged)?;
    let mut problems = Vec::new();
    let mut found = Mapping::new();
    for (key, value) in root.as_mapping().into_iter().flatten() {
        match key.as_str() {
            Some("budgets") => {
                let is_limit = |key: &Value| key.as_str().and_then(Scope::of_word).is_some();
                for (key, value) in value.as_mapping().into_iter().flatten() {
                    match is_limit(key) {
                        true => drop(found.insert(key.clone(), value.clone())),
                        false => problems.push(unknown("budgets.", key)),
                    }
                }
                if !value.is_mapping() {
                    problems.push(format!("`budgets` is {}, not a mapping", document::kind(value)));
                }
            }
            _ => problems.push(unknown("", key)),
        }
    }
    let nested =
        ["budgets", "codex", "harnesses"].into_iter().fold(Value::Mapping(found), |value, key| {
            Value::Mapping(Mapping::from_iter([(Value::from(key), value)]))
        });
    let environment = Environment::default();
    let warnings = unknown_keys::warnings(&nested);
    let mut reader = Reader { environment: &environment, config: &nested, warnings, entry: None };
    let limits = limits(&mut reader, Origin::Repository);
    let own = |problem: &String| problem.replace("harnesses.codex.", "");
    problems.extend(self::problems(&reader).iter().map(own));
    Ok((limits, problems))
}

fn unknown(place: &str, key: &Value) -> String {
    format!("`{place}{}` is not a setting here", document::display(key))
}

fn limits(reader: &mut Reader<'_>, origin: Origin) -> Vec<Limit> {
    let mut limits = Vec::new();
    for (scope, unit, key) in LIMITS {
        let expected = match unit {
            Unit::Usd => "an amount of dollars above 0",
            Unit::Credits => "an amount of credits above 0",
            Unit::Tokens => "a whole number above 0",
        };
        let amount = reader.parsed(&[Key(key)], expected, |text| unit.parse(text.trim()));
        limits.extend(amount.map(|amount| Limit { scope, unit, amount, origin }));
    }
    limits
}

/// The warnings about budgets: each is of a limit that the user believes in.
fn problems(reader: &Reader<'_>) -> Vec<String> {
    let texts = reader.warnings.iter().map(ToString::to_string);
    texts.filter(|text| text.contains(PLACE)).collect()
}
