//! What a tool was called with, as a person would have written it.

use otlp_model::{Span, names};
use serde_json::Value as Json;

/// The keys under which Codex's shell tools have their command, by version.
const COMMAND_KEYS: [&str; 2] = ["cmd", "command"];

/// The shells that Codex puts before a command, and the flags with which it does.
const SHELLS: [&str; 3] = ["bash", "sh", "zsh"];
const SHELL_FLAGS: [&str; 2] = ["-lc", "-c"];

/// The lines of a patch that name a file, and how each is shown.
const PATCH_FILES: [(&str, &str); 3] =
    [("*** Add File: ", "+"), ("*** Update File: ", "~"), ("*** Delete File: ", "-")];

/// A command behind `$`, the files of a patch, or the arguments as they are.
pub(super) fn of(tool: &Span) -> String {
    let text = tool.text(names::INPUT_VALUE).unwrap_or_default();
    command(text).or_else(|| patch(text)).unwrap_or_else(|| text.to_owned())
}

fn command(arguments: &str) -> Option<String> {
    let arguments: Json = serde_json::from_str(arguments).ok()?;
    let command = COMMAND_KEYS.iter().find_map(|key| arguments.get(key))?;
    let command = match command {
        Json::String(command) => command.clone(),
        Json::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Json::as_str).collect();
            match words?[..] {
                [shell, flag, script] if is_shell(shell) && SHELL_FLAGS.contains(&flag) => {
                    script.to_owned()
                }
                ref words => joined(words),
            }
        }
        _ => return None,
    };
    Some(format!("$ {command}"))
}

fn is_shell(program: &str) -> bool {
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// The words of a command, quoted where a shell needs it.
fn joined(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| codex_config::command_word(word));
    quoted.collect::<Vec<_>>().join(" ")
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
        let shown = command(arguments).or_else(|| patch(arguments));
        assert_eq!(shown.as_deref().unwrap_or(arguments), expected);
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
