//! A single value to write into the configuration file.

use serde_yaml::Value;
use yaml_edit::ScalarValue;

/// Holds a text, number, boolean or null, and knows how YAML spells it.
///
/// It is not `Debug`, because it may be a credential.
#[derive(Clone)]
pub struct Scalar {
    value: Value,
    spelling: Spelling,
}

#[derive(Clone)]
enum Spelling {
    /// As the user typed it: `0x10` stays `0x10`.
    AsTyped(String),
    /// A text, quoted where it would be read as something else.
    Text(String),
}

impl Scalar {
    /// Reads a value as a YAML scalar: `true` is a boolean, `4318` a number, `"true"` a text. What
    /// is no scalar by itself (`a: b`, `[x`) and the empty text are taken literally.
    pub fn parse(typed: &str) -> Self {
        let typed = typed.trim();
        match serde_yaml::from_str(typed) {
            Ok(Value::String(text)) if is_quoted(typed) => Self::text(&text),
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => {
                Self { value, spelling: Spelling::AsTyped(typed.to_owned()) }
            }
            Ok(value @ Value::Null) if matches!(typed, "null" | "~") => {
                Self { value, spelling: Spelling::AsTyped(typed.to_owned()) }
            }
            _ => Self::text(typed),
        }
    }

    /// Takes a text literally, whatever it looks like.
    pub fn text(text: &str) -> Self {
        Self { value: Value::String(text.to_owned()), spelling: Spelling::Text(text.to_owned()) }
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn to_yaml(&self) -> ScalarValue {
        match &self.spelling {
            Spelling::AsTyped(typed) => ScalarValue::parse(typed),
            Spelling::Text(text) if reads_as_itself(text) => ScalarValue::plain(text),
            Spelling::Text(text) if text.contains(char::is_control) => {
                ScalarValue::double_quoted(text)
            }
            // In double quotes these would have to be escaped.
            Spelling::Text(text) if text.contains(['"', '\\']) || !text.is_ascii() => {
                ScalarValue::single_quoted(text)
            }
            Spelling::Text(text) => ScalarValue::double_quoted(text),
        }
    }
}

fn is_quoted(text: &str) -> bool {
    text.starts_with(['"', '\''])
}

/// Whether an unquoted text is read back as that text, by YAML 1.2 and by the YAML 1.1 parsers
/// that other programs use on the same file.
fn reads_as_itself(text: &str) -> bool {
    let read_back: Option<Value> = serde_yaml::from_str(text).ok();
    read_back.as_ref().and_then(Value::as_str) == Some(text)
        && !is_quoted(text)
        && !text.contains(|c: char| c.is_control() || "#{}[],".contains(c))
        && !is_yaml_1_1_special(text)
}

fn is_yaml_1_1_special(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_boolean = matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    let is_number = lower.replace('_', "").parse::<f64>().is_ok()
        || ["0x", "0b", "0o"].iter().any(|prefix| lower.starts_with(prefix));
    let is_date_or_time = text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains([':', '-'])
        && text.chars().all(|c| c.is_ascii_digit() || " :-.+TtZz".contains(c));
    is_boolean || is_number || is_date_or_time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, yaml: &str) {
        let scalar = Scalar::parse(typed);
        assert_eq!(scalar.to_yaml().to_yaml_string(), yaml);
        let read_back: Value = serde_yaml::from_str(yaml).unwrap();
        assert_eq!(&read_back, scalar.value(), "{yaml} does not read back as {typed}");
    }

    #[test]
    fn typed_values() {
        check("true", "true");
        check("False", "False");
        check("4318", "4318");
        check("-1", "-1");
        check("0.5", "0.5");
        check("0x10", "0x10");
        check("null", "null");
        check("~", "~");
    }

    #[test]
    fn plain_texts() {
        check("codex", "codex");
        check("my project", "my project");
        check("http://localhost:6006", "http://localhost:6006");
        check("otlp.arize.com:443", "otlp.arize.com:443");
        check("127.0.0.1", "127.0.0.1");
        check("~/logs/x.log", "~/logs/x.log");
        check("ada@example.com", "ada@example.com");
        check("José", "José");
    }

    #[test]
    fn texts_that_need_quotes() {
        check("\"true\"", "\"true\"");
        check("'4318'", "\"4318\"");
        check("\"\"", "\"\"");
        check("", "\"\"");
        check("yes", "\"yes\"");
        check("Off", "\"Off\"");
        check("a: b", "\"a: b\"");
        check("a #b", "\"a #b\"");
        check("#b", "\"#b\"");
        check("*a", "\"*a\"");
        check("@a", "\"@a\"");
        check("[x", "\"[x\"");
        check("{a: b}", "\"{a: b}\"");
        check("- x", "\"- x\"");
        check("2026-11-20", "\"2026-11-20\"");
        check("12:30", "\"12:30\"");
        check("1_000", "\"1_000\"");
        check("0123", "\"0123\"");
        check("say \"hi\": é", "'say \"hi\": é'");
        check("\"a\\tb\"", "\"a\\tb\"");
        check("\"two\\nlines\"", "\"two\\nlines\"");
        check("\"open", "'\"open'");
    }

    #[test]
    fn literal_texts_keep_their_type() {
        for text in ["12345678", "true", "null", "", " padded ", "é: #"] {
            let yaml = Scalar::text(text).to_yaml().to_yaml_string();
            assert_eq!(serde_yaml::from_str::<Value>(&yaml).unwrap(), Value::from(text), "{yaml}");
        }
    }
}
