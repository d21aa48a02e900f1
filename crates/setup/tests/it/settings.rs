//! What ends up in the settings.

use std::env::consts::EXE_SUFFIX;
use std::path::MAIN_SEPARATOR;

use codex_config::{Environment, Secret, Settings, Target, TlsFiles, variables};
use expect_test::expect;
use setup::{Backend, Content, ExistingOtel, Header, Request, Scope};

use crate::home::{Home, quiet};

const EXPORTER: &str = "[otel.exporter.otlp-http]\nendpoint = \"http://c/v1/logs\"\nprotocol = \
    \"json\"\n[otel.exporter.otlp-http.headers]\n\"x-team\" = \"a\"\nauthorization = \"Bearer k\"\n";

fn config(home: &Home) -> String {
    home.read(".arize/harness/config.yaml")
}

#[test]
fn a_backend_with_a_key_which_no_diff_shows() {
    let home = Home::with(&[]);
    let request = Request {
        targets: vec![Backend::Phoenix],
        endpoint: Some("https://phoenix.example".to_owned()),
        api_key: Some(Secret::new("sk-1")),
        project: Some("ours".to_owned()),
        content: Some(Content::Prompts),
        ..quiet()
    };
    let (facts, _, plan) = home.plan(&request);
    assert!(plan.diff().contains("api_key: ***") && !plan.diff().contains("sk-1"));
    home.apply(&facts, &plan).unwrap();
    expect![[r#"
        harnesses:
          codex:
            target: phoenix
            endpoint: https://phoenix.example
            api_key: sk-1
            local_copy: true
            project_name: ours
            collector:
              port: 25999
              require_write_token: true
        logging:
          prompts: true
          tool_details: false
          tool_content: false
    "#]]
    .assert_eq(&config(&home));
    // Another backend: what the first one needed would be wrong for it.
    let other = Request { targets: vec![Backend::Local], ..quiet() };
    home.install(&other);
    assert!(!config(&home).contains("sk-1") && !config(&home).contains("phoenix"));
    assert!(config(&home).contains("project_name: ours"));
    assert!(home.plan(&other).2.is_empty());
}

#[test]
fn several_targets_and_back_to_one() {
    let own = "# mine\nharnesses:\n  codex:\n    target: phoenix\n    endpoint: http://p\n    api_key: k\n";
    let home = Home::with(&[(".arize/harness/config.yaml", own)]);
    let several = Request {
        targets: vec![Backend::Mlflow, Backend::Local, Backend::Phoenix, Backend::Mlflow],
        ..quiet()
    };
    home.install(&several);
    expect![[r#"
        # mine
        harnesses:
          codex:
            targets:
              phoenix:
                endpoint: http://p
                api_key: k
              mlflow:
                endpoint: http://localhost:5000
            local_copy: true
            project_name: codex
            collector:
              port: 25999
              require_write_token: true
    "#]]
    .assert_eq(&config(&home));
    assert!(home.plan(&several).2.is_empty());
    assert!(home.plan(&quiet()).2.is_empty(), "{}", home.plan(&quiet()).2.diff());
    // `arize-config` reaches each by its name; setup keeps what it set.
    let key = "harnesses.codex.targets.mlflow.api_key".parse().unwrap();
    let token = codex_config::Scalar::text("token");
    let set = codex_config::edit::set(&config(&home), &key, &token).unwrap();
    home.write(".arize/harness/config.yaml", &set);
    assert!(home.plan(&quiet()).2.is_empty(), "{}", home.plan(&quiet()).2.diff());
    home.install(&Request { targets: vec![Backend::Mlflow], ..quiet() });
    let settings = config(&home);
    assert!(settings.contains("target: mlflow") && settings.contains("local_copy: true"));
    assert!(settings.contains("api_key: token") && !settings.contains("targets"), "{settings}");
    let one = Request { targets: vec![Backend::Phoenix], local_copy: Some(false), ..quiet() };
    home.install(&one);
    assert!(!config(&home).contains("local_copy") && !config(&home).contains("mlflow"));
    assert!(home.plan(&quiet()).2.is_empty(), "{}", home.plan(&quiet()).2.diff());
    home.uninstall(false);
    // With the key that the user set beside it since.
    expect![[r#"
        # mine
        harnesses:
          codex:
            targets:
              mlflow:
                api_key: token
            api_key: k
            endpoint: http://p
            target: phoenix
    "#]]
    .assert_eq(&config(&home));
}

/// Files that were there before this setting, and an answer that declined it.
#[test]
fn a_local_copy_is_added_to_no_settings_behind_their_users_back() {
    let phoenix = "harnesses:\n  codex:\n    target: phoenix\n    endpoint: http://p\n";
    let settings = |request: &Request, before: &str| {
        let home = Home::with(&[(".arize/harness/config.yaml", before)]);
        home.install(request);
        config(&home)
    };
    assert!(!settings(&quiet(), phoenix).contains("local_copy"));
    let mlflow = Request { targets: vec![Backend::Mlflow], ..quiet() };
    assert!(!settings(&mlflow, phoenix).contains("local_copy"));
    assert!(settings(&mlflow, "").contains("local_copy: true"));
    assert!(
        settings(&mlflow, "harnesses: {codex: {target: local}}\n").contains("local_copy: true")
    );
    let with = Request { local_copy: Some(true), ..quiet() };
    assert!(settings(&with, phoenix).contains("local_copy: true"));
    let without = Request { local_copy: Some(false), ..mlflow };
    assert!(!settings(&without, "").contains("local_copy"));
    assert!(!settings(&Request { targets: vec![Backend::Local], ..quiet() }, "").contains("_copy"));
}

#[test]
fn a_receiver_of_otlp_with_headers_and_certificates() {
    let home = Home::with(&[("ca.pem", "pem"), ("c.pem", "pem"), ("k.pem", "pem")]);
    let secret = Header::new("x-team", "sk-1").unwrap();
    let request = Request {
        targets: vec![Backend::Otlp],
        endpoint: Some("https://c.example".to_owned()),
        headers: vec!["authorization=Bearer ${TOKEN}".parse().unwrap(), secret],
        tls: TlsFiles {
            ca_file: Some("ca.pem".into()),
            client_certificate: Some(home.path("c.pem")),
            client_key: Some("k.pem".into()),
            ..TlsFiles::default()
        },
        ..quiet()
    };
    let (facts, _, plan) = home.plan(&request);
    let diff = plan.diff();
    assert!(diff.contains("headers:") && !diff.contains("sk-1"), "{diff}");
    home.apply(&facts, &plan).unwrap();
    expect![[r#"
        harnesses:
          codex:
            target: otlp
            endpoint: https://c.example
            headers:
              authorization: "Bearer ${TOKEN}"
              x-team: sk-1
            ca_file: ~/ca.pem
            client_certificate: ~/c.pem
            client_key: ~/k.pem
            local_copy: true
            project_name: codex
            collector:
              port: 25999
              require_write_token: true
    "#]]
    .assert_eq(&home.shown(&config(&home)));
    // What setup tries the target with.
    let settings = plan.settings(&home.machine, &facts);
    let error = settings.targets[0].target.as_ref().unwrap_err().to_string();
    assert!(error.contains("the environment variable `TOKEN` is not set"), "{error}");

    // What is set stays, and one header more is one more.
    assert!(home.plan(&quiet()).2.is_empty());
    let one_more = Header::new("X-Team", "sk-2").unwrap();
    home.install(&Request { headers: vec![one_more], ..quiet() });
    let said = config(&home);
    assert!(said.contains("Bearer ${TOKEN}\"\n      X-Team: sk-2\n"), "{said}");
    assert!(!said.contains("sk-1") && said.contains("ca_file"), "{said}");
    // Another backend has other headers.
    home.install(&Request { targets: vec![Backend::Mlflow], ..quiet() });
    assert!(!config(&home).contains("headers"), "{}", config(&home));
}

#[test]
fn what_another_harness_uses_is_offered_and_not_taken_unasked() {
    let theirs =
        "harnesses:\n  claude-code:\n    target: phoenix\n    endpoint: http://p\n    api_key: k\n";
    let home = Home::with(&[(".arize/harness/config.yaml", theirs)]);
    let (facts, answers, _) = home.plan(&quiet());
    assert_eq!(facts.settings.neighbours[0].0, "claude-code");
    assert_eq!(answers.targets.unwrap().destinations.remove(0).backend, Backend::Local);
}

#[test]
fn a_notify_that_is_there_is_chained() {
    let home = Home::with(&[(".codex/config.toml", "notify = ['bell', '-q']\n")]);
    home.install(&quiet());
    assert!(config(&home).contains("chained_notify: [\"bell\",\"-q\"]"), "{}", config(&home));
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), "notify = ['bell', '-q']\n");
}

#[test]
fn deltas_are_silenced_once_codex_has_a_setting_for_it() {
    let home = Home::with(&[]).with_codex("0.161.0");
    let says = |home: &Home| home.read(".codex/config.toml").contains("log_sse_deltas = false");
    home.install(&quiet());
    assert!(!says(&home));
    let home = home.with_codex("0.169.0");
    home.install(&quiet());
    assert!(says(&home));
    assert!(home.plan(&quiet()).2.is_empty());
    // One that says no version may be the same.
    let home = home.with_codex("unknown");
    assert!(home.plan(&quiet()).2.is_empty());
    let home = home.with_codex("0.161.0");
    home.install(&quiet());
    assert!(!says(&home));
}

#[test]
fn an_exporter_that_is_there_is_kept_by_default() {
    let home = Home::with(&[(".codex/config.toml", EXPORTER)]);
    home.install(&quiet());
    let kept = home.read(".codex/config.toml");
    assert!(kept.contains("arize-hook-codex-notify") && kept.ends_with(EXPORTER), "{kept}");
    assert!(home.plan(&quiet()).2.is_empty());

    let forward = Request { existing_otel: Some(ExistingOtel::Forward), ..quiet() };
    home.install(&forward);
    let replaced = home.read(".codex/config.toml");
    assert!(replaced.contains("http://127.0.0.1:25999/v1/logs"), "{replaced}");
    assert!(config(&home).contains("endpoint: http://c/v1/logs"), "{}", config(&home));
    assert!(config(&home).contains("authorization: Bearer k"), "{}", config(&home));
    // It stays so when nothing is said.
    assert!(home.plan(&quiet()).2.is_empty());

    let replace = Request { existing_otel: Some(ExistingOtel::Replace), ..quiet() };
    home.install(&replace);
    assert!(!config(&home).contains("forward"), "{}", config(&home));
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), EXPORTER);
}

#[test]
fn an_exporter_with_tls_can_be_passed_on_to() {
    let exporter = "[otel]\nexporter = { otlp-http = { endpoint = 'https://c/v1/logs', protocol = \
        'binary', headers = { k = 'v' }, tls = { ca-certificate = 'ca.pem', client-certificate = \
        '~/c.pem', client-private-key = '/k.pem' } } }\n";
    let home = Home::with(&[(".codex/config.toml", exporter)]);
    home.install(&Request { existing_otel: Some(ExistingOtel::Forward), ..quiet() });
    let settings = Settings::load(&home.machine.paths, &home.machine.environment);
    assert_eq!(settings.warnings, []);
    let forward = settings.forward.unwrap();
    assert_eq!((forward.endpoint.as_str(), forward.is_plain()), ("https://c/v1/logs", false));
    assert_eq!(forward.headers.len(), 1);
    let expected = TlsFiles {
        ca_file: Some(home.path(".codex").join("ca.pem")),
        client_certificate: Some(home.path("c.pem")),
        // From the root, which on Windows is that of the home's drive.
        client_key: Some(home.path("/k.pem")),
        ..TlsFiles::default()
    };
    assert_eq!(forward.tls, expected);
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), exporter);
}

#[test]
fn an_exporter_over_grpc_can_be_passed_on_to() {
    let exporter = "[otel]\nexporter = { otlp-grpc = { endpoint = 'https://c:4317', headers = { \
        signoz-ingestion-key = 'v' }, tls = { ca-certificate = '/ca.pem' } } }\n";
    let home = Home::with(&[(".codex/config.toml", exporter)]);
    home.install(&Request { existing_otel: Some(ExistingOtel::Forward), ..quiet() });
    let settings = Settings::load(&home.machine.paths, &home.machine.environment);
    assert_eq!(settings.warnings, []);
    let forward = settings.forward.unwrap();
    let found = (forward.endpoint.as_str(), forward.protocol);
    assert_eq!(found, ("https://c:4317", codex_config::ForwardProtocol::Grpc));
    assert_eq!((forward.headers.len(), forward.tls.ca_file.is_some()), (1, true));
    assert!(home.plan(&quiet()).2.is_empty());
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), exporter);
}

