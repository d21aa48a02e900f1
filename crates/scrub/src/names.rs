//! Names that secrets have.

use serde_json::Value as Json;

use crate::value;

/// What the value beside a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Chosen by a person: anything that is not a stand-in.
    Password,
    /// Made by a machine: it does not look like a word.
    Token,
    /// A header: a scheme may precede the token.
    Header,
    /// A user and a password in base64, as npm and Docker keep them.
    Basic,
}

/// The ends of names, in small letters without separators, and what placeholders call them. The
/// first one that fits counts.
const ENDINGS: [(&str, &str, Kind); 25] = [
    ("password", "password", Kind::Password),
    ("passwd", "password", Kind::Password),
    ("passphrase", "password", Kind::Password),
    ("pwd", "password", Kind::Password),
    ("requirepass", "password", Kind::Password),
    ("clientsecret", "secret", Kind::Password),
    ("secret", "secret", Kind::Password),
    ("apikey", "api-key", Kind::Token),
    ("secretkey", "secret-key", Kind::Token),
    ("secretkeybase", "secret-key", Kind::Token),
    ("accesskey", "access-key", Kind::Token),
    ("privatekey", "private-key", Kind::Token),
    ("authkey", "auth-key", Kind::Token),
    ("accountkey", "account-key", Kind::Token),
    ("storagekey", "account-key", Kind::Token),
    ("signingkey", "signing-key", Kind::Token),
    ("encryptionkey", "encryption-key", Kind::Token),
    ("sessionkey", "session-key", Kind::Token),
    ("masterkey", "master-key", Kind::Token),
    ("licensekey", "license-key", Kind::Token),
    ("subscriptionkey", "api-key", Kind::Token),
    ("credential", "credential", Kind::Token),
    ("token", "token", Kind::Token),
    ("authorization", "authorization", Kind::Header),
    ("cookie", "cookie", Kind::Header),
];

/// Headers whose whole value is secret.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];

/// What each of these names is found by, however it is written.
const KEYWORDS: [&str; 8] =
    ["pass", "pwd", "secret", "key", "credential", "token", "auth", "cookie"];

/// Names that end like one of a secret. The directory that a shell is in is no password; the other
/// tokens are words of a language or places in a list.
const NOT_SECRET: [&str; 22] = [
    "pwd",
    "oldpwd",
    "nexttoken",
    "pagetoken",
    "nextpagetoken",
    "continuationtoken",
    "paginationtoken",
    "synctoken",
    "eostoken",
    "bostoken",
    "padtoken",
    "unktoken",
    "masktoken",
    "septoken",
    "clstoken",
    "stoptoken",
    "endtoken",
    "starttoken",
    "cancellationtoken",
    "canceltoken",
    "currenttoken",
    "prevtoken",
];

/// The names whose values are secret.
#[derive(Debug)]
pub(crate) struct Names {
    /// The ends that the user added, in small letters without separators.
    further: Vec<String>,
    further_keywords: Vec<String>,
}

impl Names {
    pub(crate) fn new(further: &[String]) -> Self {
        let further_keywords: Vec<String> =
            further.iter().filter_map(|name| last_word(name)).collect();
        let further =
            further.iter().map(|name| plain(name)).filter(|name| !name.is_empty()).collect();
        Self { further, further_keywords }
    }

    /// What to look for in a text to find all names.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        KEYWORDS.into_iter().chain(self.further_keywords.iter().map(String::as_str))
    }

    /// What the value of a name is; none where it is nothing secret.
    pub(crate) fn kind(&self, name: &str) -> Option<(&'static str, Kind)> {
        let plain = plain(name);
        if self.further.iter().any(|end| plain.ends_with(end)) {
            return Some(("configured", Kind::Password));
        }
        if NOT_SECRET.contains(&plain.as_str()) {
            return None;
        }
        // `DB_PASS`, but not `bypass`, `first_pass` or `--pass`.
        if name.ends_with("_PASS") {
            return Some(("password", Kind::Password));
        }
        match plain.as_str() {
            "auth" => return Some(("authorization", Kind::Basic)),
            "pass" => return Some(("password", Kind::Token)),
            _ => {}
        }
        let fits = |(end, _, kind): &&(&str, &str, Kind)| match kind {
            Kind::Header => HEADERS.contains(&plain.as_str()) && plain.ends_with(end),
            Kind::Password | Kind::Token | Kind::Basic => plain.ends_with(end),
        };
        ENDINGS.iter().find(fits).map(|(_, rule, kind)| (*rule, *kind))
    }

    /// The rule by which a value in a JSON object is secret.
    pub(crate) fn quoted(&self, name: &str, value: &Json) -> Option<&'static str> {
        let (rule, kind) = self.kind(name)?;
        value::is_quoted_secret(value.as_str()?, kind, true).then_some(rule)
    }
}

/// A name without what is only a matter of style.
fn plain(name: &str) -> String {
    let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let letters = letters.chars().filter(|letter| letter.is_ascii_alphanumeric());
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What a text has to hold where it holds a name, however it is written.
fn last_word(name: &str) -> Option<String> {
    let word =
        name.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).find(|word| !word.is_empty());
    word.map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        let names = Names::new(&["Badge-No".to_owned()]);
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword2",
            "MYSQL_PWD",
            "DB_PASS",
            "client_secret",
            "api-key",
            "X-API-Key",
            "apiKey",
            "OPENAI_API_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "AccountKey",
            "GITHUB_TOKEN",
            "access_token",
            "Authorization",
            "Set-Cookie",
            "badge_no",
            "employeeBadgeNo",
        ] {
            assert!(names.kind(name).is_some(), "{name}");
        }
        for name in [
            "PWD",
            "OLDPWD",
            "tokens",
            "max_tokens",
            "input_token_count",
            "next_token",
            "NextToken",
            "eos_token",
            "key",
            "primary_key",
            "keyboard",
            "secrets_manager",
            "password_hash",
            "bypass",
            "token_type",
            "authorization_url",
            "public_key",
            "cookies",
            "SO_COOKIE",
            "in_authorization",
        ] {
            assert_eq!(names.kind(name), None, "{name}");
        }
    }
}
