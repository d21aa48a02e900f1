//! Where Codex's log events are passed on to.

use std::path::Path;

use codex_config::Forward;

use crate::resolve_codex;

fn resolve(forward: &str) -> (Option<Forward>, Vec<String>) {
    let process = [("TOKEN", "hunter2"), ("HTTPS_PROXY", "http://me:hunter2@p")];
    let settings = resolve_codex(&process, &format!("collector: {{port: 4318, {forward}}}"));
    (settings.forward, settings.warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn an_address_is_used_as_it_is_and_headers_may_name_variables() {
    let (forward, warnings) = resolve(
        "forward: {endpoint: 'http://logs/v1/logs/?a=b', \
         headers: {authorization: 'Bearer ${TOKEN}'}}",
    );
    assert_eq!(warnings, [""; 0]);
    let forward = forward.unwrap();
    assert_eq!(forward.endpoint, "http://logs/v1/logs/?a=b");
    let [(name, value)] = &forward.headers[..] else { panic!("{forward:?}") };
    assert_eq!((name.as_str(), value.expose()), ("authorization", "Bearer hunter2"));
    assert!(!format!("{forward:?}").contains("hunter2"));
    assert_eq!(resolve(""), (None, vec![]));
}

#[test]
fn events_with_contents_are_not_passed_on_where_there_are_to_be_none() {
    let forward = "collector: {forward: {endpoint: 'http://logs/v1/logs'}}";
    let settings = resolve_codex(&[("ARIZE_LOG_CONTENT", "none")], forward);
    assert_eq!(settings.forward, None);
    let warnings: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.concat().contains("`logging.content` is `none`"), "{warnings:?}");
    assert!(resolve_codex(&[("ARIZE_LOG_CONTENT", "all")], forward).forward.is_some());
}

#[test]
fn a_mistake_passes_nothing_on_and_is_a_warning() {
    for (forward, reason) in [
        ("forward: {headers: {a: b}}", "`harnesses.codex.collector.forward.endpoint` is missing"),
        ("forward: true", "`harnesses.codex.collector.forward.endpoint` is missing"),
        ("forward: {endpoint: 'collector:4318'}", "forward.endpoint` is `collector:4318`, which"),
        (
            "forward: {endpoint: 'https://h/v1?key=k'}",
            "forward.endpoint` has a user name or a query",
        ),
        ("forward: {endpoint: 'http://me:k@h/v1'}", "forward.endpoint` has a user name or a query"),
        (
            "forward: {endpoint: 'http://me:k@h:4317', protocol: grpc}",
            "forward.endpoint` has a user name or a query",
        ),
        (
            "forward: {endpoint: 'http://h', protocol: json}",
            "forward.protocol` is `json`, not `http` or `grpc`",
        ),
        ("forward: {endpoint: 'http://h', headers: {a: '${NO}'}}", "variable `NO` is not set"),
        ("forward: {endpoint: 'http://h', headers: [a]}", "is not a mapping of names to values"),
    ] {
        let (resolved, warnings) = resolve(forward);
        assert_eq!(resolved, None, "{forward}");
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(warning.contains(reason), "{warning}");
        assert!(warning.ends_with("; codex's log events are not passed on"), "{warning}");
    }
}

#[test]
fn a_receiver_with_tls_has_files_of_its_own_and_the_proxies_of_the_network() {
    let (forward, warnings) = resolve(
        "forward: {endpoint: 'HTTPS://h/v1/logs', ca_file: ca.pem, client_certificate: ~/c.pem, \
         client_key: /k.pem}, host: h}, ca_file: other.pem, sampling: {ratio: 1",
    );
    assert_eq!(warnings, [] as [&str; 0]);
    let forward = forward.unwrap();
    assert!(!forward.is_plain());
    let files = [&forward.tls.ca_file, &forward.tls.client_certificate, &forward.tls.client_key];
    let expected = ["/home/ada/ca.pem", "/home/ada/c.pem", "/k.pem"];
    assert_eq!(files.map(|file| file.as_deref()), expected.map(|file| Some(Path::new(file))));
    assert_eq!(forward.proxies.https.as_ref().unwrap().expose(), "http://me:hunter2@p");
    assert!(!format!("{forward:?}").contains("hunter2"));
    let (forward, _) = resolve("forward: {endpoint: 'http://h'}");
    assert!(forward.unwrap().is_plain());
    let (forward, _) = resolve("forward: {endpoint: 'http://h:4317', protocol: grpc}");
    assert!(!forward.unwrap().is_plain());
}
