//! The sessions that are recorded.

use serde_json::json;

use crate::{Call, Script, Step, USAGE, Usage};

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
pub const NAMES: [&str; 10] = [
    "attempts",
    "basic",
    "image",
    "large_output",
    "private_prompt",
    "reused_ids",
    "reused_ids_in_code",
    "review",
    "web_search",
    "websocket",
];

/// Returns the scenario of this name.
pub fn named(name: &str) -> Option<Scenario> {
    match name {
        "attempts" => Some(attempts()),
        "basic" => Some(basic()),
        "image" => Some(image()),
        "large_output" => Some(large_output()),
        "private_prompt" => Some(private_prompt()),
        "reused_ids" => Some(reused_ids()),
        "reused_ids_in_code" => Some(reused_ids_in_code()),
        "review" => Some(review()),
        "web_search" => Some(web_search()),
        "websocket" => Some(websocket()),
        _ => None,
    }
}

/// A request that is refused, one that is cut off while it is answered, and one that succeeds.
fn attempts() -> Scenario {
    let script = Script::new("Try again")
        .step(Step::status(500))
        .step(Step::new(USAGE).message("Half an answer").cut_after(2))
        .step(Step::new(USAGE).message("At last."));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// A picture beside the prompt.
fn image() -> Scenario {
    let script =
        Script::new("What is in the picture?").step(Step::new(USAGE).message("A single dot."));
    // The list of pictures would take the prompt for one more.
    Scenario { script, arguments: &["--image", "dot.gif", "--"], notifications: 1 }
}

/// A command that prints more than Codex passes on.
fn large_output() -> Scenario {
    let print = Call::command("head -c 100000 /dev/zero | tr '\\0' x");
    let script = Script::new("Print a lot")
        .step(Step::new(USAGE).call(print))
        .step(Step::new(USAGE).message("Printed."));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// A prompt that the events must not tell.
fn private_prompt() -> Scenario {
    let script = Script::new("Keep this to yourself").step(Step::new(USAGE).message("I will."));
    Scenario { script, arguments: &["-c", "otel.log_user_prompt=false"], notifications: 1 }
}

/// A provider that counts the ids of calls anew in each response, and then gives two calls of one
/// response the same.
fn reused_ids() -> Scenario {
    let call = |id: &str, command: &str| Call::command(command).with_id(id);
    let script = Script::new("Count anew")
        .step(Step::new(USAGE).call(call("call_0", "echo one")))
        .step(Step::new(USAGE).call(call("call_0", "echo two; exit 2")))
        .step(
            Step::new(USAGE)
                .call(call("call_0", "echo two; exit 2"))
                .call(call("call_1", "echo three")),
        )
        .step(
            Step::new(USAGE)
                .call(call("call_0", "sleep 1; echo four"))
                .call(call("call_0", "echo five; exit 5")),
        )
        .step(Step::new(USAGE).message("Counted."));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// The same with scripts that call the tools.
fn reused_ids_in_code() -> Scenario {
    let call = |source: &str| Call::script(source, []).with_id("call_0");
    let command = |command: &str| format!("tools.exec_command({})", json!({ "cmd": command }));
    let (one, two) = (command("echo one"), command("echo two; exit 2"));
    let (three, four) = (command("sleep 1; echo three"), command("echo four; exit 4"));
    let script = Script::new("Count anew in code")
        .with_model("gpt-6-sol")
        .step(Step::new(USAGE).call(call(&format!("text((await {one}).output)"))))
        .step(Step::new(USAGE).call(call(&format!("text((await {two}).output)"))))
        .step(
            Step::new(USAGE)
                .call(call(&format!(
                    "const all = await Promise.all([{three}, {four}]); text(all[0].output)"
                )))
                .call(call("throw new Error('boom')")),
        )
        .step(Step::new(USAGE).message("Counted."));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// A search and a page, both done by the provider.
fn web_search() -> Scenario {
    let search = json!({ "type": "search", "query": "sicilian defence" });
    let open = json!({ "type": "open_page", "url": "https://chess.example/sicilian" });
    let script = Script::new("Look it up")
        .step(Step::new(USAGE).call(Call::web(&search)).call(Call::web(&open)).message("1. e4 c5"));
    Scenario { script, arguments: &[], notifications: 1 }
}

/// A provider that is asked over a WebSocket, after a warm-up.
fn websocket() -> Scenario {
    let script = Script::new("Ask over the socket")
        .step(Step::new(USAGE).call(Call::command("echo one")))
        .step(Step::new(USAGE).message("Asked."));
    let arguments = &["-c", "model_providers.scripted.supports_websockets=true"];
    Scenario { script, arguments, notifications: 1 }
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
    let findings = json!({ "findings": [], "overall_correctness": "patch is correct",
        "overall_explanation": "Nothing to find.", "overall_confidence_score": 0.9 });
    let script = Script::new("Look at the readme")
        .step(Step::new(USAGE).call(Call::command("ls -la")))
        .step(Step::new(USAGE).message(&findings.to_string()));
    Scenario { script, arguments: &["review"], notifications: 1 }
}
