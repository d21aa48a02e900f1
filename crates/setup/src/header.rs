//! A header of every request to a target. Its value may be a credential.

use std::str::FromStr;

use codex_config::{Secret, is_header_name, is_secret};

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
    /// It is a credential on the command line, where others see it.
    #[error("others see the credential in `{name}` on the command line")]
    Credential {
        /// The header.
        name: String,
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
        let names_credential = is_secret(name) || name.to_ascii_lowercase().contains("key");
        if names_credential && !value.contains("${") {
            return Err(HeaderError::Credential { name: header.name });
        }
        Ok(header)
    }
}

impl HeaderError {
    /// A flag that helps.
    pub fn hint(&self) -> String {
        match self {
            Self::Credential { name } => format!(
                "--header '{name}=${{VARIABLE}}' takes it from the environment, --header-stdin {name} from standard input"
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
        for (text, expected) in [
            ("x-team=a=b", Ok("x-team: a=b")),
            ("authorization=Bearer ${TOKEN}", Ok("authorization: Bearer ${TOKEN}")),
            ("x-team", Err("a header is written as NAME=VALUE")),
            ("x team=a", Err("`x team` is not the name of a header")),
            ("=a", Err("`` is not the name of a header")),
            ("x=é", Err("the value of `x` holds characters other than visible ASCII")),
            (
                "Authorization=Bearer sk-1",
                Err("others see the credential in `Authorization` on the command line"),
            ),
            (
                "signoz-ingestion-key=1",
                Err("others see the credential in `signoz-ingestion-key` on the command line"),
            ),
        ] {
            assert_eq!(parsed(text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
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
