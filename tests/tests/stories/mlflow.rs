//! MLflow shows a turn as what it is: a chat with tools, tokens, a cost, a session and a user.

use serde_json::{Value, json};
use stories::Protocol;
use stories::mlflow::attribute;

use crate::complete::script;
use crate::stage;

#[test]
fn shows_a_turn_with_its_chat_tokens_and_cost() {
    let mlflow = stage::mlflow();
    let experiment = "mlflow-turn";
    let mut home = stage::home(experiment);
    home.set_variable("ARIZE_USER_ID", "ada");
    let target = format!("target: mlflow\n    endpoint: {}", mlflow.url());
    home.configure(&target).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);

    let traces = mlflow.traces(experiment).expect("mlflow answers");
    let [trace] = &traces[..] else { panic!("{traces:#?}") };
    tells_the_trace(&trace["trace_info"], &played.exec.thread_id);
    tells_the_spans(trace["spans"].as_array().expect("spans"));

    let workspace = home.project_folder().display().to_string();
    assert_eq!(trace["trace_info"]["tags"]["process.working_directory"], workspace);
    // As the overview counts tools, and as people search.
    let counts = mlflow.span_counts(experiment).expect("mlflow counts");
    let of_type = |kind: &str| -> u64 {
        counts.iter().filter(|(found, _, _)| found == kind).map(|(_, _, count)| count).sum()
    };
    assert_eq!(["AGENT", "LLM", "TOOL"].map(of_type), [1, 3, 3], "{counts:?}");
    for (filter, found) in [("span.type = 'TOOL'", 1), ("span.type = 'RETRIEVER'", 0)] {
        let traces = mlflow.traces_with(experiment, filter).expect("mlflow answers");
        assert_eq!(traces.len(), found, "{filter}");
    }
}

fn tells_the_trace(info: &Value, thread_id: &str) {
    let metadata = |key: &str| info["trace_metadata"][key].as_str().unwrap_or_default();
    assert_eq!(info["state"], "OK", "{info:#}");
    assert_eq!(metadata("mlflow.trace.session"), thread_id);
    assert_eq!(metadata("mlflow.trace.user"), "ada");
    assert_eq!(info["request_preview"], "\"List the files\"");
    assert_eq!(info["response_preview"], "\"All done. There are no files.\"");
    let usage: Value = serde_json::from_str(metadata("mlflow.trace.tokenUsage")).expect("tokens");
    let script = script().usage();
    let expected = json!({
        "input_tokens": script.input,
        "output_tokens": script.output,
        "total_tokens": script.total(),
        "cache_read_input_tokens": script.cached,
        "cache_creation_input_tokens": 0,
    });
    assert_eq!(usage, expected);
}

fn tells_the_spans(spans: &[Value]) {
    let of_kind = |kind: &str| -> Vec<&Value> {
        spans.iter().filter(|span| attribute(span, "mlflow.spanType") == kind).collect()
    };
    let (turns, calls, tools) = (of_kind("AGENT"), of_kind("LLM"), of_kind("TOOL"));
    assert_eq!((turns.len(), calls.len(), tools.len()), (1, 3, 3), "{spans:#?}");
    assert_eq!(attribute(turns[0], "mlflow.chat.tokenUsage"), Value::Null);

    let mut sum = 0.0;
    for (call, step) in calls.iter().zip(&script().steps) {
        let usage = attribute(call, "mlflow.chat.tokenUsage");
        assert_eq!(usage["input_tokens"], step.usage.input, "{call:#}");
        let messages = attribute(call, "mlflow.spanInputs")["messages"].clone();
        assert!(messages.as_array().is_some_and(|messages| !messages.is_empty()), "{call:#}");
        assert_eq!(attribute(call, "mlflow.spanOutputs")["messages"][0]["role"], "assistant");
        sum += attribute(call, "mlflow.llm.cost")["total_cost"].as_f64().expect("a cost");
    }
    let ours = attribute(turns[0], "codex.turn.cost_usd").as_f64().expect("a cost");
    assert!((sum - ours).abs() < 1e-9, "{sum} and {ours}");
    let last = attribute(calls[2], "mlflow.spanOutputs");
    assert_eq!(last["messages"][0]["content"], "All done. There are no files.");
    let asked = attribute(calls[0], "mlflow.spanOutputs")["messages"][0]["tool_calls"].clone();
    assert_eq!(asked[0]["function"]["name"], tools[0]["name"], "{asked:#}");
    let first = attribute(calls[0], "mlflow.spanOutputs");
    assert_eq!(first["messages"][0]["reasoning"], "I should list the files", "{first:#}");
}
