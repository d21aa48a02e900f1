//! Secrets on command lines beside a flag that says nothing of them, or beside none: `curl -u me:…`,
//! `sshpass -p …`, `vault login …`. The commands are data (`data/commands.tsv`).

use std::ops::Range;

use crate::judge::is_chosen;
use crate::stand_in::is_stand_in;

const COMMANDS: &str = include_str!("../data/commands.tsv");

/// How a command takes its secret.
#[derive(Debug)]
pub(crate) struct Command {
    /// What begins it.
    pub(crate) words: &'static str,
    /// The word that has to stand before the secret.
    after: Option<&'static str>,
    flags: Vec<&'static str>,
    form: Form,
}

/// How the secret stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the next word, or behind `=`.
    Word,
    /// As the next word, if that is no word of a language.
    Chosen,
    /// As the next word, in quotes.
    Quoted,
    /// In the same word; where a quote ends it, in the next one.
    Attached,
    /// In the next word or the same one, behind this.
    Behind(char),
    /// In the next word, behind where it comes from: `pass:…`.
    BehindSource,
    /// The argument without a flag that has this number.
    Argument(usize),
    /// The last argument without a flag.
    Last,
}

/// Arguments that come later belong to something else.
const LONGEST: usize = 1024;

/// All commands.
pub(crate) fn commands() -> Vec<Command> {
    COMMANDS.lines().filter_map(parse).collect()
}

fn parse(line: &'static str) -> Option<Command> {
    let mut fields = line.split('\t');
    let mut field = || fields.next();
    let (words, after, flags, form) = (field()?, field()?, field()?, field()?);
    let form = match form {
        "word" => Form::Word,
        "chosen" => Form::Chosen,
        "quoted" => Form::Quoted,
        "attached" => Form::Attached,
        "behind-colon" => Form::Behind(':'),
        "behind-percent" => Form::Behind('%'),
        "behind-comma" => Form::Behind(','),
        "behind-slash" => Form::Behind('/'),
        "behind-equals" => Form::Behind('='),
        "behind-source" => Form::BehindSource,
        "last" => Form::Last,
        form => Form::Argument(form.strip_prefix("argument-")?.parse().ok()?),
    };
    let flags = flags.split(' ').filter(|flag| *flag != "-").collect();
    Some(Command { words, after: Some(after).filter(|after| *after != "-"), flags, form })
}

/// The secrets on the command line that goes on after the word at this range.
pub(crate) fn secrets(text: &str, word: Range<usize>, command: &Command) -> Vec<Range<usize>> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let before = text.as_bytes()[..word.start].last();
    let words = Words { text, at: word.end, end: text.len().min(word.end + LONGEST) };
    if before.is_some_and(is_inner) || !words.is_between() {
        return Vec::new();
    }
    if command.flags.is_empty() { argument(words, command) } else { flagged(words, command) }
}

/// The secrets beside flags.
fn flagged(mut words: Words<'_>, command: &Command) -> Vec<Range<usize>> {
    let text = words.text;
    let mut found = Vec::new();
    let mut is_ready = command.after.is_none();
    while let Some(argument) = words.next() {
        let plain = &text[argument.range.clone()];
        is_ready |= command.after == Some(plain);
        let named = command.flags.iter().find(|flag| is_flag(plain, flag, command.form));
        let Some(flag) = named.filter(|_| is_ready) else { continue };
        let is_open = text[argument.range.end..].starts_with(['"', '\'']);
        let value = if plain.len() > flag.len() {
            let start = argument.range.start + flag.len();
            Some(start + usize::from(plain[flag.len()..].starts_with('='))..argument.range.end)
        } else if command.form == Form::Attached && !is_open {
            let is_next = *flag == "-p" && command.words.starts_with("sshpass");
            if is_next { words.next().map(|word| word.range) } else { None }
        } else {
            let next = words.next();
            next.filter(|next| next.is_quoted || command.form != Form::Quoted).map(|w| w.range)
        };
        found.extend(value.and_then(|value| secret(text, value, command.form)));
    }
    found
}

