//! Names that secrets have.

use serde_json::Value as Json;

use crate::judge::{Place, is_bare_secret, is_quoted_secret};

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
    /// Made by a machine, and long: its name may be that of anything else.
    LongToken,
    /// Twelve words or more.
    Phrase,
}

/// The end of a name, what placeholders call it, and what the value is.
type Ending = (&'static str, &'static str, Kind);

/// The ends of names, in small letters without separators. The first one that fits counts.
const ENDINGS: [Ending; 54] = [
    ("password", "password", Kind::Password),
    ("passwd", "password", Kind::Password),
    ("passphrase", "password", Kind::Password),
    ("pwd", "password", Kind::Password),
    ("requirepass", "password", Kind::Password),
    ("bindpw", "password", Kind::Password),
    ("rootpw", "password", Kind::Password),
    ("sshpass", "password", Kind::Password),
    ("psk", "password", Kind::Password),
    ("presharedkey", "password", Kind::Password),
    ("masterauth", "password", Kind::Password),
    ("clientsecret", "secret", Kind::Password),
    ("secret", "secret", Kind::Password),
    ("apikey", "api-key", Kind::Token),
    ("appkey", "api-key", Kind::Token),
    ("applicationkey", "api-key", Kind::Token),
    ("fastlykey", "api-key", Kind::Token),
    ("honeycombteam", "api-key", Kind::Token),
    ("secretkey", "secret-key", Kind::Token),
    ("secretkeybase", "secret-key", Kind::Token),
    ("accesskey", "access-key", Kind::Token),
    ("privatekey", "private-key", Kind::Token),
    ("privatekeyid", "private-key", Kind::Token),
    ("authkey", "auth-key", Kind::Token),
    ("accountkey", "account-key", Kind::Token),
    ("storagekey", "account-key", Kind::Token),
    ("signingkey", "signing-key", Kind::Token),
    ("encryptionkey", "encryption-key", Kind::Token),
    ("hmackey", "signing-key", Kind::Token),
    ("sessionkey", "session-key", Kind::Token),
    ("masterkey", "master-key", Kind::Token),
    ("deploykey", "deploy-key", Kind::Token),
    ("unsealkey", "unseal-key", Kind::Token),
    ("adminkey", "api-key", Kind::Token),
    ("loggedinkey", "secret-key", Kind::Token),
    ("noncekey", "secret-key", Kind::Token),
    ("authsalt", "secret-key", Kind::Token),
    ("loggedinsalt", "secret-key", Kind::Token),
    ("noncesalt", "secret-key", Kind::Token),
    ("licensekey", "license-key", Kind::Token),
    ("subscriptionkey", "api-key", Kind::Token),
    ("credential", "credential", Kind::Token),
    ("token", "token", Kind::Token),
    ("tokenid", "token", Kind::LongToken),
    ("redisauth", "password", Kind::Password),
    ("rediscliauth", "password", Kind::Password),
    ("totpseed", "secret", Kind::Token),
    ("snmpcommunity", "password", Kind::Token),
    ("mnemonic", "seed-phrase", Kind::Phrase),
    ("seedphrase", "seed-phrase", Kind::Phrase),
    ("oauth2bearer", "token", Kind::Token),
    ("codetoken", "token", Kind::Token),
    ("authorization", "authorization", Kind::Header),
    ("cookie", "cookie", Kind::Header),
];

/// Words before `pass` that make a passage, a run or a round of it.
const PASSES: [&str; 12] = [
    "first", "second", "by", "render", "one", "two", "single", "last", "next", "multi", "all",
    "band",
];

/// Words before `KEY` that make something public of it, or a place in a table.
const OPEN_KEYS: [&str; 14] = [
    "public",
    "pub",
    "cache",
    "primary",
    "foreign",
    "sort",
    "partition",
    "host",
    "registry",
    "object",
    "idempotency",
    "row",
    "index",
    "site",
];

/// Headers whose whole value is secret.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];

/// What each of these names is found by, however it is written.
const KEYWORDS: [&str; 17] = [
    "pass",
    "pwd",
    "secret",
    "key",
    "credential",
    "token",
    "auth",
    "cookie",
    "psk",
    "_pw",
    "bindpw",
    "rootpw",
    "community",
    "honeycomb-team",
    "mnemonic",
    "seed",
    "_salt",
];

