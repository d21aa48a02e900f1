//! The target `otlp`: what selects it, which source of a setting wins, and what is refused.

use std::time::Duration;

use codex_config::{OtlpCompression, OtlpEndpoint, OtlpProtocol, OtlpTarget, Secret, Target};
use expect_test::{Expect, expect};

use crate::{only, resolve_codex as resolve};

const OTEL: [(&str, &str); 5] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318/"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x-otel=1"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
];

#[track_caller]
fn otlp(process: &[(&str, &str)], codex: &str) -> OtlpTarget {
    match only(resolve(process, codex)).target.unwrap() {
        Target::Otlp(otlp) => otlp,
        other => panic!("{other:?}"),
    }
}

fn headers(otlp: &OtlpTarget) -> Vec<(&str, &str)> {
    otlp.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect()
}

fn server(url: &str) -> OtlpEndpoint {
    OtlpEndpoint::Server(url.to_owned())
}

#[test]
fn metrics_go_beside_the_spans_unless_the_standard_variables_say_otherwise() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel/base/");
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-all=1");
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/spans");
    let metrics = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics/numbers");
    let for_traces = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-traces=2");
    let for_metrics = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-metrics=3");
    let check = |process: &[(&str, &str)], codex: &str, expected: Option<(&str, &str)>| {
        let found = otlp(process, &format!("target: otlp, {codex}")).metrics;
        let header = |(name, value): &(String, Secret)| format!("{name}={}", value.expose());
        let shown = found.map(|found| (found.url, found.headers.iter().map(header).collect()));
        let expected: Option<(String, Vec<String>)> =
            expected.map(|(url, header)| (url.to_owned(), vec![header.to_owned()]));
        assert_eq!(shown, expected, "{process:?}");
    };
    check(&[endpoint, headers], "", None);
    check(&[traces, headers], "", None);
    check(&[endpoint, traces, headers], "", Some(("http://otel/base/v1/metrics", "x-all=1")));
    check(&[endpoint, headers, for_traces], "", Some(("http://otel/base/v1/metrics", "x-all=1")));
    check(
        &[endpoint, metrics, headers, for_metrics],
        "",
        Some(("http://metrics/numbers", "x-metrics=3")),
    );
    check(&[endpoint, metrics, for_metrics], "endpoint: 'http://file'", None);
}

#[test]
fn the_file_alone() {
    let target = otlp(&[], "target: otlp, endpoint: 'http://file/'");
    assert_eq!(target.endpoint, server("http://file"));
    assert_eq!(target.protocol, OtlpProtocol::HttpProtobuf);
    assert_eq!(target.compression, OtlpCompression::Gzip);
    assert_eq!((target.timeout, target.tls.ca_file, target.headers.len()), (None, None, 0));

    let target =
        otlp(&[], "target: otlp, endpoint: 'http://h:4317', protocol: grpc, compression: zstd");
    assert_eq!((target.protocol, target.compression), (OtlpProtocol::Grpc, OtlpCompression::Zstd));

    let target = otlp(
        &[("TOKEN", "a b")],
        "target: OTLP, endpoint: 'http://file', protocol: http/json, compression: none, \
         timeout_ms: 700, headers: {authorization: 'Bearer ${TOKEN}!', x-n: 5}, \
         ca_file: ~/ca.pem, client_certificate: /c.pem, client_key: k.pem",
    );
    assert_eq!(target.protocol, OtlpProtocol::HttpJson);
    assert_eq!(target.compression, OtlpCompression::None);
    assert_eq!(target.timeout, Some(Duration::from_millis(700)));
    assert_eq!(headers(&target), [("authorization", "Bearer a b!"), ("x-n", "5")]);
    assert_eq!(target.tls.ca_file, Some("/home/ada/ca.pem".into()));
    assert_eq!(target.tls.client_certificate, Some("/c.pem".into()));
    assert_eq!(target.tls.client_key, Some("/home/ada/k.pem".into()));
}

