use std::fs;

use codex_config::{
    AttributeValue, ConfigTexts, Environment, Paths, PhoenixApi, PhoenixTarget, Secret, Settings,
    SpanLayout, Target, TlsFiles,
};
use expect_test::{Expect, expect};

use crate::{only, with_slashes};

const HOME: &str = "/home/ada";

/// The sources of one case, from the strongest to the weakest.
#[derive(Default, Clone, Copy)]
struct Sources<'a> {
    process: &'a [(&'a str, &'a str)],
    env_file: &'a str,
    yaml: Option<&'a str>,
    json: Option<&'a str>,
}

fn resolve(sources: Sources<'_>) -> Settings {
    let texts = ConfigTexts {
        env_file: Some(sources.env_file.to_owned()),
        config_yaml: sources.yaml.map(str::to_owned),
        config_json: sources.json.map(str::to_owned),
        ..ConfigTexts::default()
    };
    let environment = Environment::new(sources.process.iter().copied());
    Settings::resolve(&Paths::new(HOME, None), &environment, &texts)
}

fn from_yaml(yaml: &str) -> Settings {
    resolve(Sources { yaml: Some(yaml), ..Sources::default() })
}

fn from_process(process: &[(&str, &str)]) -> Settings {
    resolve(Sources { process, ..Sources::default() })
}

/// Adds the sources of one setting from the weakest to the strongest; each must take over.
#[track_caller]
fn check_precedence(
    show: fn(&Settings) -> String,
    default: &str,
    yaml: Option<(&str, &str)>,
    variable: &str,
    env_file: (&str, &str),
    process: (&str, &str),
) {
    let mut sources = Sources::default();
    assert_eq!(show(&resolve(sources)), default, "default");
    if let Some((text, expected)) = yaml {
        sources.yaml = Some(text);
        assert_eq!(show(&resolve(sources)), expected, "config.yaml");
    }
    let env_text = format!("export {variable}={}\n", env_file.0);
    sources.env_file = &env_text;
    assert_eq!(show(&resolve(sources)), env_file.1, "arize-env.sh");
    let process_variables = [(variable, process.0)];
    sources.process = &process_variables;
    let settings = resolve(sources);
    assert_eq!(show(&settings), process.1, "process");
    assert_eq!(settings.warnings, []);
}

#[test]
fn precedence() {
    let check = check_precedence;
    check(
        |s| s.enabled.to_string(),
        "true",
        None,
        "ARIZE_TRACE_ENABLED",
        ("no", "false"),
        ("ON", "true"),
    );
    check(|s| s.dry_run.to_string(), "false", None, "ARIZE_DRY_RUN", ("1", "true"), ("0", "false"));
    check(
        |s| s.verbose.to_string(),
        "false",
        None,
        "ARIZE_VERBOSE",
        ("yes", "true"),
        ("off", "false"),
    );
    check(
        |s| s.trace_debug.to_string(),
        "false",
        None,
        "ARIZE_TRACE_DEBUG",
        ("True", "true"),
        ("False", "false"),
    );
    check(
        |s| with_slashes(&s.log_file.display().to_string()),
        "/home/ada/.arize/harness/logs/codex.log",
        None,
        "ARIZE_LOG_FILE",
        ("'~/my logs/x.log'", "/home/ada/my logs/x.log"),
        ("/tmp/x.log", "/tmp/x.log"),
    );
    check(
        |s| s.user_id.clone().unwrap_or("none".to_owned()),
        "none",
        Some(("user_id: ada\n", "ada")),
        "ARIZE_USER_ID",
        ("\"eve\"", "eve"),
        ("bob", "bob"),
    );
    check(
        |s| s.targets[0].project_name.clone(),
        "codex",
        Some(("harnesses: {codex: {project_name: a}}\n", "a")),
        "ARIZE_PROJECT_NAME",
        ("b", "b"),
        ("c", "c"),
    );
    check(
        |s| s.collector.port.to_string(),
        "4318",
        Some(("harnesses:\n  codex:\n    collector:\n      port: 1\n", "1")),
        "ARIZE_CODEX_BUFFER_PORT",
        ("2", "2"),
        ("3", "3"),
    );
    check(
        |s| format!("{:?}", s.span_layout),
        "Agent",
        Some(("harnesses: {codex: {span_layout: turn}}\n", "Turn")),
        "ARIZE_SPAN_LAYOUT",
        ("agent", "Agent"),
        ("Turn", "Turn"),
    );
    check(
        |s| format!("{:?}", s.tool_errors),
        "ExitCode",
        Some(("harnesses: {codex: {tool_errors: codex}}\n", "Codex")),
        "ARIZE_TOOL_ERRORS",
        ("exit_code", "ExitCode"),
        ("Codex", "Codex"),
    );
}

