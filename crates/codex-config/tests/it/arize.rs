//! The target `arize`, and what all targets on the network have: files for TLS and proxies.

use codex_config::{ArizeProtocol, ArizeTarget, PhoenixApi, Target, TargetSettings};
use expect_test::{Expect, expect};

use crate::{only, resolve_codex};

const KEYS: [(&str, &str); 2] = [("ARIZE_API_KEY", "key"), ("ARIZE_SPACE_ID", "space")];

fn resolve(process: &[(&str, &str)], codex: &str) -> TargetSettings {
    only(resolve_codex(process, codex))
}

#[track_caller]
fn arize(process: &[(&str, &str)], codex: &str) -> ArizeTarget {
    match resolve(process, codex).target.unwrap() {
        Target::Arize(arize) => arize,
        other => panic!("{other:?}"),
    }
}

#[test]
fn key_and_space_of_the_environment_select_it() {
    let target = arize(&KEYS, "");
    assert_eq!(target.endpoint, "otlp.arize.com:443");
    assert_eq!((target.api_key.expose(), target.space_id.as_str()), ("key", "space"));
    assert_eq!((target.protocol, target.project_type.as_str()), (ArizeProtocol::Grpc, "harness"));
    assert_eq!(resolve(&KEYS[..1], "").target.unwrap(), Target::Local);
    assert_eq!(resolve(&KEYS, "target: local").target.unwrap(), Target::Local);
}

#[test]
fn the_settings_of_the_python_system_are_understood() {
    let file = "target: arize, endpoint: 'ax.corp.example:443', api_key: k, space_id: s, \
                project_name: p";
    let target = arize(&[], file);
    assert_eq!(target.endpoint, "ax.corp.example:443");
    assert_eq!((target.api_key.expose(), target.space_id.as_str()), ("k", "s"));
    assert_eq!(resolve(&[], file).project_name, "p");

    let process = [KEYS[0], KEYS[1], ("ARIZE_OTLP_ENDPOINT", "https://otlp.arize.com/v1")];
    let target = arize(&process, file);
    assert_eq!(target.endpoint, "https://otlp.arize.com/v1");
    assert_eq!((target.api_key.expose(), target.space_id.as_str()), ("key", "space"));
    let collector = [("ARIZE_COLLECTOR_ENDPOINT", "https://c"), ("ARIZE_PROJECT_TYPE", "x")];
    let target = arize(&collector, file);
    assert_eq!((target.endpoint.as_str(), target.project_type.as_str()), ("https://c", "x"));
}