#[test]
fn variables_of_other_programs_do_not_select_it() {
    assert_eq!(only(resolve(&OTEL, "")).target.unwrap(), Target::Local);
    let off = [("CODEX_OTLP_ENABLE", "0"), ("CODEX_OTLP_ENDPOINT", "http://c")];
    assert_eq!(only(resolve(&off, "")).target.unwrap(), Target::Local);
    let on = [("CODEX_OTLP_ENABLE", "1"), ("CODEX_OTLP_ENDPOINT", "http://c")];
    assert_eq!(otlp(&on, "").endpoint, server("http://c"));
    assert_eq!(only(resolve(&on, "target: local")).target.unwrap(), Target::Local);
}

#[test]
fn variables_of_other_programs_do_not_mix_with_an_address_of_ours() {
    let own = [OTEL.as_slice(), &[("CODEX_OTLP_ENDPOINT", "http://own")]].concat();
    for (process, codex) in [
        (OTEL.as_slice(), "target: otlp, endpoint: 'http://own'"),
        (own.as_slice(), "target: otlp"),
        (own.as_slice(), "target: otlp, endpoint: 'http://file'"),
    ] {
        let target = otlp(process, codex);
        assert_eq!(target.endpoint, server("http://own"));
        assert_eq!(target.protocol, OtlpProtocol::HttpProtobuf);
        assert_eq!((target.timeout, headers(&target)), (None, vec![]));
    }
}

#[test]
fn the_standard_variables_fill_in_where_there_is_no_address_of_ours() {
    let target = otlp(&OTEL, "target: otlp");
    assert_eq!(target.endpoint, server("http://otel:4318"));
    assert_eq!(target.protocol, OtlpProtocol::HttpJson);
    assert_eq!(target.compression, OtlpCompression::None);
    assert_eq!(target.timeout, Some(Duration::from_millis(1500)));
    assert_eq!(headers(&target), [("x-otel", "1")]);

    let traces = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/x/"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-traces=1"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "9"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("CODEX_OTLP_HEADERS", "x-own=1"),
    ];
    let target = otlp(
        &[OTEL.as_slice(), &traces].concat(),
        "target: otlp, protocol: http/protobuf, headers: {x-file: 1}",
    );
    assert_eq!(target.endpoint, OtlpEndpoint::Traces("http://traces/x/".to_owned()));
    assert_eq!(target.protocol, OtlpProtocol::HttpProtobuf);
    assert_eq!(target.timeout, Some(Duration::from_millis(9)));
    assert_eq!(target.tls.ca_file, Some("/ca.pem".into()));
    assert_eq!(headers(&target), [("x-traces", "1"), ("x-file", "1"), ("x-own", "1")]);
}

#[test]
fn the_certificates_of_the_elixir_sdk() {
    let process = [
        ("CODEX_OTLP_ENDPOINT", "https://c"),
        ("CODEX_OTLP_CERTFILE", "/c.pem"),
        ("CODEX_OTLP_KEYFILE", "/k.pem"),
        ("CODEX_OTLP_CACERTFILE", "/ca.pem"),
    ];
    let target = otlp(&process, "target: otlp, ca_file: /other.pem");
    assert_eq!(target.tls.ca_file, Some("/ca.pem".into()));
    assert_eq!(target.tls.client_certificate, Some("/c.pem".into()));
    assert_eq!(target.tls.client_key, Some("/k.pem".into()));
}

