//! Settings of an administrator: what they decide, and that nothing of a user's takes it back.

use std::fs;

use codex_config::{ConfigTexts, Environment, Paths, Settings, Target};

/// The settings of a user under those of an administrator.
fn under(managed: &str, process: &[(&str, &str)], env_file: &str, user: &str) -> Settings {
    let texts = ConfigTexts {
        managed: Some(managed.to_owned()),
        config_yaml: Some(user.to_owned()),
        env_file: Some(env_file.to_owned()),
        ..ConfigTexts::default()
    };
    let environment = Environment::new(process.iter().copied());
    Settings::resolve(&Paths::new("/home/ada", None), &environment, &texts)
}

const TEAM: &str = "\
locked: [logging, harnesses.codex.targets, harnesses.codex.target, enabled]
user_id: nobody
logging: {content: none}
harnesses:
  codex:
    attributes: {team: payments}
    targets:
    - {target: otlp, endpoint: 'http://collector:4318'}
";

#[test]
fn what_is_locked_stays_whatever_a_user_writes_or_exports() {
    let process = [
        ("ARIZE_LOG_CONTENT", "all"),
        ("ARIZE_LOG_PROMPTS", "true"),
        ("ARIZE_TRACE_ENABLED", "false"),
        ("ARIZE_DRY_RUN", "true"),
        ("PHOENIX_ENDPOINT", "http://mine"),
        ("PHOENIX_COLLECTOR_ENDPOINT", "http://mine"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://mine"),
        ("ARIZE_API_KEY", "k"),
        ("ARIZE_SPACE_ID", "s"),
        ("MLFLOW_TRACKING_URI", "http://mine"),
        ("ARIZE_PROJECT_NAME", "mine"),
    ];
    let exports: String =
        process.iter().map(|(name, value)| format!("export {name}={value}\n")).collect();
    let user = "\
logging: {content: all, prompts: true, scrub: false}
harnesses:
  codex:
    target: phoenix
    endpoint: http://mine
    targets:
    - {target: phoenix, endpoint: 'http://mine', logging: {content: all}}
";
    for (process, env_file) in [(&process[..], ""), (&[], &*exports), (&process[..], &*exports)] {
        let settings = under(TEAM, process, env_file, user);
        let [target] = &settings.targets[..] else { panic!("{:?}", settings.targets) };
        let Ok(Target::Otlp(otlp)) = &target.target else { panic!("{target:?}") };
        assert!(format!("{otlp:?}").contains("http://collector:4318"), "{otlp:?}");
        assert!(target.content.numbers_only && !target.content.prompts && settings.content_free);
        assert!(settings.scrubbing.enabled && settings.enabled && !settings.dry_run);
        let managed = settings.managed.as_ref().unwrap();
        assert_eq!(managed.lock_of("logging.prompts"), Some("logging"));
        assert_eq!(managed.lock_of("loggings"), None);
    }
}

#[test]
fn what_is_not_locked_is_a_default() {
    let team = "user_id: nobody\nharnesses: {codex: {attributes: {team: payments, a: 1}}}\n";
    let settings = under(team, &[], "", "");
    assert_eq!(settings.user_id.as_deref(), Some("nobody"));
    assert_eq!(settings.attributes.len(), 2);
    let user = "user_id: ada\nharnesses: {codex: {attributes: {a: 2}}}\n";
    let settings = under(team, &[], "", user);
    assert_eq!(settings.user_id.as_deref(), Some("ada"));
    assert_eq!(settings.attributes.len(), 2, "mappings are merged: {:?}", settings.attributes);
    let settings = under(team, &[("ARIZE_USER_ID", "grace")], "", user);
    assert_eq!(settings.user_id.as_deref(), Some("grace"));
    let locked = under(&format!("{team}locked: user_id\n"), &[("ARIZE_USER_ID", "g")], "", user);
    assert_eq!(locked.user_id.as_deref(), Some("nobody"));
}

/// A key that is locked without a value has its default.
#[test]
fn a_switch_is_locked_for_the_targets_of_a_user_too() {
    let user = "\
harnesses:
  codex:
    targets:
      mine: {target: otlp, endpoint: 'http://mine', logging: {prompts: true, tool_details: false}}
";
    let team = "locked: [logging.prompts]\nlogging: {prompts: false}\n";
    let settings = under(team, &[("ARIZE_LOG_PROMPTS", "true")], "", user);
    let content = &settings.targets[0].content;
    assert!(!content.prompts && !content.tool_details && content.tool_content, "{content:?}");
    let scrub = under("locked: [logging.scrub]\n", &[], "", "logging: {scrub: false}\n");
    assert!(scrub.scrubbing.enabled);
}

/// What was to be forbidden is not known then.
#[test]
fn a_slip_of_the_pen_stops_delivery_and_is_named() {
    for (team, said) in [
        ("locked: [loging]\n", "locks `loging`, which is not a setting"),
        ("locked: [[a]]\n", "which is not a setting"),
        ("locked: [\n", "is not valid"),
    ] {
        let settings = under(team, &[], "", "harnesses: {codex: {target: local}}\n");
        assert!(settings.targets.is_empty());
        let error = settings.unreadable.unwrap().to_string();
        assert!(error.contains(said) && error.contains("arize-codex"), "{error}");
    }
    let unknown = under("logging: {promts: false}\n", &[], "", "");
    let warnings: Vec<_> = unknown.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.concat().contains("`logging.promts` is not a setting"), "{warnings:?}");
}

