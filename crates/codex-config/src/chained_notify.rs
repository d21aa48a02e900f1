//! The program that Codex notified before us, and that the hook starts in our place.
//!
//! It is not ours, so it must run whatever is wrong with the rest of our settings. Its key is
//! therefore read apart from them, and found even in a file that is not valid YAML.

use serde_yaml::Value;

use crate::settings::read_if_exists;
use crate::{ConfigError, Paths, document};

const KEY: &str = "harnesses.codex.chained_notify";
const NAME: &str = "chained_notify";

/// Why a configured program is not started.
#[derive(Debug, thiserror::Error)]
pub enum ChainedNotifyError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// Something else than a list of texts.
    #[error("`{KEY}` is {0}, not a list of texts: the program and its arguments; ignored")]
    NotTexts(&'static str),
}

/// Reads `harnesses.codex.chained_notify` of `config.yaml`: a program and its first arguments, as
/// Codex's `notify` has them; empty where there is none.
///
/// # Errors
///
/// When the file cannot be read, or the key holds something else.
pub fn chained_notify(paths: &Paths) -> Result<Vec<String>, ChainedNotifyError> {
    let text = read_if_exists(&paths.config_file)?.unwrap_or_default();
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<String>, ChainedNotifyError> {
    // Most files do not name it, and the hook is in a hurry.
    if !text.contains(NAME) {
        return Ok(Vec::new());
    }
    let value = match document::parse_yaml(text).and_then(document::merged) {
        Ok(root) => document::lookup(&root, KEY.split('.')).cloned(),
        Err(_) => salvaged(text),
    };
    texts(value.unwrap_or(Value::Null))
}

fn texts(value: Value) -> Result<Vec<String>, ChainedNotifyError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Sequence(items) => items,
        other => return Err(ChainedNotifyError::NotTexts(document::kind(&other))),
    };
    let text = |item| match item {
        Value::String(text) => Ok(text),
        _ => Err(ChainedNotifyError::NotTexts("a list with something else than texts")),
    };
    items.into_iter().map(text).collect()
}

/// The key's own lines, where the file as a whole does not parse: that of the key, and those after
/// it that are indented more or are items of its list.
fn salvaged(text: &str) -> Option<Value> {
    let mut lines =
        text.lines().skip_while(|line| !line.trim_start().starts_with("chained_notify:"));
    let first = lines.next()?;
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let depth = indentation(first);
    let is_below = |line: &&str| {
        indentation(line) > depth || indentation(line) == depth && line[depth..].starts_with("- ")
    };
    let block: Vec<&str> = std::iter::once(first).chain(lines.take_while(is_below)).collect();
    let root = document::parse_yaml(&block.join("\n")).ok()?;
    document::lookup(&root, [NAME]).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn a_program_and_its_arguments() {
        check("", &[]);
        check("harnesses:\n  codex:\n    chained_notify:\n", &[]);
        check("harnesses:\n  codex:\n    chained_notify: []\n", &[]);
        check("harnesses: {codex: {chained_notify: [a, 'b c']}}", &["a", "b c"]);
        check(
            "harnesses:\n  codex:\n    chained_notify:\n    - a\n    - -x\n    target: local",
            &["a", "-x"],
        );
        check("# chained_notify: [a]\n", &[]);
        check("chained_notify: [elsewhere]\n", &[]);
    }

    #[test]
    fn it_is_found_in_a_broken_file() {
        let broken = "harnesses:\n  codex:\n    target: [\n    chained_notify:\n";
        for items in ["    - a\n    - b\n", "      - a\n      - 'b'\n  other: {\n"] {
            check(&format!("{broken}{items}"), &["a", "b"]);
        }
        check("a: {\r\nchained_notify: [a, b]\r\n", &["a", "b"]);
        check("a: {\nchained_notify: [a, b\n", &[]);
    }

    #[test]
    fn anything_else_is_refused() {
        for (value, found) in [("a", "a text"), ("{a: b}", "a mapping"), ("[1]", "something else")]
        {
            let text = format!("harnesses: {{codex: {{chained_notify: {value}}}}}");
            let message = parse(&text).unwrap_err().to_string();
            assert!(message.contains(found) && message.contains(KEY), "{message}");
        }
    }
}
