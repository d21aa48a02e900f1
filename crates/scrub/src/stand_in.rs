//! Values that say what will stand in their place, and values that are words for people.

use crate::placeholder;

/// One of these words makes a stand-in of a value.
const TELLING: [&str; 18] = [
    "your",
    "yours",
    "changeme",
    "change",
    "example",
    "dummy",
    "fake",
    "placeholder",
    "insert",
    "replace",
    "replaceme",
    "redacted",
    "masked",
    "hidden",
    "sample",
    "todo",
    "mock",
    "unset",
];

/// A value of these words alone, and numbers such as `123`, is a stand-in.
const PLAIN: [&str; 67] = [
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "string",
    "str",
    "text",
    "number",
    "integer",
    "boolean",
    "bool",
    "object",
    "bytes",
    "char",
    "varchar",
    "password",
    "passwd",
    "pass",
    "pw",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "value",
    "required",
    "optional",
    "key",
    "api",
    "apikey",
    "access",
    "client",
    "auth",
    "private",
    "my",
    "the",
    "a",
    "db",
    "database",
    "test",
    "testing",
    "tests",
    "demo",
    "foo",
    "bar",
    "baz",
    "admin",
    "root",
    "user",
    "username",
    "postgres",
    "mysql",
    "guest",
    "default",
    "here",
    "some",
    "new",
    "old",
    "this",
    "is",
    "it",
    "on",
    "shhh",
    "nothing",
    "empty",
    "keyring",
];

/// "Password" and "secret", as interfaces call them in other languages.
const TRANSLATED: [&str; 24] = [
    "passwort",
    "kennwort",
    "contrasena",
    "contrasenya",
    "wachtwoord",
    "senha",
    "passord",
    "adgangskode",
    "salasana",
    "heslo",
    "haslo",
    "parola",
    "parole",
    "geslo",
    "lozinka",
    "zaporka",
    "sifre",
    "jelszo",
    "jeton",
    "geheimnis",
    "segreto",
    "secreto",
    "segredo",
    "losenord",
];

/// Whether a text is a stand-in for a secret and not one.
pub(crate) fn is_stand_in(value: &str) -> bool {
    let first = value.bytes().next().unwrap_or_default();
    b"$%<{".contains(&first)
        || value.bytes().all(|byte| byte == first)
        || value.contains("...")
        || value.contains('…')
        || value.contains("${")
        || value.contains("{{")
        || value.contains("#{")
        || value.contains(placeholder::START)
        || value.starts_with("op://")
        || (value.len() > 2 && is_between(value, "__", "__"))
        || (value.len() > 2 && is_between(value, "@", "@"))
        || is_between(value, "(", ")")
        || is_of_plain_words(value)
}

/// Whether a value in quotes is for people to read: a label, a message, in any language.
pub(crate) fn is_label(value: &str) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let is_foreign = !value.is_ascii();
    let is_written = |letter: char| letter.is_alphabetic() || " .,?!:'’-".contains(letter);
    let mut letters = value.chars();
    let is_capital = letters.next().is_some_and(char::is_uppercase);
    let is_small = letters.all(|letter| !letter.is_uppercase());
    let is_sentence = is_foreign || (is_capital && is_small);
    !has_digit && is_sentence && value.chars().all(is_written)
}

fn is_between(value: &str, start: &str, end: &str) -> bool {
    value.starts_with(start) && value.ends_with(end)
}

fn is_of_plain_words(value: &str) -> bool {
    const LONGEST: usize = 64;
    if value.len() > LONGEST {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() {
        return true;
    }
    let (mut are_plain, mut has_word) = (true, false);
    for word in words {
        let bare = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let is_counted = word.len() - bare.len() <= 5;
        if TELLING.contains(&bare) || is_crossed_out(word) || bare.starts_with("your") {
            return true;
        }
        let is_number = bare.is_empty() && is_counted;
        let is_word = PLAIN.contains(&bare) || TRANSLATED.contains(&bare);
        has_word |= is_word;
        are_plain &= is_number || (is_word && is_counted);
    }
    are_plain && has_word
}

/// `xxxx`
fn is_crossed_out(word: &str) -> bool {
    word.len() >= 3 && word.bytes().all(|byte| byte == b'x')
}
