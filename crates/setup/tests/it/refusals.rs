//! What is refused, with nothing changed.

use std::env::consts::EXE_SUFFIX;
use std::error::Error;
use std::fs;

use codex_config::{Environment, Paths, variables};
use setup::ask::TakeProposed;
use setup::{Backend, ExistingOtel, Request};

use crate::home::{Home, PROFILE, quiet};

#[track_caller]
fn check(home: &Home, request: &Request, expected: &str) {
    let before = home.tree();
    let attempt = || -> Result<(), Box<dyn Error>> {
        let facts = setup::inspect(&home.machine, request)?;
        let answers =
            setup::interview(request, &facts, &home.machine, &mut TakeProposed::default())?;
        setup::plan(&home.machine, &facts, &answers)?;
        Ok(())
    };
    let error = attempt().unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    assert_eq!(home.shown(&text), expected);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_malformed_config_toml_is_named_with_line_and_column() {
    let home = Home::with(&[(".codex/config.toml", "a = 1\nb = = 2\n")]);
    check(
        &home,
        &quiet(),
        "`~/.codex/config.toml` cannot be understood: line 2, column 5: extra `=`, expected nothing",
    );
}

#[test]
fn a_malformed_config_yaml_is_named_too() {
    let home = Home::with(&[(".arize/harness/config.yaml", "a: [1\nb: 2\n")]);
    let facts = setup::inspect(&home.machine, &quiet()).unwrap_err();
    let text = format!("{facts}: {}", facts.source().unwrap());
    assert!(text.contains("config.yaml` cannot be understood: line 2"), "{text}");
}

#[test]
fn a_file_that_cannot_be_edited_is_named_with_the_reason() {
    let half = "a\n# >>> arize-codex >>>\n";
    for (file, content, expected) in [
        (PROFILE, half, "cannot be edited: line 2: `# >>> arize-codex >>>` has no counterpart"),
        (
            ".arize/harness/config.yaml",
            "harnesses: [a]\n",
            "cannot be edited: `harnesses` holds a list, so `harnesses.codex.target` cannot be set below it",
        ),
        (
            ".codex/config.toml",
            "otel = 1\n",
            "cannot be edited: line 1: `otel` holds a number, not a table",
        ),
    ] {
        let home = Home::with(&[(file, content)]);
        check(&home, &quiet(), &format!("`~/{file}` {expected}"));
    }
}

#[test]
fn an_exporter_that_cannot_be_passed_on_to_is_not() {
    for (kind, endpoint) in [
        ("otlp-grpc", "https://c:4317?key=k"),
        ("otlp-grpc", "http://me:k@c:4317"),
        ("statsig", "https://c"),
        ("otlp-http", "https://c/v1/logs?key=k"),
        ("otlp-http", "https://me:k@c/v1/logs"),
    ] {
        let exporter = format!("[otel.exporter.{kind}]\nendpoint = \"{endpoint}\"\n");
        let home = Home::with(&[(".codex/config.toml", &exporter)]);
        let forward = Request { existing_otel: Some(ExistingOtel::Forward), ..quiet() };
        let expected = "only `otlp-http` and `otlp-grpc` exporters can be forwarded to, and over https:// \
                        or gRPC only one without a user name or a query in its address";
        check(&home, &forward, expected);
    }
}

#[test]
fn a_read_only_file_stays_as_it_is() {
    let home = Home::with(&[(".codex/config.toml", "a = 1\n")]);
    home.set_read_only(".codex/config.toml", true);
    check(&home, &quiet(), "`~/.codex/config.toml` is read-only");
    assert_eq!(hint(&home), "make the file writable");
    home.set_read_only(".codex/config.toml", false);
    home.write(PROFILE, "# mine\n");
    home.set_read_only(PROFILE, true);
    assert_eq!(hint(&home), "make the file writable, or leave profiles alone with --no-path");
}

/// What helps where setup refuses.
fn hint(home: &Home) -> &'static str {
    let facts = setup::inspect(&home.machine, &quiet()).unwrap();
    let answers =
        setup::interview(&quiet(), &facts, &home.machine, &mut TakeProposed::default()).unwrap();
    setup::plan(&home.machine, &facts, &answers).unwrap_err().hint().unwrap()
}

// PowerShell's profiles are not in the folder that every home has.
#[cfg(unix)]
#[test]
fn a_profile_that_is_not_utf_8_is_named_with_the_way_around_it() {
    let home = Home::with(&[]);
    fs::write(home.path(".bashrc"), b"alias caf\xe9=x\n").unwrap();
    check(&home, &quiet(), "`~/.bashrc` cannot be read: stream did not contain valid UTF-8");
    let hint = hint(&home);
    assert!(hint.contains("UTF-8") && hint.contains("--no-path"), "{hint}");
    home.plan(&Request { no_path: true, ..quiet() });
}

