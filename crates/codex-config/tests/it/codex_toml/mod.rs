//! Edits of Codex's `config.toml`: what is found, what is refused, and what cannot go wrong.

mod property;

use codex_config::codex_toml::{self, NotifyOwner, Wanted};
use expect_test::{Expect, expect};

use crate::corpus::wanted;

#[track_caller]
fn check_refused(text: &str, message: Expect) {
    let refusal = codex_toml::edit(text, &wanted()).unwrap_err().to_string();
    message.assert_eq(&refusal);
}

#[track_caller]
fn check_owner(command: &str, owner: NotifyOwner) {
    let found = codex_toml::inspect(&format!("notify = {command}\n")).unwrap();
    assert_eq!(found.notify.unwrap().owner, owner);
}

#[test]
fn a_fresh_file() {
    let edited = codex_toml::edit("", &wanted()).unwrap();
    expect![[r#"
        notify = ["/home/ada/.arize/harness/bin/arize-hook-codex-notify"]

        [otel]
        log_sse_deltas = false
        exporter = { otlp-http = { endpoint = "http://127.0.0.1:4318/v1/logs", protocol = "binary", headers = { x-arize-token = "t0ken" } } }
        trace_exporter = "none"

        [[hooks.Stop]]
        [[hooks.Stop.hooks]]
        type = "command"
        command = "/home/ada/.arize/harness/bin/arize-hook-codex-notify --lifecycle"
        timeout = 3

        [[hooks.Interrupt]]
        [[hooks.Interrupt.hooks]]
        type = "command"
        command = "/home/ada/.arize/harness/bin/arize-hook-codex-notify --lifecycle"
        timeout = 3
    "#]]
    .assert_eq(&edited.text);
}

#[test]
fn deltas_are_spoken_of_only_where_codex_knows_them() {
    let mut older = wanted();
    older.otel.as_mut().unwrap().silence_deltas = false;
    let edited = codex_toml::edit("", &older).unwrap().text;
    assert!(edited.contains("[otel]") && !edited.contains("log_sse_deltas"), "{edited}");

    let after_an_upgrade = codex_toml::edit(&edited, &wanted()).unwrap().text;
    let otel = codex_toml::inspect(&after_an_upgrade).unwrap().otel.unwrap();
    assert_eq!(otel.log_sse_deltas, Some(false));
}

#[test]
fn what_is_not_wanted_is_left_alone() {
    let text = "notify = [\"x\"]\n[otel]\nexporter = \"none\"\n";
    let edited = codex_toml::edit(text, &Wanted::default()).unwrap();
    assert_eq!(edited.text, text);
    assert!(edited.undo.is_empty());
}

#[test]
fn credentials_are_not_in_debug_output() {
    let text = "[otel.exporter.otlp-http]\nendpoint = 'e'\nprotocol = 'json'\nheaders = { k = 'hunter2' }\n";
    let edited = codex_toml::edit(text, &wanted()).unwrap();
    let shown = format!("{:?} {edited:?}", codex_toml::inspect(text).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    assert!(shown.contains("set aside otel.exporter"), "{shown}");
}

#[test]
fn refusals_name_the_place() {
    check_refused("a = 1\na = 2\n", expect!["line 2, column 1: duplicate key"]);
    check_refused("\u{feff}é = [1,\n\n", expect!["line 1, column 8: unclosed array, expected `]`"]);
    check_refused(
        "a = 1\n\n otel = 3 # no\n",
        expect!["line 3: `otel` holds a number, not a table"],
    );
    check_refused(
        "otel = { exporter.otlp-http.endpoint = 'x' }\n",
        expect![
            "`otel.exporter` cannot be edited safely: a dotted key in an inline table stands in the way"
        ],
    );
    check_refused(
        "[hooks]\nStop = []\n",
        expect![
            "`hooks.Stop` cannot be edited safely: it is written as one value, which tables cannot add to"
        ],
    );
    check_refused(
        "[[otel]]\na = 1\n",
        expect![
            "`otel` cannot be edited safely: the way it is written would change more than was asked for"
        ],
    );
}

#[test]
fn the_owner_of_notify() {
    check_owner(r#"["/home/a/.arize/harness/bin/arize-hook-codex-notify"]"#, NotifyOwner::Ours);
    check_owner(
        r#"['C:\Users\a\.arize\harness\bin\arize-hook-codex-notify.exe']"#,
        NotifyOwner::Ours,
    );
    check_owner(
        r#"["~/.arize/harness/venv/bin/arize-hook-codex-notify"]"#,
        NotifyOwner::PythonSystem,
    );
    check_owner(r#"["python3", "/opt/arize-hook-codex-notify"]"#, NotifyOwner::PythonSystem);
    check_owner(r#"["notify-send", "Codex"]"#, NotifyOwner::Foreign);
    check_owner("\"bash\"", NotifyOwner::Foreign);
}

#[test]
fn what_is_there_is_found() {
    let text = r#"notify = ["notify-send"]
[otel]
environment = "dev"
log_user_prompt = true
trace_exporter = { otlp-http = { endpoint = "https://t", protocol = "json" } }
[otel.exporter."otlp-grpc"]
endpoint = "https://l"
headers = { key = "hunter2" }
[tui]
notify = ["x"]
[mcp_servers.a.env]
notify = "y"
[profiles."deep work"]
[[hooks.Stop]]
hooks = [{ type = "command", command = "beep" }]
"#;
    expect![[r#"
        Found {
            notify: Some(
                FoundNotify {
                    command: Some(
                        [
                            "notify-send",
                        ],
                    ),
                    owner: Foreign,
                    line: 1,
                },
            ),
            misplaced_notify: [
                (
                    10,
                    "tui",
                ),
            ],
            otel: Some(
                FoundOtel {
                    line: 2,
                    exporter: Some(
                        Exporter {
                            kind: "otlp-grpc",
                            line: 6,
                            endpoint: Some(
                                "https://l",
                            ),
                            protocol: None,
                            headers: [
                                (
                                    "key",
                                    ***,
                                ),
                            ],
                            tls: TlsFiles {
                                ca_file: None,
                                system_file: None,
                                system_folders: [],
                                client_certificate: None,
                                client_key: None,
                            },
                        },
                    ),
                    trace_exporter: Some(
                        Exporter {
                            kind: "otlp-http",
                            line: 5,
                            endpoint: Some(
                                "https://t",
                            ),
                            protocol: Some(
                                "json",
                            ),
                            headers: [],
                            tls: TlsFiles {
                                ca_file: None,
                                system_file: None,
                                system_folders: [],
                                client_certificate: None,
                                client_key: None,
                            },
                        },
                    ),
                    metrics_exporter: None,
                    log_user_prompt: Some(
                        true,
                    ),
                    log_sse_deltas: None,
                    environment: Some(
                        "dev",
                    ),
                },
            ),
            hooks: [
                FoundHook {
                    event: "Stop",
                    command: "beep",
                    place: (
                        0,
                        0,
                    ),
                    hash: "sha256:19bb3266f6034139885de1ca6a99e1ed8c1d517e5749c4c2e28f88f4eafd7da7",
                },
            ],
            hook_states: HookStates(
                {},
            ),
            hooks_are_off: false,
            profiles: [
                "deep work",
            ],
        }
    "#]]
    .assert_debug_eq(&codex_toml::inspect(text).unwrap());
    assert_eq!(codex_toml::inspect("").unwrap(), codex_toml::Found::default());
}

/// What the events hold is the user's word, which an edit leaves as it is.
#[test]
fn log_user_prompt_stays_as_it_is() {
    for said in ["", "log_user_prompt = false # work\n", "log_user_prompt = true\n"] {
        let text = format!("[otel]\nexporter = \"none\"\n{said}");
        let edited = codex_toml::edit(&text, &wanted()).unwrap().text;
        let found = |text: &str| codex_toml::inspect(text).unwrap().otel.unwrap().log_user_prompt;
        assert_eq!(found(&edited), found(&text), "{edited}");
        assert!(edited.contains(said) && !edited.contains("arize-codex: log_user"), "{edited}");
    }
}

/// Edits of earlier versions switched it on; the record of such an edit brings the user's word back.
#[test]
fn what_an_older_edit_switched_on_is_taken_back() {
    let record = r#"{"changes": [
        {"set_aside": {"key": ["otel", "log_user_prompt"],
            "lines": "log_user_prompt = false # work\n", "value": "false"}},
        {"set": {"key": ["otel", "log_user_prompt"], "value": "true", "replaced": null,
            "blank_below": false}}
    ]}"#;
    let undo = serde_json::from_str(record).unwrap();
    let text = "[otel]\n# replaced by arize-codex: log_user_prompt = false # work\n\
                log_user_prompt = true\nenvironment = \"new\"\n";
    let undone = codex_toml::undo(text, &undo).unwrap();
    assert_eq!(undone, "[otel]\nlog_user_prompt = false # work\nenvironment = \"new\"\n");
}
