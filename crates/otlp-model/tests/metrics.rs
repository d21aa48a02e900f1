//! What a turn's metrics look like.

use expect_test::expect_file;
use otlp_model::encode::{Scope, to_json, to_protobuf};
use otlp_model::metrics::{Metric, MetricKind, Point};
use otlp_model::turn::{Agent, Cost, LlmCall, Outcome, Step, ToolCall, Turn, Usage};
use otlp_model::{
    Attribute, Layout, MetricBatch, SpanBatch, TreeOptions, UnixNanos, Value,
    export_metrics_request, measured, metrics_of, span_tree,
};

fn at(millis: u64) -> UnixNanos {
    UnixNanos::from_millis(1_000 + millis)
}

/// A request that failed, one that asked for two tools of which one failed, and the last one.
fn turn() -> Turn {
    let call = |from, to, input, tools| LlmCall {
        start: at(from),
        end: at(to),
        model: Some("gpt-5.5".to_owned()),
        usage: Some(Usage {
            input,
            cached_input: 512,
            cache_write_input: 7,
            output: 20,
            reasoning_output: 5,
        }),
        cost: Some(Cost { output: 0.5, ..Cost::default() }),
        time_to_first_token: Some(50_000_000),
        outcome: Outcome::Ok,
        tools,
        ..LlmCall::default()
    };
    let tool = |from, to, outcome| ToolCall {
        name: "exec".to_owned(),
        start: at(from),
        end: at(to),
        arguments: Some("the command".to_owned()),
        outcome,
        ..ToolCall::default()
    };
    let failed = LlmCall {
        start: at(0),
        end: at(100),
        model: Some("gpt-5.5".to_owned()),
        outcome: Outcome::Failed("http 500".to_owned()),
        attributes: vec![Attribute::new("http.response.status_code", 500_i64)],
        ..LlmCall::default()
    };
    let tools = vec![
        tool(300, 400, Outcome::Ok),
        tool(310, 330, Outcome::Failed("exit code 2".to_owned())),
    ];
    Turn {
        agent: Agent { llm_system: Some("openai".into()), ..Agent::named("codex") },
        start: at(0),
        end: at(900),
        prompt: Some("the prompt".to_owned()),
        outcome: Outcome::Ok,
        model: Some("gpt-5.5".to_owned()),
        steps: vec![
            Step::Llm(failed),
            Step::Llm(call(150, 300, 1000, tools)),
            Step::Llm(call(400, 900, 1100, Vec::new())),
        ],
        ..Turn::default()
    }
}

fn batch(layout: Layout) -> SpanBatch {
    let spans = span_tree(&turn(), &TreeOptions { layout, ..TreeOptions::default() });
    let resource = vec![Attribute::new("service.name", "codex")];
    SpanBatch { resource, spans }
}

fn metrics(layout: Layout) -> MetricBatch {
    metrics_of(&batch(layout)).expect("spans")
}

