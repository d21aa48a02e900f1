//! `arize-codex import` and `arize-codex report`, as a person runs them.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

/// A user with one recorded thread.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let day = home.path().join(".codex/sessions/2026/11/20");
        fs::create_dir_all(&day).unwrap();
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../codex-turn/tests/data/0.169.0/basic/rollout.jsonl");
        let name = "rollout-2026-11-20T22-34-31-01a1fb18-d745-76d3-8970-09f42d282b2f.jsonl";
        fs::copy(recorded, day.join(name)).unwrap();
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_arize-codex"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("USERPROFILE", self.home.path())
            .env("TZ", "UTC")
            .output()
            .unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }
}

#[test]
fn the_first_command_reports_what_was_used() {
    let user = User::new();
    let text = user.text(&["report", "--all", "--by", "day,project", "--timezone", "UTC"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("by day and project, all days (UTC)"), "{text}");
    assert!(lines[2].starts_with("2026-11-20  codex"), "{text}");
    assert!(lines[2].ends_with("3,066  $0.0100"), "{text}");
    // The store has it now; a transcript that is gone takes nothing away.
    fs::remove_dir_all(user.home.path().join(".codex")).unwrap();
    assert_eq!(user.text(&["report", "--all", "--by", "day,project", "--timezone", "UTC"]), text);
}

#[test]
fn the_day_is_that_of_the_zone() {
    let user = User::new();
    let day = |zone: &str| {
        let report = user.json(&["report", "--all", "--json", "--timezone", zone]);
        assert_eq!(report["timezone"], zone);
        report["rows"][0]["day"].as_str().unwrap().to_owned()
    };
    // The turn was at 22:34 UTC.
    assert_eq!(day("UTC"), "2026-11-20");
    assert_eq!(day("Asia/Tokyo"), "2026-11-21");
    let wrong = user.run(&["report", "--timezone", "Mars/Olympus"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`Mars/Olympus` is not a time zone"));
}

#[test]
fn what_has_no_price_is_said_and_is_never_nothing() {
    let user = User::new();
    let sessions = user.home.path().join(".codex/sessions/2026/11/20");
    let file = fs::read_dir(sessions).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("gpt-5.5", "model-of-tomorrow")).unwrap();
    let text = user.text(&["report", "--all"]);
    assert!(text.contains("no price"), "{text}");
    assert!(
        text.contains("no price is known for model-of-tomorrow: 3 calls with 3,066 tokens"),
        "{text}"
    );
    let json = user.json(&["report", "--all", "--json"]);
    assert_eq!(json["total"]["cost_usd"], Json::Null);
    assert_eq!(json["total"]["unpriced_tokens"], 3066);
    let csv = user.text(&["report", "--all", "--csv"]);
    assert!(csv.ends_with(",3066,,3\n"), "{csv}");
}

#[test]
fn an_import_says_what_it_did_and_a_dry_run_leaves_no_store() {
    let user = User::new();
    let store = user.home.path().join(".arize/harness/traces.db");
    let dry = user.json(&["import", "--dry-run", "--json"]);
    assert_eq!((&dry["turns_new"], &dry["tokens"]), (&1.into(), &3066.into()));
    assert!(!store.exists());
    let first = user.text(&["import"]);
    assert!(first.contains("1 of 1 transcripts read"), "{first}");
    let again = user.json(&["import", "--json"]);
    assert_eq!(again["transcripts_unchanged"], 1);
    let empty = tempfile::tempdir().unwrap();
    let nothing = user.run(&["import", empty.path().to_str().unwrap()]);
    assert_eq!(nothing.status.code(), Some(3));
}

#[test]
fn what_is_left_is_said_and_unknown_is_not_enough() {
    let user = User::new();
    let unknown = user.run(&["quota", "--min-remaining", "10"]);
    assert_eq!(unknown.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("not reported"));
    let now = std::time::SystemTime::now();
    let time = humantime::format_rfc3339_seconds(now);
    let second = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let sessions = user.home.path().join(".codex/sessions/2026/11/20");
    let file = fs::read_dir(sessions).unwrap().next().unwrap().unwrap().path();
    let mut text = fs::read_to_string(&file).unwrap();
    text += &format!(
        r#"{{"timestamp":"{time}","type":"event_msg","payload":{{"type":"token_count","info":null,"rate_limits":{{"limit_id":"codex","primary":{{"used_percent":92.0,"window_minutes":10080,"resets_at":{}}},"secondary":null}}}}}}"#,
        second + 86_400
    );
    fs::write(&file, text + "\n").unwrap();
    let left = user.json(&["quota", "--json"]);
    assert_eq!(left["windows"][0]["window"], "weekly");
    assert_eq!(left["windows"][0]["remaining_percent"], 8.0);
    assert_eq!(user.run(&["quota", "--min-remaining", "8"]).status.code(), Some(0));
    assert_eq!(user.run(&["quota", "--min-remaining", "9"]).status.code(), Some(1));
    assert!(user.text(&["quota"]).contains("codex weekly     8.0 % left"));
}
