//! What becomes of prompts in Codex's log events, which others may get, too.

use codex_config::codex_toml;
use setup::{Content, ExistingOtel, Request};

use crate::home::{Home, quiet};

const CONFIG: &str = ".codex/config.toml";

const EXPORTER: &str = "exporter = { otlp-http = { endpoint = 'http://c/v1/logs', protocol = 'json', \
                        headers = {} } }\n";

/// Codex's configuration with another exporter and this setting for prompts.
fn codex(said: &str) -> Home {
    Home::with(&[(CONFIG, &format!("[otel]\n{EXPORTER}{said}"))])
}

fn log_user_prompt(home: &Home) -> Option<bool> {
    codex_toml::inspect(&home.read(CONFIG)).unwrap().otel.unwrap().log_user_prompt
}

fn with(existing: ExistingOtel) -> Request {
    Request { existing_otel: Some(existing), ..quiet() }
}

#[test]
fn codex_keeps_the_users_setting_whichever_program_gets_its_events() {
    for (said, is_said) in [
        ("", None),
        ("log_user_prompt = false # work\n", Some(false)),
        ("log_user_prompt = true\n", Some(true)),
    ] {
        for existing in ExistingOtel::ALL {
            for content in Content::ALL {
                let home = codex(said);
                let before = home.read(CONFIG);
                let request = Request { content: Some(*content), ..with(*existing) };
                home.install(&request);
                let after = home.read(CONFIG);
                assert_eq!(log_user_prompt(&home), is_said, "{existing} {content}: {after}");
                assert!(home.plan(&request).2.is_empty());
                home.uninstall(false);
                assert_eq!(home.read(CONFIG), before);
            }
        }
    }
    let fresh = Home::with(&[]);
    fresh.install(&quiet());
    assert_eq!(log_user_prompt(&fresh), None);
}

#[test]
fn the_steps_say_what_becomes_of_prompts() {
    let steps = |said: &str, existing| {
        let home = codex(said);
        let (_, _, plan) = home.plan(&with(existing));
        let steps = plan.steps(&home.machine);
        let step = steps.iter().find(|step| step.contains("log_user_prompt")).cloned();
        if let Some(step) = &step {
            let done = home.install(&with(existing)).done;
            assert!(done.contains(step), "{done:?}");
        }
        step.unwrap_or_default()
    };
    let stays = "Codex's `log_user_prompt` stays";
    assert_eq!(steps("", ExistingOtel::Keep), "");
    assert_eq!(steps("", ExistingOtel::Replace), format!("{stays} off"));
    let off = format!("{stays} off; no prompt is passed on, as before");
    assert_eq!(steps("", ExistingOtel::Forward), off);
    let none =
        format!("{off}; spans hold lengths only, as it suggests (`--content all` records more)");
    assert_eq!(steps("log_user_prompt = false\n", ExistingOtel::Forward), none);
    let on = format!("{stays} on; prompts are passed on, as before");
    assert_eq!(steps("log_user_prompt = true\n", ExistingOtel::Forward), on);
}

#[test]
fn who_keeps_prompts_out_of_the_events_is_not_expected_to_want_them_in_spans() {
    let proposed = |said: &str| codex(said).plan(&quiet()).1.content;
    assert_eq!(proposed(""), Some(Content::All));
    assert_eq!(proposed("log_user_prompt = true\n"), Some(Content::All));
    assert_eq!(proposed("log_user_prompt = false\n"), Some(Content::None));

    let home = codex("log_user_prompt = false\n");
    home.install(&quiet());
    assert!(home.read(".arize/harness/config.yaml").contains("prompts: false"));
    // What was chosen is what is proposed from then on.
    home.install(&Request { content: Some(Content::All), ..quiet() });
    assert_eq!(home.plan(&quiet()).1.content, Some(Content::All));
    assert!(home.plan(&quiet()).2.is_empty());
    let chosen_at_once = codex("log_user_prompt = false\n");
    chosen_at_once.install(&Request { content: Some(Content::All), ..quiet() });
    chosen_at_once.uninstall(false);
    chosen_at_once.install(&Request { content: Some(Content::All), ..quiet() });
    assert_eq!(chosen_at_once.plan(&quiet()).1.content, Some(Content::All));
}

/// Earlier versions switched prompts on, with the user's word as a comment beside it.
#[test]
fn setup_over_an_installation_that_switched_prompts_on_brings_the_users_word_back() {
    for is_changed_since in [false, true] {
        let home = codex("log_user_prompt = false # work\n");
        let before = home.read(CONFIG);
        home.install(&with(ExistingOtel::Forward));
        let now = home.read(CONFIG);
        let on =
            "# replaced by arize-codex: log_user_prompt = false # work\nlog_user_prompt = true\n";
        let older = now.replace("log_user_prompt = false # work\n", on);
        assert_ne!(older, now);
        home.write(CONFIG, &older);
        let record = home.path(".arize/harness/state/setup.json");
        let mut json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        let entries = json["entries"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry["part"] == "codex-config").unwrap();
        entry["after"] = serde_json::json!([codex_config::file_edit::digest(&older)]);
        let key = serde_json::json!(["otel", "log_user_prompt"]);
        let changes = entry["undo"]["codex-config"]["changes"].as_array_mut().unwrap();
        changes.push(serde_json::json!({ "set_aside": {
            "key": key, "lines": "log_user_prompt = false # work\n", "value": "false",
        } }));
        changes.push(serde_json::json!({ "set": {
            "key": key, "value": "true", "replaced": null, "blank_below": false,
        } }));
        std::fs::write(&record, json.to_string()).unwrap();
        if is_changed_since {
            home.write(CONFIG, &format!("{older}[tui]\nanimations = false\n"));
        }

        home.install(&quiet());
        assert_eq!(log_user_prompt(&home), Some(false));
        assert!(!home.read(CONFIG).contains("arize-codex: log_user_prompt"));
        assert!(home.read(CONFIG).contains("127.0.0.1:25999"), "still passed on");
        assert!(home.plan(&quiet()).2.is_empty());
        home.uninstall(false);
        let left = home.read(CONFIG);
        assert_eq!(left.replace("[tui]\nanimations = false\n", ""), before);
    }
}