/// The numbers of a metric, by the one attribute that tells its points apart.
#[track_caller]
fn check(batch: &MetricBatch, name: &str, by: &str, expected: &[(&str, &[f64])]) {
    let metric = batch.metrics.iter().find(|metric| metric.name == name);
    let metric = metric.unwrap_or_else(|| panic!("no {name}"));
    let what = |point: &Point| match point.attributes.iter().find(|a| a.key == by) {
        Some(Attribute { value: Value::String(text), .. }) => text.to_string(),
        _ => "-".to_owned(),
    };
    let found: Vec<_> = metric.points.iter().map(|p| (what(p), p.values.clone())).collect();
    let expected: Vec<_> = expected.iter().map(|(by, v)| ((*by).to_owned(), v.to_vec())).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn every_request_tool_and_turn_counts_once() {
    let batch = metrics(Layout::Agent);
    assert_eq!((batch.start, batch.end), (at(0), at(900)));
    let names: Vec<&str> = batch.metrics.iter().map(|metric| &*metric.name).collect();
    let expected = [
        "codex.cost",
        "codex.tool.calls",
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
        "gen_ai.client.inference.usage.reasoning.output_tokens",
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
        "gen_ai.execute_tool.duration",
        "gen_ai.invoke_agent.duration",
    ];
    assert_eq!(names, expected);
    check(&batch, "codex.cost", "error.type", &[("-", &[0.5, 0.5])]);
    check(&batch, "codex.tool.calls", "error.type", &[("-", &[1.0]), ("_OTHER", &[1.0])]);
    let durations: [(&str, &[f64]); 2] = [("500", &[0.1]), ("-", &[0.15, 0.5])];
    check(&batch, "gen_ai.client.operation.duration", "error.type", &durations);
    check(&batch, "gen_ai.client.operation.time_to_first_chunk", "x", &[("-", &[0.05, 0.05])]);
    let tokens: [(&str, &[f64]); 2] = [("input", &[1000.0, 1100.0]), ("output", &[20.0, 20.0])];
    check(&batch, "gen_ai.client.token.usage", "gen_ai.token.type", &tokens);
    check(&batch, "gen_ai.invoke_agent.duration", "gen_ai.agent.name", &[("codex", &[0.9])]);
}

/// A histogram of all tokens keeps its percentiles; parts have counters of their own.
#[test]
fn cached_and_reasoning_tokens_are_counted_beside_those_that_they_are_part_of() {
    for layout in [Layout::Agent, Layout::Turn] {
        let batch = metrics(layout);
        let sum = |name: &str| -> f64 {
            let metric = batch.metrics.iter().find(|metric| metric.name == name).unwrap();
            metric.points.iter().flat_map(|point| &point.values).sum()
        };
        let counters =
            ["input", "cache_read.input", "cache_write.input", "output", "reasoning.output"]
                .map(|kind| sum(&format!("gen_ai.client.inference.usage.{kind}_tokens")));
        assert_eq!(counters, [2100.0, 1024.0, 14.0, 40.0, 10.0]);
        assert_eq!(sum("gen_ai.client.token.usage"), 2140.0);
    }
}

#[test]
fn the_layout_does_not_change_the_sums() {
    let tokens = |layout| {
        let batch = metrics(layout);
        let usage = batch.metrics.iter().find(|m| m.name == "gen_ai.client.token.usage").unwrap();
        assert!(matches!(usage.kind, MetricKind::Histogram(_)));
        usage.points.iter().flat_map(|point| &point.values).sum::<f64>()
    };
    assert_eq!(tokens(Layout::Agent), 2140.0);
    assert_eq!(tokens(Layout::Turn), 2140.0);
}

#[test]
fn they_are_written_as_otlp_and_hold_no_content() {
    let scope = Scope { name: "test", version: "1" };
    let request = export_metrics_request(&metrics(Layout::Agent), &scope);
    let json = serde_json::to_string_pretty(&to_json(&request)).unwrap();
    expect_file!["metrics/otlp.json"].assert_eq(&format!("{json}\n"));
    let bytes = to_protobuf(&request);
    let said = |text: &str| json.contains(text) || String::from_utf8_lossy(&bytes).contains(text);
    assert!(said("gpt-5.5") && !said("the prompt") && !said("the command"));
}

#[test]
fn a_batch_without_spans_has_none() {
    assert_eq!(metrics_of(&SpanBatch::default()), None);
}

#[test]
fn what_is_measured_of_spans_holds_no_contents_and_gives_the_same_metrics() {
    for layout in [Layout::Agent, Layout::Turn] {
        let (whole, measured) = (batch(layout), measured(&batch(layout)));
        assert_eq!(metrics_of(&measured), metrics_of(&whole));
        let scope = Scope { name: "test", version: "1" };
        let bytes = |batch| to_protobuf(&otlp_model::encode::export_request(batch, &scope));
        for content in ["the prompt", "the command", "exit code 2"] {
            let holds = |batch| {
                bytes(batch).windows(content.len()).any(|window| window == content.as_bytes())
            };
            assert!(holds(&whole) && !holds(&measured), "{content}");
        }
    }
}

/// The name that Prometheus gives a metric, as its specification of OTLP says.
fn in_prometheus(metric: &Metric) -> String {
    let mut name = metric.name.replace('.', "_");
    match metric.unit {
        "s" => name.push_str("_seconds"),
        // Annotations are no units.
        unit if unit.starts_with('{') => {}
        unit => name.push_str(&format!("_{unit}")),
    }
    if metric.kind == MetricKind::Sum {
        name.push_str("_total");
    }
    name
}

/// A rule for a metric that does not exist never fires, and nothing says so.
#[test]
fn the_alerts_name_metrics_that_are_sent() {
    // Above that stand the metrics of the local store, which another test asks a Prometheus for.
    let (_, page) = include_str!("../../../docs/alerts.md")
        .split_once("\n## From deltas to counters\n")
        .unwrap();
    let batch = metrics(Layout::Agent);
    let sent: Vec<String> = batch.metrics.iter().map(in_prometheus).collect();
    for (metric, name) in batch.metrics.iter().zip(&sent) {
        assert!(page.contains(&format!("| `{}` | `{name}`", metric.name)), "{name}");
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let points = batch.metrics.iter().flat_map(|metric| &metric.points);
    let labels =
        points.flat_map(|point| &point.attributes).map(|label| label.key.replace('.', "_"));
    let labels: Vec<String> = labels.collect();
    let words = page.split(|c| !is_part(c)).filter(|word| word.contains('_'));
    let named = words.filter(|word| word.starts_with("codex_") || word.starts_with("gen_ai_"));
    let mut count = 0;
    for name in named {
        count += 1;
        let whole = name.strip_suffix("_bucket").unwrap_or(name);
        let is_sent = sent.iter().any(|sent| sent == whole);
        assert!(is_sent || labels.iter().any(|label| label == name), "no metric is called {name}");
    }
    assert!(count > 20, "{count}");
}
