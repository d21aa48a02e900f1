//! The profiles of shells, in which a block puts our `bin` first on the `PATH`.

use codex_config::profile::{self, Platform, ProfileError};

use crate::change::{Change, Part, Undo};
use crate::files::FileState;
use crate::plan::{PlanError, change};
use crate::record::Record;
use machine::Machine;

/// Adds the block to the profiles of this user's shells.
pub(crate) fn changes(machine: &Machine, record: &Record) -> Result<Vec<Change>, PlanError> {
    let paths = &machine.paths;
    let profiles = profile::profiles(
        &paths.home,
        &machine.environment,
        Platform::CURRENT,
        std::path::Path::exists,
    );
    let mut changes = Vec::new();
    for profile in profiles {
        let mut state = FileState::read(&profile.path, record)?;
        let failed = PlanError::edit(&profile.path);
        without_strays(&mut state).map_err(&failed)?;
        let insert = |text: &str| profile::insert(text, profile.shell, &paths.bin_dir, &paths.home);
        let after = insert(state.text_before()).map_err(&failed)?;
        let satisfied = |now: &str| insert(now).is_ok_and(|edited| edited == now);
        changes.extend(change(Part::Profile, &state, record, after, Undo::Profile, satisfied));
    }
    Ok(changes)
}

/// Takes out of a profile as it would be without us what an installation that was not noted left
/// there, and the block of the Python system.
fn without_strays(state: &mut FileState) -> Result<(), ProfileError> {
    if let Some(text) = &state.before {
        state.before = Some(profile::remove_python_system(&profile::remove(text)?)?);
    }
    Ok(())
}
