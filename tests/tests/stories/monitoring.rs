//! Totals for Prometheus: a real one scrapes them, and every panel of every dashboard has data.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stories::port::free_port;
use stories::process::run;
use stories::server_process::ServerProcess;
use stories::{Home, Protocol, wait};

use crate::complete::script;
use crate::stage;

const LIMIT: Duration = Duration::from_secs(60);

/// `promtool` computes days of rules, which takes its time beside other work.
const OF_RULES: Duration = Duration::from_secs(600);

fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/monitoring")
}

/// `arize-codex metrics --listen`, until it is dropped.
struct Metrics {
    process: Child,
    address: String,
}

impl Metrics {
    fn start(home: &Home) -> Self {
        let mut command = stage::arize_codex(home);
        command.args(["metrics", "--listen", "127.0.0.1:0"]);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("metrics");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let url = lines.next().expect("a line").expect("the address");
        let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/metrics"));
        Self { process, address: address.expect("an address").to_owned() }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Prometheus that scrapes an address each second.
struct Prometheus {
    url: String,
    _server: ServerProcess,
}

impl Prometheus {
    fn start(address: &str) -> Self {
        let port = free_port().expect("a port");
        let server = ServerProcess::start(Path::new("prometheus"), |prometheus, folder| {
            let config = format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: codex\n    \
                 static_configs: [{{targets: ['{address}'], labels: {{team: web}}}}]\n"
            );
            let file = folder.join("prometheus.yml");
            fs::write(&file, config).expect("its configuration");
            prometheus.arg("--config.file").arg(file);
            prometheus.arg("--storage.tsdb.path").arg(folder.join("data"));
            prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        });
        let server = server.expect("Prometheus, which is in Debian's package `prometheus`");
        Self { url: format!("http://127.0.0.1:{port}"), _server: server }
    }

    /// The series of a query; none where it cannot be asked yet.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let url = format!("{}/api/v1/query", self.url);
        let answer = ureq::get(&url).query("query", query).call().ok()?;
        let answer: Value = serde_json::from_reader(answer.into_body().into_reader()).ok()?;
        Some(answer["data"]["result"].as_array()?.clone())
    }
}

/// A thread whose response says what is left of a subscription.
fn write_limits(home: &Home) {
    let now = SystemTime::now();
    let seconds = now.duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let time = humantime::format_rfc3339_millis(now).to_string();
    let id = "01a22d40-7c62-7360-ae37-8bc82cb6e5c1";
    let folder = home.codex_home().join("sessions/2026/11/30");
    fs::create_dir_all(&folder).expect("a folder");
    let resets_at = seconds + 3600;
    let limits = json!({
        "limit_id": "codex", "plan_type": "pro",
        "primary": { "used_percent": 12.0, "window_minutes": 300, "resets_at": resets_at },
    });
    let line = |kind: &str, payload: Value| {
        json!({ "timestamp": time, "type": kind, "payload": payload }).to_string()
    };
    let text = [
        line("session_meta", json!({ "id": id, "cli_version": "0.171.0", "cwd": "/tmp" })),
        line("event_msg", json!({ "type": "token_count", "info": null, "rate_limits": limits })),
    ];
    let name = format!("rollout-2026-11-30T10-00-00-{id}.jsonl");
    fs::write(folder.join(name), text.join("\n") + "\n").expect("a transcript");
}

#[test]
fn every_panel_has_data_of_a_real_prometheus() {
    let home = stage::home("monitoring");
    let target = format!(
        "targets: [{{target: local}}, {{target: phoenix, endpoint: '{}'}}]",
        stage::phoenix().url()
    );
    home.configure(&target).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    stage::play(&home, &script(), Protocol::Binary, &[]);
    write_limits(&home);
    let metrics = Metrics::start(&home);
    let prometheus = Prometheus::start(&metrics.address);
    wait::until("two scrapes", LIMIT, || {
        let count = prometheus.query("count_over_time(arize_codex_build[1h])")?;
        count.first()?["value"][1].as_str()?.parse::<u32>().ok().filter(|count| *count >= 3)
    })
    .expect("scrapes");

    let cost = prometheus.query("sum(codex_cost_usd_total)").expect("an answer");
    assert!(
        cost[0]["value"][1].as_str().expect("a number").parse::<f64>().expect("a number") > 0.0
    );
    // A report of the team has the figures of the machine.
    let report = |more: &[&str]| -> Value {
        let mut command = stage::arize_codex(&home);
        let arguments = [&["report", "--all", "--by", "model", "--json"], more].concat();
        let done = run(command.args(arguments), LIMIT).expect("a report");
        assert!(done.status.success(), "{done:?}");
        serde_json::from_str(&done.stdout).expect("JSON")
    };
    let (own, team) = (report(&[]), report(&["--team", &prometheus.url, "--match", "team=web"]));
    for figure in ["calls", "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens"]
    {
        assert_eq!(own["total"][figure], team["total"][figure], "{figure}: {team}");
    }
    assert_eq!(own["rows"][0]["model"], team["rows"][0]["model"], "{team}");
    let mut command = stage::arize_codex(&home);
    let other = ["report", "--team", &prometheus.url, "--match", "team=other"];
    let done = run(command.args(other), LIMIT).expect("a report");
    assert_eq!(done.status.code(), Some(3), "{done:?}");

    let mut panels = 0;
    for dashboard in ["team", "developer", "delivery"] {
        let file = monitoring().join(format!("grafana-{dashboard}.json"));
        let dashboard: Value =
            serde_json::from_str(&fs::read_to_string(&file).expect("a dashboard")).expect("JSON");
        let all = dashboard["panels"].as_array().expect("panels");
        assert!(all.len() <= 12, "{}", file.display());
        for panel in all {
            for target in panel["targets"].as_array().expect("targets") {
                panels += 1;
                let query = with_variables(target["expr"].as_str().expect("a query"));
                let found = prometheus.query(&query);
                assert!(found.is_some_and(|found| !found.is_empty()), "{query} has no data");
            }
        }
    }
    assert!(panels >= 30, "{panels}");
}

/// A query as Grafana sends it where all is chosen.
fn with_variables(query: &str) -> String {
    let mut query = query.replace("$__range", "1h");
    for variable in ["team", "user", "repository", "model", "machine"] {
        query = query.replace(&format!("${variable}"), ".*");
    }
    assert!(!query.contains('$'), "{query}");
    query
}

#[test]
fn every_alert_has_a_test_that_passes() {
    let promtool = |arguments: &[&str]| {
        let mut promtool = Command::new("promtool");
        let done = run(promtool.args(arguments).current_dir(monitoring()), OF_RULES);
        let done = done.expect("promtool, which is in Debian's package `prometheus`");
        assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    };
    promtool(&["check", "rules", "rules.yaml"]);
    promtool(&["test", "rules", "rules_test.yaml"]);
    let rules = fs::read_to_string(monitoring().join("rules.yaml")).expect("rules");
    let tests = fs::read_to_string(monitoring().join("rules_test.yaml")).expect("tests");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alerts.md");
    let docs = fs::read_to_string(docs).expect("docs");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for alert in alerts {
        count += 1;
        assert!(tests.contains(&format!("alertname: {alert}")), "{alert} has no test");
        assert!(docs.contains(&format!("### {alert}\n")), "{alert} has no run-book");
    }
    assert!(count >= 8, "{count}");
}
