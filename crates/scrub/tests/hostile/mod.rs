//! Texts that are made to take long.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is repeated, by what it tries.
const REPEATED: &[(&str, &str)] = &[
    ("backslashes", "\\"),
    ("escaped quotes", "\\\""),
    ("escaped lines", "\\n"),
    ("colours", "\u{1b}[1m"),
    ("open colours", "\u{1b}["),
    ("open links", "\u{1b}]"),
    ("escaped colours", "\\u001b["),
    ("percent signs", "%25"),
    ("ampersands", "&amp;"),
    ("open objects", "{\"password\":"),
    ("open lists", "["),
    ("names", "password"),
    ("names and words", "password token "),
    ("names without ends", "password=password="),
    ("names in a row", "password,"),
    ("names on lines", "password,token\n"),
    ("names in columns", "password  token\n"),
    ("labels", "name=\"password\" "),
    ("keywords", "sk-"),
    ("keywords in a word", "xsk-xion_"),
    ("keywords and commas", "fm1_,eyj."),
    ("keys without ends", "-----BEGIN PRIVATE KEY-----\n"),
    ("keys of PuTTY", "private-lines: 14 k3JfXq81LmZt0PwYb7Rs\n"),
    ("secrets of Kubernetes", "kind: Secret\n"),
    ("data of Kubernetes", "kind: Secret\ndata:\n  a: b\n"),
    ("secrets in JSON", "\"kind\":\"Secret\",\"data\":{\"a\":"),
    ("commands", "curl "),
    ("commands with flags", "curl -u a mysql -p "),
    ("pipes", "echo a | sudo -S "),
    ("calls", "define('password', "),
    ("addresses", "https://a:"),
    ("tokens of Discord", "MTA1NjI3MDgxNTUyMDIwNjg0OA."),
    ("tokens on lines", "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K\n"),
    ("random lines", "k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K\n"),
    ("placeholders", "[scrubbed:token:0123abcd]"),
    ("open placeholders", "[scrubbed:"),
];

/// Each of about so many bytes, and what it tries.
pub(crate) fn texts(size: usize) -> Vec<(&'static str, String)> {
    let repeated =
        |(name, piece): &(&'static str, &str)| (*name, piece.repeat(size.div_ceil(piece.len())));
    let mut texts: Vec<_> = REPEATED.iter().map(repeated).collect();
    texts.push(("strings within each other", nested(size)));
    texts.push(("base64 noise", noise(size)));
    texts.push(("base64 of a text", STANDARD.encode(prose(size * 3 / 4))));
    texts.push(("base64 of a text on lines", wrapped(&STANDARD.encode(prose(size * 3 / 4)))));
    texts.push(("base64 of base64", twice(size)));
    texts.push(("a long table", table(size)));
    texts.push(("a long table in JSON", serde_json::json!({ "out": table(size) }).to_string()));
    texts
}

fn prose(size: usize) -> String {
    "The keys of the house are where they were. ".repeat(size.div_ceil(43))
}

fn wrapped(text: &str) -> String {
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line) + "\n").collect()
}

fn twice(size: usize) -> String {
    let inner = wrapped(&STANDARD.encode(prose(size / 2)));
    wrapped(&STANDARD.encode(inner))
}

/// JSON in JSON, as deep as it gets.
fn nested(size: usize) -> String {
    let mut text = prose(64);
    while text.len() < size / 2 {
        text = serde_json::json!({ "arguments": text, "password": "k" }).to_string();
    }
    text + &prose(size / 4)
}

fn table(size: usize) -> String {
    let rows = (0..size / 40).map(|row| format!("{row},someone,pw{row}x{row},Anywhere 1,2026\n"));
    "id,name,password,place,year\n".chars().chain(rows.collect::<String>().chars()).collect()
}

/// Letters of base64 by chance, the same in every run.
pub(crate) fn noise(size: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |number: usize| {
        let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        char::from(LETTERS[usize::try_from(mixed % 64).expect("below 64")])
    };
    (0..size).map(letter).collect()
}