#[test]
fn lifecycle_hooks_are_for_those_who_want_them_and_whose_codex_has_them() {
    let theirs = "[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"bell\"\n";
    let home = Home::with(&[(".codex/config.toml", theirs)]).with_codex("0.145.0");
    let before = home.tree();
    let lifecycle = format!("notify{EXE_SUFFIX} --lifecycle");
    home.install(&quiet());
    assert_eq!(home.read(".codex/config.toml").matches("[[hooks").count(), 2);
    home.install(&Request { hooks: true, ..quiet() });
    let config = home.read(".codex/config.toml");
    for event in ["Stop", "SubagentStop", "SessionEnd"] {
        assert!(config.contains(&format!("[[hooks.{event}.hooks]]")), "{config}");
    }
    assert!(!config.contains("Interrupt") && config.contains(&lifecycle), "{config}");
    assert!(home.plan(&quiet()).2.is_empty());
    home.uninstall(true);
    assert_eq!(home.tree(), before);
    // Those of an installation by hand are recognised.
    home.write(".codex/config.toml", &config);
    home.uninstall(true);
    assert!(!home.read(".codex/config.toml").contains("arize-hook"));
    assert!(home.read(".codex/config.toml").contains(theirs));
}

#[test]
fn lifecycle_hooks_go_where_the_user_has_some() {
    let theirs = "{ \"hooks\": { \"Stop\": [{ \"hooks\": [{ \"command\": \"bell\" }] }] } }\n";
    let home = Home::with(&[(".codex/hooks.json", theirs)]).with_codex("0.169.0");
    let before = home.tree();
    let asks_for_trust = || {
        let (facts, answers, plan) = home.plan(&quiet());
        let next = setup::next_steps(&home.machine, &facts, &answers, &plan).join("\n");
        next.contains("trust the hooks of arize-codex")
    };
    assert!(!asks_for_trust());
    home.install(&Request { hooks: true, ..quiet() });
    let lifecycle = format!("notify{EXE_SUFFIX} --lifecycle");
    assert!(asks_for_trust(), "it does not ask");
    let hooks = home.read(".codex/hooks.json");
    assert!(hooks.contains("bell") && hooks.contains(&lifecycle), "{hooks}");
    assert!(!home.read(".codex/config.toml").contains("hooks"));
    assert!(home.plan(&quiet()).2.is_empty());
    // What the user adds since is theirs.
    home.write(".codex/hooks.json", &hooks.replace("bell", "gong"));
    assert!(home.plan(&quiet()).2.is_empty());
    home.uninstall(true);
    let left = home.read(".codex/hooks.json");
    assert!(left.contains("gong") && !left.contains("arize"), "{left}");
    home.write(".codex/hooks.json", theirs);
    assert_eq!(home.tree(), before);
}

