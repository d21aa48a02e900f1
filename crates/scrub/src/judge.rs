//! Whether a value beside the name of a secret is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::entropy::{entropy, is_wordlike};
use crate::names::Kind;
use crate::stand_in::{is_label, is_stand_in};

/// What stands around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `NAME=value` and the like.
    Variable,
    /// `--name value`.
    Flag,
    /// The value of a field or a header: its name is a text, too.
    Field,
    /// Beside a word of a program or a sentence.
    Word,
    /// Beside a word of a program that says little of what follows, such as a function's argument.
    Argument,
}

/// Whether a value in quotes is a secret.
pub(crate) fn is_quoted_secret(value: &str, kind: Kind, place: Place) -> bool {
    let words = value.split_ascii_whitespace().count();
    let most = if matches!(place, Place::Word | Place::Argument) { 1 } else { 5 };
    if kind == Kind::Phrase {
        return is_phrase(value);
    }
    if is_stand_in(value) || words > most {
        return false;
    }
    match kind {
        Kind::Password if place == Place::Argument => value.len() >= 6 && is_chosen(value),
        Kind::Password if matches!(place, Place::Variable | Place::Flag) => value.len() >= 4,
        Kind::Password => value.len() >= 4 && !is_label(value) && !is_reference(value),
        Kind::Token => words == 1 && is_random(value),
        Kind::LongToken => words == 1 && value.len() >= LONG && is_random(value),
        Kind::Header => is_header_secret(value),
        Kind::Basic => is_basic(value),
        Kind::Phrase => false,
    }
}

/// The least length of a token whose name says little.
const LONG: usize = 20;

/// Whether a value without quotes, before the byte `next`, is a secret, and no code.
pub(crate) fn is_bare_secret(value: &str, next: u8, kind: Kind, place: Place) -> bool {
    let is_given = matches!(place, Place::Variable | Place::Flag);
    let is_code = b"([<".contains(&next) || value.contains("::") || is_path(value);
    if kind == Kind::Phrase {
        return is_phrase(value);
    }
    if is_stand_in(value) || (is_code && !is_given) || (value.starts_with('-') && value.len() < 16)
    {
        return false;
    }
    match kind {
        Kind::Password if is_given => value.len() >= 4 && !is_path(value),
        Kind::Password => {
            let is_given_number = place == Place::Field && is_number(value);
            value.len() >= 6 && (is_chosen(value) || is_given_number)
        }
        Kind::Token => is_random(value) && (value.len() >= 16 || is_given),
        Kind::LongToken => is_random(value) && value.len() >= LONG,
        Kind::Header => is_header_secret(value),
        Kind::Basic => is_basic(value),
        Kind::Phrase => false,
    }
}

/// Whether a value may be a password where nothing else says so: it has digits, and other letters, as
/// no word and no number has.
pub(crate) fn is_chosen(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    has(u8::is_ascii_digit) && !is_number(value) && !is_wordlike(value) && !is_path(value)
}

/// Whether a machine may have made a value: no word, no number, not the same letters again and again.
pub(crate) fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    // `ANameInCamelCase` has letters of both cases, too.
    let is_mixed = has(u8::is_ascii_digit) || (value.len() >= 20 && entropy(value) >= 4.0);
    value.len() >= 8
        && is_mixed
        && !is_wordlike(value)
        && !is_number(value)
        && !is_path(value)
        && entropy(value) >= 2.5
}

fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit() || b".,:".contains(&byte))
}

/// `secret/data/app#key`, `@password@`, `required|min:8`: where a value comes from, or what it must be.
fn is_reference(value: &str) -> bool {
    is_path(value) || value.contains("|min") || value.contains("://")
}

/// Twelve words, as wallets make them.
fn is_phrase(value: &str) -> bool {
    let words = value.split_ascii_whitespace();
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.clone().count() >= 12 && words.clone().all(is_word)
}

/// Whether this is base64 of `user:password`.
fn is_basic(value: &str) -> bool {
    let decoded = STANDARD.decode(value).unwrap_or_default();
    let has_colon = decoded.len() >= 4 && decoded.is_ascii() && decoded.contains(&b':');
    has_colon || (value.len() >= 20 && is_random(value) && !value.contains(['-', '_', '.', ' ']))
}

/// What is left of a header without its scheme: a token, or the pairs of a cookie.
fn is_header_secret(value: &str) -> bool {
    let is_one = !value.contains([' ', '\t', '<', '(', '[']) || value.contains('=');
    value.len() >= 8 && is_one && value.contains(|letter: char| letter.is_ascii_digit())
}

/// `self.next.token1`, `config.api_key`, `/etc/token-1`: a place, not a value.
pub(crate) fn is_path(value: &str) -> bool {
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && entropy(part) < 3.5
    };
    let dots = value.contains('.') && value.split('.').all(is_name);
    dots || ["/", "./", "../", "~/", "\\"].iter().any(|start| value.starts_with(start))
}
