//! A header of every request to a target. Its value may be a credential.

use std::str::FromStr;

use codex_config::{Secret, is_header_name};

/// Headers whose value is no credential with any receiver that is known, in lower case. Of all others
/// the command line takes only the name of a variable: which header carries the key of a receiver is
/// that receiver's own choice.
const HARMLESS: [&str; 16] = [
    "accept",
    "accept-language",
    "dd-otlp-source",
    "stream-name",
    "user-agent",
    "x-bt-parent",
    "x-databricks-sql-warehouse-id",
    "x-databricks-uc-table-name",
    "x-grafana-org-id",
    "x-honeycomb-dataset",
    "x-langfuse-ingestion-version",
    "x-mlflow-experiment-id",
    "x-mlflow-experiment-name",
    "x-project-name",
    "x-scope-orgid",
    "x-tenant-id",
];

/// A header with its value, in which `${NAME}` stands for a variable of the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Says why something is no header, without its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no `=`.
    #[error("a header is written as NAME=VALUE")]
    NoValue,
    /// No header may be called so.
    #[error("`{name}` is not the name of a header")]
    Name {
        /// The name.
        name: String,
    },
    /// It cannot be sent.
    #[error("the value of `{name}` holds characters other than visible ASCII")]
    Value {
        /// The header.
        name: String,
    },
    /// It may be a credential, and others see the command line.
    #[error("the value of `{name}` may be a credential, and other users can read the command line")]
    Credential {
        /// The header.
        name: String,
        /// The word before the credential, such as `Bearer `, with its space; empty without one.
        scheme: String,
    },
}

impl Header {
    /// Makes a header that can be sent.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderError> {
        let (name, value) = (name.trim().to_owned(), value.trim());
        if !is_header_name(&name) {
            return Err(HeaderError::Name { name });
        }
        if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            return Err(HeaderError::Value { name });
        }
        Ok(Self { name, value: Secret::new(value) })
    }

    /// Puts it among others, in the place of one of the same name.
    pub(crate) fn put_into(self, headers: &mut Vec<Self>) {
        match headers.iter_mut().find(|other| other.name.eq_ignore_ascii_case(&self.name)) {
            Some(other) => *other = self,
            None => headers.push(self),
        }
    }
}

/// Reads what `--header` takes: `NAME=VALUE`, of a credential only where it is to be found.
impl FromStr for Header {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let (name, value) = text.split_once('=').ok_or(HeaderError::NoValue)?;
        let header = Self::new(name, value)?;
        let is_harmless = HARMLESS.contains(&header.name.to_ascii_lowercase().as_str());
        if is_harmless || is_read_later(header.value.expose()) {
            return Ok(header);
        }
        let scheme = scheme(header.value.expose()).to_owned();
        Err(HeaderError::Credential { name: header.name, scheme })
    }
}

/// Whether a value names a variable, and has beside it nothing but a scheme such as `Bearer`.
fn is_read_later(value: &str) -> bool {
    let mut rest = String::new();
    let mut variables = 0;
    for (index, part) in value.split("${").enumerate() {
        match part.split_once('}').filter(|_| index > 0) {
            Some((name, behind)) if is_variable(name) => {
                variables += 1;
                rest.push_str(behind);
            }
            _ => rest.push_str(part),
        }
    }
    variables > 0 && rest[scheme(&rest).len()..].trim().is_empty()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// The scheme at the beginning of a value, with the space behind it, which is not part of a key.
fn scheme(value: &str) -> &str {
    const SCHEMES: [&str; 7] =
        ["api-token ", "apikey ", "basic ", "bearer ", "key ", "splunk ", "token "];
    let begins = |scheme: &&&str| {
        let start = value.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    SCHEMES.iter().find(begins).map_or("", |scheme| &value[..scheme.len()])
}

impl HeaderError {
    /// A flag that helps.
    pub fn hint(&self) -> String {
        match self {
            Self::Credential { name, scheme } => format!(
                "--header '{name}={scheme}${{VARIABLE}}' takes it from the environment, --header-stdin {name} from standard input"
            ),
            Self::NoValue | Self::Name { .. } | Self::Value { .. } => {
                "--header 'authorization=Bearer ${VARIABLE}'".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_line_may_say() {
        let parsed = |text: &str| {
            text.parse::<Header>()
                .map(|header| format!("{}: {}", header.name, header.value.expose()))
                .map_err(|error| error.to_string())
        };
        let refused = |name: &str| {
            Err(format!(
                "the value of `{name}` may be a credential, and other users can read the command line"
            ))
        };
        let wrong = |text: &str| Err(text.to_owned());
        for (text, expected) in [
            ("X-Scope-OrgID=a=b", Ok("X-Scope-OrgID: a=b".to_owned())),
            ("authorization=Bearer ${TOKEN}", Ok("authorization: Bearer ${TOKEN}".to_owned())),
            ("x-honeycomb-team=${KEY}", Ok("x-honeycomb-team: ${KEY}".to_owned())),
            ("authorization=Basic ${A}:${B}", refused("authorization")),
            ("x-team", wrong("a header is written as NAME=VALUE")),
            ("x team=a", wrong("`x team` is not the name of a header")),
            ("=a", wrong("`` is not the name of a header")),
            ("x=é", wrong("the value of `x` holds characters other than visible ASCII")),
            ("Authorization=Bearer sk-1", refused("Authorization")),
            ("Authorization=Bearer sk-1${X}", refused("Authorization")),
            ("x-honeycomb-team=hcaik_01abc", refused("x-honeycomb-team")),
            ("x-team=blue", refused("x-team")),
            ("x-team=${", refused("x-team")),
            ("x-team=${}", refused("x-team")),
            ("signoz-ingestion-key=1", refused("signoz-ingestion-key")),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn the_hint_keeps_the_scheme() {
        for (text, hint) in [
            ("authorization=bearer sk-1", "--header 'authorization=bearer ${VARIABLE}' takes"),
            ("dd-api-key=sk-1", "--header 'dd-api-key=${VARIABLE}' takes"),
        ] {
            let said = text.parse::<Header>().unwrap_err().hint();
            assert!(said.starts_with(hint) && !said.contains("sk-1"), "{said}");
        }
    }

    #[test]
    fn the_last_one_of_a_name_counts() {
        let mut headers = Vec::new();
        for (name, value) in [("X-A", "1"), ("b", "2"), ("x-a", "3")] {
            Header::new(name, value).unwrap().put_into(&mut headers);
        }
        let named = headers.iter().map(|header| (header.name.as_str(), header.value.expose()));
        assert_eq!(named.collect::<Vec<_>>(), [("x-a", "3"), ("b", "2")]);
    }
}