/// The files say themselves what of them is ours; the record is only needed for the bytes.
#[test]
fn without_a_record_marked_files_are_taken_back() {
    let theirs = "{ \"hooks\": { \"Stop\": [{ \"hooks\": [{ \"command\": \"bell\" }] }] } }\n";
    let config = "notify = [\"bell\"] # mine\n\n[otel]\nexporter = \"none\"\n";
    let home = Home::with(&[
        (".codex/hooks.json", theirs),
        (".zshrc", "alias l=ls\n"),
        (".codex/config.toml", config),
    ])
    .with_codex("0.169.0");
    home.install(&Request { hooks: true, ..quiet() });
    assert_eq!(home.read(".codex/config.toml").matches("# replaced by arize-codex: ").count(), 2);
    std::fs::remove_file(home.path(".arize/harness/state/setup.json")).unwrap();
    home.uninstall(true);
    let hooks = home.read(".codex/hooks.json");
    assert!(hooks.contains("bell") && !hooks.contains("arize"), "{hooks}");
    assert_eq!(home.read(".zshrc"), "alias l=ls\n");
    assert!(!home.path(".codex/arize-env.sh").exists());
    // `trace_exporter = "none"` and the like may be the user's own words.
    assert!(
        home.read(".codex/config.toml").starts_with(config),
        "{}",
        home.read(".codex/config.toml")
    );
}

