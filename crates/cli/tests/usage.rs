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
fn a_session_is_tagged_and_reported_by_its_tags() {
    let user = User::new();
    let by_tag = |more: &[&str]| {
        let arguments = [&["report", "--all", "--by", "tag", "--json"], more].concat();
        let report = user.json(&arguments);
        let rows = report["rows"].as_array().unwrap().iter();
        rows.map(|row| row["tag"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(by_tag(&[]), [""]);
    let tagged = user.text(&["tag", "01a1fb18", "ticket-4711", "slow"]);
    assert_eq!(tagged, "01a1fb18-d745-76d3-8970-09f42d282b2f: slow, ticket-4711\n");
    assert_eq!(by_tag(&[]), ["slow, ticket-4711"]);
    assert_eq!(by_tag(&["--tag", "slow"]), ["slow, ticket-4711"]);
    assert_eq!(by_tag(&["--tag", "ticket"]), [""; 0]);
    assert!(user.text(&["show", "--tag", "slow", "--json"]).contains("\"ticket-4711\""));
    assert_eq!(user.run(&["show", "--tag", "other"]).status.code(), Some(3));
    let untagged = user.json(&["tag", "01a1fb18", "--remove", "slow", "--json"]);
    assert_eq!(untagged["tags"], serde_json::json!(["ticket-4711"]));
    assert_eq!(untagged["changed_turns"], 1);
    for (arguments, code) in [
        (&["tag", "nothing", "x"][..], 3),
        (&["tag", "01a1fb18", "a,b"], 2),
        (&["tag", "01a1fb18", ""], 2),
    ] {
        assert_eq!(user.run(arguments).status.code(), Some(code), "{arguments:?}");
    }
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

impl User {
    fn own_prices(&self, prices: &str) {
        let folder = self.home.path().join(".arize/harness");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("prices.json"), prices).unwrap();
    }
}

/// Each amount is tokens times prices, which are named.
#[test]
fn an_amount_is_explained() {
    let user = User::new();
    let text = user.text(&["report", "--all", "--explain", "--timezone", "UTC"]);
    let has = |part: &str| assert!(text.contains(part), "{part}: {text}");
    has("gpt-5.5, standard, prices 2026-11-21: 3 calls");
    has("            1,467 input        ×     $5.00 per million =      $0.0073");
    has("            1,536 cached input ×     $0.50 per million =      $0.0008");
    has("               63 output       ×    $30.00 per million =      $0.0019");
    has("calls count in the day in which they ended");
    let json = user.json(&["report", "--all", "--json"]);
    assert_eq!(json["total"]["rates"][0]["usd_per_million_tokens"]["output"], 30.0);
    // One cell.
    let one = user.text(&["report", "--all", "--timezone", "UTC", "--explain=2026-11-20"]);
    assert_eq!(one, text);
    let none = user.run(&["report", "--all", "--timezone", "UTC", "--explain=2026-11-21"]);
    assert_eq!(none.status.code(), Some(3));
}

/// A new price changes what comes after it, and what was recorded only where that is asked for.
#[test]
fn recorded_amounts_stay_and_others_are_asked_for() {
    let user = User::new();
    let cost = |options: &[&str]| {
        let json = user.json(&[&["report", "--all", "--json"], options].concat());
        let total = json["total"].clone();
        (total["cost_usd"].as_f64().unwrap(), total["list_price_usd"].as_f64())
    };
    let list = 0.009_993;
    assert_eq!(cost(&[]), (list, None));
    user.own_prices(
        r#"{"version": "contract", "periods": [
            {"from": "2026-11-20", "until": "2026-11-20",
             "models": {"gpt-5.5": {"standard": {"input": 1, "output": 10}}}}
        ]}"#,
    );
    assert_eq!(cost(&["--beside-list"]), (list, Some(list)));
    let own = (3003.0 + 630.0) / 1e6;
    assert_eq!(cost(&["--prices", "current", "--beside-list"]), (own, Some(list)));
    assert_eq!(cost(&["--prices", "list"]), (list, None));
    let text = user.text(&["report", "--all", "--prices", "current", "--beside-list"]);
    assert!(text.contains("at the prices of prices.json and the API's list prices"), "{text}");
    assert!(text.contains("COST  LIST PRICE"), "{text}");
    // The day before, the contract did not hold yet.
    user.own_prices(
        r#"{"version": "contract", "periods": [
            {"from": "2026-11-21", "models": {"gpt-5.5": {"standard": {"input": 1, "output": 10}}}}
        ]}"#,
    );
    assert_eq!(cost(&["--prices", "current"]), (list, None));
}

