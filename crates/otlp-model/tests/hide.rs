//! What each of OpenInference's switches hides.

use otlp_model::turn::{Agent, LlmCall, Message, Outcome, Part, Step, ToolCall, Turn};
use otlp_model::{Hide, Layout, TreeOptions, span_tree};
use serde_json::Map;

const IMAGE: &str = "data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Everything that a switch may hide.
const ALL: [&str; 8] = [
    "the prompt",
    "<image: png>",
    "the answer",
    "the command",
    "the output",
    "the effort",
    IMAGE,
    "the thought",
];

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, tool_call_id: None }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn turn() -> Turn {
    let arguments = r#"{"cmd": "the command"}"#.to_owned();
    let tool = ToolCall {
        name: "exec".to_owned(),
        arguments: Some(arguments.clone()),
        output: Some(format!("the output\n{IMAGE}")),
        outcome: Outcome::Failed("the output".to_owned()),
        ..ToolCall::default()
    };
    let asked = Part::ToolCall { id: "call".to_owned(), name: "exec".to_owned(), arguments };
    let thought = Part::Reasoning("the thought".to_owned());
    let call = LlmCall {
        input: vec![
            message("user", vec![text("the prompt"), text("<image: png>")]),
            message("tool", vec![text("the output")]),
        ],
        output: vec![message("assistant", vec![thought, text("the answer"), asked])],
        parameters: Map::from_iter([("effort".to_owned(), "the effort".into())]),
        tools: vec![tool],
        ..LlmCall::default()
    };
    Turn {
        agent: Agent { llm_system: Some("openai".into()), ..Agent::named("codex") },
        prompt: Some("the prompt".to_owned()),
        answer: Some("the answer".to_owned()),
        outcome: Outcome::Ok,
        steps: vec![Step::Llm(call)],
        ..Turn::default()
    }
}

/// Expects exactly these texts to be nowhere in the spans; in the layout whose root is an `LLM`, too, at
/// least.
#[track_caller]
fn check(hide: &Hide, gone: &[&str]) {
    for layout in [Layout::Agent, Layout::Turn] {
        let options = TreeOptions { layout, hide: hide.clone(), ..TreeOptions::default() };
        let spans = format!("{:?}", span_tree(&turn(), &options));
        let missing: Vec<&str> = ALL.into_iter().filter(|text| !spans.contains(text)).collect();
        match layout {
            Layout::Agent => assert_eq!(missing, gone, "{hide:?}"),
            Layout::Turn => assert!(gone.iter().all(|text| missing.contains(text)), "{hide:?}"),
        }
        assert_eq!(spans.matches("codex.thread_id").count(), 1, "what is no content stays");
    }
}

#[test]
fn each_switch_hides_what_it_says() {
    let none = Hide::default();
    check(&none, &[]);
    check(&Hide { invocation_parameters: true, ..none.clone() }, &["the effort"]);
    check(&Hide { input_images: true, ..none.clone() }, &["<image: png>"]);
    check(&Hide { input_text: true, ..none.clone() }, &["the prompt", "<image: png>"]);
    // The prompt is the input of the turn, too, the answer its output, the command that of the tool.
    check(&Hide { input_messages: true, ..none.clone() }, &["<image: png>"]);
    check(&Hide { inputs: true, ..none.clone() }, &["the prompt", "<image: png>"]);
    check(&Hide { output_text: true, ..none.clone() }, &["the answer", "the thought"]);
    check(&Hide { output_messages: true, ..none.clone() }, &["the thought"]);
    check(&Hide { outputs: true, ..none.clone() }, &["the answer", IMAGE, "the thought"]);
    check(&Hide { base64_image_max_length: Some(60), ..none.clone() }, &[IMAGE]);
    check(&Hide { base64_image_max_length: Some(62), ..none.clone() }, &[]);
    let everything = Hide { inputs: true, outputs: true, invocation_parameters: true, ..none };
    check(&everything, &ALL);
}
