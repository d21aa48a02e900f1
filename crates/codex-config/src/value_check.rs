//! Whether an edit of `config.yaml` sets something that has no meaning: a key that is no setting, or a
//! value that its setting does not understand.
//!
//! Settings that are merely not complete yet are none of this: they are set one after the other.

use crate::{ConfigTexts, Environment, KeyPath, Paths, Settings, TargetError, Warning};

/// What the edit of a key from one text of the file to another has made wrong with that key.
pub fn problems(paths: &Paths, key: &KeyPath, before: &str, after: &str) -> Vec<String> {
    let known = all(paths, before);
    let segments = key.segments();
    // The key, or a mapping in which it stands.
    let names: Vec<String> =
        (1..=segments.len()).map(|end| format!("`{}`", segments[..end].join("."))).collect();
    all(paths, after)
        .into_iter()
        .filter(|problem| {
            !known.contains(problem) && names.iter().any(|name| problem.contains(name))
        })
        .collect()
}

fn all(paths: &Paths, text: &str) -> Vec<String> {
    let texts = ConfigTexts { config_yaml: Some(text.to_owned()), ..ConfigTexts::default() };
    let settings = Settings::resolve(paths, &Environment::default(), &texts);
    let warnings = settings.warnings.iter().filter(|warning| is_about_a_value(warning));
    let warnings = warnings.map(|warning| said(&warning.to_string()));
    let errors = settings.targets.iter().filter_map(|target| target.target.as_ref().err());
    let errors = errors.filter(|error| is_about_a_setting(error)).map(ToString::to_string);
    warnings.chain(errors).collect()
}

/// A warning without what comes of it, which is for a file that is in use.
fn said(warning: &str) -> String {
    warning.split("; ").next().unwrap_or(warning).to_owned()
}

fn is_about_a_value(warning: &Warning) -> bool {
    match warning {
        Warning::InvalidValue { .. }
        | Warning::InvalidContent { .. }
        | Warning::InvalidContentSwitch { .. }
        | Warning::InvalidContentGroup { .. }
        | Warning::NotScalar { .. }
        | Warning::NotMapping { .. }
        | Warning::NotForwarded { .. }
        | Warning::UnknownKey { .. } => true,
        Warning::InvalidHideSwitch { .. }
        | Warning::EnvFileLine { .. }
        | Warning::InvalidPair { .. }
        | Warning::EndpointWithoutTarget
        | Warning::NoMetrics { .. }
        | Warning::TargetBesideTargets => false,
    }
}

fn is_about_a_setting(error: &TargetError) -> bool {
    match error {
        TargetError::Unknown { .. }
        | TargetError::NoList { .. }
        | TargetError::InvalidEndpoint { .. }
        | TargetError::InvalidSetting { .. }
        | TargetError::Databricks { .. }
        | TargetError::InvalidHeader { .. } => true,
        TargetError::Missing { .. }
        | TargetError::MissingSettings { .. }
        | TargetError::OnlyInDryRun
        | TargetError::NoEndpoint { .. } => false,
    }
}