#[test]
fn precedence_of_content_switches() {
    type Show = fn(&Settings) -> String;
    let switches: [(&str, &str, Show); 3] = [
        ("prompts", "ARIZE_LOG_PROMPTS", |s| s.targets[0].content.prompts.to_string()),
        ("tool_details", "ARIZE_LOG_TOOL_DETAILS", |s| {
            s.targets[0].content.tool_details.to_string()
        }),
        ("tool_content", "ARIZE_LOG_TOOL_CONTENT", |s| {
            s.targets[0].content.tool_content.to_string()
        }),
    ];
    for (key, variable, show) in switches {
        let yaml = format!("logging:\n  {key}: off\n");
        let yaml = Some((yaml.as_str(), "false"));
        check_precedence(show, "true", yaml, variable, ("true", "true"), ("no", "false"));
    }
}

/// Whoever says that there are to be no contents is obeyed, and no target takes that back.
#[test]
fn contents_are_none_for_all_targets_or_for_one() {
    let content = |variable: &str, all: &str, own: &str| {
        let yaml = format!(
            "logging: {{content: {all}}}\n\
             harnesses: {{codex: {{targets: [{{target: local}}, \
             {{target: otlp, endpoint: 'http://h', logging: {{content: {own}}}}}]}}}}\n"
        );
        let process = [("ARIZE_LOG_CONTENT", variable)];
        let settings =
            resolve(Sources { process: &process, yaml: Some(&yaml), ..Sources::default() });
        let [first, second] = &settings.targets[..] else { panic!("{:?}", settings.targets) };
        assert!(!second.content.numbers_only || !second.content.prompts);
        (settings.content_free, first.content.numbers_only, second.content.numbers_only)
    };
    assert_eq!(content("all", "all", "all"), (false, false, false));
    assert_eq!(content("all", "all", "none"), (false, false, true));
    assert_eq!(content("all", "None", "all"), (true, true, true));
    assert_eq!(content("none", "all", "all"), (true, true, true));
    assert_eq!(content("all", "nothing", "all"), (true, true, true));
    assert_eq!(content("all", "[]", "all"), (true, true, true));
}

#[test]
fn settings_that_only_the_file_has() {
    let settings = from_yaml(
        "\
logging: {max_attribute_bytes: 1000}
outbox: {max_bytes: 5000, max_age_days: 2}
store: {max_age: 90d, max_bytes: 7000, drop: All}
harnesses:
  other: {target: arize}
  codex:
    helper_threads: yes
    collector: {host: localhost}
    future_setting: [1]
    attributes: {service.team: core, tier: 2, weight: 0.5, beta: true}
",
    );
    assert_eq!(settings.targets[0].content.max_attribute_bytes, 1000);
    assert_eq!(settings.outbox.max_bytes, 5000);
    assert_eq!(settings.outbox.max_age.as_secs(), 2 * 24 * 3600);
    assert_eq!(settings.store.max_age.unwrap().as_secs(), 90 * 24 * 3600);
    assert_eq!(settings.store.max_bytes, Some(7000));
    assert!(settings.store.drops_numbers);
    assert!(settings.helper_threads);
    assert_eq!(settings.collector.host, "localhost");
    assert_eq!(settings.collector.port, 4318);
    let attributes: Vec<_> = settings.attributes.into_iter().collect();
    let expected = [
        ("beta", AttributeValue::Bool(true)),
        ("service.team", AttributeValue::Text("core".into())),
        ("tier", AttributeValue::Integer(2)),
        ("weight", AttributeValue::Float(0.5)),
    ];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value)));
    let warnings: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["`harnesses.codex.future_setting` is not a setting; ignored"]);
}

