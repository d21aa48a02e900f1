//! Lists in environment variables: `name=value,name=value`, percent-encoded.

use crate::Warning;
use crate::reader::Reader;

/// Reads the pairs of a variable. An entry that is none becomes a warning.
pub(crate) fn from_variable(reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, String)> {
    let Some(text) = reader.environment.get(name) else { return Vec::new() };
    let mut pairs = Vec::new();
    for (index, entry) in text.split(',').enumerate() {
        if entry.trim().is_empty() {
            continue;
        }
        match parse(entry) {
            Some(pair) => pairs.push(pair),
            None => reader.warnings.push(Warning::InvalidPair { name, position: index + 1 }),
        }
    }
    pairs
}

fn parse(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let name = percent_decode(name.trim())?;
    let value = percent_decode(value.trim())?;
    (is_name(&name) && !value.contains(char::is_control)).then_some((name, value))
}

/// Whether this may be the name of a pair, or of a header: a token, as HTTP calls it.
pub fn is_name(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

/// Decodes `%41` to `A`; `None` when the result is not UTF-8. A percent sign that no two
/// hexadecimal digits follow stands for itself.
fn percent_decode(text: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
