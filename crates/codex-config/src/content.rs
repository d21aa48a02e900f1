//! What content a target gets to see.

use crate::reader::Source::{Key, Own, Variable};
use crate::reader::{Reader, Source};
use crate::{Warning, document, variables};

/// Says what content is recorded on spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentPolicy {
    /// Prompts and answers.
    pub prompts: bool,
    /// Arguments of tool calls.
    pub tool_details: bool,
    /// Output of tool calls.
    pub tool_content: bool,
    /// Nothing but numbers, times, ids, statuses, and the names of models, tools and repositories. The
    /// switches above are off then.
    pub numbers_only: bool,
    /// The length at which one attribute is cut, in bytes.
    pub max_attribute_bytes: usize,
}

/// Says what is taken for a secret and does not leave this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbing {
    /// Whether secrets are scrubbed at all.
    pub enabled: bool,
    /// Names beside which a secret stands, in addition to those that are known.
    pub further_names: Vec<String>,
}

/// Says what OpenInference's variables hide beyond the content policies, for every target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hidden {
    /// What goes into each step.
    pub inputs: bool,
    /// What comes out of each step.
    pub outputs: bool,
    /// The messages to the model.
    pub input_messages: bool,
    /// The messages of the model.
    pub output_messages: bool,
    /// Images in messages to the model.
    pub input_images: bool,
    /// Texts in messages to the model, prompts among them.
    pub input_text: bool,
    /// Texts in messages of the model, answers among them.
    pub output_text: bool,
    /// Settings of requests.
    pub invocation_parameters: bool,
    /// The longest image in base64 that stays in a text, in bytes.
    pub base64_image_max_length: Option<usize>,
}

/// Decides what OpenInference's variables hide.
pub(crate) fn hidden(reader: &mut Reader<'_>) -> Hidden {
    let mut hides = |names: &[&'static str]| names.iter().any(|name| reader.hides(name));
    Hidden {
        inputs: hides(&[variables::OPENINFERENCE_HIDE_INPUTS]),
        outputs: hides(&[variables::OPENINFERENCE_HIDE_OUTPUTS]),
        input_messages: hides(&[variables::OPENINFERENCE_HIDE_INPUT_MESSAGES]),
        output_messages: hides(&[variables::OPENINFERENCE_HIDE_OUTPUT_MESSAGES]),
        input_images: hides(&[variables::OPENINFERENCE_HIDE_INPUT_IMAGES]),
        input_text: hides(&[
            variables::OPENINFERENCE_HIDE_INPUT_TEXT,
            variables::OPENINFERENCE_HIDE_PROMPTS,
            variables::OPENINFERENCE_HIDE_LLM_PROMPTS,
        ]),
        output_text: hides(&[
            variables::OPENINFERENCE_HIDE_OUTPUT_TEXT,
            variables::OPENINFERENCE_HIDE_CHOICES,
        ]),
        invocation_parameters: hides(&[variables::OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS]),
        base64_image_max_length: reader.parsed(
            &[Variable(variables::OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH)],
            "a number of bytes",
            |text| text.trim().parse().ok(),
        ),
    }
}

/// Decides what is scrubbed, for every target: a switch that is not understood does not switch it off.
pub(crate) fn scrubbing(reader: &mut Reader<'_>) -> Scrubbing {
    Scrubbing {
        enabled: reader.flag(&[Key("logging.scrub")]).unwrap_or(true),
        further_names: reader.list("logging.scrub_keys"),
    }
}

/// Decides what the target that is being read gets to see.
pub(crate) fn policy(reader: &mut Reader<'_>) -> ContentPolicy {
    let groups_are_mappings = [is_mapping(reader, Key("logging")), is_own_mapping(reader)];
    let has_entry = reader.entry.is_some();
    let numbers_only = is_free(reader) || (has_entry && is_none(reader, Own(CONTENT)));
    let allowed = groups_are_mappings.iter().all(|is_mapping| *is_mapping) && !numbers_only;
    let mut switch = |variable, key| is_on(reader, variable, key) && allowed;
    ContentPolicy {
        numbers_only,
        prompts: switch(variables::ARIZE_LOG_PROMPTS, "logging.prompts"),
        tool_details: switch(variables::ARIZE_LOG_TOOL_DETAILS, "logging.tool_details"),
        tool_content: switch(variables::ARIZE_LOG_TOOL_CONTENT, "logging.tool_content"),
        max_attribute_bytes: max_attribute_bytes(reader),
    }
}

const CONTENT: &str = "logging.content";

/// Whether all targets are without contents. No target can take that back.
pub(crate) fn is_free(reader: &mut Reader<'_>) -> bool {
    let sources = [Variable(variables::ARIZE_LOG_CONTENT), Key(CONTENT)];
    sources.map(|source| is_none(reader, source)).contains(&true)
}

/// Whether a source says `none`. A word that is not understood says so, too: who wrote it did not want
/// the default.
fn is_none(reader: &mut Reader<'_>, source: Source) -> bool {
    let Some(value) = reader.content_word(source) else { return false };
    value != "all"
}

/// A variable that says no is obeyed by every target. Else a target's own key wins.
fn is_on(reader: &mut Reader<'_>, variable: &'static str, key: &'static str) -> bool {
    let from_environment = reader.content_switch(Variable(variable));
    if from_environment == Some(false) {
        return false;
    }
    let own = match reader.entry {
        Some(_) => reader.content_switch(Own(key)),
        None => None,
    };
    own.or(from_environment).or_else(|| reader.content_switch(Key(key))).unwrap_or(true)
}

fn max_attribute_bytes(reader: &mut Reader<'_>) -> usize {
    const KEY: &str = "logging.max_attribute_bytes";
    let sources = if reader.entry.is_some() { vec![Own(KEY), Key(KEY)] } else { vec![Key(KEY)] };
    let bytes = reader.parsed(&sources, "a number of bytes above 0", |text| {
        text.trim().parse().ok().filter(|bytes| *bytes != 0)
    });
    bytes.unwrap_or(128 * 1024)
}

fn is_own_mapping(reader: &mut Reader<'_>) -> bool {
    reader.entry.is_none() || is_mapping(reader, Own("logging"))
}

/// Whether the switches are where they can be read, if there are any. Where they are not, the
/// user who wrote something there did not want the defaults.
fn is_mapping(reader: &mut Reader<'_>, group: Source) -> bool {
    let Some(value) = reader.value(group).filter(|value| !value.is_mapping()) else { return true };
    let shown = document::scalar_text(value).unwrap_or_else(|| document::kind(value).to_owned());
    let warning = Warning::InvalidContentGroup { key: reader.name(group), value: shown };
    reader.warnings.push(warning);
    false
}
