//! Code mode: the model writes JavaScript, and the script calls the tools.

use serde_json::json;
use stories::{Call, Protocol, Script, Step, Usage};

use crate::{check, stage};

/// One of the models for which Codex offers nothing but `exec` and `wait`.
const MODEL: &str = "gpt-6.1-sol";

const USAGE: Usage = Usage { input: 2000, cached: 1024, output: 40, reasoning: 8 };

#[test]
fn a_script_that_calls_tools_and_one_that_throws() {
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";
    let calls = format!(
        "text(await tools.exec_command({{\"cmd\":\"echo one\"}}));\n\
         text(await tools.exec_command({{\"cmd\":\"echo two; exit 3\"}}));\n\
         text(await tools.apply_patch({}));",
        json!(patch)
    );
    let nested = [
        Call::command("echo one").prints("one\n"),
        Call::command("echo two; exit 3").prints("two\n").fails("exit code 3"),
        Call::custom("apply_patch", patch).prints("A new.txt"),
    ];
    let script = Script::new("Do it in code")
        .with_model(MODEL)
        .step(Step::new(USAGE).call(Call::script(&calls, nested)))
        .step(
            Step::new(USAGE)
                .call(Call::script("throw new Error('boom')", []).prints("boom").fails("boom")),
        )
        .step(Step::new(USAGE).message("Done in code."));
    plays("code-mode", &script);
}

#[test]
fn a_long_script_that_is_waited_for() {
    let source = "// @exec: {\"yield_time_ms\": 100}\n\
                  text(await tools.exec_command({\"cmd\":\"sleep 1; echo late\"}));";
    let nested = [Call::command("sleep 1; echo late").prints("late\n")];
    let wait = Call::function("wait", &json!({ "cell_id": "1", "yield_time_ms": 5000 }));
    let script = Script::new("Take your time")
        .with_model(MODEL)
        .step(Step::new(USAGE).call(Call::script(source, nested)))
        .step(Step::new(USAGE).call(wait.prints("late")))
        .step(Step::new(USAGE).message("Done at last."));
    plays("code-mode-wait", &script);
}

fn plays(project: &str, script: &Script) {
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, script, Protocol::Binary, &["-m", &script.model]);
    let spans = stage::spans(project);
    check::turn(&spans, script, "Turn 1", &played.exec);
    check::totals(project, std::slice::from_ref(script));
}
