//! From the Python system to ours.

use std::env::consts::EXE_SUFFIX;

use crate::home::{Home, quiet};

const HOOK: &str = "/.arize/harness/venv/bin/arize-hook-codex-notify";

const SETTINGS: &str = "harnesses:\n  codex:\n    project_name: codex\n    target: phoenix\n    \
    endpoint: http://localhost:6006\n    api_key: \"\"\n    collector:\n      host: 127.0.0.1\n      \
    port: 25998\n";

/// A home as the first era of the Python system left it.
fn buffer_era() -> Home {
    let shim = "#!/bin/sh\n# Arize Codex proxy shim\nexec arize-codex-proxy \"$@\"\n";
    let block = "# >>> arize codex tracing PATH >>>\nexport PATH=\"$HOME/.arize/harness/bin:$PATH\"\n\
        # <<< arize codex tracing PATH <<<\n";
    let env = "export ARIZE_TRACE_ENABLED=true\nexport ARIZE_CODEX_BUFFER_PORT=25998\n";
    let codex = format!(
        "model = \"m\"\nnotify = [\"/h{HOOK}\"]\n\n[otel]\n[otel.exporter.otlp-http]\nendpoint = \
         \"http://127.0.0.1:25998/v1/logs\"\nprotocol = \"json\"\n"
    );
    Home::with(&[
        (".arize/harness/config.yaml", SETTINGS),
        (".arize/harness/bin/codex", shim),
        (".arize/harness/state/codex/state_1.yaml", "{}"),
        (".codex/arize-env.sh", env),
        (".codex/config.toml", &codex),
        (".zshrc", &format!("alias l=ls\n\n{block}")),
    ])
}

#[test]
fn the_python_system_is_not_ours_to_uninstall() {
    let home = buffer_era();
    let before = home.tree();
    home.uninstall(true);
    assert_eq!(home.tree(), before);
}

// The profiles and the shim are those of Unix.
#[cfg(unix)]
#[test]
fn the_buffer_era_is_taken_over_and_does_not_come_back() {
    let home = buffer_era();
    let request = setup::Request { port: None, ..quiet() };
    home.install(&request);
    assert!(home.plan(&request).2.is_empty());
    // The settings are the same, but for the one that Codex's configuration brings.
    let settings = format!("{SETTINGS}      require_write_token: true\n");
    assert_eq!(home.read(".arize/harness/config.yaml"), settings);
    let codex = home.read(".codex/config.toml");
    assert!(
        codex.contains(".arize/harness/bin/arize-hook-codex-notify") && !codex.contains("venv")
    );
    assert!(codex.contains("protocol = \"binary\"") && !codex.contains("json"), "{codex}");
    let profile = home.read(".zshrc");
    assert_eq!(profile.matches(">>>").count(), 2, "{profile}");
    assert!(home.path(".arize/harness/bin/codex").is_symlink());

    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), "model = \"m\"\n");
    assert_eq!(home.read(".zshrc"), "alias l=ls\n");
    assert!(!home.path(".arize/harness/bin/codex").exists());
    assert_eq!(home.read(".arize/harness/config.yaml"), SETTINGS);
}

#[test]
fn the_settings_of_the_rollout_era_are_carried_over() {
    let json = r#"{"harnesses": {"codex": {"target": "phoenix", "endpoint": "http://p:6006", "project_name": "x"},
        "cursor": {"target": "arize"}}, "user_id": "ada"}"#;
    let chain = format!("notify = [\"/h{HOOK}\", \"--previous-notify\", '[\"bell\"]']\n");
    let home = Home::with(&[(".arize/harness/config.json", json), (".codex/config.toml", &chain)]);
    home.install(&quiet());
    let config = home.read(".arize/harness/config.yaml");
    for line in ["endpoint: http://p:6006", "project_name: x", "user_id: ada", "cursor:"] {
        assert!(config.contains(line), "no {line} in {config}");
    }
    assert!(config.contains("chained_notify: [\"bell\"]"), "{config}");
    home.uninstall(false);
    // The user's own notify is what is left of the chain.
    assert_eq!(home.read(".codex/config.toml"), "notify = [\"bell\"]\n");
    assert!(!home.path(".arize/harness/config.yaml").exists());
    assert_eq!(home.read(".arize/harness/config.json"), json);
}

#[test]
fn an_installation_by_hand_is_taken_over() {
    let home = Home::with(&[]);
    let bin = ".arize/harness/bin";
    let hook = home.path(&format!("{bin}/arize-hook-codex-notify{EXE_SUFFIX}"));
    home.write(".codex/config.toml", &format!("notify = ['{}']\n", hook.display()));
    home.write(&format!("{bin}/arize-codex{EXE_SUFFIX}"), "old");
    home.install(&quiet());
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), "");
    assert!(!home.path(".arize").exists());
}
