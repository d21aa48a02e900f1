//! Comparisons of what was found with what the script says.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use stories::codex::Exec;
use stories::phoenix::{Span, Totals};
use stories::script::MODEL;
use stories::shell::Shell;
use stories::tree::{Expected, Node, expected_shape, observed_shape, outline};
use stories::{Script, Usage, expected_tree, observed_forest};

/// Compares one trace with its script as a whole: tree, contents, identity and times.
pub(crate) fn turn(spans: &[Span], script: &Script, name: &str, exec: &Exec) {
    let expected = expected_tree(script, name);
    tree(spans, &expected);
    contents(spans, &expected);
    identity(spans, script, &exec.thread_id);
    times(spans, exec.finished.took);
}

/// Compares names, kinds, parents, status, tokens and tool calls of all spans.
pub(crate) fn tree(spans: &[Span], expected: &Node<Expected>) {
    forest(spans, std::slice::from_ref(expected));
}

/// Compares a session: each turn is one trace with all that its script says, in this order, and
/// there is nothing else.
pub(crate) fn session(spans: &[Span], turns: &[Script], thread_id: &str) {
    let named = turns.iter().zip(1..);
    let expected: Vec<_> =
        named.map(|(turn, number)| expected_tree(turn, &format!("Turn {number}"))).collect();
    forest(spans, &expected);
    let roots = observed_forest(spans);
    let traces: HashSet<&str> = roots.iter().map(|root| root.value.trace_id.as_str()).collect();
    assert_eq!(traces.len(), turns.len(), "{traces:?}");
    for ((root, expected), turn) in roots.iter().zip(&expected).zip(turns) {
        let spans: Vec<Span> = root.flatten().into_iter().cloned().collect();
        contents(&spans, expected);
        identity(&spans, turn, thread_id);
    }
}

fn forest(spans: &[Span], expected: &[Node<Expected>]) {
    let found = outline(&observed_forest(spans), observed_shape);
    let expected = outline(expected, expected_shape);
    assert!(found == expected, "expected:\n{expected}\nfound:\n{found}");
}

/// Compares inputs, outputs and status messages, span by span; the [`tree`] must be right.
pub(crate) fn contents(spans: &[Span], expected: &Node<Expected>) {
    let mut wrong = Vec::new();
    for (expected, span) in pairs(spans, expected) {
        let (input, output) = (span.text("input.value"), span.text("output.value"));
        if expected.input.as_deref().is_some_and(|expected| !is_shown(expected, input)) {
            wrong.push(format!("{}: input {input:?}, not {:?}", span.name, expected.input));
        }
        if !output.unwrap_or_default().contains(&expected.output) {
            wrong.push(format!("{}: output {output:?} lacks {:?}", span.name, expected.output));
        }
        let (message, complaint) = (&span.status_message, &expected.complaint);
        if !message.contains(complaint) || (span.status == "ERROR") == message.is_empty() {
            wrong.push(format!("{}: status message {message:?}, not {complaint:?}", span.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks what belongs on every span and on the root.
pub(crate) fn identity(spans: &[Span], script: &Script, thread_id: &str) {
    for span in spans {
        assert_eq!(span.trace_id, spans[0].trace_id, "{span:?}");
        assert_eq!(span.text("session.id"), Some(thread_id), "{span:?}");
    }
    let root = spans.iter().find(|span| span.parent_id.is_none()).expect("a root");
    assert_eq!(root.text("codex.thread_id"), Some(thread_id));
    let usage = script.usage();
    let expected = [
        ("input_tokens", usage.input),
        ("cached_input_tokens", usage.cached),
        ("output_tokens", usage.output),
        ("reasoning_output_tokens", usage.reasoning),
        ("total_tokens", usage.total()),
    ];
    for (name, tokens) in expected {
        let name = format!("codex.turn.usage.{name}");
        assert_eq!(root.number(&name), Some(tokens), "{name} of {root:#?}");
    }
}

/// Checks the order in time: nothing ends before it begins, the root covers everything, model calls
/// follow each other, and a tool begins after the model call that asked for it. `took` is how long
/// the `codex` process ran, so the turn took less.
pub(crate) fn times(spans: &[Span], took: Duration) {
    let forest = observed_forest(spans);
    for span in spans {
        assert!(span.start <= span.end, "{span:#?}");
    }
    for root in &forest {
        for span in root.flatten() {
            assert!(root.value.start <= span.start, "{span:#?} begins before {:#?}", root.value);
            assert!(span.end <= root.value.end, "{span:#?} ends after {:#?}", root.value);
        }
        let duration = root.value.end.duration_since(root.value.start).expect("start <= end");
        assert!(duration > Duration::ZERO && duration < took, "{duration:?} of {took:?}");
        let calls: Vec<_> = root.children.iter().filter(|call| call.value.kind == "LLM").collect();
        for calls in calls.windows(2) {
            assert!(calls[0].value.end <= calls[1].value.start, "{:#?}", root.children);
        }
        for call in calls {
            for tool in &call.children {
                assert!(call.value.start < tool.value.start, "{:#?} {:#?}", call.value, tool.value);
            }
        }
    }
}

/// Checks what only the events tell, and so that they arrived: each model call's HTTP status, the
/// time to the first token of the last one's answer, and who approved each command.
pub(crate) fn telemetry(spans: &[Span]) {
    for span in spans {
        match span.name.as_str() {
            MODEL => {
                assert_eq!(span.number("http.response.status_code"), Some(200), "{span:#?}");
            }
            name if Shell::named(name).is_some() => {
                let approval = span.text("codex.tool.approval_status");
                assert_eq!(approval, Some("approved"), "{span:#?}");
            }
            _ => {}
        }
    }
    if !super::stage::version().times_the_first_token() {
        return;
    }
    // Codex measures it where there is text, not for an answer that only asks for tools.
    let last = spans.iter().rfind(|span| span.name == MODEL).expect("a model call");
    let seconds = last.attributes.get("gen_ai.response.time_to_first_chunk");
    let seconds = seconds.and_then(Value::as_f64);
    assert!(seconds.is_some_and(|seconds| seconds > 0.0 && seconds < 60.0), "{last:#?}");
}

/// Compares Phoenix's own sums over the project with those of its turns, each a trace.
pub(crate) fn totals(project: &str, turns: &[Script]) {
    totals_of(project, turns, turns.len());
}

/// Compares Phoenix's own sums over the project with those of its turns, in so many traces.
pub(crate) fn totals_of(project: &str, turns: &[Script], traces: usize) {
    let usage: Usage = turns.iter().map(Script::usage).sum();
    let totals = super::stage::phoenix().totals(project).expect("phoenix answers");
    let expected = Totals {
        traces: traces as u64,
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
    };
    assert_eq!(totals, expected);
}

/// Whether the text is there; JSON may have its keys in another order.
fn is_shown(expected: &str, found: Option<&str>) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    found.is_some_and(|found| {
        found == expected || json(found).is_some_and(|found| json(expected) == Some(found))
    })
}

fn pairs<'a>(
    spans: &[Span],
    expected: &'a Node<Expected>,
) -> impl Iterator<Item = (&'a Expected, Span)> {
    let found: Vec<Span> = observed_forest(spans).iter().flat_map(Node::flatten).cloned().collect();
    assert_eq!(found.len(), expected.flatten().len(), "the tree was not compared before");
    expected.flatten().into_iter().zip(found)
}
