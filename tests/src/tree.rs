//! The span tree that a script must lead to, and the one that was found.
//!
//! Both are forests of [`Node`]s over something: [`Expected`] facts or observed [`Span`]s. Their
//! [`outline`]s, indented text with one line per span, are compared as text, so a mismatch reads
//! like the tree it is about. Contents and times, which no script can foretell exactly, are compared
//! pair by pair afterwards.

use std::fmt::Write as _;

use crate::phoenix::Span;
use crate::script::{Call, Failure, NESTED_ID, Script, Step, Usage};

/// Something and what hangs below it, in order.
#[derive(Debug, Clone)]
pub struct Node<T> {
    /// The thing itself.
    pub value: T,
    /// What hangs below it.
    pub children: Vec<Self>,
}

impl<T> Node<T> {
    /// Returns this and everything below it, each parent before its children.
    pub fn flatten(&self) -> Vec<&T> {
        let below = self.children.iter().flat_map(Self::flatten);
        std::iter::once(&self.value).chain(below).collect()
    }
}

/// What a script says about one span.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The part that the outline shows.
    pub shape: Shape,
    /// The exact `input.value`, where the script knows it.
    pub input: Option<String>,
    /// Words that `output.value` contains.
    pub output: String,
    /// Words that the status message contains.
    pub complaint: String,
}

/// What the outline shows of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// `AGENT`, `LLM`, `TOOL` or `CHAIN`.
    pub kind: String,
    /// `OK`, `ERROR` or `UNSET`.
    pub status: String,
    /// The tokens that a backend counts for it; a span that counts none, and one that must not
    /// count any, has none.
    pub usage: Option<Usage>,
    /// The tool call, as the model names it.
    pub call_id: Option<String>,
}

/// Returns the tree of a turn of which transcript or events are known. It is called `Turn`, with
/// its number in the thread where a transcript tells it.
pub fn expected_tree(script: &Script, name: &str) -> Node<Expected> {
    let mut children = Vec::new();
    for step in &script.steps {
        // A compaction lasts from before its request to after its answer.
        children.extend(step.compacts.then(|| expected_compaction(step)));
        children.push(expected_call(script, step));
    }
    Node { value: expected_root(script, name), children }
}

/// Returns the one span of a turn of which only the notification is known.
pub fn expected_flat(script: &Script) -> Node<Expected> {
    Node { value: expected_root(script, "Turn"), children: Vec::new() }
}

/// Arranges spans by their parents, oldest first. A span whose parent is missing is a root, and so
/// visible as one too many.
pub fn observed_forest(spans: &[Span]) -> Vec<Node<Span>> {
    let known = |id: &str| spans.iter().any(|span| span.span_id == id);
    let roots = spans.iter().filter(|span| !span.parent_id.as_deref().is_some_and(known));
    let mut roots: Vec<_> = roots.map(|root| observed_tree(root, spans)).collect();
    roots.sort_by_key(|root| root.value.start);
    roots
}

/// Writes a forest down: a line per span, indented by two blanks per level.
pub fn outline<T>(forest: &[Node<T>], shape: impl Fn(&T) -> Shape + Copy) -> String {
    let mut text = String::new();
    write_outline(&mut text, forest, 0, shape);
    text
}

/// Returns the shape that the script expects.
pub fn expected_shape(expected: &Expected) -> Shape {
    expected.shape.clone()
}

/// Returns the shape that was found.
pub fn observed_shape(span: &Span) -> Shape {
    let counts = span.attributes.keys().any(|name| name.starts_with("llm.token_count."));
    let count = |name: &str| span.number(&format!("llm.token_count.{name}")).unwrap_or(0);
    Shape {
        name: span.name.clone(),
        kind: span.kind.clone(),
        status: span.status.clone(),
        usage: counts.then(|| Usage {
            input: count("prompt"),
            cached: count("prompt_details.cache_read"),
            output: count("completion"),
            reasoning: count("completion_details.reasoning"),
        }),
        call_id: span.text("tool.id").map(scripted_id).map(str::to_owned),
    }
}

fn expected_root(script: &Script, name: &str) -> Expected {
    Expected {
        shape: Shape {
            name: name.to_owned(),
            kind: "AGENT".to_owned(),
            status: status(script.fails.is_some()),
            usage: None,
            call_id: None,
        },
        // Codex's own commands, such as `/compact`, are no prompts.
        input: Some(script.prompt.clone()).filter(|prompt| !prompt.starts_with('/')),
        output: match script.fails.as_deref() {
            Some("interrupted") => "Interrupted by the user".to_owned(),
            Some(words) => words.to_owned(),
            None => script.answer().unwrap_or_default().to_owned(),
        },
        complaint: script.fails.clone().unwrap_or_default(),
    }
}

fn expected_call(script: &Script, step: &Step) -> Node<Expected> {
    let value = Expected {
        shape: Shape {
            name: step.model.as_ref().unwrap_or(&script.model).clone(),
            kind: "LLM".to_owned(),
            status: status(step.failure.is_some()),
            usage: step.counted(),
            call_id: None,
        },
        input: None,
        output: step.said().filter(|_| step.failure.is_none()).unwrap_or_default().to_owned(),
        complaint: match step.failure {
            Some(Failure::Status(status)) => status.to_string(),
            Some(Failure::Stall { .. }) => "interrupted".to_owned(),
            Some(Failure::Cut { .. }) | None => String::new(),
        },
    };
    // What a response that failed asked for is never run.
    let calls = step.calls().filter(|_| step.failure.is_none());
    Node { value, children: calls.map(expected_tool).collect() }
}

