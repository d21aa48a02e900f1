//! `arize-env.sh`: the switch for everything, where a person finds it.

use codex_config::Edited;
use codex_config::env_file::{self, EditError, Undo, Variable};

const SWITCH: Variable<'static> = Variable {
    name: codex_config::variables::ARIZE_TRACE_ENABLED,
    value: "true",
    comment: "Settings of arize-codex that win over config.yaml; `false` stops tracing.",
};

/// Adds the switch unless the file says something about it.
pub(crate) fn edit(text: &str) -> Result<Edited<Undo>, EditError> {
    let variables = if text.lines().any(assigns_switch) { &[][..] } else { &[SWITCH] };
    env_file::set(text, variables)
}

fn assigns_switch(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export").map_or(line, str::trim_start);
    line.strip_prefix(SWITCH.name).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_added_unless_it_is_there() {
        let after = edit("export A=1\n").unwrap().text;
        assert!(after.starts_with("export A=1\n") && after.contains("ARIZE_TRACE_ENABLED=true"));
        assert_eq!(edit(&after).unwrap().text, after);
        let off = "export ARIZE_TRACE_ENABLED=false\n";
        assert_eq!(edit(off).unwrap().text, off);
    }
}