/// How many credits a dollar is has to be set: no rate is guessed.
#[test]
fn credits_need_a_rate() {
    let user = User::new();
    let output = user.run(&["report", "--all", "--as", "credits"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is not known") && error.contains("credits_per_usd"), "{error}");
    user.own_prices(r#"{"version": "plan", "credits_per_usd": 25}"#);
    let text = user.text(&["report", "--all", "--as", "credits", "--timezone", "UTC"]);
    assert!(text.lines().next().unwrap().ends_with("a US dollar being 25 credits"), "{text}");
    assert!(text.contains("2026-11-20      1      3     0.25\n"), "{text}");
    let json = user.json(&["report", "--all", "--as", "credits", "--json"]);
    assert!((json["total"]["cost_credits"].as_f64().unwrap() - 0.249_825).abs() < 1e-9, "{json}");
}

/// Options that people know from other programs.
#[test]
fn options_by_their_usual_names_are_taken() {
    let user = User::new();
    let text =
        user.text(&["report", "--all", "--compact", "--offline", "-z", "UTC", "--limit", "0"]);
    let expected =
        "DAY            TOKENS     COST\n… 1 more rows\ntotal           3,066  $0.0100\n";
    assert_eq!(text.split_once('\n').unwrap().1, expected);
    let thread = "01a1fb18-d745-76d3-8970-09f42d282b2f";
    let of = |id: &str| {
        let json = user.json(&["report", "--all", "--by", "day,session", "--id", id, "--json"]);
        (json["total"]["calls"].as_i64().unwrap(), json["total"]["turns"].as_i64())
    };
    assert_eq!((of(thread), of("another")), ((3, Some(1)), (0, None)));
    let file = user.home.path().join("report.parquet");
    let path = file.to_str().unwrap();
    user.text(&["report", "--all", "--parquet", path]);
    assert!(fs::read(&file).unwrap().starts_with(b"PAR1"));
    let refused = user.run(&["report", "--all", "--parquet", "/missing/report.parquet"]);
    assert_eq!(refused.status.code(), Some(1));
    let text = user.text(&["report", "--no-cost", "--since", "20261101", "-u", "2026-11-30"]);
    assert!(!text.contains("list prices") && !text.contains("COST"), "{text}");
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
    assert_eq!(left["windows"][0]["is_binding"], true);
    // Neither says that too little is left.
    for (arguments, code) in [
        (&["quota", "--min-remaining", "101"][..], 64),
        (&["quota", "--store", "/missing/traces.db"], 69),
        (&["quota", "--help"], 0),
    ] {
        assert_eq!(user.run(arguments).status.code(), Some(code), "{arguments:?}");
    }
}

/// Contents that are too old are dropped by hand, and by themselves where the settings say so; what was
/// used stays, and no import brings them back.
#[test]
fn old_contents_are_dropped_and_their_numbers_stay() {
    let user = User::new();
    let used = |user: &User| {
        let report = user.json(&["report", "--all", "--json"]);
        (report["total"].clone(), user.json(&["show", "--json"])["turns"].clone())
    };
    let refused = user.run(&["prune"]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(user.run(&["prune", "--max-age", "1d"]).status.code(), Some(3));
    user.text(&["import"]);
    let before = used(&user).0;
    assert!(!before.is_null());
    let spans = || user.json(&["import", "--json"])["contents"]["spans_new"].clone();
    let dry = user.json(&["prune", "--max-age", "1d", "--dry-run", "--json"]);
    assert!(dry["spans"].as_u64() > Some(0), "{dry}");
    let pruned = user.json(&["prune", "--max-age", "1d", "--json"]);
    assert_eq!((&pruned["spans"], &pruned["turns"]), (&dry["spans"], &Json::from(0)), "{pruned}");
    assert_eq!(used(&user).0, before);
    assert!(user.text(&["prune", "--max-age", "1d"]).starts_with("nothing to drop"));

    // A copy of the transcript, which was not read before.
    let sessions = user.home.path().join(".codex/sessions");
    fs::rename(&sessions, user.home.path().join(".codex/archived_sessions")).unwrap();
    assert_eq!(spans(), 0);
    assert_eq!(used(&user).0, before);
}

#[test]
fn the_settings_limit_the_store_by_themselves() {
    let user = User::new();
    let config = user.home.path().join(".arize/harness/config.yaml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "store: {max_age: 1d}\n").unwrap();
    let imported = user.json(&["import", "--json"]);
    assert_eq!(imported["turns_new"], 1, "{imported}");
    assert_eq!(imported["contents"]["spans_new"], 0, "{imported}");
    fs::write(&config, "store: {max_age: 1d, drop: all}\n").unwrap();
    let text = user.text(&["prune"]);
    assert!(text.contains("the numbers of 1 turns"), "{text}");
}

#[test]
fn the_store_of_another_machine_is_taken_in() {
    let (desk, laptop) = (User::new(), User::new());
    desk.text(&["import", "--machine", "desk"]);
    fs::remove_dir_all(laptop.home.path().join(".codex")).unwrap();
    let theirs = desk.home.path().join(".arize/harness/traces.db");
    let theirs = theirs.to_str().unwrap();
    let dry = laptop.text(&["import", "--from", theirs, "--dry-run"]);
    assert!(dry.starts_with("1 new turns") && dry.ends_with("nothing was written\n"), "{dry}");
    let merged = laptop.json(&["import", "--from", theirs, "--json"]);
    assert!(merged["turns_new"] == 1 && merged["spans_new"].as_u64() > Some(3), "{merged}");
    let again = laptop.json(&["import", "--from", theirs, "--json"]);
    assert!(again["turns_known"] == 1 && again["spans_new"] == 0, "{again}");
    let report = |user: &User| user.json(&["report", "--all", "--by", "day", "--json"]);
    assert_eq!(report(&desk)["total"], report(&laptop)["total"]);
    // Itself, and what is no store.
    let own = laptop.home.path().join(".arize/harness/traces.db");
    assert_eq!(laptop.run(&["import", "--from", own.to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(laptop.run(&["import", "--from", "/nowhere.db"]).status.code(), Some(1));
}

/// Whenever the disk is full, the import says so, and a later one completes what it began.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let expected = {
        let user = User::new();
        user.text(&["import"]);
        user.json(&["report", "--all", "--json"])["total"].clone()
    };
    let mut failures = 0;
    // In blocks of 512 bytes: a limit for each file that is written.
    for blocks in [1, 40, 100, 200, 300, 400, 500, 700, 1000] {
        let user = User::new();
        let limited = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec '{}' import",
            env!("CARGO_BIN_EXE_arize-codex")
        );
        let output = Command::new("sh")
            .args(["-c", &limited])
            .env_clear()
            .env("HOME", user.home.path())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{blocks}: {:?} {error}",
            output.status
        );
        failures += usize::from(!output.status.success());
        user.text(&["import"]);
        let total = user.json(&["report", "--all", "--json"])["total"].clone();
        assert_eq!(total, expected, "{blocks}");
        assert!(!user.text(&["show"]).is_empty(), "{blocks}");
    }
    assert!((2..9).contains(&failures), "{failures}");
}

/// Turns of the time before tracing go to a target when a person asks for it, each once, with the ids
/// that the local store knows them by.
#[test]
fn old_turns_are_sent_to_a_target_once() {
    let user = User::new();
    let config = user.home.path().join(".arize/harness/config.yaml");
    let file = user.home.path().join("spans.jsonl");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let configure = |more: &str| {
        let targets = format!(
            "  codex:\n    targets:\n      local: {{target: local}}\n      \
             archive: {{target: file, path: '{}'}}\n      \
             away: {{target: phoenix, endpoint: 'http://127.0.0.1:1'}}\n",
            file.display()
        );
        fs::write(&config, format!("harnesses:\n{targets}{more}")).unwrap();
    };
    configure("");
    let dry = user.text(&["import", "--to", "archive", "--dry-run"]);
    assert!(dry.starts_with("1 turns to send to the file"), "{dry}");
    let code = |arguments: &[&str]| user.run(arguments).status.code();
    assert_eq!(code(&["import", "--to", "archive"]), Some(2), "it does not ask without a terminal");
    assert_eq!(code(&["import", "--to", "nowhere", "--yes"]), Some(3));
    assert_eq!(code(&["import", "--to", "local", "--yes"]), Some(2));
    assert!(!file.exists());

    // Of folders that are not traced nothing is sent.
    configure("    folders: [/elsewhere]\n");
    let elsewhere = user.json(&["import", "--to", "archive", "--yes", "--json"]);
    assert_eq!(
        (&elsewhere["turns_sent"], &elsewhere["turns_of_other_folders"]),
        (&0.into(), &1.into())
    );
    configure("");

    let sent = |user: &User, more: &[&str]| {
        let words = [&["import", "--to", "archive", "--yes", "--json"], more].concat();
        let said = user.json(&words);
        (said["turns_sent"].as_u64().unwrap(), said["turns_sent_before"].as_u64().unwrap())
    };
    assert_eq!(sent(&user, &[]), (1, 0));
    let text = fs::read_to_string(&file).unwrap();
    user.text(&["import"]);
    let shown = user.text(&["show", "--last", "--json"]);
    let is_id = |word: &&str| word.len() == 32 && word.bytes().all(|sign| sign.is_ascii_hexdigit());
    let trace = shown.split('"').find(is_id).unwrap();
    assert!(text.contains(trace), "{trace}: {text}");
    assert_eq!(sent(&user, &[]), (0, 1));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(sent(&user, &["--resend"]).0, 1);

    // A target that is away gets it later, from its queue.
    let away = user.run(&["import", "--to", "away", "--yes"]);
    let error = String::from_utf8_lossy(&away.stderr);
    assert_eq!(away.status.code(), Some(1), "{error}");
    assert!(error.contains("1 queued") && error.contains("goes on there"), "{error}");
}
