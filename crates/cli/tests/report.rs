//! `arize-codex doctor --report`: all that helps, and nothing private.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A secret for a place, which no rule knows by its shape.
fn secret(place: &str) -> String {
    format!("planted-{place}-zq7")
}

const PROMPT: &str = "please plant the begonias";

struct Home {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home/adalovelace");
        let home = Self { _dir: dir, path };
        home.write(
            ".arize/harness/config.yaml",
            &format!(
                "user_id: {user}\nzebra: {unknown}\nharnesses:\n  codex:\n    target: phoenix\n    \
                 endpoint: http://name:{address}@127.0.0.1:9/{path}?key={query}\n    \
                 project_name: {project}\n    api_key: {key}\n    attributes:\n      team: {attribute}\n    \
                 headers:\n      x-team: {header}\n    span_layout: {layout}\n    chained_notify: [/opt/none, {argument}]\n    \
                 collector:\n      port: 9\n",
                user = secret("user"),
                unknown = secret("unknown"),
                address = secret("address"),
                path = secret("path"),
                query = secret("query"),
                project = secret("project"),
                key = secret("key"),
                attribute = secret("attribute"),
                header = secret("header"),
                layout = secret("layout"),
                argument = secret("argument"),
            ),
        );
        let variable = format!("export ARIZE_API_KEY={}\n", secret("variable"));
        home.write(".codex/arize-env.sh", &variable);
        home.write(
            ".codex/config.toml",
            &format!(
                "notify = [\"/opt/hook\", \"{}\"]\nmodel = \"x\"\n[otel]\nexporter = {{ otlp-http = {{ \
                 endpoint = \"https://o.example/{}\", protocol = \"binary\", headers = {{ x-key = \"{}\" }} }} }}\n\
                 [mcp_servers.a.env]\nKEY = \"{}\"\n",
                secret("notify"),
                secret("otel-path"),
                secret("otel-header"),
                secret("mcp")
            ),
        );
        home.write(
            ".arize/harness/logs/codex.log",
            &format!(
                "2026-11-20T22:34:31.000Z error [7] `http://h`: rejected (http status 400): you said {PROMPT}\n\
                 {PROMPT}\n\
                 2026-11-20T22:34:32.000Z error [7] key {} and password={} in {}/work\n",
                secret("key"),
                secret("assigned"),
                home.path.display()
            ),
        );
        let line = format!("2026-11-20T22:34:30.000Z token {}\n", secret("token"));
        home.write(".arize/harness/logs/codex-buffer.log", &line);
        home.write(".arize/harness/run/codex-buffer.token", &secret("token"));
        let record = format!("{{\"type\":\"event_msg\",\"payload\":\"{PROMPT}\"}}\n");
        home.write(".codex/sessions/2026/11/20/rollout-2026-11-20T00-00-00-x.jsonl", &record);
        home.write(".codex/session_index.jsonl", &format!("{{\"title\":\"{PROMPT}\"}}\n"));
        home.write(".arize/harness/state/codex/outbox/phoenix/1.batch", PROMPT);
        home.write(".arize/harness/state/codex/unsent/x", PROMPT);
        home
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn doctor(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.env_clear().env("HOME", &self.path).env("PATH", "/usr/bin:/bin");
        command.env("PHOENIX_CLIENT_HEADERS", format!("x-a={}", secret("environment")));
        command.current_dir(&self.path).arg("doctor").args(arguments);
        command.output().unwrap()
    }
}

#[test]
fn a_report_has_what_helps_and_no_secret_prompt_or_name() {
    let home = Home::new();
    let output = home.doctor(&["--report", "report.md"]);
    assert_eq!(output.status.code(), Some(1), "as without a report: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "report.md\n");
    let file = home.path.join("report.md");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for planted in ["planted-", PROMPT, "begonias", "adalovelace"] {
        assert!(!text.contains(planted), "{planted} is in it:\n{text}");
    }
    for part in [
        "FAIL service: nothing listens on 127.0.0.1:9",
        "arize-codex ",
        "linux",
        "harnesses.codex.target: phoenix",
        "harnesses.codex.endpoint: http://127.0.0.1:9/…",
        "harnesses.codex.api_key: (set)",
        "zebra: (set)",
        "notify: /opt/hook (and 1 arguments)",
        "otel.exporter: otlp-http https://o.example/… protocol binary headers [x-key]",
        "phoenix: 0 accepted",
        "rejected (http status 400): [answer left out]",
        "in ~/work",
    ] {
        assert!(text.contains(part), "no {part:?} in it:\n{text}");
    }
}

#[test]
fn a_file_is_replaced_only_where_that_is_said() {
    let home = Home::new();
    home.write("mine.md", "mine");
    let text = || fs::read_to_string(home.path.join("mine.md")).unwrap();
    let refused = home.doctor(&["--report", "mine.md"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said.contains("`mine.md` exists") && said.contains("--force"), "{said}");
    assert_eq!(text(), "mine");
    home.doctor(&["--report", "mine.md", "--force"]);
    assert!(text().starts_with("# Report"));
    // Without a name, a new one in the present folder.
    let named = home.doctor(&["--report"]);
    let name = String::from_utf8_lossy(&named.stdout).trim().to_owned();
    assert!(name.starts_with("arize-codex-report-") && home.path.join(Path::new(&name)).exists());
}
