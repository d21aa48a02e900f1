//! A turn with everything in place: three requests, three tools, two of which fail.

use serde_json::json;
use stories::{Call, Protocol, Script, Step, Usage};

use crate::{check, stage};

/// Lists the files, lets a command fail, asks for a tool that there is not, and answers.
pub(crate) fn script() -> Script {
    let opening = json!({ "opening": "Sicilian Defence" });
    let first = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };
    let second = Usage { input: 1203, cached: 1000, output: 31, reasoning: 0 };
    let third = Usage { input: 1307, cached: 1152, output: 12, reasoning: 7 };
    Script::new("List the files")
        .step(
            Step::new(first)
                .reasoning("I should list the files")
                .call(Call::command("ls -la").prints(" ..")),
        )
        .step(
            Step::new(second)
                .call(Call::command("echo hi; exit 3").prints("hi").fails("exit code 3"))
                .call(
                    Call::function("play_chess", &opening)
                        .prints("unsupported call: play_chess")
                        .fails("unsupported call"),
                ),
        )
        .step(Step::new(third).message("All done. There are no files."))
}

#[test]
fn three_requests_three_tools() {
    is_traced_completely("three-requests", Protocol::Json);
}

#[test]
fn three_requests_three_tools_in_protobuf() {
    is_traced_completely("three-requests-protobuf", Protocol::Binary);
}

fn is_traced_completely(project: &str, protocol: Protocol) {
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), protocol, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, &played.script, "Turn 1", &played.exec);
    check::telemetry(&spans);
    check::totals(project, &[played.script]);
    home.stop_buffer().expect("the buffer stops");
}