/// Names that end like one of a secret. The directory that a shell is in is no password; the other
/// tokens are words of a language or places in a list.
const NOT_SECRET: [&str; 21] = [
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

/// Of longer names only so many letters count.
const LONGEST: usize = 160;

/// The names whose values are secret.
#[derive(Debug)]
pub(crate) struct Names {
    /// The ends that the user added, in small letters without separators.
    further: Vec<String>,
    further_keywords: Vec<String>,
    /// The endings by their last letters, which alone tell most names from those of secrets.
    endings: [Vec<&'static Ending>; 26],
}

impl Names {
    pub(crate) fn new(further: &[String]) -> Self {
        let further_keywords: Vec<String> =
            further.iter().filter_map(|name| last_word(name)).collect();
        let further =
            further.iter().map(|name| owned(name)).filter(|name| !name.is_empty()).collect();
        let mut endings: [Vec<_>; 26] = Default::default();
        for ending in &ENDINGS {
            if let Some(group) = last_letter(ending.0).and_then(|last| endings.get_mut(last)) {
                group.push(ending);
            }
        }
        Self { further, further_keywords, endings }
    }

    /// What to look for in a text to find all names.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        KEYWORDS.into_iter().chain(self.further_keywords.iter().map(String::as_str))
    }

    /// What the value of a name is; none where it is nothing secret.
    pub(crate) fn kind(&self, name: &str) -> Option<(&'static str, Kind)> {
        let mut buffer = [0; LONGEST];
        let plain = plain(name, &mut buffer);
        if self.further.iter().any(|end| plain.ends_with(end.as_str())) {
            return Some(("configured", Kind::Password));
        }
        let kind = by_last_word(name, plain).unwrap_or_else(|| self.by_ending(plain))?;
        (name != "PWD" && !NOT_SECRET.contains(&plain)).then_some(kind)
    }

    fn by_ending(&self, plain: &str) -> Option<(&'static str, Kind)> {
        let fits = |(end, _, kind): &&&Ending| {
            plain.ends_with(end) && (*kind != Kind::Header || HEADERS.contains(&plain))
        };
        let (_, rule, kind) = self.endings.get(last_letter(plain)?)?.iter().find(fits)?;
        Some((*rule, *kind))
    }

    /// A value in a JSON object that is secret, and the rule by which it is.
    pub(crate) fn secret_field(&self, name: &str, value: &Json) -> Option<(&'static str, String)> {
        let (rule, kind) = self.kind(name)?;
        let kind = if is_ambiguous(name) { Kind::Password } else { kind };
        let (text, is_secret) = match value {
            Json::String(text) => (text.clone(), is_quoted_secret(text, kind, Place::Field)),
            Json::Number(number) => {
                let text = number.to_string();
                let is_secret = is_bare_secret(&text, b',', kind, Place::Field);
                (text, is_secret)
            }
            _ => return None,
        };
        is_secret.then_some((rule, text))
    }
}

/// `pass` and `pwd` are words of programs, too, and passwords where they are names of fields.
pub(crate) fn is_ambiguous(name: &str) -> bool {
    ["pass", "pwd"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Names whose last word is short, so that it ends other words, too. `DB_PASS`, but not `bypass` or
/// `first_pass`.
fn by_last_word(name: &str, plain: &str) -> Option<Option<(&'static str, Kind)>> {
    let password = Some(("password", Kind::Password));
    match plain {
        "auth" => return Some(Some(("authorization", Kind::Basic))),
        "pass" | "pwd" => return Some(Some(("password", Kind::Token))),
        _ => {}
    }
    let number = |letter: char| letter.is_ascii_digit();
    let is_variable = name.trim_end_matches(number).ends_with("KEY");
    if !is_variable && !plain.ends_with("pass") && !plain.ends_with("pw") {
        return None;
    }
    let (before, word) = last_two_words(name);
    if before.is_empty() {
        return None;
    }
    let is_one_of = |words: &[&str]| words.iter().any(|other| before.eq_ignore_ascii_case(other));
    if word.eq_ignore_ascii_case("pass") {
        return Some(password.filter(|_| !is_one_of(&PASSES)));
    }
    if word.eq_ignore_ascii_case("pw") {
        return Some(password);
    }
    // `STRIPE_KEY`: what a variable of the environment holds.
    if word == "KEY" && !ENDINGS.iter().any(|(end, ..)| plain.ends_with(end)) {
        return Some(Some(("api-key", Kind::LongToken)).filter(|_| !is_one_of(&OPEN_KEYS)));
    }
    None
}

/// The place of a name's last letter in the alphabet.
fn last_letter(plain: &str) -> Option<usize> {
    let last = plain.bytes().last().filter(u8::is_ascii_lowercase)?;
    Some(usize::from(last - b'a'))
}

/// The last word of a name, and the one before it: `db_pass`, `db-pass`, `dbPass`.
fn last_two_words(name: &str) -> (&str, &str) {
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let start = |name: &str| {
        let bytes = name.as_bytes();
        let is_start = |at: &usize| {
            let (before, here) = (bytes[at - 1], bytes[*at]);
            !before.is_ascii_alphanumeric()
                || (before.is_ascii_lowercase() && here.is_ascii_uppercase())
        };
        (1..bytes.len()).rev().filter(|at| name.is_char_boundary(*at)).find(is_start).unwrap_or(0)
    };
    let last = start(name);
    let before = name[..last].trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
    (&before[start(before)..], &name[last..])
}

/// A name without what is only a matter of style.
fn plain<'b>(name: &str, buffer: &'b mut [u8; LONGEST]) -> &'b str {
    let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).bytes();
    let letters = letters.filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let mut length = 0;
    for (place, letter) in buffer.iter_mut().zip(letters) {
        *place = letter;
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).unwrap_or_default()
}

fn owned(name: &str) -> String {
    plain(name, &mut [0; LONGEST]).to_owned()
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
    fn names_of_secrets_are_distinguished_from_others() {
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
