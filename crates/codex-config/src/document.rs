//! The parsed configuration: a mapping of mappings, addressed by key segments.

use serde_yaml::{Mapping, Value};

/// Says where a text stops being valid YAML (or JSON). It quotes no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What the parser expected or found.
    pub reason: String,
}

/// Parses YAML whose top level is a mapping or nothing at all; duplicate keys are an error.
pub(crate) fn parse_yaml(text: &str) -> Result<Value, ParseError> {
    let value = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map_or((1, 1), |place| (place.line(), place.column()));
        parse_error(place, &error.to_string())
    })?;
    mapping_or_nothing(value)
}

/// Parses JSON whose top level is an object.
pub(crate) fn parse_json(text: &str) -> Result<Value, ParseError> {
    let value = serde_json::from_str(text)
        .map_err(|error| parse_error((error.line(), error.column()), &error.to_string()))?;
    mapping_or_nothing(value)
}

/// Fills in what merge keys (`<<`) refer to.
pub(crate) fn merged(mut root: Value) -> Result<Value, ParseError> {
    match root.apply_merge() {
        Ok(()) => Ok(root),
        Err(error) => Err(parse_error((1, 1), &error.to_string())),
    }
}

/// Finds the value under a path of keys.
pub(crate) fn lookup(
    root: &Value,
    path: impl IntoIterator<Item = impl AsRef<str>>,
) -> Option<&Value> {
    path.into_iter().try_fold(root, |value, segment| value.as_mapping()?.get(segment.as_ref()))
}

/// Puts a value under a path, creating the mappings on the way. Gives back the depth of the
/// segment that holds something else than a mapping, if one does.
pub(crate) fn insert(root: &mut Value, path: &[String], value: Value) -> Result<(), usize> {
    let mut here = root;
    for (depth, segment) in path.iter().enumerate() {
        if here.is_null() {
            *here = Value::Mapping(Mapping::new());
        }
        let Value::Mapping(mapping) = here else { return Err(depth) };
        here = mapping.entry(Value::String(segment.clone())).or_insert(Value::Null);
    }
    *here = value;
    Ok(())
}

/// Removes the value under a path; a mapping that this leaves empty becomes null, as it is in
/// block style when nothing follows the key.
pub(crate) fn remove(root: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents
        .iter()
        .try_fold(root, |value, segment| value.as_mapping_mut()?.get_mut(segment.as_str()));
    let Some(parent) = parent else { return };
    if let Value::Mapping(mapping) = parent {
        mapping.shift_remove(last.as_str());
        if mapping.is_empty() {
            *parent = Value::Null;
        }
    }
}

/// Names the kind of a value for a message.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a tagged value",
    }
}

/// Gives a scalar as plain text; `None` for null, lists and mappings.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// Shows a value: scalars plain, lists and mappings as YAML, without a final newline.
pub(crate) fn display(value: &Value) -> String {
    scalar_text(value).unwrap_or_else(|| to_yaml(value).trim_end().to_owned())
}

/// Writes a value as YAML.
pub(crate) fn to_yaml(value: &Value) -> String {
    // Writing a parsed value to memory has nothing to fail on.
    serde_yaml::to_string(value).unwrap_or_default()
}

fn mapping_or_nothing(value: Value) -> Result<Value, ParseError> {
    match value {
        Value::Null | Value::Mapping(_) => Ok(value),
        other => {
            let reason = format!("the top level is {}, not a mapping", kind(&other));
            Err(ParseError { line: 1, column: 1, reason })
        }
    }
}

fn parse_error((line, column): (usize, usize), message: &str) -> ParseError {
    let position = format!(" at line {line} column {column}");
    ParseError { line, column, reason: message.replacen(&position, "", 1) }
}