fn expected_tool(call: &Call) -> Node<Expected> {
    let value = Expected {
        shape: Shape {
            name: call.name.clone(),
            kind: "TOOL".to_owned(),
            status: status(call.fails.is_some()),
            usage: None,
            call_id: Some(call.id.clone()),
        },
        input: Some(call.arguments.text().to_owned()),
        output: call.prints.clone(),
        complaint: call.fails.clone().unwrap_or_default(),
    };
    Node { value, children: call.nested.iter().map(expected_tool).collect() }
}

fn expected_compaction(step: &Step) -> Node<Expected> {
    let value = Expected {
        shape: Shape {
            name: "compaction".to_owned(),
            kind: "CHAIN".to_owned(),
            status: status(false),
            usage: None,
            call_id: None,
        },
        input: None,
        output: step.said().unwrap_or_default().to_owned(),
        complaint: String::new(),
    };
    Node { value, children: Vec::new() }
}

fn status(failed: bool) -> String {
    if failed { "ERROR".to_owned() } else { "OK".to_owned() }
}

fn observed_tree(span: &Span, spans: &[Span]) -> Node<Span> {
    let below = |child: &&Span| child.parent_id.as_ref() == Some(&span.span_id);
    let mut children: Vec<_> =
        spans.iter().filter(below).map(|child| observed_tree(child, spans)).collect();
    // Tools of one answer run side by side: the model's order is that of their ids.
    if children.iter().all(|child| child.value.text("tool.id").is_some()) {
        let order =
            |span: &Span| (span.text("tool.id").map(scripted_id).map(str::to_owned), span.start);
        children.sort_by_key(|child| order(&child.value));
    } else {
        // Codex notes the start of a compaction to the millisecond, that of its request exactly.
        children.sort_by_key(|child| (child.value.start, child.value.kind.clone()));
    }
    Node { value: span.clone(), children }
}

/// An id that Codex made up is cut to the part that a script can know.
fn scripted_id(id: &str) -> &str {
    if id.starts_with(NESTED_ID) { NESTED_ID } else { id }
}

fn write_outline<T>(
    text: &mut String,
    forest: &[Node<T>],
    depth: usize,
    shape: impl Fn(&T) -> Shape + Copy,
) {
    for node in forest {
        text.push_str(&"  ".repeat(depth));
        text.push_str(&line(&shape(&node.value)));
        write_outline(text, &node.children, depth + 1, shape);
    }
}

fn line(shape: &Shape) -> String {
    let mut line = format!("{} [{} {}]", shape.name, shape.kind, shape.status);
    if let Some(id) = &shape.call_id {
        let _ = write!(line, " {id}");
    }
    if let Some(Usage { input, cached, output, reasoning }) = shape.usage {
        let _ = write!(line, " in {input} (cached {cached}) out {output} (reasoning {reasoning})");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use super::*;
    use crate::script::Call;

    fn span(name: &str, kind: &str, id: &str, parent: &str, second: u64) -> Span {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        Span {
            name: name.to_owned(),
            trace_id: "t".to_owned(),
            span_id: id.to_owned(),
            parent_id: (!parent.is_empty()).then(|| parent.to_owned()),
            kind: kind.to_owned(),
            status: "OK".to_owned(),
            status_message: String::new(),
            start,
            end: start,
            attributes: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_script_reads_as_a_tree() {
        let usage = Usage { input: 100, cached: 60, output: 7, reasoning: 2 };
        let script = Script::new("go")
            .step(Step::status(500))
            .step(Step::new(usage).call(Call::command("ls")).call(Call::command("no").fails("1")))
            .step(Step::new(usage).message("gone"));
        let expected = [expected_tree(&script, "Turn 2")];
        let model = "gpt-5.5 [LLM OK] in 100 (cached 60) out 7 (reasoning 2)";
        let tree = [
            "Turn 2 [AGENT OK]",
            "  gpt-5.5 [LLM ERROR]",
            &format!("  {model}"),
            "    exec_command [TOOL OK] call_1",
            "    exec_command [TOOL ERROR] call_2",
            &format!("  {model}\n"),
        ];
        assert_eq!(outline(&expected, expected_shape), tree.join("\n"));
        assert_eq!(expected[0].value.output, "gone");
    }

    #[test]
    fn spans_find_their_places_and_orphans_show() {
        let mut call = span("gpt-5.5", "LLM", "b", "a", 2);
        call.attributes.insert("llm.token_count.prompt".to_owned(), json!(5));
        let spans = [
            call,
            span("Turn 1", "AGENT", "a", "", 1),
            span("lost", "TOOL", "c", "elsewhere", 3),
            span("gpt-5.5", "LLM", "d", "a", 1),
        ];
        let found = [
            "Turn 1 [AGENT OK]",
            "  gpt-5.5 [LLM OK]",
            "  gpt-5.5 [LLM OK] in 5 (cached 0) out 0 (reasoning 0)",
            "lost [TOOL OK]\n",
        ];
        let forest = observed_forest(&spans);
        assert_eq!(outline(&forest, observed_shape), found.join("\n"));
    }
}
