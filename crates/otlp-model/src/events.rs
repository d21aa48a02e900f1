//! What happened within a turn that is no step, as events of its span.

use crate::content::without_nul;
use crate::span::{Attribute, SpanEvent, Value};
use crate::tree::TreeOptions;
use crate::turn::{Turn, TurnEvent};

/// How many events OpenTelemetry lets a span have by default.
const MOST: usize = 128;

/// The first events of a turn.
pub(crate) fn turn_events(turn: &Turn, options: &TreeOptions) -> Vec<SpanEvent> {
    let has_details = options.content.tool_details && !options.hide.inputs;
    let event = |event: &TurnEvent| {
        let details = event.details.iter().filter(|_| has_details);
        SpanEvent {
            name: without_nul(&event.name).into_owned().into(),
            time: event.time,
            attributes: event.attributes.iter().chain(details).map(clean).collect(),
        }
    };
    turn.events.iter().take(MOST).map(event).collect()
}

fn clean(attribute: &Attribute) -> Attribute {
    let mut attribute = attribute.clone();
    if let Value::String(text) = &mut attribute.value {
        *text = without_nul(text).into_owned().into();
    }
    attribute
}