/// The secret among the arguments without flags.
fn argument(mut words: Words<'_>, command: &Command) -> Vec<Range<usize>> {
    let text = words.text;
    let mut is_ready = command.after.is_none();
    let mut arguments = Vec::new();
    while let Some(argument) = words.next() {
        let plain = &text[argument.range.clone()];
        if is_ready && !plain.starts_with(['-', '/']) && !plain.starts_with("<<") {
            arguments.push(argument.range);
        }
        is_ready |= command.after == Some(plain);
    }
    let argument = match command.form {
        Form::Argument(number) => arguments.into_iter().nth(number - 1),
        _ => arguments.pop(),
    };
    let found = argument.and_then(|range| secret(text, range, command.form));
    found
        .filter(|range| text[range.clone()].len() >= 6 && is_chosen(&text[range.clone()]))
        .into_iter()
        .collect()
}

/// Whether an argument is this flag, its value perhaps attached.
fn is_flag(argument: &str, flag: &str, form: Form) -> bool {
    let is_same =
        argument.eq_ignore_ascii_case(flag) && (!flag.starts_with('-') || argument == flag);
    let takes_attached = matches!(form, Form::Attached | Form::Behind(_));
    let is_attached = argument.starts_with(flag) && (takes_attached && !flag.starts_with("--"));
    let is_assigned = argument.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='));
    is_same || is_attached || is_assigned
}

fn secret(text: &str, value: Range<usize>, form: Form) -> Option<Range<usize>> {
    let plain = text.get(value.clone())?;
    let start = match form {
        Form::Behind(mark) => plain.find(mark)? + 1,
        Form::BehindSource => plain.strip_prefix("pass:").map_or(0, |_| "pass:".len()),
        _ => 0,
    };
    let is_elsewhere =
        ["env:", "file:", "fd:", "stdin", "file://"].iter().any(|s| plain.starts_with(s));
    let secret = &plain[start..];
    // `-p3306:3306` are ports.
    let is_number = secret.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let is_other = match form {
        Form::Attached => is_number,
        Form::BehindSource => is_elsewhere,
        Form::Behind('/' | ',') | Form::Chosen => !is_chosen(secret),
        _ => plain.starts_with("file://"),
    };
    let is_secret =
        secret.len() >= 4 && !is_stand_in(secret) && !secret.starts_with('-') && !is_other;
    is_secret.then_some(value.start + start..value.end)
}

/// The arguments of a command line, between spaces, quotes or the commas of a list.
struct Words<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

struct Word {
    range: Range<usize>,
    is_quoted: bool,
}

impl Words<'_> {
    /// Whether a word ends here.
    fn is_between(&self) -> bool {
        self.text.as_bytes().get(self.at).is_some_and(|byte| b" \t\"'\\,".contains(byte))
    }

    /// The next argument; none where the command ends.
    fn next(&mut self) -> Option<Word> {
        let bytes = &self.text.as_bytes()[..self.end];
        let mut quote = None;
        loop {
            let byte = *bytes.get(self.at)?;
            match byte {
                b'"' | b'\'' => quote = Some(byte),
                b' ' | b'\t' | b',' => quote = None,
                b'\\' => self.at += self.continuation(bytes)? - 1,
                b'\n' | b'\r' | b';' | b'|' | b'&' | b')' | b'}' => return None,
                _ => break,
            }
            self.at += 1;
        }
        let start = self.at;
        let is_end = |byte: &u8| match quote {
            // Another kind of quote ends the text that the command is in.
            Some(_) => b"\n\"'\\".contains(byte),
            None => b" \t\r\n\"'\\;|&)}".contains(byte),
        };
        self.at += bytes[start..].iter().take_while(|byte| !is_end(byte)).count();
        let end = self.text.floor_char_boundary(self.at);
        let range = start..start + self.text.get(start..end)?.trim_end_matches(',').len();
        Some(Word { range, is_quoted: quote.is_some() })
    }

    /// How many bytes to go over where a backslash is; none where the line ends with it, as JSON
    /// writes that, or it stands for something else.
    fn continuation(&self, bytes: &[u8]) -> Option<usize> {
        let rest = &bytes[self.at..];
        let backslashes = rest.iter().take_while(|byte| **byte == b'\\').count();
        match rest.get(backslashes) {
            Some(b'\n') => Some(backslashes + 1),
            Some(b'n') if backslashes < 3 => None,
            Some(b'n' | b't') => Some(backslashes + 1),
            Some(b'"' | b'\'') => Some(backslashes),
            // A path of Windows.
            Some(byte) if byte.is_ascii_alphanumeric() => Some(backslashes + 1),
            _ => None,
        }
    }
}
