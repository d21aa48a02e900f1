//! Edits of `arize-env.sh`: text in, text out.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{is_name, parse, parse_line, parse_word};
use crate::Edited;
use crate::file_edit::digest;
use crate::line_change::LineChange;
use crate::lines::{lines_at, splice, without_all};
use crate::shell_word;

/// Says why an assignment was not made; the text is untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// A shell would not take it as the name of a variable.
    #[error("`{name}` is no name of a variable")]
    Name {
        /// The name.
        name: String,
    },
    /// An assignment takes one line.
    #[error("the value of `{name}` has more than one line")]
    Lines {
        /// The name.
        name: String,
    },
}

/// Records what was assigned, for [`undo`].
///
/// It holds what was there before, which may be credentials: `Debug` shows names only, and a file with
/// it belongs to its owner alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    name: String,
    /// The hash of what we assigned.
    ours: String,
    previous: Option<String>,
    lines: LineChange,
}

impl Undo {
    /// Says whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A variable and what it is to be.
///
/// It is not `Debug`, because it may be a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// What a comment says above it where it is new; nothing if empty.
    pub comment: &'a str,
}

/// Assigns variables: in the line that assigns one now, or in a new line at the end.
pub fn set(text: &str, variables: &[Variable<'_>]) -> Result<Edited<Undo>, EditError> {
    let mut edited = Edited { text: text.to_owned(), undo: Undo::default() };
    for &Variable { name, value, comment } in variables {
        if !is_name(name) {
            return Err(EditError::Name { name: name.to_owned() });
        }
        if [value, comment].concat().contains(['\n', '\r']) {
            return Err(EditError::Lines { name: name.to_owned() });
        }
        let previous = parse(&edited.text).variables.remove(name);
        if previous.as_deref() == Some(value) {
            continue;
        }
        let after = assign(&edited.text, name, value, comment);
        let lines = LineChange::between(&edited.text, &after);
        let (name, ours) = (name.to_owned(), digest(value));
        edited.undo.steps.push(Step { name, ours, previous, lines });
        edited.text = after;
    }
    Ok(edited)
}

/// Takes assignments back that still have our value.
///
/// Where the text is what [`set`] made of it, the result is what it was before, to the byte.
pub fn undo(text: &str, undo: &Undo) -> String {
    undo.steps.iter().rev().fold(text.to_owned(), take_back)
}

fn take_back(text: String, step: &Step) -> String {
    let mut expected = parse(&text).variables;
    if expected.get(&step.name).map(|value| digest(value)).as_ref() != Some(&step.ours) {
        return text;
    }
    match &step.previous {
        Some(previous) => expected.insert(step.name.clone(), previous.clone()),
        None => expected.remove(&step.name),
    };
    let is_expected = |candidate: &String| parse(candidate).variables == expected;
    if let Some(exact) = step.lines.taken_back(&text).find(is_expected) {
        return exact;
    }
    match &step.previous {
        Some(previous) => assign(&text, &step.name, previous, ""),
        None => {
            let ours = |line: &Assignment| digest(&line.word) == step.ours;
            let assignments = assignments(&text, &step.name).into_iter().filter(ours);
            without_all(&text, assignments.map(|assignment| assignment.lines).collect())
        }
    }
}

/// Where a line assigns a variable.
struct Assignment {
    word: String,
    lines: Range<usize>,
    value: Range<usize>,
}

fn assign(text: &str, name: &str, value: &str, comment: &str) -> String {
    let value = shell_word(value);
    match assignments(text, name).pop() {
        Some(last) => splice(text, vec![(last.value, value)]),
        None => {
            let (comment, line) = (format!("# {comment}"), format!("export {name}={value}"));
            let lines = [comment.as_str(), &line];
            let lines = if comment == "# " { &lines[1..] } else { &lines };
            format!("{text}{}", lines_at(text, text.len(), lines))
        }
    }
}

/// Finds the lines that assign a variable; the last one counts.
fn assignments(text: &str, name: &str) -> Vec<Assignment> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Ok(Some((assigned, word))) = parse_line(line.trim())
            && assigned == name
            && let Some(equals) = line.find('=')
        {
            let source = line[equals + 1..].trim_end();
            let rest = parse_word(source).map_or(0, |(_, rest)| rest.len());
            let start = at + equals + 1;
            found.push(Assignment {
                word,
                lines: at..at + line.len(),
                value: start..start + source.len() - rest,
            });
        }
        at += line.len();
    }
    found
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| &step.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, value: &str, after: &str) {
        let variables = [Variable { name: "A", value, comment: "" }];
        let edited = set(text, &variables).unwrap();
        assert_eq!(edited.text, after);
        assert_eq!(parse(after).variables.get("A").map(String::as_str), Some(value));
        assert!(set(after, &variables).unwrap().undo.is_empty());
        assert_eq!(undo(after, &edited.undo), text);
    }

    #[test]
    fn assignments_change_in_their_line() {
        check("", "1", "export A=1\n");
        check("B=2", "1", "B=2\nexport A=1");
        check("  export\tA='x'\"y\"  # why\r\nB=2\r\n", "1", "  export\tA=1  # why\r\nB=2\r\n");
        check("A=1;\n", "a b", "A='a b';\n");
        check("A=\n", "$HOME", "A='$HOME'\n");
        check("A=1\nB=2\nA=3\n", "it's", "A=1\nB=2\nA='it'\\''s'\n");
        check("A=$HOME\n", "", "A=$HOME\nexport A=\n");
        check("# A=1\nAB=2\n", "Ä\t\\", "# A=1\nAB=2\nexport A='Ä\t\\'\n");
    }

    #[test]
    fn what_a_line_cannot_hold_is_refused() {
        let refused = |name, value| {
            let variables = [("B", "1"), (name, value)];
            let variables = variables.map(|(name, value)| Variable { name, value, comment: "" });
            set("", &variables).unwrap_err().to_string()
        };
        assert_eq!(refused("A B", "1"), "`A B` is no name of a variable");
        assert_eq!(refused("A", "secret\n"), "the value of `A` has more than one line");
    }

    #[test]
    fn debug_shows_names_only() {
        let edited =
            set("A=hunter1\n", &[Variable { name: "A", value: "hunter2", comment: "" }]).unwrap();
        assert_eq!(format!("{edited:?}"), "Edited { undo: [\"A\"], .. }");
    }
}
