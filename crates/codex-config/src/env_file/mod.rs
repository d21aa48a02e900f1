//! Reads the assignments of `arize-env.sh` without running a shell.
//!
//! Understood are `NAME=value` and `export NAME=value` with the quoting of a POSIX shell, comments
//! and blank lines. Anything that only a shell could answer (expansions, commands) is reported and
//! left out, never guessed.
//!
//! [`install`] adds the switch for everything, [`uninstall`] takes it out again.

use std::collections::BTreeMap;
use std::str::Chars;

mod switch;

pub use switch::{install, uninstall};

/// What a file assigns, and the lines that were not understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvFile {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) problems: Vec<LineProblem>,
}

/// A line that was left out. It does not quote the line, which may hold a credential.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineProblem {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) reason: &'static str,
}

/// Reads the text of an env file.
pub(crate) fn parse(text: &str) -> EnvFile {
    let mut file = EnvFile::default();
    for (index, line) in text.lines().enumerate() {
        match parse_line(line.trim()) {
            Ok(Some((name, value))) => {
                file.variables.insert(name.to_owned(), value);
            }
            Ok(None) => {}
            Err(reason) => file.problems.push(LineProblem { line: index + 1, reason }),
        }
    }
    file
}

fn parse_line(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let assignment = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    };
    let (name, value) = assignment.split_once('=').ok_or("not an assignment")?;
    if !is_name(name) {
        return Err("not an assignment");
    }
    let (value, rest) = parse_word(value)?;
    nothing_more(rest).map(|()| Some((name, value)))
}

fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

const EXPANSION: &str = "a shell expansion, which is not carried out; write the value itself";

/// Reads a word, and gives what follows it.
fn parse_word(text: &str) -> Result<(String, &str), &'static str> {
    let mut word = String::new();
    let mut chars = text.chars();
    loop {
        let rest = chars.as_str();
        let Some(c) = chars.next() else { return Ok((word, rest)) };
        match c {
            '\'' => single_quoted(&mut chars, &mut word)?,
            '"' => double_quoted(&mut chars, &mut word)?,
            '\\' => word.push(chars.next().ok_or("a continued line")?),
            '$' | '`' => return Err(EXPANSION),
            ' ' | '\t' | ';' => return Ok((word, rest)),
            '&' | '|' | '<' | '>' | '(' | ')' => return Err("a shell command"),
            _ => word.push(c),
        }
    }
}

fn single_quoted(chars: &mut Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    for c in chars {
        if c == '\'' {
            return Ok(());
        }
        word.push(c);
    }
    Err("an unclosed quote")
}

fn double_quoted(chars: &mut Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(()),
            '$' | '`' => return Err(EXPANSION),
            '\\' => match chars.next().ok_or("an unclosed quote")? {
                escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            _ => word.push(c),
        }
    }
    Err("an unclosed quote")
}

fn nothing_more(rest: &str) -> Result<(), &'static str> {
    let rest = rest.trim_start_matches([' ', '\t', ';']);
    if rest.is_empty() || rest.starts_with('#') { Ok(()) } else { Err("more than one assignment") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&[(&str, &str)], &'static str>) {
        let file = parse(line);
        let variables: Vec<_> =
            file.variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        match expected {
            Ok(expected) => {
                assert_eq!(variables, expected);
                assert_eq!(file.problems, []);
            }
            Err(reason) => {
                assert_eq!(variables, []);
                assert_eq!(file.problems, [LineProblem { line: 1, reason }]);
            }
        }
    }

    #[test]
    fn assignments() {
        check("export A=true", Ok(&[("A", "true")]));
        check("A=true", Ok(&[("A", "true")]));
        check("  export\tA=1  # why", Ok(&[("A", "1")]));
        check("A=1;", Ok(&[("A", "1")]));
        check("A=", Ok(&[("A", "")]));
        check("A=a#b", Ok(&[("A", "a#b")]));
        check("A=x=y", Ok(&[("A", "x=y")]));
        check("A='it is $5 \"now\"'", Ok(&[("A", "it is $5 \"now\"")]));
        check(r#"A="say \"hi\" \$5 \n""#, Ok(&[("A", r#"say "hi" $5 \n"#)]));
        check(r"A=a\ b", Ok(&[("A", "a b")]));
        check("A='a'\"b\"c", Ok(&[("A", "abc")]));
        check("A=1\r\nB=2\r\n", Ok(&[("A", "1"), ("B", "2")]));
        check("A=1\nA=2", Ok(&[("A", "2")]));
        check("# A=1\n\n", Ok(&[]));
        check("#!/bin/sh", Ok(&[]));
        check("exported=1", Ok(&[("exported", "1")]));
    }

    #[test]
    fn lines_only_a_shell_understands() {
        check("A=$HOME/x", Err(EXPANSION));
        check("A=\"$(whoami)\"", Err(EXPANSION));
        check("A=`date`", Err(EXPANSION));
        check("A=\"open", Err("an unclosed quote"));
        check("A='open", Err("an unclosed quote"));
        check("A=1 B=2", Err("more than one assignment"));
        check("A=1 rm -rf x", Err("more than one assignment"));
        check("A=1&&true", Err("a shell command"));
        check("A=1\\", Err("a continued line"));
        check("source other.sh", Err("not an assignment"));
        check("export A", Err("not an assignment"));
        check("1A=x", Err("not an assignment"));
        check("A =x", Err("not an assignment"));
    }

    #[test]
    fn a_bad_line_does_not_hide_the_others() {
        let file = parse("A=1\nif true\nB=2\n");
        assert_eq!(file.variables.len(), 2);
        assert_eq!(file.problems, [LineProblem { line: 2, reason: "not an assignment" }]);
    }
}
