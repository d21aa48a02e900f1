//! The tools that a model can ask for directly: patches, commands side by side, the web.

use serde_json::json;
use stories::phoenix::Span;
use stories::{Call, Protocol, Script, Step, USAGE};

use crate::{check, stage};

#[test]
fn patches_that_apply_and_one_that_does_not() {
    let add = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";
    let miss = "*** Begin Patch\n*** Update File: new.txt\n@@\n-goodbye\n+hi\n*** End Patch";
    let update = "*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+hi\n*** End Patch";
    let script = Script::new("Patch")
        .step(Step::new(USAGE).call(Call::custom("apply_patch", add).prints("A new.txt")))
        .step(
            Step::new(USAGE).call(
                Call::custom("apply_patch", miss)
                    .prints("Failed to find expected lines")
                    .fails("apply_patch verification failed"),
            ),
        )
        .step(Step::new(USAGE).call(
            Call::command(&format!("apply_patch <<'EOF'\n{update}\nEOF")).prints("M new.txt"),
        ))
        .step(Step::new(USAGE).message("Patched."));
    plays("patches", &script);
}

#[test]
fn commands_side_by_side_of_which_one_fails() {
    // Each of the first two ends only when the other one has begun.
    let meet = |ours: &str, theirs: &str| {
        format!("touch {ours}; until [ -e {theirs} ]; do sleep 0.01; done; echo {ours} met")
    };
    let script = Script::new("Run four commands")
        .step(
            Step::new(USAGE)
                .call(Call::command(&meet("a", "b")).prints("a met"))
                .call(Call::command(&meet("b", "a")).prints("b met"))
                .call(Call::command("exit 7").fails("exit code 7"))
                // It found nothing, and that is no failure.
                .call(Call::command("grep nothing /dev/null")),
        )
        .step(Step::new(USAGE).message("All four ran."));
    let spans = plays("side-by-side", &script);
    let tool = |id: &str| {
        spans.iter().find(|span| span.text("tool.id") == Some(id)).expect("the tree was compared")
    };
    let (one, other) = (tool("call_1"), tool("call_2"));
    assert!(one.start < other.end && other.start < one.end, "{one:#?} {other:#?}");
}

#[test]
fn the_web_is_searched_by_the_provider() {
    let search = json!({ "type": "search", "query": "sicilian defence" });
    let open = json!({ "type": "open_page", "url": "https://chess.example/sicilian" });
    let find = json!({ "type": "find_in_page", "url": "https://chess.example/sicilian",
        "pattern": "najdorf" });
    let script = Script::new("Look it up").step(
        Step::new(USAGE)
            .call(Call::web(&search))
            .call(Call::web(&open))
            .call(Call::web(&find))
            .message("It begins with e4 c5."),
    );
    plays("web-search", &script);
}

/// Lets Codex work through the script with everything in place, and compares all of it.
fn plays(project: &str, script: &Script) -> Vec<Span> {
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, script, Protocol::Binary, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, script, "Turn 1", &played.exec);
    check::totals(project, std::slice::from_ref(script));
    spans
}
