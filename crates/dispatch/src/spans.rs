//! What a target gets of a turn.

use std::collections::BTreeMap;

use codex_config::{AttributeValue, Settings, SpanLayout, TargetSettings, ToolErrors};
use otlp_model::encode::Scope;
use otlp_model::{
    Attribute, ContentPolicy, Hide, Layout, Span, SpanBatch, TreeOptions, Turn, each_span, names,
    resource_of, span_tree,
};

/// The instrumentation scope of our spans.
pub const SCOPE: Scope<'static> = Scope { name: "arize-codex", version: env!("CARGO_PKG_VERSION") };

/// The target's content policy and project, and the layout and attributes of all targets.
pub struct SpanPolicy {
    options: TreeOptions,
    project: String,
    resource_attributes: BTreeMap<String, String>,
}

impl SpanPolicy {
    /// As the settings say for this target.
    pub fn of(settings: &Settings, target: &TargetSettings) -> Self {
        Self {
            options: tree_options(settings, target),
            project: target.project_name.clone(),
            resource_attributes: settings.resource_attributes.clone(),
        }
    }

    /// The spans of a turn, as they will be sent.
    pub fn batch(&self, turn: &Turn) -> SpanBatch {
        SpanBatch { resource: self.resource(turn), spans: span_tree(turn, &self.options) }
    }

    /// The same spans, one by one.
    pub(crate) fn each(&self, turn: &Turn, take: &mut dyn FnMut(Span)) {
        each_span(turn, &self.options, take);
    }

    /// Whether the user's own attributes say where it runs, by its name now or until 2024.
    fn names_environment(&self) -> bool {
        let names = [names::DEPLOYMENT_ENVIRONMENT_NAME, "deployment.environment"];
        names.iter().any(|name| {
            self.resource_attributes.contains_key(*name)
                || self.options.attributes.iter().any(|attribute| attribute.key == *name)
        })
    }

    /// What sends them. Our own attributes win over those of the environment.
    pub(crate) fn resource(&self, turn: &Turn) -> Vec<Attribute> {
        let mut resource = resource_of(turn, &self.project);
        if self.names_environment() {
            resource.retain(|ours| ours.key != names::DEPLOYMENT_ENVIRONMENT_NAME);
        }
        for (name, value) in &self.resource_attributes {
            if resource.iter().all(|ours| ours.key != name.as_str()) {
                resource.push(Attribute::new(name.clone(), value.clone()));
            }
        }
        resource
    }
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
            numbers_only: content.numbers_only,
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
        ignore_exit_codes: settings.tool_errors == ToolErrors::Codex,
        user_id: settings.user_id.clone(),
        tags: settings.tags.clone(),
        attributes: attributes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use codex_config::{ConfigTexts, Environment, Paths};
    use otlp_model::Value;

    use super::*;

    #[test]
    fn codexs_environment_is_that_of_the_resource_unless_the_user_says_otherwise() {
        let check = |yaml: &str, variable: &str, expected: Option<&str>| {
            let texts = ConfigTexts { config_yaml: Some(yaml.to_owned()), ..Default::default() };
            let environment = Environment::new([("OTEL_RESOURCE_ATTRIBUTES", variable)]);
            let paths = Paths::new(std::path::Path::new("/nowhere"), None);
            let settings = Settings::resolve(&paths, &environment, &texts);
            let policy = SpanPolicy::of(&settings, &settings.targets[0]);
            let turn = Turn { environment: Some("production".to_owned()), ..Turn::default() };
            let resource = policy.resource(&turn);
            let named = |name: &str| {
                let mut found = resource.iter().filter(|attribute| attribute.key == name);
                found.next().map(|attribute| attribute.value.clone())
            };
            let expected = expected.map(|name| Value::from(name.to_owned()));
            assert_eq!(named("deployment.environment.name"), expected, "{yaml} {variable}");
        };
        check("", "", Some("production"));
        check("", "deployment.environment.name=ci", Some("ci"));
        check("", "deployment.environment=ci", None);
        let attributes = "harnesses: {codex: {attributes: {deployment.environment.name: ci}}}";
        check(attributes, "", None);
    }
}