#[test]
fn defaults_without_any_configuration() {
    let settings = resolve(Sources::default());
    assert_eq!(settings.targets[0].content.max_attribute_bytes, 131_072);
    assert_eq!(settings.outbox.max_bytes, 268_435_456);
    assert_eq!(settings.outbox.max_age.as_secs(), 30 * 24 * 3600);
    assert!(!settings.store.is_limited() && !settings.store.drops_numbers);
    assert_eq!(settings.collector.host, "127.0.0.1");
    assert!(!settings.helper_threads && settings.attributes.is_empty());
    assert_eq!(settings.span_layout, SpanLayout::Agent);
    assert_eq!(only(settings).target.unwrap(), Target::Local);
}

#[test]
fn an_empty_value_counts_as_none() {
    let settings = resolve(Sources {
        process: &[("ARIZE_USER_ID", ""), ("ARIZE_PROJECT_NAME", "")],
        yaml: Some("user_id: ''\nharnesses: {codex: {project_name: p}}\n"),
        ..Sources::default()
    });
    assert_eq!(
        (settings.user_id.as_deref(), settings.targets[0].project_name.as_str()),
        (None, "p")
    );
}

#[test]
fn values_of_another_type_are_read_as_text() {
    let settings = from_yaml("user_id: 42\nharnesses: {codex: {collector: {port: '4400'}}}\n");
    assert_eq!(settings.user_id.as_deref(), Some("42"));
    assert_eq!(settings.collector.port, 4400);
}

#[test]
fn merge_keys_are_followed() {
    let settings = from_yaml(
        "base: &base {project_name: shared}\nharnesses:\n  codex:\n    <<: *base\n    target: local\n",
    );
    assert_eq!(only(settings).project_name, "shared");
}

