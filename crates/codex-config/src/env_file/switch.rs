//! The switch for everything in `arize-env.sh`: text in, text out. The file itself is the record of what
//! was added.

use crate::lines::{line_before, lines_at, without_all};
use crate::variables::ARIZE_TRACE_ENABLED;

/// Stands above the switch and marks it as ours, so that it must be the same in all versions.
const COMMENT: &str = "# Settings of arize-codex that win over config.yaml; `false` stops tracing.";
const SWITCH: &str = "export ARIZE_TRACE_ENABLED=true";

/// Adds the switch at the end, unless a line assigns it.
pub fn install(text: &str) -> String {
    if text.lines().any(assigns_switch) {
        return text.to_owned();
    }
    format!("{text}{}", lines_at(text, text.len(), &[COMMENT, SWITCH]))
}

/// Takes out what [`install`] added: the switch below our comment, with the comment. A switch that has
/// another value by now, or another comment, belongs to the user and stays.
pub fn uninstall(text: &str) -> String {
    let mut at = 0;
    let mut ours = Vec::new();
    for line in text.split_inclusive('\n') {
        let above = line_before(text, at).filter(|above| text[above.clone()].trim_end() == COMMENT);
        if let Some(above) = above.filter(|_| line.trim_end() == SWITCH) {
            ours.push(above.start..at + line.len());
        }
        at += line.len();
    }
    without_all(text, ours)
}

/// Whether a line assigns the switch, also where only a shell could read the value.
fn assigns_switch(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export").map_or(line, str::trim_start);
    line.strip_prefix(ARIZE_TRACE_ENABLED).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_added_unless_a_line_assigns_it() {
        let after = install("export A=1\n");
        assert_eq!(after, format!("export A=1\n{COMMENT}\n{SWITCH}\n"));
        assert_eq!(crate::env_file::parse(&after).variables[ARIZE_TRACE_ENABLED], "true");
        assert_eq!(install(&after), after);
        for line in ["export ARIZE_TRACE_ENABLED=false\n", "  ARIZE_TRACE_ENABLED=$ON", SWITCH] {
            assert_eq!(install(line), line);
            assert_eq!(uninstall(line), line, "the user's own");
        }
    }

    #[test]
    fn a_switch_that_was_turned_off_stays() {
        let off = install("").replace("true", "false");
        assert_eq!(uninstall(&off), off);
    }
}
