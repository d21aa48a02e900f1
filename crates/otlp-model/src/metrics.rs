//! Numbers about a turn, from its spans.
//!
//! They are OpenTelemetry's GenAI metrics, and what these lack under the harness's own prefix. Spans
//! and not the turn are their source, because spans are what is queued while a target is away.

use std::borrow::Cow;

use crate::names::*;
use crate::span::{Attribute, Span, SpanBatch, SpanEvent, SpanStatus, UnixNanos, Value};

/// Bounds that the conventions recommend for tokens.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Bounds that they recommend for the seconds of a request or a tool.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Bounds that they recommend for the seconds of an agent's turn.
const TURN_SECONDS: [f64; 13] =
    [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];

/// The attributes of spans and of their events that metrics are made of.
const MEASURED: [&str; 14] = [
    GEN_AI_OPERATION_NAME,
    GEN_AI_AGENT_NAME,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_TYPE,
    GEN_AI_USAGE_INPUT,
    GEN_AI_USAGE_OUTPUT,
    GEN_AI_USAGE_CACHE_READ,
    GEN_AI_USAGE_CACHE_WRITE,
    GEN_AI_USAGE_REASONING,
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    LLM_COST_TOTAL,
    HTTP_RESPONSE_STATUS_CODE,
];

/// The metrics of some spans, and what sent them.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricBatch {
    /// The sender, as in [`SpanBatch`].
    pub resource: Vec<Attribute>,
    /// When the first of the spans began.
    pub start: UnixNanos,
    /// When the last of them ended.
    pub end: UnixNanos,
    /// In order of name.
    pub metrics: Vec<Metric>,
}

/// One metric. Its numbers are those of the batch alone, to be added to those of others (delta
/// temporality).
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// How its numbers are encoded.
    pub kind: MetricKind,
    /// Its numbers.
    pub points: Vec<Point>,
}

/// How the numbers of a metric are encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// How many lie between which of these bounds.
    Histogram(&'static [f64]),
    /// Their sum, which only grows.
    Sum,
}

/// Numbers with the same attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What the numbers are of; never a content.
    pub attributes: Vec<Attribute>,
    /// The numbers.
    pub values: Vec<f64>,
}

/// The metrics of the spans of a batch; none where it has no spans. Spans that travel in two batches
/// are counted in one of them.
pub fn metrics_of(batch: &SpanBatch) -> Option<MetricBatch> {
    let start = batch.spans.iter().map(|span| span.start).min()?;
    let end = batch.spans.iter().map(|span| span.end).max()?;
    let agent = batch.resource.iter().find(|attribute| attribute.key == SERVICE_NAME);
    let agent = match agent.map(|attribute| &attribute.value) {
        Some(Value::String(name)) => name.as_ref(),
        _ => "agent",
    };
    let mut metrics = Vec::new();
    for span in &batch.spans {
        match span.text(GEN_AI_OPERATION_NAME) {
            Some("chat") => observe_request(&mut metrics, span, agent),
            Some("execute_tool") => observe_tool(&mut metrics, span, agent),
            Some("invoke_agent") => {
                let attributes = described(span, &[GEN_AI_OPERATION_NAME, GEN_AI_AGENT_NAME]);
                let kind = MetricKind::Histogram(&TURN_SECONDS);
                let name = "gen_ai.invoke_agent.duration";
                observe(&mut metrics, name, "s", kind, attributes, seconds(span));
            }
            _ => {}
        }
        observe_tokens(&mut metrics, span);
    }
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    Some(MetricBatch { resource: batch.resource.clone(), start, end, metrics })
}

/// A batch with nothing in its spans but what [`metrics_of`] reads: small, and without contents.
pub fn measured(batch: &SpanBatch) -> SpanBatch {
    let kept = |attributes: &[Attribute], names: &[&str]| -> Vec<Attribute> {
        attributes.iter().filter(|kept| names.contains(&&*kept.key)).cloned().collect()
    };
    let event = |event: &SpanEvent| SpanEvent {
        attributes: kept(&event.attributes, &[EXCEPTION_TYPE]),
        name: event.name.clone(),
        time: event.time,
    };
    let span = |span: &Span| Span {
        attributes: kept(&span.attributes, &MEASURED),
        events: span.events.iter().map(event).collect(),
        name: String::new(),
        status: match &span.status {
            SpanStatus::Error(_) => SpanStatus::Error(String::new()),
            status => status.clone(),
        },
        ..*span
    };
    let spans = batch.spans.iter().map(span).collect();
    SpanBatch { resource: batch.resource.clone(), spans }
}

