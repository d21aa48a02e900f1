//! What setup and uninstall say: to a person on a terminal, in a file, or as JSON.

use std::path::Path;

use doctor::{Level, Tried};
use serde_json::json;
use setup::Problem;

use crate::ExitCode;

/// Where it is said.
pub(super) struct Page<'a> {
    /// Whether a program reads it.
    pub(super) json: bool,
    /// The columns of the terminal; lines of a file are as long as they are.
    pub(super) width: Option<usize>,
    /// The user's home, which is called `~`.
    pub(super) home: &'a Path,
}

impl Page<'_> {
    /// A line, or more on a narrow terminal, for each.
    pub(super) fn list(&self, lines: &[String]) -> String {
        let short = lines.iter().map(|line| self.with_short_home(line));
        short.map(|line| self.item(&line)).collect()
    }

    /// A text with `~` for the home, but within the quotes of a shell, where it would not stand for it.
    fn with_short_home(&self, line: &str) -> String {
        let home = format!("{}/", self.home.display());
        let mut short = String::new();
        for part in line.split_inclusive(&home) {
            match part.strip_suffix(&home) {
                Some(before) if !before.ends_with(['\'', '"']) => {
                    short.extend([before, "~/"]);
                }
                _ => short.push_str(part),
            }
        }
        short
    }

    fn item(&self, line: &str) -> String {
        match self.width {
            None => format!("  - {}\n", line.replace('\n', "\n    ")),
            Some(width) => terminal_text::wrapped(line, width, "  - ", "    ") + "\n",
        }
    }

    /// What the targets answered; nothing where none was asked.
    pub(super) fn tried(&self, tried: &Tried) -> String {
        if tried.findings.is_empty() {
            return String::new();
        }
        let lines =
            tried.findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>();
        format!("\nTarget:\n{}", self.list(&lines))
    }

    /// What would be done.
    pub(super) fn dry_run(&self, steps: &[String], diff: &str, tried: &Tried) -> String {
        if self.json {
            let report =
                json!({ "dry_run": true, "steps": steps, "diff": diff, "targets": tried.findings });
            return format!("{report:#}\n");
        }
        let tried = self.tried(tried);
        if steps.is_empty() {
            return format!("Nothing would be changed.\n{tried}");
        }
        format!("{diff}{tried}\nThis would be done:\n{}", self.list(steps))
    }

    /// What was done, what was not, and what a person does next.
    pub(super) fn report(
        &self,
        done: &[String],
        problems: &[Problem],
        next: &[String],
        tried: &Tried,
    ) -> (String, ExitCode) {
        let next = [&next_for(tried), next].concat();
        let code = match (problems.is_empty(), tried.is_refused) {
            (false, _) => ExitCode::Failure,
            (true, true) => ExitCode::Refused,
            (true, false) => ExitCode::Success,
        };
        if self.json {
            let problems =
                problems.iter().map(|Problem { what, hint }| json!({ "what": what, "hint": hint }));
            let problems: Vec<_> = problems.collect();
            let report = json!({
                "dry_run": false, "targets": tried.findings, "done": done, "problems": problems, "next": next,
            });
            return (format!("{report:#}\n"), code);
        }
        let mut text = self.tried(tried).trim_start().to_owned();
        let gap = if text.is_empty() { "" } else { "\n" };
        text += &match done {
            [] => format!("{gap}Already up to date.\n"),
            done => format!("{gap}Done:\n{}", self.list(done)),
        };
        if !problems.is_empty() {
            let problems =
                problems.iter().map(|problem| format!("{}\nhint: {}", problem.what, problem.hint));
            text.push_str(&format!("\nNot done:\n{}", self.list(&problems.collect::<Vec<_>>())));
        }
        if !next.is_empty() {
            text.push_str(&format!("\nNext:\n{}", self.list(&next)));
        }
        (text, code)
    }
}

/// What to do about targets that would not accept a turn. The tracing goes on without them.
fn next_for(tried: &Tried) -> Vec<String> {
    let failed = tried.findings.iter().filter(|finding| finding.level == Level::Failure);
    let commands: Vec<String> = failed
        .map(|finding| format!("`{}`", finding.command.as_deref().unwrap_or("arize-codex doctor")))
        .collect();
    let which = match commands.len() {
        0 => return Vec::new(),
        1 => "The target accepts no turn yet",
        _ => "Some targets accept no turn yet",
    };
    let commands = commands.join(", ");
    vec![format!(
        "{which}: {commands}. Until then turns are queued on this machine, and sent later."
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_the_terminal_and_paths_stay_whole() {
        let page = Page { json: false, width: Some(40), home: Path::new("/home/ada") };
        let problem = Problem {
            what: "our part stays in `/home/ada/.codex/config.toml`: line 3".to_owned(),
            hint: "run `/home/ada/.arize/harness/bin/arize-codex uninstall` again".to_owned(),
        };
        expect_test::expect![[r"
            Already up to date.

            Not done:
              - our part stays in
                `~/.codex/config.toml`: line 3
                hint: run
                `~/.arize/harness/bin/arize-codex
                uninstall` again
        "]]
        .assert_eq(&page.report(&[], std::slice::from_ref(&problem), &[], &Tried::default()).0);
        let file = Page { width: None, ..page };
        assert_eq!(
            file.list(&["rm -r '/home/ada/a b' /home/ada/c".to_owned()]),
            "  - rm -r '/home/ada/a b' ~/c\n"
        );
        assert_eq!(
            file.list(&[problem.hint]),
            "  - run `~/.arize/harness/bin/arize-codex uninstall` again\n"
        );
        assert_eq!(file.list(&["a\nhint: b".to_owned()]), "  - a\n    hint: b\n");
    }
}
