//! Labelled texts, made from templates, so that no file holds anything that looks like a secret.
//!
//! A line of a template file is a kind, a tab and a text:
//!
//! - `⏎`, `⇥` and `␛` are the end of a line, a tab and the escape of a terminal.
//! - `⟦hex 32⟧` is chance: so many characters of an alphabet, see [`Chance::piece`].
//! - `⟪b64:…⟫` is an encoding of what is in it, see [`encoded`].
//! - `«…»` marks what must be gone. Nothing of a text without marks may be.
//! - A text that begins with `*` is put in several places: the lines `%place`, at their `@`. It is
//!   marked as a whole unless a part of it is.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use scrub::Scrubber;

const DEVELOPMENT: &str = include_str!("../data/development.txt");
const HELD_OUT: &str = include_str!("../data/held_out.txt");
const INNOCENT: &str = include_str!("../data/innocent.txt");
const INNOCENT_HELD_OUT: &str = include_str!("../data/innocent_held_out.txt");

/// In how many places a text with a `*` is put.
const PLACES: usize = 3;

/// Longer secrets must not be left in pieces of this size either.
const PIECE: usize = 12;

/// The sets of cases, and whether the rules may be tuned on them.
pub(crate) fn sets() -> [(&'static str, Vec<Case>); 4] {
    [
        ("development", cases(DEVELOPMENT, true)),
        ("held-out", cases(HELD_OUT, true)),
        ("innocent development", cases(INNOCENT, false)),
        ("innocent held-out", cases(INNOCENT_HELD_OUT, false)),
    ]
}

/// A text and the secrets in it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) secrets: Vec<String>,
}

impl Case {
    /// Whether all secrets are gone, or nothing is where there are none.
    pub(crate) fn is_right(&self, scrubber: &Scrubber) -> bool {
        let scrubbed = scrubber.scrub(&self.text);
        if self.secrets.is_empty() {
            return scrubbed.secrets == 0;
        }
        self.secrets.iter().all(|secret| is_gone(secret, &scrubbed.text))
    }
}

fn is_gone(secret: &str, text: &str) -> bool {
    if secret.len() <= PIECE {
        return !text.contains(secret);
    }
    let pieces = secret.as_bytes().chunks_exact(PIECE);
    pieces.into_iter().all(|piece| !text.as_bytes().windows(PIECE).any(|part| part == piece))
}

fn cases(templates: &'static str, has_secrets: bool) -> Vec<Case> {
    let lines = templates.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let lines = lines.filter_map(|(number, line)| Some((number, line.split_once('\t')?)));
    let (places, lines): (Vec<_>, Vec<_>) = lines.partition(|(_, (kind, _))| *kind == "%place");
    let mut cases = Vec::new();
    for (number, (kind, template)) in lines {
        let mut chance = Chance(number as u64 + 1);
        let Some(token) = template.strip_prefix('*') else {
            cases.push(case(kind, template, &mut chance));
            continue;
        };
        let is_marked = !has_secrets || token.contains('«');
        let token = if is_marked { token.to_owned() } else { format!("«{token}»") };
        for further in 0..PLACES.min(places.len()) {
            let (_, (_, place)) = places[(number + further) % places.len()];
            cases.push(case(kind, &place.replacen('@', &token, 1), &mut chance));
        }
    }
    cases
}

fn case(kind: &'static str, template: &str, chance: &mut Chance) -> Case {
    let template = template.replace('⏎', "\n").replace('⇥', "\t").replace('␛', "\u{1b}");
    let (marked, _) = expanded(&filled(&template, chance));
    let secrets = marked.split('«').skip(1);
    let secrets = secrets.filter_map(|rest| Some(rest.split_once('»')?.0.to_owned())).collect();
    Case { kind, text: marked.replace(['«', '»'], ""), secrets }
}

/// The template with chance in its places.
fn filled(template: &str, chance: &mut Chance) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (piece, after) = after.split_once('⟧').expect("the end of a piece");
        let (name, length) = piece.split_once(' ').unwrap_or((piece, "0"));
        text.push_str(before);
        text.push_str(&chance.piece(name, length.parse().expect("a length")));
        rest = after;
    }
    text + rest
}