#[test]
fn a_codex_of_another_program_stays_where_it_is() {
    let codex = format!(".arize/harness/bin/codex{EXE_SUFFIX}");
    let home = Home::with(&[(&codex, "#!/bin/sh\necho mine\n")]);
    check(
        &home,
        &quiet(),
        "`~/.arize/harness/bin/codex` is another program, not the one of arize-codex",
    );
    let before = home.tree();
    home.install(&Request { no_path: true, ..quiet() });
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_program_that_is_missing_is_named() {
    let home = Home::with(&[]);
    let proxy = format!("arize-codex-proxy{EXE_SUFFIX}");
    fs::remove_file(home.machine.programs.join(&proxy)).unwrap();
    let facts = setup::inspect(&home.machine, &quiet()).unwrap();
    let answers =
        setup::interview(&quiet(), &facts, &home.machine, &mut TakeProposed::default()).unwrap();
    let error = setup::plan(&home.machine, &facts, &answers).unwrap_err();
    assert!(error.to_string().ends_with(&format!("{proxy}` does not exist")), "{error}");
}

#[test]
fn an_endpoint_needs_a_scheme_and_a_receiver_of_otlp_needs_an_endpoint() {
    let home = Home::with(&[]);
    let request = Request {
        targets: vec![Backend::Phoenix],
        endpoint: Some("localhost:6006".to_owned()),
        ..quiet()
    };
    check(
        &home,
        &request,
        "the endpoint `localhost:6006` begins with neither http:// nor https://",
    );
    let request = Request {
        targets: vec![Backend::Phoenix],
        endpoint: Some("http://me:hunter2@localhost:6006".to_owned()),
        ..quiet()
    };
    let expected = "an endpoint has no user name: credentials belong in the API key or a header";
    check(&home, &request, expected);
    let request = Request { targets: vec![Backend::Otlp], ..quiet() };
    check(&home, &request, "the target `otlp` needs an endpoint");
    let request = Request { targets: vec![Backend::Arize], ..quiet() };
    check(&home, &request, "Arize AX needs an API key and a space id");
    let endpoint = Some("http://p".to_owned());
    let request = Request { targets: vec![Backend::Phoenix, Backend::Mlflow], endpoint, ..quiet() };
    check(&home, &request, "`--endpoint` does not say for which of several targets it is");
}

#[test]
fn a_list_of_targets_is_not_ours_to_change() {
    let list = "harnesses:\n  codex:\n    targets:\n      - target: local\n";
    let home = Home::with(&[(".arize/harness/config.yaml", list)]);
    let request = Request { targets: vec![Backend::Local], ..quiet() };
    check(
        &home,
        &request,
        "`harnesses.codex.targets` is written by hand, and setup does not change it",
    );
    home.install(&quiet());
    assert!(!home.read(".arize/harness/config.yaml").contains("\n    target:"));
}

#[test]
fn a_port_that_the_hook_would_not_ask_is_refused() {
    let env = "export ARIZE_CODEX_BUFFER_PORT=25997\n";
    let home = Home::with(&[(".codex/arize-env.sh", env)]);
    check(&home, &quiet(), "port 25999 would not be the one that the hook asks");
    home.install(&Request { port: None, ..quiet() });
    assert!(home.read(".codex/config.toml").contains("127.0.0.1:25997"));
    assert!(!home.read(".arize/harness/config.yaml").contains("port"));
}

#[test]
fn a_folder_of_the_users_that_is_no_absolute_path_is_named() {
    let home = Home::with(&[]);
    assert_eq!(home.machine.relative_folder(), None);
    let with = |variable, value| {
        let user = home.path("");
        let variables = [(variables::USER_HOME, user.to_str().unwrap()), (variable, value)];
        let environment = Environment::new(variables);
        let paths = Paths::from_environment(&environment).unwrap();
        machine::Machine { paths, ..home.machine.clone() }
    };
    for variable in [variables::USER_HOME, "ARIZE_HARNESS_HOME", "CODEX_HOME"] {
        let machine = with(variable, "there");
        assert_eq!(machine.relative_folder().unwrap().0, variable);
    }
}

#[test]
fn a_damaged_record_is_refused_with_a_way_out() {
    let record = (".arize/harness/state/setup.json", "{");
    let home = Home::with(&[record]);
    let error = setup::uninstall::plan(&home.machine, false).unwrap_err();
    let hint =
        "move the file away; without it, `arize-codex uninstall` takes back what it recognises";
    assert_eq!(error.hint(), Some(hint));
    assert_eq!(setup::inspect(&home.machine, &quiet()).unwrap_err().hint(), hint);
}
