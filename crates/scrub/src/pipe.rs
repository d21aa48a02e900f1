//! Secrets that a command gets on a pipe or as a text: `echo … | sudo -S`, `docker login
//! --password-stdin <<< …`.

use std::ops::Range;

use crate::judge::is_chosen;
use crate::stand_in::is_stand_in;

/// Words that say that a command takes a secret from its standard input.
pub(crate) const TAKERS: [&str; 12] = [
    "sudo -s",
    "--password-stdin",
    "--with-token",
    "chpasswd",
    "passwd",
    "--stdin",
    "cryptsetup",
    "secret put",
    "kinit",
    "pass insert",
    "| base64",
    "--pass-stdin",
];

/// A line that is longer holds something else.
const LONGEST: usize = 512;

/// The secret that the command at this word is given.
pub(crate) fn given(text: &str, word: Range<usize>) -> Option<Range<usize>> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
    let is_word = !text.as_bytes().get(word.end).is_some_and(is_inner);
    let taker = text.get(word.clone())?;
    let found = if is_word { piped(text, &word).or_else(|| here(text, word.end)) } else { None };
    let range = found?;
    // `bob:…`
    let start = text[range.clone()].find(':').filter(|_| taker.eq_ignore_ascii_case("chpasswd"));
    let range = range.start + start.map_or(0, |colon| colon + 1)..range.end;
    let secret = text.get(range.clone())?;
    (secret.len() >= 6 && !is_stand_in(secret) && is_chosen(secret)).then_some(range)
}

/// The last argument of the `echo` or `printf` before the pipe before this place.
fn piped(text: &str, taker: &Range<usize>) -> Option<Range<usize>> {
    let before = taker.start;
    let start = text.floor_char_boundary(before.saturating_sub(LONGEST));
    let line = &text[start..before];
    let line = &line[line.rfind('\n').map_or(0, |end| end + 1)..];
    let has_pipe = text[taker.clone()].starts_with('|');
    let pipe = if has_pipe { line.len() } else { line.rfind('|')? };
    let command = &line[..pipe];
    let offset = before - line.len();
    if let Some(here) = command.rfind("<<<") {
        let word = last_word(&command[here..])?;
        return Some(offset + here + word.start..offset + here + word.end);
    }
    let first =
        ["echo ", "printf ", "echo\t"].iter().filter_map(|word| command.rfind(word)).max()?;
    if command[first..].contains([';', '&', '|']) {
        return None;
    }
    let argument = last_word(command)?;
    Some(offset + argument.start..offset + argument.end)
}

/// The text behind `<<<`.
fn here(text: &str, from: usize) -> Option<Range<usize>> {
    let end = text.floor_char_boundary(from + LONGEST);
    let line = text[from..end].lines().next()?;
    let marked = line.find("<<<")? + "<<<".len();
    let word = last_word(line[marked..].split([';', '|', '&']).next()?)?;
    Some(from + marked + word.start..from + marked + word.end)
}

/// The last word of a command, without its quotes.
fn last_word(command: &str) -> Option<Range<usize>> {
    let is_around = |letter: char| letter.is_whitespace() || "\"'\\".contains(letter);
    let end = command.trim_end_matches(is_around).len();
    let quote = command[end..].chars().find(|letter| "\"'".contains(*letter));
    let start = match quote {
        Some(quote) => command[..end].rfind(quote)?,
        None => command[..end].rfind(char::is_whitespace)?,
    };
    (start + 1 < end).then_some(start + 1..end)
}
