//! Dotted keys such as `harnesses.codex.project_name`.

use std::fmt;
use std::str::FromStr;

/// Addresses one value of the configuration file.
///
/// Segments are separated by dots; a segment that holds a dot itself is put in double quotes, as
/// in `harnesses.codex.attributes."service.team"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(Vec<String>);

/// Says why a text is no key path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyPathError {
    /// There is nothing before, between or after dots.
    #[error("`{path}` has an empty segment")]
    EmptySegment {
        /// The whole text.
        path: String,
    },
    /// A quote is not closed, or does not enclose a whole segment.
    #[error("`{path}` has a misplaced quote")]
    MisplacedQuote {
        /// The whole text.
        path: String,
    },
}

impl KeyPath {
    /// Takes keys from the top level down, whatever they hold.
    pub fn from_segments(segments: &[String]) -> Self {
        Self(segments.to_vec())
    }

    /// Gives the keys from the top level down; there is at least one and none is empty.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for KeyPath {
    type Err = KeyPathError;

    fn from_str(path: &str) -> Result<Self, KeyPathError> {
        let misplaced_quote = || KeyPathError::MisplacedQuote { path: path.to_owned() };
        let mut segments = Vec::new();
        let mut rest = path;
        loop {
            let (segment, tail) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(misplaced_quote)?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            if segment.contains('"') {
                return Err(misplaced_quote());
            }
            if segment.is_empty() {
                return Err(KeyPathError::EmptySegment { path: path.to_owned() });
            }
            segments.push(segment.to_owned());
            rest = match tail.strip_prefix('.') {
                Some(next) => next,
                None if tail.is_empty() => return Ok(Self(segments)),
                None => return Err(misplaced_quote()),
            };
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if segment.contains('.') { write!(f, "\"{segment}\"") } else { f.write_str(segment) }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<&[&str], &str>) {
        let parsed = path.parse::<KeyPath>();
        match expected {
            Ok(segments) => {
                let parsed = parsed.unwrap();
                assert_eq!(parsed.segments(), segments);
                assert_eq!(parsed.to_string(), path);
            }
            Err(message) => assert_eq!(parsed.unwrap_err().to_string(), message),
        }
    }

    #[test]
    fn paths() {
        check("user_id", Ok(&["user_id"]));
        check("harnesses.codex.api_key", Ok(&["harnesses", "codex", "api_key"]));
        check(r#"attributes."service.team".x"#, Ok(&["attributes", "service.team", "x"]));
        check("", Err("`` has an empty segment"));
        check(".a", Err("`.a` has an empty segment"));
        check("a..b", Err("`a..b` has an empty segment"));
        check("a.", Err("`a.` has an empty segment"));
        check(r#"a."""#, Err(r#"`a.""` has an empty segment"#));
        check(r#"a."b"#, Err(r#"`a."b` has a misplaced quote"#));
        check(r#"a."b"c"#, Err(r#"`a."b"c` has a misplaced quote"#));
        check(r#"a.b"c""#, Err(r#"`a.b"c"` has a misplaced quote"#));
    }
}
