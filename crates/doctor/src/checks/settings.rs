//! The settings: do the files parse, and was anything in them ignored?

use codex_config::{Settings, Warning, variables};
use program_log::chain;

use crate::Finding;
use crate::remedy::Remedies;
use crate::words::edit;

const CHECK: &str = "settings";

/// What was read of the settings files and the environment.
pub(crate) fn check(settings: &Settings, remedies: Remedies<'_>) -> Vec<Finding> {
    let paths = remedies.paths;
    let mut findings = Vec::new();
    if let Some(error) = &settings.unreadable {
        let message = format!("{}; nothing is sent until it can be read", chain(error));
        findings.push(Finding::failure(CHECK, message, edit(error.path())));
    }
    for warning in &settings.warnings {
        let command = mend(warning, remedies);
        findings.push(Finding::warning(CHECK, warning.to_string(), command));
    }
    if !settings.enabled {
        let message = "tracing is switched off by `ARIZE_TRACE_ENABLED`";
        let command = remedies.remove(variables::ARIZE_TRACE_ENABLED);
        findings.push(Finding::failure(CHECK, message, command));
    }
    if settings.dry_run {
        let message = "the hook prints span names and sends nothing: `ARIZE_DRY_RUN` is set";
        let command = remedies.remove(variables::ARIZE_DRY_RUN);
        findings.push(Finding::failure(CHECK, message, command));
    }
    if findings.is_empty() {
        let files = [&paths.config_file, &paths.legacy_config_file, &paths.env_file];
        let read: Vec<String> = files
            .into_iter()
            .filter(|path| path.exists())
            .map(|path| format!("`{}`", path.display()))
            .collect();
        let message = if read.is_empty() {
            "there is no `config.yaml`: the defaults apply".to_owned()
        } else {
            format!("{} understood", read.join(" and "))
        };
        findings.push(Finding::ok(CHECK, message));
    }
    if let Some(managed) = &settings.managed {
        let file = managed.file.display();
        let message = match &managed.locked[..] {
            [] => format!("`{file}` has defaults for this machine"),
            locked => format!("`{file}` decides, and locks {}", locked.join(", ")),
        };
        findings.push(Finding::ok(CHECK, message));
    }
    findings
}

/// The command that keeps what is in force now and takes the reason for the warning away.
fn mend(warning: &Warning, remedies: Remedies<'_>) -> String {
    match warning {
        // Content that is off by mistake is not switched on by a repair.
        Warning::InvalidContent { name, .. } => remedies.set(name, "none"),
        Warning::InvalidContentSwitch { name, .. } => remedies.set(name, "false"),
        Warning::InvalidHideSwitch { name, .. } => remedies.set(name, "true"),
        Warning::UnknownKey { key, meant: Some(meant) } => remedies.rename(key, meant),
        Warning::InvalidValue { name: key, .. }
        | Warning::NotScalar { key, .. }
        | Warning::NotMapping { key, .. }
        | Warning::UnknownKey { key, meant: None }
        | Warning::NoMetrics { key, .. } => remedies.remove(key),
        Warning::EndpointWithoutTarget => remedies.set("harnesses.codex.target", "phoenix"),
        Warning::TargetBesideTargets => remedies.remove("harnesses.codex.target"),
        Warning::EnvFileLine { path, .. } => edit(path),
        Warning::InvalidPair { name, .. } => remedies.remove(name),
        Warning::InvalidContentGroup { .. } | Warning::NotForwarded { .. } => {
            edit(&remedies.paths.config_file)
        }
    }
}

#[cfg(test)]
mod tests {
    use codex_config::{ConfigTexts, Environment, Paths};

    use super::*;
    use crate::Level;
    use crate::checks::expect;

    #[test]
    fn what_is_wrong_is_said_once_and_what_is_right_in_a_line() {
        use Level::{Failure, Ok, Warning};
        let paths = Paths::new("/nowhere", None);
        for (yaml, variable, expected) in [
            ("", ("A", "b"), vec![(Ok, "the defaults apply")]),
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
            let findings = check(&settings, Remedies { paths: &paths, shell: &shell });
            assert_eq!(findings.len(), expected.len(), "{findings:?}");
            for (finding, (level, part)) in findings.iter().zip(expected) {
                expect::finding(finding, level, part);
            }
        }
    }

    /// What is in force stays in force.
    #[cfg(unix)]
    #[test]
    fn a_warning_comes_with_the_command_that_takes_its_reason_away() {
        let paths = Paths::new("/nowhere", None);
        let shell = Environment::default();
        let edit = edit(&paths.config_file);
        for (yaml, command) in [
            ("logging: {prompts: maybe}", "arize-config set logging.prompts false"),
            ("logging: {scrub: maybe}", "arize-config delete logging.scrub"),
            (
                "user_ids: x",
                "arize-config set user_id \"$(arize-config get user_ids)\" && arize-config delete user_ids",
            ),
            ("harnesses: {codex: {zebra: 1}}", "arize-config delete harnesses.codex.zebra"),
            (
                "harnesses: {codex: {attributes: 7}}",
                "arize-config delete harnesses.codex.attributes",
            ),
            ("codex: {target: local}", &edit),
            (
                "harnesses: {codex: {endpoint: 'http://h'}}",
                "arize-config set harnesses.codex.target phoenix",
            ),
            (
                "harnesses: {codex: {target: local, targets: [{target: local}]}}",
                "arize-config delete harnesses.codex.target",
            ),
        ] {
            let texts =
                ConfigTexts { config_yaml: Some(yaml.to_owned()), ..ConfigTexts::default() };
            let settings = Settings::resolve(&paths, &shell, &texts);
            let findings = check(&settings, Remedies { paths: &paths, shell: &shell });
            assert_eq!(findings[0].command.as_deref(), Some(command), "{yaml}: {findings:?}");
            assert_eq!(findings.len(), 1, "{findings:?}");
        }
    }

    #[test]
    fn what_switches_tracing_off_is_taken_back_where_it_is_set() {
        let paths = Paths::new("/nowhere", None);
        let command = |shell: Environment, env_file: Option<&str>| {
            let env_file = env_file.map(str::to_owned);
            let texts = ConfigTexts { env_file, ..ConfigTexts::default() };
            let settings = Settings::resolve(&paths, &shell, &texts);
            check(&settings, Remedies { paths: &paths, shell: &shell })[0].command.clone().unwrap()
        };
        let of_shell = command(Environment::new([("ARIZE_TRACE_ENABLED", "0")]), None);
        assert_eq!(of_shell.contains("unset"), cfg!(unix), "{of_shell}");
        let of_file = command(Environment::default(), Some("export ARIZE_TRACE_ENABLED=false"));
        assert_eq!(of_file, edit(&paths.env_file));
    }
}
