//! `arize-env.sh`: the switch for everything, where a person finds it.

use codex_config::env_file::{self, EditError, Edited, Variable};
use codex_config::variables::ARIZE_TRACE_ENABLED;

const SWITCH: Variable<'_> = Variable {
    name: ARIZE_TRACE_ENABLED,
    value: "true",
    comment: "Settings of arize-codex that win over config.yaml; `false` stops tracing.",
};

/// Adds the switch unless the file says something about it.
pub(crate) fn edit(text: &str) -> Result<Edited, EditError> {
    let wanted = if text.lines().any(assigns_switch) { &[][..] } else { &[SWITCH] };
    env_file::set(text, wanted)
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
    fn the_switch_is_added_once_and_taken_out_again() {
        for before in ["", "export A=1\n", "# mine\r\nexport A='1'\r\n", "export A=1"] {
            let Edited { text, undo } = edit(before).unwrap();
            assert!(text.starts_with(before) && text.contains("ARIZE_TRACE_ENABLED=true"));
            assert!(edit(&text).unwrap().undo.is_empty());
            assert_eq!(env_file::undo(&text, &undo), before);
        }
    }

    #[test]
    fn what_the_user_switched_off_stays_off() {
        for text in ["export ARIZE_TRACE_ENABLED=false\n", "ARIZE_TRACE_ENABLED=$MINE\n"] {
            assert_eq!(edit(text).unwrap().text, text);
        }
    }
}