/// As root, which owns what it makes; others cannot make a file that counts.
#[cfg(unix)]
#[test]
fn only_a_file_of_root_counts() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Paths::new(folder.path().join("home"), None);
    paths.managed_file = folder.path().join("config.yaml");
    let none: [(&str, &str); 0] = [];
    let load = || Settings::load(&paths, &Environment::new(none));
    assert!(load().unreadable.is_none() && load().managed.is_none());
    fs::write(&paths.managed_file, "locked: [logging]\nlogging: {content: none}\n").unwrap();
    let chmod = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(folder.path(), 0o755);
    chmod(&paths.managed_file, 0o644);
    let is_root = fs::metadata(&paths.managed_file).unwrap().uid() == 0;
    assert_eq!(load().content_free, is_root);
    assert_eq!(load().unreadable.is_some(), !is_root);
    chmod(&paths.managed_file, 0o664);
    let settings = load();
    assert!(settings.targets.is_empty());
    assert!(settings.unreadable.unwrap().to_string().contains("writable by root alone"));
    chmod(&paths.managed_file, 0o644);
    chmod(folder.path(), 0o777);
    assert!(load().unreadable.is_some());
}

/// A group of switches that is not understood is off as a whole, and stays off.
#[test]
fn a_locked_switch_opens_no_other() {
    let switches = [
        "logging: false\nharnesses: {codex: {target: local}}\n",
        "harnesses: {codex: {targets: {mine: {target: local, logging: false}}}}\n",
    ];
    for user in switches {
        for team in ["", "locked: [logging.prompts]\nlogging: {prompts: false}\n"] {
            let content = under(team, &[], "", user).targets[0].content;
            let is_open = content.prompts || content.tool_details || content.tool_content;
            assert!(!is_open, "{team} {user} {content:?}");
        }
    }
}

/// Also none of those that older settings of this program had.
#[test]
fn no_variable_moves_a_locked_target() {
    let one = "\
locked: [harnesses.codex.target, harnesses.codex.endpoint]
harnesses: {codex: {target: otlp, endpoint: 'http://collector:4318'}}
";
    let process = [
        ("CODEX_OTLP_ENABLE", "true"),
        ("CODEX_OTLP_ENDPOINT", "http://mine"),
        ("CODEX_OTLP_HEADERS", "mine=1"),
        ("CODEX_OTLP_CACERTFILE", "/mine"),
    ];
    for team in [TEAM, one] {
        let targets = under(team, &process, "", "").targets;
        let said = format!("{targets:?}");
        assert!(said.contains("http://collector:4318") && !said.contains("mine"), "{said}");
    }
}
