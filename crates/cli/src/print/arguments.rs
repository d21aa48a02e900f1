//! What a tool was called with, as a person would have written it.

use dashboard::arguments::command;
use otlp_model::{Span, names};

/// The lines of a patch that name a file, and how each is shown.
const PATCH_FILES: [(&str, &str); 3] =
    [("*** Add File: ", "+"), ("*** Update File: ", "~"), ("*** Delete File: ", "-")];

/// A command behind `$`, the files of a patch, or the arguments as they are.
pub(super) fn of(tool: &Span) -> String {
    shown(tool.text(names::INPUT_VALUE).unwrap_or_default())
}

pub(crate) fn shown(arguments: &str) -> String {
    let command = command(arguments).map(|command| format!("$ {command}"));
    command.or_else(|| patch(arguments)).unwrap_or_else(|| arguments.to_owned())
}

fn patch(text: &str) -> Option<String> {
    let text = text.trim_start();
    let files = text.strip_prefix("*** Begin Patch")?.lines().filter_map(|line| {
        PATCH_FILES
            .iter()
            .find_map(|(start, mark)| Some(format!("{mark} {}", line.strip_prefix(start)?)))
    });
    let files: Vec<String> = files.collect();
    (!files.is_empty()).then(|| files.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: &str) {
        assert_eq!(shown(arguments), expected);
    }

    #[test]
    fn a_shell_tool_shows_its_command() {
        check(r#"{"cmd":"echo hi; exit 3","yield_time_ms":1000}"#, "$ echo hi; exit 3");
        check(r#"{"command":["bash","-lc","rg 'a b' | wc -l"]}"#, "$ rg 'a b' | wc -l");
        check(r#"{"command":["/bin/zsh","-lc","ls"],"workdir":"/tmp"}"#, "$ ls");
        check(r#"{"command":["git","commit","-m","a b"]}"#, "$ git commit -m 'a b'");
        check(r#"{"command":"ls -la"}"#, "$ ls -la");
    }

    #[test]
    fn a_patch_shows_its_files() {
        let patch = "*** Begin Patch\n*** Add File: a.rs\n+*** Delete File: x\n*** Update File: b.rs\n\
                     @@\n-x\n*** End Patch";
        check(patch, "+ a.rs  ~ b.rs");
    }

    #[test]
    fn other_arguments_stay_as_they_are() {
        for arguments in
            ["", "{}", r#"{"cmd":1}"#, r#"{"command":[1]}"#, r#"{"plan":[]}"#, "*** Begin Patch\n"]
        {
            check(arguments, arguments);
        }
    }
}
