//! Headers that a user wrote, in a variable or in the configuration file.

use serde_yaml::Value;

use super::TargetError;
use crate::reader::{
    Reader,
    Source::{self, Own},
};
use crate::{Environment, Secret, document, pairs};

/// Reads the target's own headers and those of variables. Later ones replace earlier ones of the same
/// name; `before` and `after` say of which side of the own ones the variables are. A target of a list
/// that has headers of its own gets no others.
pub(super) fn all(
    reader: &mut Reader<'_>,
    before: Option<&'static str>,
    after: &'static str,
) -> Result<Vec<(String, Secret)>, TargetError> {
    let own = of_mapping(reader, Own("headers"))?;
    if reader.entry.is_some() && !own.is_empty() {
        return Ok(own);
    }
    let mut all = before.map(|name| from_variable(reader, name)).unwrap_or_default();
    all.extend(own);
    all.extend(from_variable(reader, after));
    Ok(all)
}

/// Reads the headers of a mapping in the configuration file, `${NAME}` standing for the value of an
/// environment variable. Because a request without its credential is of no use, a header that cannot
/// be sent as it is written is an error.
pub(crate) fn of_mapping(
    reader: &Reader<'_>,
    source: Source,
) -> Result<Vec<(String, Secret)>, TargetError> {
    let key = reader.name(source);
    match reader.value(source) {
        None => Ok(Vec::new()),
        Some(Value::Mapping(entries)) => entries
            .iter()
            .map(|(name, value)| {
                let name = document::scalar_text(name).unwrap_or_default();
                match header(reader.environment, &name, value) {
                    Ok(value) => Ok((name, Secret::new(value))),
                    Err(reason) => {
                        Err(TargetError::InvalidHeader { key: format!("{key}.{name}"), reason })
                    }
                }
            })
            .collect(),
        Some(other) => {
            let reason = format!("{} is not a mapping of names to values", document::kind(other));
            Err(TargetError::InvalidHeader { key, reason })
        }
    }
}

fn header(environment: &Environment, name: &str, value: &Value) -> Result<String, String> {
    if !pairs::is_name(name) {
        return Err("this is not the name of a header".to_owned());
    }
    let text = document::scalar_text(value)
        .ok_or_else(|| format!("{} is not a single value", document::kind(value)))?;
    let value = interpolate(&text, environment)?;
    let is_visible = value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    is_visible
        .then_some(value)
        .ok_or_else(|| "the value contains characters other than visible ascii".to_owned())
}

/// Puts the values of environment variables in place of `${NAME}`.
fn interpolate(text: &str, environment: &Environment) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("a `${` has no `}`")?;
        let value = environment
            .get(name)
            .ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
        result.push_str(before);
        result.push_str(value);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

/// Reads the headers of a variable. An entry that is none becomes a warning.
fn from_variable(reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, Secret)> {
    let headers = pairs::from_variable(reader, name).into_iter();
    headers.map(|(name, value)| (name, Secret::new(value))).collect()
}
