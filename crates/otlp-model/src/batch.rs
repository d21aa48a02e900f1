//! From a turn to what is sent of it.

use crate::names::*;
use crate::span::{Attribute, SpanBatch};
use crate::tree::{TreeOptions, span_tree};
use crate::turn::Turn;

impl SpanBatch {
    /// The spans of a turn, for this project of the backend.
    pub fn of(turn: &Turn, project: &str, options: &TreeOptions) -> Self {
        Self { resource: resource_of(turn, project), spans: span_tree(turn, options) }
    }
}

/// What sends the spans of a turn: the harness and its version, the project, and where it runs.
pub fn resource_of(turn: &Turn, project: &str) -> Vec<Attribute> {
    let mut resource = vec![
        Attribute::new(SERVICE_NAME, turn.agent.name.clone()),
        Attribute::new(OPENINFERENCE_PROJECT_NAME, project.to_owned()),
    ];
    if let Some(version) = &turn.agent.version {
        resource.push(Attribute::new(SERVICE_VERSION, version.clone()));
    }
    if let Some(environment) = &turn.environment {
        resource.push(Attribute::new(DEPLOYMENT_ENVIRONMENT_NAME, environment.clone()));
    }
    resource
}
