//! From the Python system to ours.

use std::env::consts::EXE_SUFFIX;

use crate::home::{Home, quiet};

const HOOK: &str = "/.arize/harness/venv/bin/arize-hook-codex-notify";

const SETTINGS: &str = "harnesses:\n  codex:\n    project_name: codex\n    target: phoenix\n    \
    endpoint: http://localhost:6006\n    api_key: \"\"\n    collector:\n      machine: 127.0.0.1\n      \
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

const MLFLOW_PLUGIN: &str = r#"{ "trackingUri": "http://m:5000", "experimentId": "7" }"#;

/// A home with MLflow's own plugin.
fn mlflow_plugin() -> Home {
    let notify = "notify = [\"mlflow-codex\", \"notify-hook\"]\n";
    Home::with(&[(".codex/config.toml", notify), (".codex/mlflow-tracing.json", MLFLOW_PLUGIN)])
}

#[test]
fn mlflows_own_plugin_says_where_traces_go_and_makes_way() {
    let home = mlflow_plugin();
    let before = home.tree();
    let (facts, _, plan) = home.plan(&quiet());
    let steps = plan.steps(&home.machine).join("\n");
    assert!(steps.contains("leave out `mlflow-codex notify-hook`, which records"), "{steps}");
    let done = home.apply(&facts, &plan).unwrap().done.join("\n");
    assert!(done.contains("left out `mlflow-codex notify-hook`, which records"), "{done}");
    let settings = home.read(".arize/harness/config.yaml");
    for line in ["target: mlflow\n", "endpoint: http://m:5000\n", "experiment_id: \"7\"\n"] {
        assert!(settings.contains(line), "no {line}: {settings}");
    }
    assert!(!settings.contains("chained_notify"), "{settings}");
    assert!(home.plan(&quiet()).2.is_empty(), "{}", home.plan(&quiet()).2.diff());
    home.uninstall(true);
    assert_eq!(home.tree(), before);
}

/// The author of a workspace may want its prompts.
#[test]
fn a_workspace_does_not_say_where_traces_go() {
    let mut home = Home::with(&[("work/.codex/mlflow-tracing.json", MLFLOW_PLUGIN)]);
    home.machine.folder = home.path("work");
    for targets in [vec![], vec![setup::Backend::Mlflow]] {
        let request = setup::Request { targets: targets.clone(), ..quiet() };
        let answers = home.plan(&request).1;
        let endpoint = answers.targets.unwrap().destinations.remove(0).endpoint;
        assert_ne!(endpoint.as_deref(), Some("http://m:5000"), "{targets:?}");
    }
}

#[test]
fn mlflows_own_plugin_goes_on_beside_another_target() {
    let home = mlflow_plugin();
    let request = setup::Request { targets: vec![setup::Backend::Local], ..quiet() };
    home.install(&request);
    let settings = home.read(".arize/harness/config.yaml");
    assert!(settings.contains("chained_notify: [\"mlflow-codex\",\"notify-hook\"]"), "{settings}");
    assert!(home.plan(&quiet()).2.is_empty());
    // Then to MLflow: who had it started before is asked, and it stays if they say nothing.
    home.install(&setup::Request { targets: vec![setup::Backend::Mlflow], ..quiet() });
    let settings = home.read(".arize/harness/config.yaml");
    assert!(settings.contains("chained_notify") && settings.contains("target: mlflow"));
}

#[test]
fn an_experiment_is_named_by_its_number() {
    let home = Home::with(&[]);
    let id = |id: &str| Some(id.to_owned());
    let mlflow = setup::Request { targets: vec![setup::Backend::Mlflow], ..quiet() };
    home.install(&setup::Request { experiment_id: id("12"), ..mlflow.clone() });
    assert!(home.read(".arize/harness/config.yaml").contains("experiment_id: \"12\""));
    assert!(home.plan(&quiet()).2.is_empty());
    let settings = home.plan(&quiet()).2.settings(&home.machine, &home.plan(&quiet()).0);
    let page = settings.targets[0].web_page();
    assert_eq!(page.as_deref(), Some("http://localhost:5000/#/experiments/12/traces"));
    let refused = |request: &setup::Request| {
        let facts = setup::inspect(&home.machine, request).unwrap();
        let mut ask = setup::ask::TakeProposed::default();
        setup::interview(request, &facts, &home.machine, &mut ask).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&setup::Request { experiment_id: id("codex"), ..mlflow }),
        "the experiment id `codex` is not a number"
    );
    let local = setup::Request { targets: vec![setup::Backend::Local], ..quiet() };
    assert_eq!(
        refused(&setup::Request { experiment_id: id("1"), ..local }),
        "the target `local` has no experiments"
    );
}

/// Codex starts no program whose path begins with `~`.
#[test]
fn a_notify_that_never_ran_is_named() {
    for (notify, advice) in [
        ("~/bin/bell", "Write its whole path into `harnesses.codex.chained_notify`."),
        ("~/.arize/harness/bin/arize-hook-codex-notify", "It now has the whole path."),
    ] {
        let config = format!("notify = [\"{notify}\"]\n");
        let home = Home::with(&[(".codex/config.toml", &config)]);
        let (facts, answers, plan) = home.plan(&quiet());
        let next = setup::next_steps(&home.machine, &facts, &answers, &plan).join("\n");
        let said = format!("`notify` named `{notify}`: Codex does not expand `~`");
        assert!(next.contains(&said) && next.contains(advice), "{next}");
    }
}
