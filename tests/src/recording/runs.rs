//! The scenarios that need nothing but runs of `codex exec`.

use serde_json::json;

use super::scenario::Scenario;
use crate::{Call, Script, Step, USAGE, Usage};

/// Patches: one that applies, one that does not, and one that is a shell command.
pub(super) fn apply_patch() -> Scenario {
    let patch = |hunk: &str| format!("*** Begin Patch\n{hunk}\n*** End Patch");
    let update = patch("*** Update File: new.txt\n@@\n-hello\n+hi");
    let turn = Script::new("Patch")
        .step(
            Step::new(USAGE)
                .call(Call::custom("apply_patch", &patch("*** Add File: new.txt\n+hello"))),
        )
        .step(Step::new(USAGE).call(Call::custom(
            "apply_patch",
            &patch("*** Update File: new.txt\n@@\n-goodbye\n+hi"),
        )))
        .step(Step::new(USAGE).call(Call::command(&format!("apply_patch <<'EOF'\n{update}\nEOF"))))
        .step(Step::new(USAGE).message("Patched."));
    Scenario::exec([turn])
}

/// A request that is refused, one that is cut off while it is answered, and one that succeeds.
pub(super) fn attempts() -> Scenario {
    let turn = Script::new("Try again")
        .step(Step::status(500))
        .step(Step::new(USAGE).message("Half an answer").cut_after(2))
        .step(Step::new(USAGE).message("At last."));
    Scenario::exec([turn])
}

/// A conversation that gets too long in the middle of a turn.
pub(super) fn auto_compact() -> Scenario {
    let usage = |input| Usage { input, ..USAGE };
    let turn = Script::new("Go on for long")
        .step(Step::new(usage(50_000)).call(Call::command("echo one")))
        .step(Step::new(usage(50_100)).message("We had counted to one.").compacts())
        .step(Step::new(usage(600)).message("Two."));
    Scenario::exec([turn]).with(&["-c", "model_auto_compact_token_limit=20000"])
}

/// Three responses and three tools: a command that succeeds, one that fails, and the plan, which
/// some versions have no tool for.
pub(super) fn basic() -> Scenario {
    let usage = |nth: u64| Usage { input: 1000 + nth, cached: 512, output: 20 + nth, reasoning: 5 };
    let plan = json!({ "plan": [{ "step": "a", "status": "completed" }] });
    let turn = Script::new("List the files")
        .step(Step::new(usage(0)).reasoning("I should list files").call(Call::command("ls -la")))
        .step(
            Step::new(usage(1))
                .call(Call::command("echo hi; exit 3"))
                .call(Call::function("update_plan", &plan)),
        )
        .step(Step::new(usage(2)).message("All done. There are files."));
    Scenario::exec([turn])
}

/// Scripts of the model's: one that calls tools, one that throws, and one that is waited for.
pub(super) fn code_mode() -> Scenario {
    let patch = json!("*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch");
    let calls = format!(
        "text(await tools.exec_command({{\"cmd\":\"echo one\"}}));\n\
         text(await tools.exec_command({{\"cmd\":\"echo two; exit 3\"}}));\n\
         text(await tools.apply_patch({patch}));"
    );
    let long = "// @exec: {\"yield_time_ms\": 100}\n\
                text(await tools.exec_command({\"cmd\":\"sleep 1; echo late\"}));";
    let turn = Script::new("Do it in code")
        .with_model(CODE_MODEL)
        .step(Step::new(USAGE).call(Call::script(&calls, [])))
        .step(Step::new(USAGE).call(Call::script("throw new Error('boom')", [])))
        .step(Step::new(USAGE).call(Call::script(long, [])))
        .step(Step::new(USAGE).call(Call::function(
            "wait",
            &json!({ "cell_id": "3",
            "yield_time_ms": 5000 }),
        )))
        .step(Step::new(USAGE).message("Done in code."));
    Scenario::exec([turn])
}

/// One of the models for which Codex offers code mode, and the second generation of sub-agents.
const CODE_MODEL: &str = "gpt-6.1-sol";

