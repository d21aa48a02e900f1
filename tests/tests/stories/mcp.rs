//! Tools of an MCP server: they carry its name, and fail when it says so.

use serde_json::json;
use stories::{Call, Protocol, Script, Step, USAGE};

use crate::{check, stage};

#[test]
fn a_server_that_answers_and_one_that_says_it_failed() {
    let project = "mcp";
    let call = |tool: &str| Call::function(tool, &json!({ "text": "hello" })).within("mcp__echo");
    let script = Script::new("Ask the server")
        .step(Step::new(USAGE).call(call("echo").prints("you said hello")))
        .step(Step::new(USAGE).call(call("refuse").prints("not today").fails("not today")))
        .step(Step::new(USAGE).message("It said hello."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let program = json!(env!("CARGO_BIN_EXE_mcp-server"));
    let server = format!("mcp_servers.echo.command={program}");
    let played = stage::play(&home, &script, Protocol::Binary, &["-c", &server]);
    let spans = stage::spans(project);
    check::turn(&spans, &script, "Turn 1", &played.exec);
    check::totals(project, &[script]);
    let tools: Vec<_> = spans.iter().filter(|span| span.kind == "TOOL").collect();
    for tool in tools {
        assert_eq!(tool.text("codex.tool.mcp_server"), Some("echo"), "{tool:#?}");
        assert_eq!(tool.text("codex.tool.namespace"), Some("mcp__echo"), "{tool:#?}");
    }
}
