//! From a turn to its target.

use std::collections::BTreeMap;
use std::time::Duration;

use codex_config::{
    AttributeValue, ConfigError, Paths, Settings, SpanLayout, TargetError, TargetSettings,
};
use exporters::{ExportError, Exporter};
use otlp_model::encode::Scope;
use otlp_model::{
    Attribute, ContentPolicy, Hide, Layout, SpanBatch, TreeOptions, Turn, names, span_tree,
};

use crate::exporter::exporter;

/// The instrumentation scope of our spans.
pub(crate) const SCOPE: Scope<'static> =
    Scope { name: "arize-codex", version: env!("CARGO_PKG_VERSION") };

/// A target, ready to take turns.
pub struct Delivery {
    exporter: Box<dyn Exporter>,
    options: TreeOptions,
    project: String,
    resource_attributes: BTreeMap<String, String>,
}

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The settings name none that can be used.
    #[error("{error} (hint: {hint})")]
    Target {
        /// What is wrong.
        error: String,
        /// What to do.
        hint: String,
    },
    /// There is none.
    #[error("the settings name no target")]
    Nowhere,
    /// Its exporter does not take its settings.
    #[error(
        "{0} (hint: correct it below `harnesses.codex`; `arize-config dump` shows what is there)"
    )]
    Exporter(#[from] exporters::ConfigError),
}

impl Delivery {
    /// The target of the settings; each request to it ends within `timeout`.
    pub fn to_target(
        settings: &Settings,
        paths: &Paths,
        timeout: Duration,
    ) -> Result<Self, DeliveryError> {
        if let Some(error) = &settings.unreadable {
            return Err(unreadable(error));
        }
        let [target, ..] = &*settings.targets else { return Err(DeliveryError::Nowhere) };
        let exporter =
            exporter(target.target.as_ref().map_err(target_error)?, target, paths, timeout)?;
        Ok(Self::to_exporter(exporter, settings, target))
    }

    /// Any exporter, with the target's content policy and the settings' layout and attributes.
    pub fn to_exporter(
        exporter: Box<dyn Exporter>,
        settings: &Settings,
        target: &TargetSettings,
    ) -> Self {
        Self {
            exporter,
            options: tree_options(settings, target),
            project: target.project_name.clone(),
            resource_attributes: settings.resource_attributes.clone(),
        }
    }

    /// The target's name.
    pub fn target(&self) -> &str {
        self.exporter.target()
    }

    /// The spans of a turn, as they will be sent. Our own attributes of the resource win over those
    /// of the environment.
    pub fn batch(&self, turn: &Turn) -> SpanBatch {
        let mut resource = vec![
            Attribute::new(names::SERVICE_NAME, turn.agent.name),
            Attribute::new(names::OPENINFERENCE_PROJECT_NAME, self.project.clone()),
        ];
        if let Some(version) = &turn.agent.version {
            resource.push(Attribute::new(names::SERVICE_VERSION, version.clone()));
        }
        for (name, value) in &self.resource_attributes {
            if resource.iter().all(|ours| ours.key != name.as_str()) {
                resource.push(Attribute::new(name.clone(), value.clone()));
            }
        }
        SpanBatch { resource, spans: span_tree(turn, &self.options) }
    }

    /// Sends the spans of a turn.
    pub fn send(&self, batch: &SpanBatch) -> Result<(), ExportError> {
        self.exporter.export(batch).map(drop)
    }
}

fn target_error(error: &TargetError) -> DeliveryError {
    DeliveryError::Target { error: error.to_string(), hint: error.hint() }
}

fn unreadable(error: &ConfigError) -> DeliveryError {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    let error_text = format!("{error}{}", source.unwrap_or_default());
    DeliveryError::Target { error: error_text, hint: error.hint().to_owned() }
}

fn tree_options(settings: &Settings, target: &TargetSettings) -> TreeOptions {
    let (content, hidden) = (target.content, &settings.hidden);
    let attributes = settings.attributes.iter().map(|(key, value)| match value {
        AttributeValue::Text(text) => Attribute::new(key.clone(), text.clone()),
        AttributeValue::Integer(number) => Attribute::new(key.clone(), *number),
        AttributeValue::Float(number) => Attribute::new(key.clone(), *number),
        AttributeValue::Bool(truth) => Attribute::new(key.clone(), *truth),
    });
    TreeOptions {
        layout: match settings.span_layout {
            SpanLayout::Agent => Layout::Agent,
            SpanLayout::Turn => Layout::Turn,
        },
        content: ContentPolicy {
            prompts: content.prompts,
            tool_details: content.tool_details,
            tool_content: content.tool_content,
            max_bytes: content.max_attribute_bytes,
        },
        hide: Hide {
            inputs: hidden.inputs,
            outputs: hidden.outputs,
            input_messages: hidden.input_messages,
            output_messages: hidden.output_messages,
            input_images: hidden.input_images,
            input_text: hidden.input_text,
            output_text: hidden.output_text,
            invocation_parameters: hidden.invocation_parameters,
            base64_image_max_length: hidden.base64_image_max_length,
        },
        user_id: settings.user_id.clone(),
        attributes: attributes.collect(),
    }
}
