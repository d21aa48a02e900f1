//! Passwords on command lines beside a flag that says nothing of them: `curl -u me:…`, `sshpass -p …`.

use std::ops::Range;

use crate::value::is_stand_in;

/// The words that begin such a command, and how each takes its password.
pub(crate) const COMMANDS: [(&str, Command); 16] = [
    ("curl", CURL),
    ("sshpass", Command { after: None, flags: &["-p"], form: Form::Word }),
    ("mysql", MYSQL),
    ("mysqldump", MYSQL),
    ("mysqladmin", MYSQL),
    ("mariadb", MYSQL),
    ("redis-cli", Command { after: None, flags: &["-a"], form: Form::Word }),
    ("docker", LOGIN),
    ("podman", LOGIN),
    ("nerdctl", LOGIN),
    ("buildah", LOGIN),
    ("skopeo", LOGIN),
    ("helm", LOGIN),
    ("az", LOGIN),
    ("oc", LOGIN),
    ("identified", Command { after: None, flags: &["by"], form: Form::Quoted }),
];

const CURL: Command = Command {
    after: None,
    flags: &["-u", "--user", "-U", "--proxy-user"],
    form: Form::BehindColon,
};
const MYSQL: Command = Command { after: None, flags: &["-p"], form: Form::Attached };
const LOGIN: Command = Command { after: Some("login"), flags: &["-p"], form: Form::Word };

/// How a command takes its password.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    /// The word that has to stand before the flag.
    after: Option<&'static str>,
    flags: &'static [&'static str],
    form: Form,
}

/// How the password stands beside the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the next word.
    Word,
    /// As the next word, in quotes.
    Quoted,
    /// In the next word or the same one, behind the name of the user.
    BehindColon,
    /// In the same word.
    Attached,
}

/// Arguments that come later belong to something else.
const LONGEST: usize = 1024;

/// The passwords on the command line that goes on after the word at this range.
pub(crate) fn passwords(text: &str, word: Range<usize>, command: Command) -> Vec<Range<usize>> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let before = text.as_bytes()[..word.start].last();
    let mut words = Words { text, at: word.end, end: text.len().min(word.end + LONGEST) };
    let mut found = Vec::new();
    if before.is_some_and(is_inner) || !words.is_between() {
        return found;
    }
    let mut is_ready = command.after.is_none();
    while let Some(argument) = words.next() {
        let plain = &text[argument.range.clone()];
        is_ready |= command.after == Some(plain);
        let named = command.flags.iter().find(|flag| is_flag(plain, flag, command.form));
        let Some(flag) = named.filter(|_| is_ready) else { continue };
        let value = if plain.len() > flag.len() {
            Some(argument.range.start + flag.len()..argument.range.end)
        } else if command.form == Form::Attached {
            None
        } else {
            words
                .next()
                .filter(|next| next.is_quoted || command.form != Form::Quoted)
                .map(|w| w.range)
        };
        found.extend(value.and_then(|value| secret(text, value, command.form)));
    }
    found
}

/// Whether an argument is this flag, its value perhaps attached.
fn is_flag(argument: &str, flag: &str, form: Form) -> bool {
    let is_short = flag.len() == 2 && flag.starts_with('-') && form != Form::Word;
    argument.eq_ignore_ascii_case(flag) && (!flag.starts_with('-') || argument == flag)
        || (is_short && argument.starts_with(flag))
}

fn secret(text: &str, value: Range<usize>, form: Form) -> Option<Range<usize>> {
    let colon = text[value.clone()].find(':').map(|colon| value.start + colon + 1);
    let start = if form == Form::BehindColon { colon? } else { value.start };
    let password = text.get(start..value.end)?;
    // `-p3306:3306` are ports.
    let is_number = password.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let is_other = form == Form::Attached && is_number;
    (password.len() >= 4 && !is_stand_in(password) && !is_other).then_some(start..value.end)
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
                b'\n' | b';' | b'|' | b'&' | b')' | b'}' => return None,
                _ => break,
            }
            self.at += 1;
        }
        let start = self.at;
        let is_end = |byte: &u8| match quote {
            // Another kind of quote ends the text that the command is in.
            Some(_) => b"\n\"'\\".contains(byte),
            None => b" \t\r\n\"'\\;|&,)}".contains(byte),
        };
        self.at += bytes[start..].iter().take_while(|byte| !is_end(byte)).count();
        let range = start..self.text.floor_char_boundary(self.at);
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
            _ => None,
        }
    }
}
