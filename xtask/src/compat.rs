//! `cargo xtask compat`: the table of what is known of each version of Codex.

use crate::run;
use crate::workspace::cargo;

/// Writes `docs/codex-versions.md` from the recordings. The same test compares it later.
pub(crate) fn run() -> anyhow::Result<()> {
    let test = "the_table_of_versions_is_what_the_recordings_tell";
    let mut table =
        cargo(&["test", "--quiet", "--package", "codex-turn", "--test", "fixtures", test])?;
    run::succeed(table.env("UPDATE_EXPECT", "1"))
}
