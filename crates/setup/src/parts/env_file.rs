//! `arize-env.sh`: the switch for everything, where a person finds it.

use serde::{Deserialize, Serialize};

/// What was added: whole lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvFileUndo {
    lines: Vec<String>,
}

const COMMENT: &str = "# Settings of arize-codex that win over config.yaml; `false` stops tracing.";
const SWITCH: &str = "ARIZE_TRACE_ENABLED";

/// Adds the switch unless the file says something about it.
pub(crate) fn edit(text: &str) -> (String, EnvFileUndo) {
    if text.lines().any(assigns_switch) {
        return (text.to_owned(), EnvFileUndo { lines: Vec::new() });
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = vec![COMMENT.to_owned(), format!("export {SWITCH}=true")];
    let mut after = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        after.push_str(newline);
    }
    for line in &lines {
        after.push_str(line);
        after.push_str(newline);
    }
    (after, EnvFileUndo { lines })
}

/// Takes the lines out that are still as they were added.
pub(crate) fn undo(text: &str, undo: &EnvFileUndo) -> String {
    let is_ours = |line: &str| undo.lines.iter().any(|ours| ours == line.trim_end());
    text.split_inclusive('\n').filter(|line| !is_ours(line)).collect()
}

fn assigns_switch(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export").map_or(line, str::trim_start);
    line.strip_prefix(SWITCH).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_added_once_and_taken_out_again() {
        for before in ["", "export A=1\n", "# mine\r\nexport A='1'\r\n", "export A=1"] {
            let (after, undone) = edit(before);
            assert!(after.starts_with(before) && after.contains("ARIZE_TRACE_ENABLED=true"));
            assert_eq!(edit(&after).0, after);
            assert_eq!(undo(&after, &undone).trim_end(), before.trim_end());
            let later = format!("{after}export B=2\n");
            assert_eq!(
                undo(&later, &undone).trim_end(),
                format!("{}export B=2", undo(&after, &undone))
            );
        }
    }

    #[test]
    fn what_the_user_switched_off_stays_off() {
        let text = "export ARIZE_TRACE_ENABLED=false\n";
        assert_eq!(edit(text).0, text);
    }
}