#[test]
fn a_project_is_a_folder_beside_those_that_were_named_before() {
    let home = Home::with(&[(
        ".arize/harness/config.yaml",
        "harnesses:\n  codex:\n    folders: [/srv/a]\n",
    )]);
    let before = home.tree();
    home.install(&quiet());
    assert!(config(&home).contains("folders: [/srv/a]\n"), "{}", config(&home));
    let project = Request { scope: Some(Scope::Project), ..quiet() };
    home.install(&project);
    let here = home.path("").display().to_string();
    let here = here.trim_end_matches(MAIN_SEPARATOR).replace('\\', r"\\");
    let expected = format!("folders: [\"/srv/a\",\"{here}\"]");
    assert!(config(&home).contains(&expected), "{}", config(&home));
    assert!(home.plan(&project).2.is_empty() && home.plan(&quiet()).2.is_empty());
    home.install(&Request { scope: Some(Scope::User), ..quiet() });
    assert!(!config(&home).contains("folders"), "{}", config(&home));
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

/// What setup writes is what the hook and the buffer service read.
#[test]
fn the_other_programs_understand_all_of_it() {
    let home = Home::with(&[
        (".codex/config.toml", &format!("notify = ['bell', '-q']\n{EXPORTER}")),
        (".zshrc", ""),
    ]);
    home.install(&Request {
        targets: vec![Backend::Arize],
        api_key: Some(Secret::new("k")),
        space_id: Some("007".to_owned()),
        project: Some("true".to_owned()),
        user_id: Some("1e3".to_owned()),
        content: Some(Content::Prompts),
        scope: Some(Scope::Project),
        existing_otel: Some(ExistingOtel::Forward),
        ..quiet()
    });
    let paths = &home.machine.paths;
    let settings = Settings::load(paths, &home.machine.environment);
    assert_eq!(settings.warnings, []);
    let target = &settings.targets[0];
    assert!(matches!(target.target, Ok(Target::Arize { .. })), "{target:?}");
    assert_eq!((target.project_name.as_str(), target.content.tool_details), ("true", false));
    assert_eq!((settings.user_id.as_deref(), settings.collector.port), (Some("1e3"), 25_999));
    let forward = settings.forward.unwrap();
    assert_eq!(forward.endpoint, "http://c/v1/logs");
    assert_eq!(forward.headers.len(), 2, "{forward:?}");
    assert!(settings.folders.cover(Some(&home.path("src"))));
    assert!(!settings.folders.cover(Some(std::path::Path::new("/"))));
    assert_eq!(codex_config::chained_notify(paths).unwrap(), ["bell", "-q"]);
}

#[test]
fn a_port_that_only_this_shell_knows_is_stored_for_the_others() {
    let mut home = Home::with(&[]);
    let user = home.path("");
    let variables = [
        (variables::USER_HOME, user.to_str().unwrap()),
        ("SHELL", "/bin/zsh"),
        ("ARIZE_CODEX_BUFFER_PORT", "25996"),
    ];
    home.machine.environment = Environment::new(variables);
    let request = Request { port: None, ..quiet() };
    home.install(&request);
    assert!(home.read(".codex/config.toml").contains("127.0.0.1:25996"));
    assert!(config(&home).contains("port: 25996"), "{}", config(&home));
    assert!(home.plan(&request).2.is_empty());
    // Without the variable, too.
    home.machine.environment = Environment::new(variables.into_iter().take(2));
    assert!(home.plan(&request).2.is_empty());
}

#[test]
fn codex_shows_the_write_token_which_the_service_then_wants() {
    let home = Home::with(&[(".codex/config.toml", "model = 'x'\n")]);
    let files = buffer_api::Paths::under(&home.machine.paths.harness_home);
    let (_, _, plan) = home.plan(&quiet());
    assert_eq!(files.known_token().unwrap(), None, "planning changes nothing");
    home.install(&quiet());
    let token = files.known_token().unwrap().unwrap();
    let shown = |token: &buffer_api::Token| {
        let secret = token.write_token();
        home.read(".codex/config.toml")
            .contains(&format!("headers = {{ x-arize-token = \"{secret}\" }}"))
    };
    assert!(shown(&token), "{}", home.read(".codex/config.toml"));
    assert!(!home.read(".codex/config.toml").contains(token.expose()));
    assert!(home.read(".arize/harness/config.yaml").contains("require_write_token: true"));
    assert!(!plan.diff().contains("x-arize-token = \""), "{}", plan.diff());
    #[cfg(unix)]
    for file in [home.path(".codex/config.toml"), files.token.clone()] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    assert!(home.plan(&quiet()).2.is_empty());
    // A folder that was emptied: the next setup makes another, and Codex shows it.
    std::fs::remove_file(&files.token).unwrap();
    home.install(&quiet());
    let other = files.known_token().unwrap().unwrap();
    assert!(other != token && shown(&other), "{}", home.read(".codex/config.toml"));
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), "model = 'x'\n");
    assert!(!files.token.exists());
}

#[test]
fn where_codex_does_not_send_to_us_no_token_is_wanted() {
    let theirs = "[otel]\nexporter = { otlp-http = { endpoint = 'http://c:4318/v1/logs', \
                  protocol = 'json', headers = {} } }\n";
    let home = Home::with(&[(".codex/config.toml", theirs)]);
    home.install(&quiet());
    assert!(!home.read(".codex/config.toml").contains("x-arize-token"));
    assert!(!home.read(".arize/harness/config.yaml").contains("require_write_token"));
    assert!(!buffer_api::Paths::under(&home.machine.paths.harness_home).token.exists());
}