/// The text with its encodings applied, to the first end of one, and what is behind that.
fn expanded(text: &str) -> (String, &str) {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['⟪', '⟫']) {
        result.push_str(&rest[..at]);
        let is_start = rest[at..].starts_with('⟪');
        rest = &rest[at + '⟪'.len_utf8()..];
        if !is_start {
            return (result, rest);
        }
        let (name, inner) = rest.split_once(':').expect("the name of an encoding");
        let (inner, after) = expanded(inner);
        result.push_str(&encoded(name, &inner));
        rest = after;
    }
    (result + rest, "")
}

fn encoded(name: &str, text: &str) -> String {
    let plain = text.replace(['«', '»'], "");
    match name {
        "b64" => STANDARD.encode(plain),
        "b64url" => URL_SAFE_NO_PAD.encode(plain),
        "b64u16" => {
            STANDARD.encode(plain.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
        }
        "b64w" => wrapped(&STANDARD.encode(plain), 76),
        "json" => serde_json::Value::from(text).to_string(),
        "pct" => {
            let letter = |letter: char| match letter {
                '«' | '»' | '-' | '_' | '.' => letter.to_string(),
                letter if letter.is_ascii_alphanumeric() => letter.to_string(),
                letter => format!("%{:02X}", u32::from(letter)),
            };
            text.chars().map(letter).collect()
        }
        _ => panic!("no encoding `{name}`"),
    }
}

fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).expect("ASCII")).collect();
    lines.join("\n")
}

/// The same chance in every run.
struct Chance(u64);

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const WORDS: [&str; 16] = [
    "amber", "castle", "dolphin", "ember", "forest", "glider", "harbor", "island", "jacket",
    "kernel", "lantern", "meadow", "nectar", "orchid", "pepper", "quartz",
];

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        // Knuth's multiplier: good enough for texts.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn of(&mut self, alphabet: &str, length: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..length).map(|_| char::from(letters[self.next(letters.len())])).collect()
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.next(WORDS.len())]
    }

    fn piece(&mut self, name: &str, length: usize) -> String {
        let alphabet = match name {
            "hex" => "0123456789abcdef".to_owned(),
            "HEX" => "0123456789ABCDEF".to_owned(),
            "digits" => DIGITS.to_owned(),
            "lower" => format!("{LOWER}{DIGITS}"),
            "upper" => format!("{UPPER}{DIGITS}"),
            "alpha" => format!("{LOWER}{UPPER}"),
            "alnum" => format!("{LOWER}{UPPER}{DIGITS}"),
            "url" => format!("{LOWER}{UPPER}{DIGITS}-_"),
            "b64" => format!("{LOWER}{UPPER}{DIGITS}+/"),
            "crypt" => format!("{LOWER}{UPPER}{DIGITS}./"),
            "base32" => format!("{UPPER}234567"),
            "age" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
            "pw" | "pwc" => return self.password(),
            "words" => return (0..length).map(|_| self.word()).collect::<Vec<_>>().join(" "),
            "uuid" => {
                return [8, 4, 4, 4, 12].map(|length| self.piece("hex", length)).join("-");
            }
            "pemlines" => return self.pem_lines(length, "\n"),
            "pem1" => return self.pem_lines(length, "\\n"),
            _ => panic!("no alphabet `{name}`"),
        };
        // A token has a digit and letters where its alphabet has them.
        loop {
            let piece = self.of(&alphabet, length);
            let has = |kind: fn(&u8) -> bool| piece.as_bytes().iter().any(kind);
            let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
            if length < 8 || is_mixed || ["digits", "alpha"].contains(&name) {
                return piece;
            }
        }
    }

    /// As people choose one.
    fn password(&mut self) -> String {
        let (word, other) = (self.word(), self.word());
        let number = self.next(9000) + 1000;
        match self.next(5) {
            0 => format!("{}{}{number}!", word[..1].to_uppercase(), &word[1..]),
            1 => format!("{word}-{other}-{}", number % 97),
            2 => format!("{}@{}#{}", self.of(LOWER, 5), self.of(UPPER, 4), number % 100),
            3 => format!("{word}{number}"),
            _ => format!("{}{}", self.piece("alnum", 12), number % 10),
        }
    }

    /// Base64 as it stands in PEM; the last line is shorter.
    fn pem_lines(&mut self, count: usize, end: &str) -> String {
        let lengths = (1..=count).map(|line| if line == count { 44 } else { 64 });
        let lines: Vec<String> = lengths.map(|length| self.piece("b64", length)).collect();
        lines.join(end)
    }
}
