//! The sessions that are recorded.

use serde_json::json;

use crate::{Call, Script, Step, Usage};

/// A session that can be recorded with any version of Codex.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What happens.
    pub script: Script,
    /// What goes before the prompt.
    pub arguments: &'static [&'static str],
    /// How often Codex notifies.
    pub notifications: usize,
}

/// The names of all scenarios.
pub const NAMES: [&str; 2] = ["basic", "review"];

/// Returns the scenario of this name.
pub fn named(name: &str) -> Option<Scenario> {
    match name {
        "basic" => Some(basic()),
        "review" => Some(review()),
        _ => None,
    }
}

/// Three responses and three tools: a command that succeeds, one that fails, and the plan, which
/// some versions have no tool for.
fn basic() -> Scenario {
    let usage = |nth: u64| Usage { input: 1000 + nth, cached: 512, output: 20 + nth, reasoning: 5 };
    let plan = json!({ "plan": [{ "step": "a", "status": "completed" }] });
    let script = Script::new("List the files")
        .step(Step::new(usage(0)).reasoning("I should list files").call(Call::command("ls -la")))
        .step(
            Step::new(usage(1))
                .call(Call::command("echo hi; exit 3"))
                .call(Call::function("update_plan", &plan)),
        )
        .step(Step::new(usage(2)).message("All done. There are files."));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// A code review, which is a turn around that of the reviewer; only the latter is notified of.
fn review() -> Scenario {
    let usage = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };
    let findings = json!({ "findings": [], "overall_correctness": "patch is correct",
        "overall_explanation": "Nothing to find.", "overall_confidence_score": 0.9 });
    let script = Script::new("Look at the readme")
        .step(Step::new(usage).call(Call::command("ls -la")))
        .step(Step::new(usage).message(&findings.to_string()));
    Scenario { script, arguments: &["review"], notifications: 1 }
}
