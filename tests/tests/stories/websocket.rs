//! A provider that is asked over a WebSocket: no request of HTTP, and one to warm it up.

use stories::{Call, Protocol, Script, Step, Usage};

use crate::{check, stage};

#[test]
fn a_turn_over_one_connection() {
    let project = "websocket";
    let first = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };
    let second = Usage { input: 1100, cached: 1000, output: 12, reasoning: 0 };
    let script = Script::new("Ask over the socket")
        .step(
            Step::new(first)
                .call(Call::command("echo one").prints("one\n"))
                .call(Call::command("exit 3").fails("exit code 3")),
        )
        .step(Step::new(second).message("Asked."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let sockets = ["-c", "model_providers.scripted.supports_websockets=true"];
    let played = stage::play(&home, &script, Protocol::Binary, &sockets);
    let spans = stage::spans(project);
    check::turn(&spans, &script, "Turn 1", &played.exec);
    check::totals(project, &[script]);
    for span in &spans {
        // A message on a socket has no status.
        assert_eq!(span.number("http.response.status_code"), None, "{span:#?}");
        // Only events tell who allowed a command, so that they must have come.
        let approval = (span.kind == "TOOL").then_some("approved");
        assert_eq!(span.text("codex.tool.approval_status"), approval, "{span:#?}");
    }
}
