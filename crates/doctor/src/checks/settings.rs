//! Our own settings: do the files parse, and was anything in them passed over?

use buffer_api::log::chain;
use codex_config::{ConfigError, Environment, Paths, Settings, variables};

use crate::Finding;
use crate::words::edit;

const CHECK: &str = "settings";

/// What was read of the settings files and the environment.
pub fn check(settings: &Settings, paths: &Paths, shell: &Environment) -> Vec<Finding> {
    let take_back = |variable: &str| match shell.get(variable) {
        Some(_) if cfg!(windows) => format!("$env:{variable} = ''"),
        Some(_) => format!("unset {variable}"),
        None => edit(&paths.env_file),
    };
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
        let command = take_back(variables::ARIZE_TRACE_ENABLED);
        findings.push(Finding::failure(CHECK, message, command));
    }
    if settings.dry_run {
        let message = "the hook prints span names and sends nothing: `ARIZE_DRY_RUN` is set";
        findings.push(Finding::failure(CHECK, message, take_back(variables::ARIZE_DRY_RUN)));
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
    use codex_config::ConfigTexts;

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
            let shell = Environment::new([variable]);
            let settings = Settings::resolve(&paths, &shell, &texts);
            let findings = check(&settings, &paths, &shell);
            assert_eq!(findings.len(), expected.len(), "{findings:?}");
            for (finding, (level, part)) in findings.iter().zip(expected) {
                expect::finding(finding, level, part);
            }
        }
    }

    #[test]
    fn what_switches_tracing_off_is_taken_back_where_it_is_set() {
        let paths = Paths::new("/nowhere", None);
        let command = |shell: Environment, env_file: Option<&str>| {
            let env_file = env_file.map(str::to_owned);
            let texts = ConfigTexts { env_file, ..ConfigTexts::default() };
            let settings = Settings::resolve(&paths, &shell, &texts);
            check(&settings, &paths, &shell)[0].command.clone().unwrap()
        };
        let of_shell = command(Environment::new([("ARIZE_TRACE_ENABLED", "0")]), None);
        assert_eq!(of_shell.contains("unset"), cfg!(unix), "{of_shell}");
        let of_file = command(Environment::default(), Some("export ARIZE_TRACE_ENABLED=false"));
        assert_eq!(of_file, edit(&paths.env_file));
    }
}
