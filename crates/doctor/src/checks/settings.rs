//! Our own settings: do the files parse, and was anything in them passed over?

use buffer_api::log::chain;
use codex_config::{ConfigError, Paths, Settings};

use crate::Finding;
use crate::words::edit;

const CHECK: &str = "settings";

/// What was read of the settings files and the environment.
pub fn check(settings: &Settings, paths: &Paths) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(error) = &settings.unreadable {
        let (ConfigError::Read { path, .. } | ConfigError::Parse { path, .. }) = error;
        let message = format!("{}; nothing is sent until it can be read", chain(error));
        findings.push(Finding::failure(CHECK, message, edit(path)));
    }
    for warning in &settings.warnings {
        findings.push(Finding::warning(CHECK, warning.to_string(), "arize-config dump"));
    }
    if !settings.enabled {
        let message = "tracing is switched off by `ARIZE_TRACE_ENABLED`";
        findings.push(Finding::failure(CHECK, message, "unset ARIZE_TRACE_ENABLED"));
    }
    if settings.dry_run {
        let message = "the hook prints span names and sends nothing: `ARIZE_DRY_RUN` is set";
        findings.push(Finding::failure(CHECK, message, "unset ARIZE_DRY_RUN"));
    }
    if findings.is_empty() {
        let files = [&paths.config_file, &paths.legacy_config_file, &paths.env_file];
        let read: Vec<String> = files
            .into_iter()
            .filter(|path| path.exists())
            .map(|path| format!("`{}`", path.display()))
            .collect();
        let message = if read.is_empty() {
            "there is no `config.yaml`, so the defaults hold".to_owned()
        } else {
            format!("{} understood", read.join(" and "))
        };
        findings.push(Finding::ok(CHECK, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use codex_config::{ConfigTexts, Environment};

    use super::*;
    use crate::Level;
    use crate::checks::expect;

    #[test]
    fn what_is_wrong_is_said_once_and_what_is_right_in_a_line() {
        use Level::{Failure, Ok, Warning};
        let paths = Paths::new("/nowhere", None);
        for (yaml, variable, expected) in [
            ("", ("A", "b"), vec![(Ok, "the defaults hold")]),
            ("a: [", ("A", "b"), vec![(Failure, "config.yaml` is not valid: line 2")]),
            ("logging: {prompts: perhaps}", ("A", "b"), vec![(Warning, "taken as off")]),
            ("", ("ARIZE_TRACE_ENABLED", "false"), vec![(Failure, "switched off")]),
            (
                "logging: {prompts: 7}",
                ("ARIZE_DRY_RUN", "1"),
                vec![(Warning, "`7`"), (Failure, "prints span names")],
            ),
        ] {
            let texts =
                ConfigTexts { config_yaml: Some(yaml.to_owned()), ..ConfigTexts::default() };
            let settings = Settings::resolve(&paths, &Environment::new([variable]), &texts);
            let findings = check(&settings, &paths);
            assert_eq!(findings.len(), expected.len(), "{findings:?}");
            for (finding, (level, part)) in findings.iter().zip(expected) {
                expect::finding(finding, level, part);
            }
        }
    }
}