/// A turn that fails because the provider refuses its second request, and the next one.
pub(super) fn failed() -> Scenario {
    let refused = Script::new("Do what you must not")
        .step(Step::new(USAGE).call(Call::command("echo one")))
        .step(Step::status(400))
        .fails("scripted failure");
    let next = Script::new("Then do this").step(Step::new(USAGE).message("Done."));
    Scenario::exec([refused, next])
}

/// A sub-agent of the second generation, which gets a second task when it has done the first.
pub(super) fn followup_task() -> Scenario {
    let ask = |tool: &str, arguments| Call::function(tool, &arguments).within("collaboration");
    let wait = || Step::new(USAGE).call(ask("wait_agent", json!({ "timeout_ms": 20_000 })));
    let first = json!({ "task_name": "kid", "message": "COUNT FILES", "fork_turns": "none" });
    let second = json!({ "target": "/root/kid", "message": "COUNT LINES" });
    let parent = Script::new("ASK THE OTHER").with_model(CODE_MODEL);
    two_tasks(parent, [ask("spawn_agent", first), ask("followup_task", second)], wait)
}

/// A sub-agent that gets a task with each of these calls of its parent, which waits after each.
pub(super) fn two_tasks(parent: Script, calls: [Call; 2], wait: impl Fn() -> Step) -> Scenario {
    let [first, second] = calls.map(|call| Step::new(USAGE).call(call));
    let steps = [first, wait(), second, wait()];
    let parent = steps.into_iter().fold(parent, Script::step);
    let parent = parent.step(Step::new(USAGE).message("Three files, seven lines."));
    let child = Script::new("COUNT FILES")
        .step(Step::new(USAGE).message("Three."))
        .step(Step::new(USAGE).message("Seven."));
    Scenario::agents([parent, child]).notifying(3)
}

/// A hook of the user's that lets the agent go on once it thinks that it is done.
pub(super) fn hook_continues() -> Scenario {
    let turn = Script::new("Say it")
        .step(Step::new(USAGE).message("It."))
        .step(Step::new(USAGE).message("It is said."));
    let once = "[ -e stopped ] || { touch stopped; echo 'not yet' >&2; exit 2; }";
    Scenario::exec([turn]).hook("Stop", once)
}

/// A hook of the user's that allows no tool.
pub(super) fn hook_denies() -> Scenario {
    let turn = Script::new("Try it")
        .step(Step::new(USAGE).call(Call::command("echo one")))
        .step(Step::new(USAGE).call(Call::command("echo two; exit 2")))
        .step(Step::new(USAGE).message("I must not."));
    Scenario::exec([turn])
        .hook("PreToolUse", "cat > /dev/null; echo 'not allowed here' >&2; exit 2")
}

/// A hook of the user's that puts its own words in the place of each tool's output.
pub(super) fn hook_replaces() -> Scenario {
    let turn = Script::new("Try it")
        .step(Step::new(USAGE).call(Call::command("echo one")))
        .step(Step::new(USAGE).call(Call::command("echo two; exit 2")))
        .step(Step::new(USAGE).call(Call::custom("apply_patch", NEW_FILE)))
        .step(Step::new(USAGE).message("I see."));
    let words = "unsupported call: not that I know of";
    let replace = json!({ "decision": "block", "reason": words }).to_string();
    Scenario::exec([turn]).hook("PostToolUse", &format!("cat > /dev/null; echo '{replace}'"))
}

/// A patch that makes a file.
const NEW_FILE: &str = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";

/// A hook of the user's that keeps the prompt from the model.
pub(super) fn hook_refuses_prompt() -> Scenario {
    let turn = Script::new("My password is 42");
    let refuse = "echo 'no passwords' >&2; exit 2";
    Scenario::exec([turn]).hook("UserPromptSubmit", refuse).notifying(0)
}

/// A picture beside the prompt.
pub(super) fn image() -> Scenario {
    let turn =
        Script::new("What is in the picture?").step(Step::new(USAGE).message("A single dot."));
    // The list of pictures would take the prompt for one more.
    Scenario::exec([turn]).with(&["--image", "dot.gif", "--"])
}

/// A command that prints more than Codex passes on.
pub(super) fn large_output() -> Scenario {
    let print = Call::command("head -c 100000 /dev/zero | tr '\\0' x");
    let turn = Script::new("Print a lot")
        .step(Step::new(USAGE).call(print))
        .step(Step::new(USAGE).message("Printed."));
    Scenario::exec([turn])
}

