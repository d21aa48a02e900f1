//! A second setup, which changes nothing but what it is asked for.

use std::fs;
use std::time::{Duration, SystemTime};

use codex_config::Environment;
use setup::ask::TakeProposed;
use setup::{Facts, Request};

use crate::home::{Home, quiet};

const CONFIG: &str = ".codex/config.toml";

#[test]
fn a_codex_that_is_not_on_the_path_loses_nothing() {
    for hooks_json in
        [None, Some("{ \"hooks\": { \"Stop\": [{ \"hooks\": [{ \"command\": \"bell\" }] }] } }")]
    {
        let mut home = Home::with(&[]).with_codex("0.169.0");
        if let Some(text) = hooks_json {
            home.write(".codex/hooks.json", text);
        }
        home.install(&Request { hooks: true, ..quiet() });
        let installed = home.tree();
        let config = home.read(CONFIG);
        assert!(config.contains("log_sse_deltas = false"), "{config}");
        let user = home.path("").display().to_string();
        home.machine.environment = Environment::new([
            ("HOME", user.as_str()),
            ("SHELL", "/bin/zsh"),
            ("PATH", "/nowhere"),
        ]);
        let (facts, _, plan) = home.plan(&quiet());
        assert_eq!(facts.codex, None);
        assert!(plan.is_empty(), "{}", plan.diff());
        // A change of something else leaves it, too.
        home.install(&Request { port: Some(25_998), ..quiet() });
        home.install(&Request { port: Some(25_999), ..quiet() });
        assert_eq!(home.read(CONFIG), config);
        assert_eq!(
            home.tree().get(".codex/hooks.json".as_ref() as &std::path::Path),
            installed.get(".codex/hooks.json".as_ref() as &std::path::Path)
        );
    }
}

#[test]
fn a_list_of_targets_stays_as_it_was_written() {
    let list = "harnesses:\n  codex:\n    targets:\n      - target: local\n      - target: phoenix\n        \
                project_name: mine\n    collector:\n      port: 25999\n      require_write_token: true\n";
    let home = Home::with(&[(".arize/harness/config.yaml", list)]);
    home.install(&quiet());
    assert_eq!(home.read(".arize/harness/config.yaml"), list);
    assert!(home.plan(&quiet()).2.is_empty());
}

/// What is proposed, and said afterwards, with Codex's background process at work. This process stands
/// for it.
fn of_daemon(home: &Home, request: &Request) -> (bool, bool) {
    struct Listening(TakeProposed, bool);
    impl setup::ask::Ask for Listening {
        fn choose(
            &mut self,
            q: &str,
            o: &[String],
            p: usize,
        ) -> Result<usize, setup::ask::AskError> {
            self.0.choose(q, o, p)
        }
        fn choose_some(
            &mut self,
            q: &str,
            o: &[String],
            p: &[usize],
        ) -> Result<Vec<usize>, setup::ask::AskError> {
            self.0.choose_some(q, o, p)
        }
        fn text(
            &mut self,
            q: &str,
            p: &str,
            h: &str,
            c: fn(&str) -> Result<(), String>,
        ) -> Result<String, setup::ask::AskError> {
            self.0.text(q, p, h, c)
        }
        fn secret(
            &mut self,
            q: &str,
            h: &str,
        ) -> Result<Option<codex_config::Secret>, setup::ask::AskError> {
            self.0.secret(q, h)
        }
        fn confirm(&mut self, q: &str, p: bool, h: &str) -> Result<bool, setup::ask::AskError> {
            self.1 |= q.contains("Restart Codex's background process");
            self.0.confirm(q, p, h)
        }
        fn tell(&mut self, message: &str) {
            self.0.tell(message);
        }
        fn list(&mut self, heading: &str, items: &[String]) {
            self.0.list(heading, items);
        }
    }
    let facts: Facts = setup::inspect(&home.machine, request).unwrap();
    let mut ask = Listening(TakeProposed::default(), false);
    let answers = setup::interview(request, &facts, &home.machine, &mut ask).unwrap();
    let plan = setup::plan(&home.machine, &facts, &answers).unwrap();
    let next = setup::next_steps(&home.machine, &facts, &answers, &plan).join("\n");
    (ask.1, next.contains("keeps the old telemetry settings"))
}

#[test]
fn a_restart_of_codexs_daemon_is_offered_whenever_its_settings_change() {
    let home = Home::with(&[]);
    let pid_file = format!("{{\"pid\": {}}}", std::process::id());
    home.write(".codex/app-server-daemon/daemon.pid", &pid_file);
    assert_eq!(of_daemon(&home, &quiet()), (true, true), "the first setup");
    home.install(&quiet());
    // It was not restarted, and nothing changes any more.
    assert_eq!(of_daemon(&home, &quiet()), (true, true), "an old daemon");
    home.write(".codex/app-server-daemon/daemon.pid", &pid_file);
    assert_eq!(of_daemon(&home, &quiet()), (false, false), "a new daemon");
    let other_port = Request { port: Some(25_998), ..quiet() };
    assert_eq!(of_daemon(&home, &other_port), (true, true), "another port");
    let another = Request { project: Some("another".to_owned()), ..quiet() };
    assert_eq!(of_daemon(&home, &another), (false, false), "another project");
    let variables = fs::File::options().append(true).open(home.path(".codex/arize-env.sh"));
    let later = SystemTime::now() + Duration::from_secs(60);
    variables.unwrap().set_modified(later).unwrap();
    assert_eq!(of_daemon(&home, &quiet()), (true, true), "other variables");
}

#[test]
fn the_changes_show_the_users_files_last_and_our_own_briefly() {
    let home = Home::with(&[(CONFIG, "model = 'x'\n"), (".zshrc", "alias l=ls\n")]);
    let (_, _, plan) = home.plan(&Request { with_skills: true, ..quiet() });
    let diff = home.shown(&plan.diff());
    let at = |text: &str| diff.find(text).unwrap_or_else(|| panic!("no {text} in {diff}"));
    let skill = at("new file ~/.agents/skills/codex-tracing/SKILL.md (");
    assert!(!diff.contains("+name: codex-tracing"), "{diff}");
    assert!(skill < at("+++ ~/.arize/harness/config.yaml"), "{diff}");
    assert!(at("+++ ~/.arize/harness/config.yaml") < at("+++ ~/.codex/config.toml"), "{diff}");
    assert!(diff.contains("+    target: local"), "{diff}");
}

#[test]
fn the_steps_name_the_keys_of_codex_that_change() {
    let exporter = "[otel]\nexporter = { otlp-http = { endpoint = 'http://c/v1/logs', protocol = 'json', \
                    headers = {} } }\n";
    let home = Home::with(&[(CONFIG, exporter)]).with_codex("0.169.0");
    let request = Request { existing_otel: Some(setup::ExistingOtel::Replace), ..quiet() };
    let (facts, _, plan) = home.plan(&request);
    let keys = ".codex/config.toml: `notify`, `otel.exporter`, `otel.log_sse_deltas`, `otel.trace_exporter`";
    let line = |lines: &[String]| lines.iter().any(|line| home.shown(line).ends_with(keys));
    assert!(line(&plan.steps(&home.machine)), "{:?}", plan.steps(&home.machine));
    let done = home.apply(&facts, &plan).unwrap().done;
    assert!(line(&done), "{done:?}");
}