#[test]
fn config_json_counts_only_without_config_yaml() {
    let json = Some(r#"{"user_id": "json", "harnesses": {"codex": {"target": "phoenix"}}}"#);
    let settings = resolve(Sources { json, ..Sources::default() });
    assert_eq!(settings.user_id.as_deref(), Some("json"));
    assert_eq!(only(settings).target.unwrap(), phoenix("http://localhost:6006", None, &[]));

    let settings = resolve(Sources { json, yaml: Some(""), ..Sources::default() });
    assert_eq!(settings.user_id, None);
}

#[track_caller]
fn check_warnings(sources: Sources<'_>, expected: Expect) {
    let lines: Vec<_> = resolve(sources).warnings.iter().map(ToString::to_string).collect();
    expected.assert_eq(&with_slashes(&lines.join("\n")));
}

#[test]
fn wrong_values_warn_and_the_next_source_holds() {
    let sources = Sources {
        process: &[
            ("ARIZE_TRACE_ENABLED", "maybe"),
            ("ARIZE_CODEX_BUFFER_PORT", "0"),
            ("ARIZE_SPAN_LAYOUT", "flat"),
        ],
        env_file: "export ARIZE_VERBOSE=$DEBUG\nif true; then\n",
        yaml: Some(
            "\
user_id: [ada]
logging: {max_attribute_bytes: -1}
outbox: {max_bytes: 0, max_age_days: 1.5}
store: {max_age: 0s, max_bytes: 10GB, drop: spans}
harnesses:
  codex:
    collector: {port: 4400}
    endpoint: http://localhost:6006
    attributes: {a: [1], b: 2}
",
        ),
        ..Sources::default()
    };
    check_warnings(
        sources,
        expect![[r#"
            `/home/ada/.codex/arize-env.sh` line 1: a shell expansion, which is not carried out; write the value itself; ignored
            `/home/ada/.codex/arize-env.sh` line 2: not an assignment; ignored
            `harnesses.codex.endpoint` has no effect without `harnesses.codex.target`
            `logging.max_attribute_bytes` is `-1`, not a number of bytes above 0; ignored
            `ARIZE_TRACE_ENABLED` is `maybe`, not true or false; ignored
            `user_id` is a list, not a single value; ignored
            `ARIZE_CODEX_BUFFER_PORT` is `0`, not a port from 1 to 65535; ignored
            `ARIZE_SPAN_LAYOUT` is `flat`, not `agent` or `turn`; ignored
            `harnesses.codex.attributes.a` is a list, not a single value; ignored
            `outbox.max_bytes` is `0`, not a number of bytes above 0; ignored
            `outbox.max_age_days` is `1.5`, not a number of days above 0; ignored
            `store.max_age` is `0s`, not an age such as `90d`; ignored
            `store.max_bytes` is `10GB`, not a number of bytes above 0; ignored
            `store.drop` is `spans`, not `contents` or `all`; ignored"#]],
    );
    let settings = resolve(sources);
    assert!(settings.enabled && settings.user_id.is_none());
    assert_eq!(settings.collector.port, 4400);
    assert_eq!(settings.targets[0].content.max_attribute_bytes, 131_072);
    assert_eq!(settings.attributes.len(), 1);
    assert_eq!(settings.span_layout, SpanLayout::Agent);
}

#[test]
fn a_wrong_content_switch_records_nothing() {
    let sources = Sources {
        process: &[("ARIZE_LOG_PROMPTS", "flase")],
        yaml: Some("logging: {prompts: true, tool_content: nope}\n"),
        ..Sources::default()
    };
    check_warnings(
        sources,
        expect![[r#"
        `ARIZE_LOG_PROMPTS` is `flase`, not true or false; taken as off
        `logging.tool_content` is `nope`, not true or false; taken as off"#]],
    );
    let content = only(resolve(sources)).content;
    assert!(!content.prompts && content.tool_details && !content.tool_content);
}

fn phoenix(endpoint: &str, api_key: Option<&str>, headers: &[(&str, &str)]) -> Target {
    Target::Phoenix(PhoenixTarget {
        endpoint: endpoint.to_owned(),
        api_key: api_key.map(Secret::new),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), Secret::new(*v))).collect(),
        api: PhoenixApi::Otlp,
        tls: TlsFiles::default(),
    })
}

#[track_caller]
fn check_target(sources: Sources<'_>, expected: Target) {
    assert_eq!(only(resolve(sources)).target.unwrap(), expected);
}

#[test]
fn phoenix_from_the_file() {
    let check = |codex: &str, expected| {
        let yaml = format!("harnesses:\n  codex: {{target: phoenix, {codex}}}\n");
        check_target(Sources { yaml: Some(&yaml), ..Sources::default() }, expected);
    };
    check("", phoenix("http://localhost:6006", None, &[]));
    check("api_key: ''", phoenix("http://localhost:6006", None, &[]));
    check("api_key: 12345", phoenix("http://localhost:6006", Some("12345"), &[]));
    check("endpoint: 'https://p.example/base/'", phoenix("https://p.example/base", None, &[]));
}

#[test]
fn phoenix_from_the_environment() {
    let yaml = "harnesses: {codex: {target: phoenix, endpoint: 'http://file', api_key: file}}\n";
    let process = [
        ("PHOENIX_COLLECTOR_ENDPOINT", "http://collector"),
        ("PHOENIX_API_KEY", "process"),
        ("PHOENIX_CLIENT_HEADERS", "x-team=a%20b, Authorization=Bearer%20t=, 50%=1"),
    ];
    let headers = [("x-team", "a b"), ("Authorization", "Bearer t="), ("50%", "1")];
    let sources = Sources { process: &process, yaml: Some(yaml), ..Sources::default() };
    check_target(sources, phoenix("http://collector", Some("process"), &headers));

    let process = [process[0], ("PHOENIX_ENDPOINT", "http://endpoint")];
    let sources = Sources { process: &process, ..Sources::default() };
    check_target(sources, phoenix("http://endpoint", None, &[]));
    check_target(
        Sources { yaml: Some("harnesses: {codex: {target: local}}\n"), ..sources },
        Target::Local,
    );
}

#[test]
fn broken_headers_warn_without_being_quoted() {
    let process = [
        ("PHOENIX_ENDPOINT", "http://p"),
        ("PHOENIX_CLIENT_HEADERS", "hunter2,a=1,,b=%0d%0aevil: 1,b c=1"),
    ];
    let sources = Sources { process: &process, ..Sources::default() };
    check_target(sources, phoenix("http://p", None, &[("a", "1")]));
    check_warnings(
        sources,
        expect![[r#"
        `PHOENIX_CLIENT_HEADERS` entry 1 is not `name=value`; ignored
        `PHOENIX_CLIENT_HEADERS` entry 4 is not `name=value`; ignored
        `PHOENIX_CLIENT_HEADERS` entry 5 is not `name=value`; ignored"#]],
    );
}

#[test]
fn the_project_names_of_phoenix_count_for_phoenix_only() {
    let project = |process: &[(&str, &str)]| only(from_process(process)).project_name;
    let phoenix = ("PHOENIX_ENDPOINT", "http://p");
    let (new, old) = (("PHOENIX_PROJECT", "new"), ("PHOENIX_PROJECT_NAME", "old"));
    assert_eq!(project(&[phoenix, old]), "old");
    assert_eq!(project(&[phoenix, old, new]), "new");
    assert_eq!(project(&[phoenix, old, new, ("ARIZE_PROJECT_NAME", "ours")]), "ours");
    assert_eq!(project(&[old, new]), "codex");
}

#[track_caller]
fn check_target_error(sources: Sources<'_>, expected: Expect) {
    let settings = resolve(sources);
    let log_file = with_slashes(settings.log_file.to_str().unwrap());
    assert_eq!(log_file, "/home/ada/.arize/harness/logs/codex.log");
    let error = only(settings).target.unwrap_err();
    expected.assert_eq(&format!("{error}\nhint: {}", error.hint()));
}

#[test]
fn target_errors_name_the_key_and_leave_the_rest_usable() {
    let yaml = |text| Sources { yaml: Some(text), ..Sources::default() };
    check_target_error(
        yaml("harnesses: {codex: {target: pheonix}}\n"),
        expect![[r#"
            `harnesses.codex.target` is `pheonix`; known targets are local, phoenix, arize, mlflow, otlp, file and stdout
            hint: run `arize-config set harnesses.codex.target phoenix` (or `local`)"#]],
    );
    check_target_error(
        yaml("harnesses: {codex: {target: phoenix, endpoint: 'localhost:6006'}}\n"),
        expect![[r#"
            `harnesses.codex.endpoint` is `localhost:6006`, which does not start with `http://` or `https://` and a host
            hint: write `harnesses.codex.endpoint` as a URL, for example `https://traces.example:443`"#]],
    );
    check_target_error(
        Sources { process: &[("PHOENIX_ENDPOINT", "http://")], ..Sources::default() },
        expect![[r#"
            `PHOENIX_ENDPOINT` is `http://`, which does not start with `http://` or `https://` and a host
            hint: write `PHOENIX_ENDPOINT` as a URL, for example `https://traces.example:443`"#]],
    );
}

#[track_caller]
fn check_unreadable(sources: Sources<'_>, expected: Expect) {
    let settings = resolve(sources);
    assert_eq!(settings.targets.len(), 0);
    let error = settings.unreadable.unwrap();
    let source = std::error::Error::source(&error).unwrap();
    expected.assert_eq(&with_slashes(&format!("{error}: {source}\nhint: {}", error.hint())));
}

#[test]
fn a_file_that_does_not_parse_stops_delivery_but_not_the_environment() {
    let sources = Sources {
        process: &[("ARIZE_USER_ID", "ada"), ("PHOENIX_ENDPOINT", "http://p")],
        yaml: Some("logging:\n  prompts: false\nharnesses: [\n"),
        ..Sources::default()
    };
    check_unreadable(
        sources,
        expect![[r#"
        `/home/ada/.arize/harness/config.yaml` is not valid: line 4, column 1: did not find expected node content, while parsing a flow node
        hint: correct the file, then run `arize-config dump` to check it"#]],
    );
    assert_eq!(resolve(sources).user_id.as_deref(), Some("ada"));
    check_unreadable(
        Sources { json: Some("{\n  \"a\": }"), ..Sources::default() },
        expect![[r#"
        `/home/ada/.arize/harness/config.json` is not valid: line 2, column 8: expected value
        hint: correct the file, then run `arize-config dump` to check it"#]],
    );
}

#[test]
fn no_credential_is_shown_by_debug() {
    let settings = from_process(&[
        ("PHOENIX_ENDPOINT", "http://p"),
        ("PHOENIX_API_KEY", "hunter2"),
        ("PHOENIX_CLIENT_HEADERS", "authorization=hunter2"),
    ]);
    let shown = format!("{settings:?}");
    assert!(shown.contains("authorization") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn trap_08_files_alone_configure_a_hook_in_the_environment_of_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::new(home.path(), Some(home.path().join("codex")));
    let environment = Environment::default();
    assert_eq!(only(Settings::load(&paths, &environment)).target.unwrap(), Target::Local);

    fs::create_dir_all(&paths.harness_home).unwrap();
    fs::create_dir_all(&paths.codex_home).unwrap();
    fs::write(&paths.legacy_config_file, r#"{"user_id": "json"}"#).unwrap();
    fs::write(&paths.env_file, "export ARIZE_VERBOSE=1\n").unwrap();
    let settings = Settings::load(&paths, &environment);
    assert_eq!((settings.user_id.as_deref(), settings.verbose), (Some("json"), true));

    fs::write(&paths.config_file, "user_id: yaml\n").unwrap();
    assert_eq!(Settings::load(&paths, &environment).user_id.as_deref(), Some("yaml"));

    // Not UTF-8, so it cannot be read as text; config.json must not take its place.
    fs::write(&paths.config_file, b"user_id: \xff\n").unwrap();
    let settings = Settings::load(&paths, &environment);
    assert_eq!((settings.user_id, settings.verbose), (None, true));
    let expected = format!("`{}` cannot be read", paths.config_file.display());
    assert_eq!(settings.unreadable.unwrap().to_string(), expected);
}

#[test]
fn turns_are_traced_everywhere_unless_folders_are_named() {
    let covers = |yaml: &str, cwd: Option<&str>| {
        from_yaml(yaml).folders.cover(cwd.map(std::path::Path::new))
    };
    let folders = "harnesses: {codex: {folders: [/srv/a, ~/b]}}";
    for (yaml, cwd, expected) in [
        ("", Some("/x"), true),
        ("", None, true),
        (folders, Some("/srv/a"), true),
        (folders, Some("/srv/a/deep/down"), true),
        (folders, Some("/home/ada/b/c"), true),
        (folders, Some("/srv/ab"), false),
        (folders, None, false),
        ("harnesses: {codex: {folders: /srv/a}}", Some("/srv/a/x"), true),
        ("harnesses: {codex: {folders: {a: b}}}", Some("/srv/a"), false),
    ] {
        assert_eq!(covers(yaml, cwd), expected, "{yaml} {cwd:?}");
    }
}

#[test]
fn a_typo_is_named_with_what_was_meant() {
    let yaml = "\
loging: {prompts: false}
claude: {any: thing}
logging: {promts: false, colour: red}
outbox: {max_days: 3}
harnesses:
  claude-code: {endpont: x}
  codex:
    endpont: hunter2
    logging: {prompts: false}
    user_id: ada
    collector: {hots: 127.0.0.1, forward: {endpoint: 'http://r', header: {a: b}}}
    headers: {any: thing}
    attributes: {any: thing}
    sampling: {ration: 0.5}
    targets:
      - {target: local, logging: {prompt: true, scrub: false}}
      - {target: local, nmae: x, folders: [a]}
";
    check_warnings(
        Sources { yaml: Some(yaml), ..Sources::default() },
        expect![[r#"
            `loging` is not a setting (did you mean `logging`?); ignored
            `logging.promts` is not a setting (did you mean `logging.prompts`?); ignored
            `logging.colour` is not a setting; ignored
            `outbox.max_days` is not a setting; ignored
            `harnesses.codex.endpont` is not a setting (did you mean `harnesses.codex.endpoint`?); ignored
            `harnesses.codex.logging` is not a setting (did you mean `logging`?); ignored
            `harnesses.codex.user_id` is not a setting (did you mean `user_id`?); ignored
            `harnesses.codex.collector.hots` is not a setting (did you mean `harnesses.codex.collector.host`?); ignored
            `harnesses.codex.collector.forward.header` is not a setting (did you mean `harnesses.codex.collector.forward.headers`?); ignored
            `harnesses.codex.sampling.ration` is not a setting (did you mean `harnesses.codex.sampling.ratio`?); ignored
            `harnesses.codex.targets[0].logging.prompt` is not a setting (did you mean `harnesses.codex.targets[0].logging.prompts`?); ignored
            `harnesses.codex.targets[0].logging.scrub` is not a setting (did you mean `logging.scrub`?); ignored
            `harnesses.codex.targets[1].nmae` is not a setting (did you mean `harnesses.codex.targets[1].name`?); ignored
            `harnesses.codex.targets[1].folders` is not a setting (did you mean `harnesses.codex.folders`?); ignored"#]],
    );
}