/// A server's tools: one that answers, one that says that it failed.
pub(super) fn mcp() -> Scenario {
    let call = |tool: &str| Call::function(tool, &json!({ "text": "hello" })).within("mcp__echo");
    let turn = Script::new("Ask the server")
        .step(Step::new(USAGE).call(call("echo")))
        .step(Step::new(USAGE).call(call("refuse")))
        .step(Step::new(USAGE).message("It said hello."));
    Scenario::exec([turn]).with(&["-c", &mcp_server()])
}

/// The setting of a server with the tools `echo` and `refuse`.
fn mcp_server() -> String {
    let server = std::env::current_exe().unwrap_or_default().with_file_name("mcp-server");
    format!("mcp_servers.echo.command={}", json!(server))
}

/// Commands side by side, of which one fails.
pub(super) fn parallel() -> Scenario {
    let turn = Script::new("Run three commands")
        .step(
            Step::new(USAGE)
                .call(Call::command("sleep 0.3; echo one"))
                .call(Call::command("sleep 0.1; echo two"))
                .call(Call::command("exit 7")),
        )
        .step(Step::new(USAGE).message("All three ran."));
    Scenario::exec([turn])
}

/// Calls that the rules do not allow: in a sandbox in which nothing may be written, and without
/// a person to ask.
pub(super) fn policy_denies() -> Scenario {
    let escalated = json!({ "cmd": "echo out", "command": ["echo", "out"],
        "sandbox_permissions": "require_escalated", "with_escalated_permissions": true,
        "justification": "It is my move." });
    let turn = Script::new("Do what you must not")
        .step(
            Step::new(USAGE)
                .call(Call::function("exec_command", &escalated))
                .call(Call::function("shell", &escalated))
                .call(Call::command("echo hi > /etc/forbidden.txt"))
                .call(Call::command("rm -rf /tmp/nothing-of-that-name"))
                .call(Call::custom("apply_patch", NEW_FILE))
                .call(Call::command(&format!("apply_patch <<'EOF'\n{NEW_FILE}\nEOF")))
                .call(Call::function("echo", &json!({ "text": "hi" })).within("mcp__echo")),
        )
        .step(Step::new(USAGE).message("I must not."));
    Scenario::exec([turn]).with(&["-c", &mcp_server(), "-c", "sandbox_mode=\"read-only\""])
}

/// A prompt that the events must not tell.
pub(super) fn private_prompt() -> Scenario {
    let turn = Script::new("Keep this to yourself").step(Step::new(USAGE).message("I will."));
    Scenario::exec([turn]).with(&["-c", "otel.log_user_prompt=false"])
}

/// Calls that Codex cannot run: of tools that it does not have, with arguments that it cannot read,
/// about things that are not there. The last ones are in order.
pub(super) fn refusals() -> Scenario {
    let function = |name: &str, arguments| Call::function(name, &arguments);
    let folder = json!({ "cmd": "echo hi", "command": ["echo", "hi"], "workdir": "/no/such" });
    let wrong = json!({ "nothing": 1 });
    let update = "*** Begin Patch\n*** Update File: nope.txt\n@@\n-x\n+y\n*** End Patch";
    let mut step = Step::new(USAGE);
    for shell in ["exec_command", "shell", "shell_command"] {
        step = step.call(function(shell, wrong.clone())).call(function(shell, folder.clone()));
    }
    let turn = Script::new("Try what cannot be")
        .step(step.call(Call::command("kill -9 $$")))
        .step(
            Step::new(USAGE)
                .call(Call::custom("no_such_tool", "x"))
                .call(function("no_such_tool", json!({})))
                .call(function("no_such_tool", json!({})).within("mcp__gone"))
                .call(function("write_stdin", json!({ "session_id": 99_999, "chars": "x" })))
                .call(Call::custom("apply_patch", update))
                .call(Call::custom("apply_patch", "garbage"))
                .call(function("apply_patch", json!({ "input": "garbage" })))
                .call(function("view_image", json!({ "path": "nope.png" })))
                .call(function("view_image", json!({ "path": "a.txt" })))
                .call(function("update_plan", json!({ "plan": "x" })))
                .call(function("spawn_agent", wrong.clone()))
                .call(function("spawn_agent", wrong.clone()).within("multi_agent_v1"))
                .call(function("wait_agent", json!({ "ids": ["x"], "targets": ["x"] })))
                .call(function("list_mcp_resources", json!({ "server": "gone" })))
                .call(function("request_user_input", json!({ "questions": [] })))
                .call(function("refuse", json!({ "text": "x" })).within("mcp__echo"))
                .call(function("mcp__echo__refuse", json!({ "text": "x" }))),
        )
        .step(
            Step::new(USAGE)
                .call(Call::command("echo 'unsupported call: said the log'"))
                .call(function("view_image", json!({ "path": "dot.gif" })))
                .call(function("list_mcp_resources", json!({})))
                .call(function("echo", json!({ "text": "x" })).within("mcp__echo"))
                .call(function("mcp__echo__echo", json!({ "text": "x" }))),
        )
        .step(Step::new(USAGE).message("I tried."));
    Scenario::exec([turn]).with(&["-c", &mcp_server()])
}

