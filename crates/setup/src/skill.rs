//! The skill that teaches a coding agent to set up, check and repair this tool.

use std::path::PathBuf;

use crate::change::{Change, Part, Undo};
use crate::files::FileState;
use crate::plan::{PlanError, change};
use crate::record::Record;
use machine::Machine;

const TEXT: &str = include_str!("../data/SKILL.md");

/// Where Codex looks for the skills of a user.
pub(crate) fn file(machine: &Machine) -> PathBuf {
    machine.paths.home.join(".agents/skills/codex-tracing/SKILL.md")
}

/// Plans the skill.
pub(crate) fn change_of(machine: &Machine, record: &Record) -> Result<Option<Change>, PlanError> {
    let state = FileState::read(&file(machine), record)?;
    let satisfied = |_: &str| true;
    Ok(change(Part::Skill, &state, record, TEXT.to_owned(), Undo::Leave, satisfied))
}
