//! OpenInference's own switches: they hide more than the content policy, never less.

use crate::names::*;
use crate::span::{Attribute, Span, SpanKind, Value};

/// What stands in the place of what is hidden, as OpenInference's libraries write it.
const REDACTED: &str = "__REDACTED__";

/// What is hidden, by the names of OpenInference's variables (`OPENINFERENCE_HIDE_…`). Its other
/// variables hide what these spans never hold: embeddings and definitions of tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hide {
    /// What goes into each step: values, messages and arguments.
    pub inputs: bool,
    /// What comes out of each step.
    pub outputs: bool,
    /// The messages to the model.
    pub input_messages: bool,
    /// The messages of the model.
    pub output_messages: bool,
    /// Images in messages to the model; only their kind and size, or where they are, would leave.
    pub input_images: bool,
    /// Texts in messages to the model.
    pub input_text: bool,
    /// Texts in messages of the model.
    pub output_text: bool,
    /// Settings of requests.
    pub invocation_parameters: bool,
    /// The longest image in base64 that stays in a text, in bytes; all of them where it is none.
    pub base64_image_max_length: Option<usize>,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Keep,
    Redact,
    Remove,
}

impl Hide {
    /// Hides in a span.
    pub(crate) fn apply(&self, span: &mut Span) {
        if *self == Self::default() {
            return;
        }
        let kind = span.kind;
        span.attributes.retain_mut(|attribute| {
            if let (Some(max), Value::String(text)) =
                (self.base64_image_max_length, &mut attribute.value)
                && let Some(shorter) = without_long_images(text, max)
            {
                *text = shorter.into();
            }
            let treatment = self.treatment(kind, attribute);
            if treatment == Treatment::Redact {
                attribute.value = REDACTED.into();
            }
            treatment != Treatment::Remove
        });
    }

    fn treatment(&self, kind: SpanKind, attribute: &Attribute) -> Treatment {
        let is_llm = kind == SpanKind::Llm;
        let is_tool = kind == SpanKind::Tool;
        let value_in =
            self.inputs || (!is_tool && self.input_text) || (is_llm && self.input_messages);
        let value_out =
            self.outputs || (!is_tool && self.output_text) || (is_llm && self.output_messages);
        let key = &*attribute.key;
        let when = |hidden, treatment| if hidden { treatment } else { Treatment::Keep };
        match key {
            INPUT_VALUE if is_llm && self.input_images => Treatment::Redact,
            INPUT_VALUE => when(value_in, Treatment::Redact),
            INPUT_MIME_TYPE => when(value_in || (is_llm && self.input_images), Treatment::Remove),
            OUTPUT_VALUE => when(value_out, Treatment::Redact),
            OUTPUT_MIME_TYPE => when(value_out, Treatment::Remove),
            TOOL_PARAMETERS => when(self.inputs, Treatment::Remove),
            LLM_INVOCATION_PARAMETERS => when(self.invocation_parameters, Treatment::Remove),
            _ if key.starts_with(LLM_INPUT_MESSAGES) => {
                let is_hidden = is_text(key) && (self.input_text || self.is_image(attribute));
                match self.inputs || self.input_messages {
                    true => Treatment::Remove,
                    false => when(is_hidden, Treatment::Redact),
                }
            }
            _ if key.starts_with(LLM_OUTPUT_MESSAGES) => {
                match self.outputs || self.output_messages {
                    true => Treatment::Remove,
                    false => when(is_text(key) && self.output_text, Treatment::Redact),
                }
            }
            _ => Treatment::Keep,
        }
    }

    /// An image becomes a text of its own.
    fn is_image(&self, attribute: &Attribute) -> bool {
        let text = match &attribute.value {
            Value::String(text) => text.contains("<image"),
            _ => false,
        };
        self.input_images && text
    }
}

fn is_text(key: &str) -> bool {
    key.ends_with(".message.content") || key.ends_with(".message_content.text")
}

/// A text in which images of more than `max` bytes are replaced; none where it has none.
fn without_long_images(text: &str, max: usize) -> Option<String> {
    const START: &str = "data:image/";
    const MARK: &str = ";base64,";
    let mut shorter = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(START) {
        let image = &rest[start..];
        let is_data = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
        let data = image[..image.floor_char_boundary(100)]
            .find(MARK)
            .map_or(START.len(), |at| at + MARK.len());
        let length = image[data..].bytes().take_while(|byte| is_data(*byte)).count();
        let end = data + length;
        shorter.push_str(&rest[..start]);
        shorter.push_str(if end > max { REDACTED } else { &image[..end] });
        rest = &image[end..];
    }
    shorter.push_str(rest);
    (shorter != text).then_some(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_images_are_replaced_and_short_ones_stay() {
        let image = |bytes| format!("data:image/png;base64,{}", "A".repeat(bytes));
        let check = |text: String, expected: Option<String>| {
            assert_eq!(without_long_images(&text, 100), expected);
        };
        check("no image".to_owned(), None);
        check(image(50), None);
        check(format!("a {} b", image(100)), Some("a __REDACTED__ b".to_owned()));
        let both = format!("{} and {}.", image(50), image(500));
        check(both, Some(format!("{} and __REDACTED__.", image(50))));
    }
}