/// A thread that is taken up again by another run.
pub(super) fn resume() -> Scenario {
    let usage = |input| Usage { input, ..USAGE };
    let first = Script::new("Say one").step(Step::new(usage(1000)).message("One."));
    let second = Script::new("Say two").step(Step::new(usage(1100)).message("Two."));
    Scenario::exec([first, second])
}

/// A provider that counts the ids of calls anew in each response, and then gives two calls of one
/// response the same.
pub(super) fn reused_ids() -> Scenario {
    let call = |id: &str, command: &str| Call::command(command).with_id(id);
    let turn = Script::new("Count anew")
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
    Scenario::exec([turn])
}

/// A command that ends when the next one, whose id is the same, has begun long since.
pub(super) fn reused_ids_late() -> Scenario {
    let call = |command: &str, patience: u64| {
        let arguments = json!({ "cmd": command, "yield_time_ms": patience });
        Call::function("exec_command", &arguments).with_id("call_0")
    };
    let turn = Script::new("Do not wait")
        .step(Step::new(USAGE).call(call("sleep 1.5; echo late; exit 4", 300)))
        .step(Step::new(USAGE).call(call("sleep 3; echo slow", 30_000)))
        .step(Step::new(USAGE).call(call("echo last; exit 6", 30_000)))
        .step(Step::new(USAGE).message("That was it."));
    Scenario::exec([turn])
}

/// Reused ids of scripts that call the tools.
pub(super) fn reused_ids_in_code() -> Scenario {
    let call = |source: &str| Call::script(source, []).with_id("call_0");
    let command = |command: &str| format!("tools.exec_command({})", json!({ "cmd": command }));
    let (one, two) = (command("echo one"), command("echo two; exit 2"));
    let (three, four) = (command("sleep 1; echo three"), command("echo four; exit 4"));
    let turn = Script::new("Count anew in code")
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
    Scenario::exec([turn])
}

/// A code review, which is a turn around that of the reviewer; only the latter is notified of.
pub(super) fn review() -> Scenario {
    let findings = json!({ "findings": [], "overall_correctness": "patch is correct",
        "overall_explanation": "Nothing to find.", "overall_confidence_score": 0.9 });
    let turn = Script::new("Look at the readme")
        .step(Step::new(USAGE).call(Call::command("ls -la")))
        .step(Step::new(USAGE).message(&findings.to_string()));
    Scenario::exec([turn]).with(&["review"])
}

/// A search and a page, both done by the provider.
pub(super) fn web_search() -> Scenario {
    let search = json!({ "type": "search", "query": "sicilian defence" });
    let open = json!({ "type": "open_page", "url": "https://chess.example/sicilian" });
    let turn = Script::new("Look it up")
        .step(Step::new(USAGE).call(Call::web(&search)).call(Call::web(&open)).message("1. e4 c5"));
    Scenario::exec([turn])
}

/// A provider that is asked over a WebSocket, after a warm-up.
pub(super) fn websocket() -> Scenario {
    let turn = Script::new("Ask over the socket")
        .step(Step::new(USAGE).call(Call::command("echo one")))
        .step(Step::new(USAGE).message("Asked."));
    Scenario::exec([turn]).with(&["-c", "model_providers.scripted.supports_websockets=true"])
}