#[test]
fn http_and_private_authorities_are_possible() {
    let target = arize(&KEYS, "target: arize, protocol: http, ca_file: ~/ca.pem");
    assert_eq!(target.protocol, ArizeProtocol::Http);
    assert_eq!(target.tls.ca_file, Some("/home/ada/ca.pem".into()));
    let mlflow = resolve(&[], "target: mlflow, client_certificate: /c.pem, client_key: /k.pem");
    let phoenix = resolve(&[], "target: phoenix, phoenix_api: REST, ca_file: /ca.pem");
    match (mlflow.target.unwrap(), phoenix.target.unwrap()) {
        (Target::Mlflow(mlflow), Target::Phoenix(phoenix)) => {
            assert_eq!(mlflow.tls.client_key, Some("/k.pem".into()));
            assert_eq!(phoenix.tls.ca_file, Some("/ca.pem".into()));
            assert_eq!(phoenix.api, PhoenixApi::Rest);
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_error(process: &[(&str, &str)], codex: &str, expected: Expect) {
    let error = resolve(process, codex).target.unwrap_err();
    expected.assert_eq(&format!("{error}\nhint: {}", error.hint()));
}

#[test]
fn what_is_missing_is_named_with_its_key_and_its_variable() {
    check_error(
        &[],
        "target: arize",
        expect![[r#"
        the target `arize` needs `harnesses.codex.api_key` (or `ARIZE_API_KEY`) and `harnesses.codex.space_id` (or `ARIZE_SPACE_ID`)
        hint: run `arize-config set harnesses.codex.api_key --stdin`, and run `arize-config set harnesses.codex.space_id --stdin`"#]],
    );
    check_error(
        &KEYS[..1],
        "target: arize",
        expect![[r#"
        the target `arize` needs `harnesses.codex.space_id` (or `ARIZE_SPACE_ID`)
        hint: run `arize-config set harnesses.codex.space_id --stdin`"#]],
    );
    check_error(
        &[],
        "target: arize, space_id: s, api_key: ' '",
        expect![[r#"
        the target `arize` needs `harnesses.codex.api_key` (or `ARIZE_API_KEY`)
        hint: run `arize-config set harnesses.codex.api_key --stdin`"#]],
    );
    check_error(
        &[],
        "targets: [{target: arize, api_key: k}]",
        expect![[r#"
        the target `arize` needs `harnesses.codex.targets[0].space_id` (or `ARIZE_SPACE_ID`)
        hint: set `harnesses.codex.targets[0].space_id` in `config.yaml`"#]],
    );
    check_error(
        &KEYS,
        "target: arize, protocol: http/json",
        expect![[r#"
        `harnesses.codex.protocol` is `http/json`, not `grpc` or `http`
        hint: set `harnesses.codex.protocol` to `grpc` or `http`"#]],
    );
    check_error(
        &[],
        "target: phoenix, phoenix_api: graphql",
        expect![[r#"
        `harnesses.codex.phoenix_api` is `graphql`, not `otlp` or `rest`
        hint: set `harnesses.codex.phoenix_api` to `otlp` or `rest`"#]],
    );
}

#[test]
fn no_credential_is_shown_by_debug() {
    let process = [("ARIZE_SPACE_ID", "s"), ("https_proxy", "http://me:hunter2@p")];
    let settings = resolve(&process, "target: arize, api_key: hunter2");
    let shown = format!("{settings:?}");
    assert!(shown.contains("otlp.arize.com") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn authorities_are_those_of_the_environment_unless_a_file_is_named() {
    let tls = |process: &[(&str, &str)]| {
        let settings = resolve(process, "target: phoenix");
        let Ok(Target::Phoenix(phoenix)) = &settings.target else { panic!() };
        phoenix.tls.clone()
    };
    assert_eq!(tls(&[]), codex_config::TlsFiles::default());
    let folders = std::env::join_paths(["/a", "/b"]).unwrap();
    let found = tls(&[("SSL_CERT_FILE", "/c.pem"), ("SSL_CERT_DIR", folders.to_str().unwrap())]);
    let expected = codex_config::TlsFiles {
        system_file: Some("/c.pem".into()),
        system_folders: vec!["/a".into(), "/b".into()],
        ..codex_config::TlsFiles::default()
    };
    assert_eq!(found, expected);
}

// To Windows both are one variable.
#[cfg(unix)]
#[test]
fn proxies_are_those_of_the_environment_and_small_letters_win() {
    let proxies = |process: &[(&str, &str)]| resolve(process, "target: phoenix").proxies;
    assert_eq!(proxies(&[]), codex_config::Proxies::default());
    let found = proxies(&[
        ("HTTPS_PROXY", "http://large"),
        ("https_proxy", "http://small"),
        ("HTTP_PROXY", "http://large"),
        ("http_proxy", ""),
        ("ALL_PROXY", "http://all"),
        ("no_proxy", "a,b"),
    ]);
    let text = |url: &Option<codex_config::Secret>| url.as_ref().unwrap().expose().to_owned();
    assert_eq!(text(&found.https), "http://small");
    assert_eq!(text(&found.http), "http://large");
    assert_eq!(text(&found.all), "http://all");
    assert_eq!(found.none.as_deref(), Some("a,b"));
}
