//! A copy of the configuration that may be shown to others.

use serde_yaml::Value;

use crate::mask_addresses;

const MASK: &str = "***";

/// What a key contains, in lower case with `_` between words, when its values are credentials.
const SECRET_NAMES: [&str; 10] = [
    "api_key",
    "apikey",
    "token",
    "password",
    "secret",
    "authorization",
    "credential",
    // Names of headers tell little; their values are often credentials.
    "headers",
    // Who knows such an address may write there.
    "webhook",
    "ntfy",
];

/// Whether values under a key are to be hidden.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|name| key.contains(name))
}

/// Copies a value with `***` in place of everything under a secret key, and of credentials in addresses.
pub(crate) fn masked(value: &Value) -> Value {
    if let Value::String(text) = value {
        return mask_addresses(text).into();
    }
    map_entries(value, masked, |key, value| match key.as_str() {
        Some(key) if is_secret(key) => hidden(value),
        _ => masked(value),
    })
}

fn hidden(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        // Says that there is none, which is what a reader of a bug report wants to know.
        Value::String(text) if text.is_empty() => value.clone(),
        Value::Sequence(_) | Value::Mapping(_) => {
            map_entries(value, hidden, |_, value| hidden(value))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => MASK.into(),
    }
}

fn map_entries(
    value: &Value,
    item: impl Fn(&Value) -> Value,
    entry: impl Fn(&Value, &Value) -> Value,
) -> Value {
    match value {
        Value::Sequence(items) => Value::Sequence(items.iter().map(item).collect()),
        Value::Mapping(entries) => {
            let copies = entries.iter().map(|(key, value)| (key.clone(), entry(key, value)));
            Value::Mapping(copies.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let value = document::parse_yaml(yaml).unwrap();
        assert_eq!(document::to_yaml(&masked(&value)), expected);
    }

    #[test]
    fn credentials_are_masked_at_every_depth() {
        check("api_key: sk-1\nproject: x\n", "api_key: '***'\nproject: x\n");
        check("a:\n- Auth-Token: 5\n- b: 5\n", "a:\n- Auth-Token: '***'\n- b: 5\n");
        check("headers:\n  x: [1, {y: z}]\n", "headers:\n  x:\n  - '***'\n  - y: '***'\n");
        check("notices: {webhook: 'https://h/T/x'}\n", "notices:\n  webhook: '***'\n");
        check("API-KEY: x\nuserPassword: y\n", "API-KEY: '***'\nuserPassword: '***'\n");
    }

    #[test]
    fn credentials_in_addresses_are_masked() {
        check("endpoint: http://me:k@h/x\nb: [c]\n", "endpoint: http://***@h/x\nb:\n- c\n");
    }

    #[test]
    fn an_empty_credential_shows_as_empty() {
        check("api_key: \"\"\ntoken:\n", "api_key: ''\ntoken: null\n");
    }
}
