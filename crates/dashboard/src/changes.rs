//! What a turn changed in files, as far as its patches say.

use std::ops::Range;

use otlp_model::{Span, SpanKind, names};

use crate::arguments;
use crate::turn::{self, Trace};

/// What happened to a file, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileChanges {
    pub(crate) path: String,
    pub(crate) parts: Vec<Part>,
}

/// What one call did to a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The place of the call among the spans.
    pub(crate) span: usize,
    pub(crate) kind: Kind,
    /// Lines as patches have them: `+`, `-`, ` ` or `@@` first.
    pub(crate) lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Added,
    Updated,
    Deleted,
    /// The other path names it.
    Moved,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Moved => "moved",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) files: Vec<FileChanges>,
    /// Commands that may have written files: nothing says which.
    pub(crate) commands: Vec<usize>,
}

/// Programs that only read, with what makes them write.
const READERS: [(&str, &[&str]); 22] = [
    ("ls", &[]),
    ("cat", &[]),
    ("rg", &[]),
    ("grep", &[]),
    ("head", &[]),
    ("tail", &[]),
    ("wc", &[]),
    ("pwd", &[]),
    ("echo", &[]),
    ("printf", &[]),
    ("test", &[]),
    ("cmp", &[]),
    ("diff", &[]),
    ("file", &[]),
    ("stat", &[]),
    ("du", &[]),
    ("which", &[]),
    ("cut", &[]),
    ("nl", &[]),
    ("tree", &["-o"]),
    ("find", &["-delete", "-exec", "-execdir", "-fprint", "-ok"]),
    ("sed", &["-i", "--in-place", "w"]),
];

/// The same for git.
const GIT_READERS: [&str; 7] = ["status", "log", "diff", "show", "blame", "rev-parse", "ls-files"];

impl Changes {
    /// Those of the spans at these places.
    pub(crate) fn of(trace: &Trace, places: Range<usize>) -> Self {
        let mut changes = Self::default();
        for (place, span) in trace.range(places) {
            if span.kind == SpanKind::Tool {
                changes.add(place, span);
            }
        }
        changes
    }

    fn add(&mut self, place: usize, span: &Span) {
        let arguments = span.text(names::INPUT_VALUE).unwrap_or_default();
        if let Some(patch) = arguments::patch(arguments) {
            // One that failed or was refused changed nothing.
            if turn::status(span).0 != "failed" {
                self.add_patch(place, &patch);
            }
        } else if let Some(command) = arguments::command(arguments)
            && !only_reads(&command)
        {
            self.commands.push(place);
        }
    }

    fn add_patch(&mut self, span: usize, patch: &str) {
        let mut open: Option<(String, Part)> = None;
        for line in patch.lines() {
            let header = |words: &str| line.strip_prefix(words).map(str::trim);
            let begun = [
                ("*** Add File: ", Kind::Added),
                ("*** Update File: ", Kind::Updated),
                ("*** Delete File: ", Kind::Deleted),
            ]
            .into_iter()
            .find_map(|(words, kind)| Some((header(words)?.to_owned(), kind)));
            if let Some((path, kind)) = begun {
                self.end(open.take());
                open = Some((path, Part { span, kind, lines: Vec::new() }));
            } else if let Some(to) = header("*** Move to: ") {
                if let Some((path, part)) = &mut open {
                    part.kind = Kind::Moved;
                    part.lines.push(format!("@@ {path} → {to}"));
                }
            } else if line.starts_with("*** End Patch") {
                break;
            } else if let Some((_, part)) = &mut open
                && line.starts_with(['+', '-', ' ', '@'])
            {
                part.lines.push(line.to_owned());
            }
        }
        self.end(open);
    }

    fn end(&mut self, part: Option<(String, Part)>) {
        let Some((path, part)) = part else { return };
        match self.files.iter_mut().find(|file| file.path == path) {
            Some(file) => file.parts.push(part),
            None => self.files.push(FileChanges { path, parts: vec![part] }),
        }
    }
}