#[track_caller]
fn check_error(process: &[(&str, &str)], codex: &str, expected: Expect) {
    let error = only(resolve(process, codex)).target.unwrap_err();
    expected.assert_eq(&format!("{error}\nhint: {}", error.hint()));
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    let with = |rest: &str| format!("target: otlp, endpoint: 'http://c', {rest}");
    check_error(
        &[],
        "target: otlp",
        expect![[r#"
            the target `otlp` has no endpoint
            hint: run `arize-config set harnesses.codex.endpoint URL`, such as `https://collector.example:4318`"#]],
    );
    check_error(
        &[("CODEX_OTLP_ENABLE", "true")],
        "",
        expect![[r#"
            the target `otlp` has no endpoint
            hint: run `arize-config set harnesses.codex.endpoint URL`, such as `https://collector.example:4318`"#]],
    );
    check_error(
        &[],
        "target: otlp, endpoint: 'c:4318'",
        expect![[r#"
        `harnesses.codex.endpoint` is `c:4318`, which does not start with `http://` or `https://` and a host
        hint: write `harnesses.codex.endpoint` as a URL, for example `https://traces.example:443`"#]],
    );
    check_error(
        &[],
        &with("protocol: thrift"),
        expect![[r#"
        `harnesses.codex.protocol` is `thrift`, not `http/protobuf`, `http/json` or `grpc`
        hint: set `harnesses.codex.protocol` to `http/protobuf`, `http/json` or `grpc`"#]],
    );
    check_error(
        &[],
        &with("compression: brotli"),
        expect![[r#"
        `harnesses.codex.compression` is `brotli`, not `gzip`, `zstd` or `none`
        hint: set `harnesses.codex.compression` to `gzip`, `zstd` or `none`"#]],
    );
    check_error(
        &[],
        &with("timeout_ms: 0"),
        expect![[r#"
        `harnesses.codex.timeout_ms` is `0`, not a number of milliseconds above 0
        hint: set `harnesses.codex.timeout_ms` to a number of milliseconds above 0"#]],
    );
    check_error(
        &[],
        &with("headers: {a b: hunter2}"),
        expect![[r#"
        `harnesses.codex.headers.a b`: this is not the name of a header
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    check_error(
        &[],
        &with("headers: {a: [hunter2]}"),
        expect![[r#"
        `harnesses.codex.headers.a`: a list is not a single value
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    check_error(
        &[],
        &with("headers: {a: '${TOKEN}hunter2'}"),
        expect![[r#"
        `harnesses.codex.headers.a`: the environment variable `TOKEN` is not set
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    check_error(
        &[],
        &with("headers: {a: '${hunter2'}"),
        expect![[r#"
        `harnesses.codex.headers.a`: a `${` has no `}`
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    check_error(
        &[],
        &with("headers: {a: 'hünter2'}"),
        expect![[r#"
        `harnesses.codex.headers.a`: the value contains characters other than visible ascii
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    check_error(
        &[],
        &with("headers: hunter2"),
        expect![[r#"
        `harnesses.codex.headers`: a text is not a mapping of names to values
        hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`"#]],
    );
    let thrift =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift")];
    check_error(
        &thrift,
        "target: otlp",
        expect![[r#"
        `OTEL_EXPORTER_OTLP_PROTOCOL` is `thrift`, not `http/protobuf`, `http/json` or `grpc`
        hint: set `OTEL_EXPORTER_OTLP_PROTOCOL` to `http/protobuf`, `http/json` or `grpc`"#]],
    );
}

#[test]
fn attributes_of_the_resource() {
    let process =
        [("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=ci%2C1, team=a, broken,=x")];
    let settings = resolve(&process, "");
    let found: Vec<_> = settings.resource_attributes.into_iter().collect();
    let expected = [("deployment.environment", "ci,1"), ("team", "a")];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        settings.warnings[0].to_string(),
        "`OTEL_RESOURCE_ATTRIBUTES` entry 3 is not `name=value`; ignored"
    );
}

#[test]
fn no_credential_is_shown_by_debug() {
    let process = [("TOKEN", "hunter2"), ("CODEX_OTLP_HEADERS", "x-a=hunter2")];
    let target = otlp(&process, "target: otlp, endpoint: 'http://c', headers: {b: '${TOKEN}'}");
    assert_eq!(headers(&target), [("b", "hunter2"), ("x-a", "hunter2")]);
    let shown = format!("{target:?}");
    assert!(shown.contains("x-a") && !shown.contains("hunter2"), "{shown}");
}
