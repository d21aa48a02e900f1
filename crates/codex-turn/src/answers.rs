//! Commands that say no with exit code 1: nothing was found, files differ, a condition is false.
//!
//! Only of a single simple command it is known which program the exit code is of. So whatever may run
//! another program (pipes, lists, substitutions), or fail by itself (a redirection to a file), makes a
//! command one of which nothing is known.

use serde_json::Value as Json;

/// Programs, and what they say with exit code 1. Of errors they say 2 or more.
const ANSWERS: [(&[&str], &str); 3] = [
    (&["grep", "egrep", "fgrep", "rg"], "no match"),
    (&["diff", "cmp"], "different"),
    (&["test", "["], "false"),
];

/// What a call with these arguments says with exit code 1, where that is an answer and no failure.
pub(crate) fn of_exit_code_1(arguments: &str) -> Option<&'static str> {
    let arguments: Json = serde_json::from_str(arguments).ok()?;
    let command = ["cmd", "command"].iter().find_map(|key| arguments.get(key));
    let words = match command.unwrap_or(&arguments) {
        Json::String(script) => words(script)?,
        Json::Array(words) => {
            words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    answer_of(&unwrapped(words)?)
}

/// The command within `bash -lc '…'`, which Codex starts for a command.
fn unwrapped(words: Vec<String>) -> Option<Vec<String>> {
    match &words[..] {
        [shell, option, script] if is_shell(shell) && ["-lc", "-c"].contains(&&**option) => {
            self::words(script)
        }
        _ => Some(words),
    }
}

fn is_shell(program: &str) -> bool {
    ["bash", "dash", "sh", "zsh"].contains(&name_of(program))
}

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn answer_of(words: &[String]) -> Option<&'static str> {
    let program = name_of(words.iter().find(|word| !is_assignment(word))?);
    ANSWERS.iter().find(|(programs, _)| programs.contains(&program)).map(|(_, answer)| *answer)
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
    };
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// The words of a script that is one simple command; none where it may be more than that.
fn words(script: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = script.trim();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(first) = rest.chars().next() else { return Some(words) };
        if first == '#' {
            return None;
        }
        match redirection(rest) {
            Some(after) => rest = after,
            None => {
                let (word, after) = word(rest)?;
                words.push(word);
                rest = after;
            }
        }
    }
}

/// What follows on a redirection that cannot fail.
fn redirection(text: &str) -> Option<&str> {
    const SAFE: [&str; 8] = [
        "2>/dev/null",
        "2> /dev/null",
        ">/dev/null",
        "> /dev/null",
        "1>/dev/null",
        "&>/dev/null",
        "&> /dev/null",
        "2>&1",
    ];
    let after = SAFE.iter().find_map(|safe| text.strip_prefix(safe))?;
    after.is_empty().then_some(after).or_else(|| after.starts_with([' ', '\t']).then_some(after))
}

/// The first word of a text, without its quotes, and what follows on it.
fn word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let Some(next) = rest.chars().next() else { return Some((word, rest)) };
        let after = &rest[next.len_utf8()..];
        rest = match next {
            ' ' | '\t' => return Some((word, rest)),
            '\'' => {
                let (quoted, after) = after.split_once('\'')?;
                word.push_str(quoted);
                after
            }
            '"' => double_quoted(after, &mut word)?,
            '\\' => {
                let escaped = after.chars().next()?;
                word.push(escaped);
                &after[escaped.len_utf8()..]
            }
            '$' if after.starts_with(['(', '\'', '"', '[']) => return None,
            '`' | '|' | '&' | ';' | '(' | ')' | '<' | '>' | '\n' | '\r' => return None,
            other => {
                word.push(other);
                after
            }
        };
    }
}

/// Takes in what stands between double quotes, and returns what follows on them.
fn double_quoted<'a>(mut rest: &'a str, word: &mut String) -> Option<&'a str> {
    loop {
        let next = rest.chars().next()?;
        let after = &rest[next.len_utf8()..];
        match next {
            '"' => return Some(after),
            '`' => return None,
            '$' if after.starts_with(['(', '[']) => return None,
            '\\' => {
                let escaped = after.chars().next()?;
                word.extend([next, escaped]);
                rest = &after[escaped.len_utf8()..];
            }
            other => {
                word.push(other);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(script: &str, expected: Option<&str>) {
        let wrapped = format!("bash -lc {}", json!(script));
        let nested = json!(["/usr/bin/zsh", "-lc", script]);
        for arguments in [
            json!({ "cmd": script, "workdir": "/tmp" }),
            json!({ "command": script }),
            json!({ "command": nested }),
            json!({ "type": "exec", "command": ["bash", "-c", script] }),
            nested,
        ] {
            assert_eq!(of_exit_code_1(&arguments.to_string()), expected, "{arguments}");
        }
        // Within double quotes another backslash or quote would be one too many.
        if !script.contains(['"', '\\', '\n', '\t', '$', '`']) {
            let arguments = json!({ "cmd": wrapped }).to_string();
            assert_eq!(of_exit_code_1(&arguments), expected, "{wrapped}");
        }
    }

    #[test]
    fn a_lone_command_that_says_no_is_known() {
        check("grep -n TODO src/main.rs", Some("no match"));
        check("  /usr/bin/grep -R 'a|b; $(c)' .\n", Some("no match"));
        check(r#"LC_ALL=C rg "fn \"main\"" -g '*.rs' 2>/dev/null"#, Some("no match"));
        check("rg --files | head", None);
        check("diff -u a.txt \"$HOME/b.txt\" > /dev/null 2>&1", Some("different"));
        check("cmp a b", Some("different"));
        check("test -f Cargo.toml", Some("false"));
        check("[ -n \"${CI:-}\" ]", Some("false"));
        check("grep a\\ b file", Some("no match"));
    }

    #[test]
    fn of_whatever_may_run_another_program_nothing_is_known() {
        for script in [
            "cargo test",
            "grep x y | sort",
            "grep x y; false",
            "grep x y && make",
            "grep x y || true",
            "grep x y &",
            "grep x y\nfalse",
            "grep $(cat pattern) y",
            "grep \"$(cat pattern)\" y",
            "grep `cat pattern` y",
            "grep \"`cat pattern`\" y",
            "grep $'a\\'b' y",
            "grep $[x] y",
            "grep x < missing",
            "grep x y > missing/file",
            "diff <(sort a) <(sort b)",
            "(grep x y)",
            "! grep x y",
            "if test -f x",
            "$GREP x y",
            "xargs grep x",
            "sudo grep x",
            "git diff --exit-code",
            "FOO=grep",
            "# grep x",
            "grep 'x",
            "grep \"x",
            "grep x 2>/dev/nullity",
            "grep \\",
            "",
        ] {
            check(script, None);
        }
        for arguments in ["", "{}", "[]", "null", "grep x y", r#"{"cmd":7}"#, r#"["grep",7]"#] {
            assert_eq!(of_exit_code_1(arguments), None, "{arguments}");
        }
        // Of words that no shell reads none is special.
        let words = json!({ "command": ["grep", "a|b", "$(c)"] }).to_string();
        assert_eq!(of_exit_code_1(&words), Some("no match"));
    }
}