/// The files that a tool's patch names.
pub(crate) fn patched_files(arguments: &str) -> Vec<String> {
    let mut changes = Changes::default();
    if let Some(patch) = arguments::patch(arguments) {
        changes.add_patch(0, &patch);
    }
    changes.files.into_iter().map(|file| file.path).collect()
}

impl FileChanges {
    /// Lines that were added and removed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let lines = || self.parts.iter().flat_map(|part| &part.lines);
        let begin = |mark: char| lines().filter(|line| line.starts_with(mark)).count();
        (begin('+'), begin('-'))
    }
}

/// Whether each part of a command is a program that is known to read only. Unknown ones may write.
fn only_reads(command: &str) -> bool {
    if command.contains('>') || command.contains("$(") || command.contains('`') {
        return false;
    }
    command.split(['|', ';', '&', '\n']).filter(|part| !part.trim().is_empty()).all(|part| {
        let mut words = part.split_whitespace();
        let program = words.next().unwrap_or_default();
        if program == "git" {
            return words.next().is_some_and(|word| GIT_READERS.contains(&word));
        }
        let reader = READERS.iter().find(|(name, _)| *name == program);
        reader.is_some_and(|(_, writing)| !words.any(|word| writing.contains(&word)))
    })
}

#[cfg(test)]
mod tests {
    use otlp_model::{Attribute, SpanStatus};

    use super::*;
    use crate::turn::tests::span;

    fn tool(name: &str, arguments: &str, status: SpanStatus) -> Span {
        let mut tool = span(name, Some("root"), SpanKind::Tool, (1, 2));
        tool.attributes = vec![Attribute::new(names::INPUT_VALUE, arguments.to_owned())];
        tool.status = status;
        tool
    }

    #[test]
    fn changes_of_a_file_stand_together_with_the_calls_that_made_them() {
        let patch = |body: &str| format!("*** Begin Patch\n{body}\n*** End Patch");
        let trace = Trace::new(vec![
            span("root", None, SpanKind::Agent, (0, 9)),
            tool(
                "a",
                &patch("*** Add File: a.txt\n+one\n*** Update File: b.txt\n@@\n-x\n+y"),
                SpanStatus::Ok,
            ),
            tool("b", &patch("*** Update File: a.txt\n@@ fn\n one\n+two"), SpanStatus::Unset),
            tool("c", &patch("*** Delete File: b.txt"), SpanStatus::Error("refused".to_owned())),
            tool("d", r#"{"cmd":"cargo fmt"}"#, SpanStatus::Ok),
            tool("e", r#"{"cmd":"ls -la | head"}"#, SpanStatus::Ok),
        ])
        .unwrap();
        let changes = Changes::of(&trace, 0..9);
        let files: Vec<_> = changes
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.parts.len(), file.counts()))
            .collect();
        assert_eq!(files, [("a.txt", 2, (2, 0)), ("b.txt", 1, (1, 1))]);
        let calls: Vec<_> =
            changes.files[0].parts.iter().map(|part| (part.span, part.kind)).collect();
        assert_eq!(calls, [(1, Kind::Added), (2, Kind::Updated)]);
        assert_eq!(changes.commands, [4]);
    }

    #[test]
    fn a_moved_file_says_where_it_is() {
        let mut changes = Changes::default();
        changes.add_patch(
            0,
            "*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@\n-x\n*** End Patch\n+no",
        );
        assert_eq!(changes.files[0].parts[0].lines, ["@@ a → b", "@@", "-x"]);
        assert_eq!(changes.files[0].parts[0].kind, Kind::Moved);
    }

    #[test]
    fn unknown_commands_may_write() {
        for command in
            ["ls -la", "rg a | wc -l", "git status && git diff", "sed -n 1,9p a", "find . -name a"]
        {
            assert!(only_reads(command), "{command}");
        }
        for command in [
            "echo a > b",
            "cargo build",
            "sed -i s/a/b/ c",
            "find . -delete",
            "git commit",
            "ls; rm a",
            "cat $(x)",
        ] {
            assert!(!only_reads(command), "{command}");
        }
    }
}
