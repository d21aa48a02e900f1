//! The sessions that are recorded.

use anyhow::Context;
use serde_json::json;

use super::session::Session;
use super::{dialogues, runs};
use crate::script::MODEL;
use crate::{ModelServer, Script};

/// A session that can be recorded with any version of Codex that can do it.
pub struct Scenario {
    /// What happens.
    pub(super) answers: Answers,
    /// What Codex is started with.
    pub(super) arguments: Vec<String>,
    /// How often Codex notifies, at least.
    pub(super) notifications: usize,
    /// What a person or a program does with Codex.
    pub(super) play: fn(&Session<'_>) -> anyhow::Result<()>,
}

/// Whom the model answers.
pub(super) enum Answers {
    /// One agent, turn by turn.
    Turns(Vec<Script>),
    /// Several agents, each by its own script; those that set others to work come first.
    Agents(Vec<Script>),
}

/// A scenario by its name.
type Named = (&'static str, fn() -> Scenario);

/// All scenarios.
const ALL: [Named; 34] = [
    ("apply_patch", runs::apply_patch),
    ("approvals", dialogues::approvals),
    ("attempts", runs::attempts),
    ("auto_compact", runs::auto_compact),
    ("basic", runs::basic),
    ("code_mode", runs::code_mode),
    ("failed", runs::failed),
    ("followup_task", runs::followup_task),
    ("fork", dialogues::fork),
    ("hook_continues", runs::hook_continues),
    ("hook_denies", runs::hook_denies),
    ("hook_refuses_prompt", runs::hook_refuses_prompt),
    ("hook_replaces", runs::hook_replaces),
    ("image", runs::image),
    ("interrupted", dialogues::interrupted),
    ("large_output", runs::large_output),
    ("mcp", runs::mcp),
    ("parallel", runs::parallel),
    ("policy_denies", runs::policy_denies),
    ("private_prompt", runs::private_prompt),
    ("refusals", runs::refusals),
    ("resume", runs::resume),
    ("reused_ids", runs::reused_ids),
    ("reused_ids_in_code", runs::reused_ids_in_code),
    ("reused_ids_late", runs::reused_ids_late),
    ("revert", dialogues::revert),
    ("review", runs::review),
    ("send_input", dialogues::send_input),
    ("steered", dialogues::steered),
    ("terminal", dialogues::terminal),
    ("user_shell", dialogues::user_shell),
    ("user_shell_in_turn", dialogues::user_shell_in_turn),
    ("web_search", runs::web_search),
    ("websocket", runs::websocket),
];

/// Returns the scenario of this name.
pub fn named(name: &str) -> anyhow::Result<Scenario> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, scenario) = found.with_context(|| {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        format!("no scenario `{name}`; there are: {}", names.join(", "))
    })?;
    Ok(scenario())
}

impl Scenario {
    /// Plays these turns, each with a run of `codex exec`.
    pub(super) fn exec(turns: impl IntoIterator<Item = Script>) -> Self {
        let turns: Vec<Script> = turns.into_iter().collect();
        let notifications = turns.iter().filter(|turn| turn.fails.is_none()).count();
        let answers = Answers::Turns(turns);
        Self { answers, arguments: Vec::new(), notifications, play: |session| session.exec() }
    }

    /// Has several agents answer; the first one's prompt is that of the user.
    pub(super) fn agents(agents: impl IntoIterator<Item = Script>) -> Self {
        let agents = agents.into_iter().collect();
        Self { answers: Answers::Agents(agents), notifications: 1, ..Self::exec([]) }
    }

    pub(super) fn with(self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { arguments, ..self }
    }

    pub(super) fn notifying(self, notifications: usize) -> Self {
        Self { notifications, ..self }
    }

    pub(super) fn played(self, play: fn(&Session<'_>) -> anyhow::Result<()>) -> Self {
        Self { play, ..self }
    }

    /// Runs this command of the user's as a hook, without asking whether it is trusted.
    pub(super) fn hook(self, event: &str, command: &str) -> Self {
        let hooks = json!(command);
        let hooks = format!("hooks.{event}=[{{hooks=[{{type=\"command\",command={hooks}}}]}}]");
        self.with(&["-c", &hooks, "--dangerously-bypass-hook-trust"])
    }

    /// The model, if it is not the usual one of the version.
    pub(super) fn model(&self) -> Option<&str> {
        let model = self.turns().first().map(|turn| turn.model.as_str());
        model.filter(|model| *model != MODEL)
    }

    /// The turns of the user.
    pub(super) fn turns(&self) -> &[Script] {
        match &self.answers {
            Answers::Turns(turns) => turns,
            Answers::Agents(agents) => &agents[..1],
        }
    }

    /// How many requests the model must get.
    pub(super) fn requests(&self) -> usize {
        let (Answers::Turns(scripts) | Answers::Agents(scripts)) = &self.answers;
        scripts.iter().map(|script| script.steps.len()).sum()
    }

    /// Starts the model.
    pub(super) fn model_server(&self) -> std::io::Result<ModelServer> {
        match &self.answers {
            Answers::Turns(turns) => ModelServer::start(turns),
            Answers::Agents(agents) => ModelServer::start_agents(agents),
        }
    }
}