fn observe_request(to: &mut Vec<Metric>, span: &Span, agent: &str) {
    let kind = MetricKind::Histogram(&SECONDS);
    let attributes = || described(span, &REQUEST);
    let name = "gen_ai.client.operation.duration";
    observe(to, name, "s", kind, attributes(), seconds(span));
    if let Some(Value::Double(first)) = span.attribute(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK) {
        let name = "gen_ai.client.operation.time_to_first_chunk";
        observe(to, name, "s", kind, attributes(), *first);
    }
    if let Some(Value::Double(dollars)) = span.attribute(LLM_COST_TOTAL) {
        let name = format!("{agent}.cost");
        observe(to, name, "USD", MetricKind::Sum, attributes(), *dollars);
    }
}

fn observe_tool(to: &mut Vec<Metric>, span: &Span, agent: &str) {
    let attributes = described(span, &[GEN_AI_OPERATION_NAME, GEN_AI_TOOL_NAME, GEN_AI_TOOL_TYPE]);
    observe(to, format!("{agent}.tool.calls"), "{call}", MetricKind::Sum, attributes.clone(), 1.0);
    let kind = MetricKind::Histogram(&SECONDS);
    observe(to, "gen_ai.execute_tool.duration", "s", kind, attributes, seconds(span));
}

/// The conventions' counters of tokens. The last three are parts of the first two.
const COUNTERS: [(&str, &str); 5] = [
    (GEN_AI_USAGE_INPUT, "gen_ai.client.inference.usage.input_tokens"),
    (GEN_AI_USAGE_OUTPUT, "gen_ai.client.inference.usage.output_tokens"),
    (GEN_AI_USAGE_CACHE_READ, "gen_ai.client.inference.usage.cache_read.input_tokens"),
    (GEN_AI_USAGE_CACHE_WRITE, "gen_ai.client.inference.usage.cache_write.input_tokens"),
    (GEN_AI_USAGE_REASONING, "gen_ai.client.inference.usage.reasoning.output_tokens"),
];

/// In whichever span of the layout has them.
fn observe_tokens(to: &mut Vec<Metric>, span: &Span) {
    for (count, name) in COUNTERS {
        if let Some(tokens) = span.int(count) {
            let mut attributes = described(span, &REQUEST);
            attributes.push(Attribute::new(GEN_AI_TOKEN_MODALITY, "unknown"));
            observe(to, name, "{token}", MetricKind::Sum, attributes, tokens as f64);
        }
    }
    for (count, kind) in [(GEN_AI_USAGE_INPUT, "input"), (GEN_AI_USAGE_OUTPUT, "output")] {
        if let Some(tokens) = span.int(count) {
            let mut attributes = described(span, &REQUEST);
            attributes.push(Attribute::new(GEN_AI_TOKEN_TYPE, kind));
            let bounds = MetricKind::Histogram(&TOKENS);
            let name = "gen_ai.client.token.usage";
            observe(to, name, "{token}", bounds, attributes, tokens as f64);
        }
    }
}

const REQUEST: [&str; 3] = [GEN_AI_OPERATION_NAME, GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL];

/// These attributes of a span, and the kind of its error.
fn described(span: &Span, names: &[&'static str]) -> Vec<Attribute> {
    let texts = names.iter().filter_map(|name| Some((*name, span.text(name)?.to_owned())));
    let mut attributes: Vec<Attribute> =
        texts.map(|(name, text)| Attribute::new(name, text)).collect();
    if matches!(span.status, SpanStatus::Error(_)) {
        attributes.push(Attribute::new(ERROR_TYPE, error_type(span)));
    }
    attributes
}

/// The HTTP status or what else is known of an error, of which there are few kinds.
fn error_type(span: &Span) -> String {
    if let Some(status) = span.int(HTTP_RESPONSE_STATUS_CODE) {
        return status.to_string();
    }
    let exceptions = span.events.iter().flat_map(|event| &event.attributes);
    let mut kinds = exceptions.filter(|attribute| attribute.key == EXCEPTION_TYPE);
    let named = |attribute: &Attribute| {
        ["cancelled", "denied"].into_iter().find(|kind| attribute.value == Value::from(*kind))
    };
    kinds.find_map(named).unwrap_or("_OTHER").to_owned()
}

fn seconds(span: &Span) -> f64 {
    span.end.since(span.start) as f64 / 1e9
}

fn observe(
    to: &mut Vec<Metric>,
    name: impl Into<Cow<'static, str>>,
    unit: &'static str,
    kind: MetricKind,
    attributes: Vec<Attribute>,
    value: f64,
) {
    let name = name.into();
    let at = to.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
        to.push(Metric { name, unit, kind, points: Vec::new() });
        to.len() - 1
    });
    let points = &mut to[at].points;
    match points.iter_mut().find(|point| point.attributes == attributes) {
        Some(point) => point.values.push(value),
        None => points.push(Point { attributes, values: vec![value] }),
    }
}
