//! What Codex's own files are to hold.

use buffer_api::secrets::TOKEN_HEADER;
use codex_config::Secret;
use codex_config::codex_toml::{self, Otel};
use codex_home::HOOK_PROGRAM;

use super::{PlanError, change};
use crate::answers::Answers;
use crate::change::{Change, Part, Undo};
use crate::facts::Facts;
use crate::parts::{codex_config as codex_part, hooks_json};
use machine::Machine;
use machine::programs;

/// Plans `hooks.json` and `config.toml`.
pub(super) fn changes(
    machine: &Machine,
    facts: &Facts,
    answers: &Answers,
) -> Result<Vec<Change>, PlanError> {
    let state = &facts.codex_config;
    let hook = machine.paths.bin_dir.join(programs::file_name(HOOK_PROGRAM));
    let hook = hook.to_str().ok_or_else(|| PlanError::Unavailable {
        what: format!("`{}` is not UTF-8, which Codex's configuration must be", hook.display()),
        hint: "a home folder with another name",
    })?;
    let otel = Otel {
        silence_deltas: facts.has_log_sse_deltas,
        endpoint: codex_part::endpoint(answers.port),
        headers: vec![(TOKEN_HEADER.to_owned(), Secret::new(facts.token.write_token()))],
    };
    let mut wanted = codex_part::wanted(hook, &facts.found, answers.existing_otel, otel);
    if answers.hooks {
        let triggers = &facts.triggers;
        // Codex waits for these, so that they are there for those who have budgets or want alerts
        // while a turn runs only.
        let asks = triggers.asks.iter().filter(|_| facts.settings.watches_turns);
        let events: Vec<&str> = triggers.lifecycle.iter().chain(asks).copied().collect();
        wanted.hooks = codex_part::lifecycle_hooks(hook, &events);
    }
    let is_for_json = hooks_json::is_in_use(&facts.hooks_json, &facts.found);
    let hooks = wanted.hooks.take_if(|_| is_for_json);
    let hooks = hooks_json::change_of(&facts.hooks_json, &facts.record, hooks.as_ref());
    let hooks = hooks.map_err(PlanError::edit(facts.hooks_json.now.path()))?;
    let before = state.text_before();
    let edited = codex_toml::edit(before, &wanted).map_err(PlanError::edit(state.now.path()))?;
    // Earlier versions switched prompts on, which no edit does any more.
    let says_as_before =
        |now: &str| codex_part::log_user_prompt(now) == codex_part::log_user_prompt(before);
    let satisfied = |now: &str| {
        says_as_before(now) && codex_toml::edit(now, &wanted).is_ok_and(|edited| edited.text == now)
    };
    let undo = Undo::CodexConfig(edited.undo);
    let config = change(Part::CodexConfig, state, &facts.record, edited.text, undo, satisfied);
    Ok(hooks.into_iter().chain(config).collect())
}

/// Whether these answers change where or how Codex sends its log events. What keeps them from being
/// carried out is said elsewhere.
pub(crate) fn changes_otel(machine: &Machine, facts: &Facts, answers: &Answers) -> bool {
    changes(machine, facts, answers).is_ok_and(|changes| changes.iter().any(Change::changes_otel))
}
