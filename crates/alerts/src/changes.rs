//! Whether a call may have changed a file.

use otlp_model::turn::{Outcome, ToolCall};
use serde_json::Value;

/// Programs that read, build or test: nothing that a person would call progress by itself.
const READING: [&str; 44] = [
    "awk", "bat", "cargo", "cat", "cd", "cut", "diff", "du", "echo", "env", "false", "fd", "file",
    "find", "go", "grep", "head", "jq", "less", "ls", "make", "nl", "node", "npm", "npx", "pnpm",
    "printf", "ps", "pwd", "pytest", "rg", "sed", "sleep", "sort", "stat", "tail", "test", "tree",
    "true", "type", "uniq", "wc", "which", "yarn",
];

/// What `git` does without a change of the work tree.
const GIT_READING: [&str; 10] =
    ["blame", "branch", "diff", "fetch", "grep", "log", "ls-files", "show", "status", "rev-parse"];

/// Words of the reading programs with which they write.
const WRITING: [&str; 9] =
    ["-i", "--in-place", "-delete", "-exec", "--fix", "--write", "fmt", "add", "install"];

/// Tools that read.
const READING_TOOLS: [&str; 9] = [
    "grep_files",
    "list_dir",
    "read_file",
    "update_plan",
    "view_image",
    "web_search",
    "wait",
    "wait_agent",
    "write_stdin",
];

/// The command that a shell tool was called with: as JSON, under the names that it has in Codex's tools.
pub(crate) fn command(arguments: &str) -> Option<String> {
    let value: Value = serde_json::from_str(arguments).ok()?;
    let command = value.get("cmd").or_else(|| value.get("command"))?;
    match command {
        Value::String(text) => Some(text.clone()),
        // `bash -lc "..."`, or a program with its arguments.
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [_, flag, script] if flag.starts_with('-') && flag.ends_with('c') => {
                    Some((*script).to_owned())
                }
                words => Some(words.join(" ")),
            }
        }
        _ => None,
    }
}

/// Whether a call may have changed a file: what is not known to read only may have.
pub(crate) fn may_change(call: &ToolCall) -> bool {
    if matches!(call.outcome, Outcome::Failed(_) | Outcome::Denied(_)) && !call.failed_by_exit_code
    {
        return false;
    }
    if READING_TOOLS.contains(&call.name.as_str()) {
        return false;
    }
    let nested = || call.nested.iter().any(may_change);
    match call.arguments.as_deref().and_then(command) {
        Some(command) => !reads_only(&command) || nested(),
        None => call.nested.is_empty() || nested(),
    }
}

fn reads_only(command: &str) -> bool {
    // What is redirected to nothing or to another stream writes no file.
    let command = command.replace("2>&1", "").replace(">/dev/null", "").replace("> /dev/null", "");
    if command.contains(['>', '`']) || command.contains("$(") || command.contains("<<") {
        return false;
    }
    command.split(['\n', ';', '|', '&']).all(|part| {
        let mut words = part.split_whitespace().skip_while(|word| {
            // Variables before a program.
            word.split_once('=').is_some_and(|(name, _)| !name.starts_with('-'))
        });
        let Some(program) = words.next() else { return true };
        let rest: Vec<&str> = words.collect();
        match program.rsplit('/').next().unwrap_or(program) {
            "git" => rest.first().is_some_and(|word| GIT_READING.contains(word)),
            program => {
                READING.contains(&program) && !rest.iter().any(|word| WRITING.contains(word))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(command: &str) -> bool {
        let arguments = Some(serde_json::json!({ "cmd": command }).to_string());
        may_change(&ToolCall { name: "exec_command".to_owned(), arguments, ..ToolCall::default() })
    }

    #[test]
    fn what_changes_files() {
        for reads in [
            "ls -la",
            "cd src && rg -n 'fn main' | head -5",
            "RUST_LOG=debug cargo test 2>&1 | tail -20",
            "sed -n '1,200p' a.rs",
            "git status; git diff",
            "find . -name '*.rs' > /dev/null",
        ] {
            assert!(!changes(reads), "{reads}");
        }
        for writes in [
            "echo x > a",
            "sed -i s/a/b/ a.rs",
            "git commit -m x",
            "cargo fmt",
            "python3 edit.py",
            "cat > a <<EOF\nx\nEOF",
            "npm install left-pad",
            "mv a b",
        ] {
            assert!(changes(writes), "{writes}");
        }
    }

    #[test]
    fn tools_that_are_not_known_may_change_files_and_those_that_failed_have_not() {
        let call = |name: &str, outcome| {
            may_change(&ToolCall {
                name: name.to_owned(),
                arguments: Some("*** Begin Patch".to_owned()),
                outcome,
                ..ToolCall::default()
            })
        };
        assert!(call("apply_patch", Outcome::Ok) && call("of_a_server", Outcome::Unknown));
        assert!(!call("apply_patch", Outcome::Failed("no such file".to_owned())));
        assert!(!call("read_file", Outcome::Ok));
    }
}
