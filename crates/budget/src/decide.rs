//! Whether a prompt or a tool call may go on.

use crate::{Allowances, LimitUse, Memory, Millis};

/// What the user wants to follow from an exceeded limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Whether anything is stopped at all.
    pub hard_limit: bool,
    /// How long the model has to save its work, in milliseconds.
    pub grace: Millis,
}

/// What asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A prompt of the user, which would begin a turn.
    Prompt,
    /// A tool call of this thread.
    ToolCall {
        /// The thread, which may be a sub-agent's.
        thread: &'a str,
    },
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Allow,
    /// It does not, and this says why.
    Refuse(String),
}

/// Decides. The first call of each thread behind the limit is refused, so that the model learns of it;
/// then calls go on until the time to save work is over. `memory` is that of the session, and changes.
pub fn decide(
    asked: Asked<'_>,
    limit_uses: &[LimitUse],
    policy: Policy,
    allowances: &Allowances,
    session: &str,
    memory: &mut Memory,
    now: Millis,
) -> Decision {
    let over = limit_uses.iter().find(|limit_use| limit_use.is_over());
    let Some(over) = over.filter(|_| policy.hard_limit && !allowances.cover(session, now)) else {
        memory.over_since = None;
        memory.warned.clear();
        return Decision::Allow;
    };
    let over = over.text();
    let thread = match asked {
        Asked::Prompt => {
            return Decision::Refuse(format!(
                "The budget is used up: {over}. `arize-codex budget` shows it, and \
                 `arize-codex budget allow --session {session}` lifts it for this session."
            ));
        }
        Asked::ToolCall { thread } => thread,
    };
    let since = *memory.over_since.get_or_insert(now);
    // A clock that was set back must not make the time endless.
    let left = since.saturating_add(policy.grace).saturating_sub(now.max(since));
    if left > 0 && memory.warned.iter().any(|warned| warned == thread) {
        return Decision::Allow;
    }
    if left > 0 {
        memory.warned.push(thread.to_owned());
        let seconds = left.div_ceil(1000);
        return Decision::Refuse(format!(
            "The budget is used up: {over}. This call was not run. Tool calls go on for {seconds} \
             seconds: save your work now, start nothing new, then end your turn with a summary of \
             what is done and what is left."
        ));
    }
    Decision::Refuse(format!(
        "The budget is used up: {over}. No tool call is run any more. End your turn now with a \
         summary of what is done and what is left."
    ))
}
