//! What does not fit everywhere: a megabyte of prompt or of output, and images.

use std::fs;

use serde_json::json;
use stories::phoenix::Span;
use stories::{Call, Home, Protocol, Script, Step, USAGE, expected_tree};

use crate::stage::Runs;
use crate::{check, stage};

/// The longest text that is sent whole, in bytes.
const LONGEST_TEXT: usize = 128 << 10;

const MEGABYTE: usize = 1_000_000;

#[test]
fn a_prompt_that_is_too_long_for_a_notification() {
    let project = "long-prompt";
    let prompt = format!("Read this: {}", "word ".repeat(MEGABYTE / 5));
    let script = Script::new(&prompt).step(Step::new(USAGE).message("I have read it."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.turn(&[], &script);
    // The payload would hold the prompt, and Linux starts no program with such an argument.
    runs.hook_runs(0);
    stage::trigger(&home, &["--sweep", &exec.thread_id]);
    let spans = stage::spans(project);
    check::tree(&spans, &expected_tree(&script, "Turn 1"));
    check::identity(&spans, &script, &exec.thread_id);
    check::times(&spans, exec.finished.took);
    // The beginning is sent, and how much it was.
    let root = spans.iter().find(|span| span.parent_id.is_none()).expect("a root");
    let sent = root.text("input.value").expect("an input");
    assert_eq!(sent.get(..LONGEST_TEXT), prompt.get(..LONGEST_TEXT));
    assert!(sent.len() < LONGEST_TEXT + 100, "{} bytes", sent.len());
    assert_eq!(root.number("codex.input.bytes"), Some(prompt.len() as u64));
}

#[test]
fn a_command_that_prints_a_megabyte() {
    let project = "long-output";
    let command = format!("head -c {MEGABYTE} /dev/zero | tr '\\0' x; echo end");
    let script = Script::new("Print a lot")
        .step(Step::new(USAGE).call(Call::command(&command).prints("xxxend")))
        .step(Step::new(USAGE).message("Printed."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, &script, "Turn 1", &played.exec);
    // Codex itself keeps the beginning and the end.
    let tool = spans.iter().find(|span| span.kind == "TOOL").expect("the tree was compared");
    let output = tool.text("output.value").expect("an output");
    assert!(output.len() < MEGABYTE / 10, "{} bytes", output.len());
}

#[test]
fn an_image_becomes_its_type_and_size() {
    let project = "image";
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let image = image(&home);
    let placeholder = format!("<image: image/png, {} bytes>", PNG.len());
    let script = view(&image, &placeholder);
    let played = stage::play(&home, &script, Protocol::Binary, &["-i", &image, "--"]);
    let spans = stage::spans(project);
    let mut expected = expected_tree(&script, "Turn 1");
    expected.value.input = Some(format!("<image: {image}>\nWhat is it?"));
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &script, &played.exec.thread_id);
    let call = spans.iter().find(|span| span.kind == "LLM").expect("the tree was compared");
    let asked = call.text("input.value").expect("an input");
    assert!(asked.contains(&placeholder), "{asked}");
    hold_no_image(&spans);
}

#[test]
fn an_image_of_which_only_the_events_tell() {
    let project = "image-in-events";
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let image = image(&home);
    let script = view(&image, "");
    stage::play(&home, &script, Protocol::Binary, &["--ephemeral", "-i", &image, "--"]);
    let spans = stage::spans(project);
    let mut expected = expected_tree(&script, "Turn");
    // No event says what the model said.
    expected.children.iter_mut().for_each(|call| call.value.output.clear());
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    hold_no_image(&spans);
}

/// Puts an image into the project.
fn image(home: &Home) -> String {
    let path = home.project_folder().join("dot.png");
    fs::write(&path, PNG).expect("an image");
    path.to_string_lossy().into_owned()
}

/// The model looks at the image once more, with a tool.
fn view(image: &str, placeholder: &str) -> Script {
    let view = Call::function("view_image", &json!({ "path": image }));
    Script::new("What is it?")
        .step(Step::new(USAGE).call(view.prints(placeholder)))
        .step(Step::new(USAGE).message("A black dot."))
}

fn hold_no_image(spans: &[Span]) {
    for span in spans {
        let attributes = serde_json::to_string(&span.attributes).expect("JSON");
        assert!(!attributes.contains("iVBORw0KGgo"), "{attributes}");
    }
}

/// One black pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\xdac`\0\0\0\x02\0\x01\xe5'\xde\xfc\0\0\0\0IEND\xaeB`\x82";
