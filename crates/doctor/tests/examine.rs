//! Each way in which nothing arrives, provoked in a temporary home.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use codex_config::{Environment, Paths, Settings};
use doctor::{Context, Finding, Level, Report, examine};
use machine::Machine;
use tempfile::TempDir;

/// A port at which no program listens. One that was just given back, another process may have by now.
const CLOSED: u16 = 9;

/// A home in which Codex is installed and everything is set up, but for what a test changes.
struct Home {
    dir: TempDir,
    paths: Paths,
    /// The port of the service.
    port: u16,
}

impl Home {
    /// No service runs.
    fn new() -> Self {
        Self::with_service_at(CLOSED)
    }

    fn with_service_at(port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), None);
        let home = Self { paths, dir, port };
        let programs = home.programs();
        let ours = ["arize-codex", "arize-codex-proxy", "arize-config"];
        let run = ["codex", "arize-hook-codex-notify", "arize-codex-buffer"];
        for program in run.into_iter().chain(ours) {
            write(&programs.join(program), "#!/bin/sh\necho codex-cli 0.169.0\n", 0o755);
        }
        home.configure_codex(&format!(
            "notify = [\"{}/arize-hook-codex-notify\"]\n[otel]\nlog_user_prompt = true\nlog_sse_deltas = false\nexporter = {{ otlp-http = {{ endpoint = \
             \"http://127.0.0.1:{}/v1/logs\", protocol = \"binary\", headers = {{}} }} }}\n",
            programs.display(),
            home.port
        ));
        home.configure("target: local");
        home
    }

    fn programs(&self) -> std::path::PathBuf {
        self.dir.path().join("programs")
    }

    fn configure(&self, target: &str) {
        let text =
            format!("harnesses:\n  codex:\n    {target}\n    collector: {{port: {}}}\n", self.port);
        write(&self.paths.config_file, &text, 0o600);
    }

    fn configure_codex(&self, text: &str) {
        write(&self.paths.codex_home.join("config.toml"), text, 0o644);
    }

    fn examine(&self) -> Report {
        let programs = self.programs();
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let environment = Environment::new([("PATH", path)]);
        let settings = Settings::load(&self.paths, &environment);
        let machine = Machine {
            paths: self.paths.clone(),
            environment,
            programs,
            folder: self.dir.path().to_owned(),
            has_registry: false,
        };
        examine(&Context { machine: &machine, settings: &settings, now: SystemTime::now() })
    }
}

fn write(file: &Path, text: &str, mode: u32) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
}

/// What a check found; there must be one finding of it.
fn one<'r>(report: &'r Report, check: &str) -> &'r Finding {
    let mut found = report.findings.iter().filter(|finding| finding.check == check);
    let finding = found.next().unwrap_or_else(|| panic!("no {check}: {report:#?}"));
    assert_eq!(found.next(), None, "{report:#?}");
    finding
}

/// The checks that did not end well.
fn troubles(report: &Report) -> Vec<(&str, Level)> {
    let bad = report.findings.iter().filter(|finding| finding.level != Level::Ok);
    bad.map(|finding| (finding.check, finding.level)).collect()
}

#[test]
fn a_service_that_is_down_is_the_only_trouble_of_a_fresh_installation() {
    let report = Home::new().examine();
    let expected = [("service", Level::Failure)];
    assert_eq!(troubles(&report), expected, "{report:#?}");
    let service = one(&report, "service");
    let command = service.command.as_deref().unwrap();
    assert_eq!(command, "arize-codex-buffer start", "the program is on `PATH`");
    assert_eq!(report.level, Level::Failure);
}

#[test]
fn every_failure_has_a_command() {
    let home = Home::new();
    home.configure_codex("[tui]\nnotify = [\"x\"]\n");
    home.configure("target: phoenix\n    endpoint: nowhere");
    fs::remove_file(home.programs().join("codex")).unwrap();
    let report = home.examine();
    let failed = ["codex", "codex.notify", "service", "target"];
    for check in failed {
        assert_eq!(one(&report, check).level, Level::Failure, "{report:#?}");
    }
    for finding in &report.findings {
        assert_eq!(finding.command.is_some(), finding.level != Level::Ok, "{finding:?}");
        assert!(!finding.message.contains('\n'), "{finding:?}");
    }
}

/// Setup installs the programs beside it: where one is missing, it has to be another setup.
#[test]
fn a_missing_program_comes_back_with_a_setup_that_has_it() {
    let home = Home::new();
    fs::remove_file(home.programs().join("arize-hook-codex-notify")).unwrap();
    let report = home.examine();
    for check in ["programs", "codex.notify"] {
        let finding = one(&report, check);
        assert_eq!(finding.level, Level::Failure, "{finding:?}");
        assert_eq!(finding.command.as_deref(), Some("FOLDER/arize-codex setup"), "{finding:?}");
    }
}

#[test]
fn a_stranger_on_the_port_is_named() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let home = Home::with_service_at(port);
    let report = home.examine();
    let service = one(&report, "service");
    assert_eq!(service.level, Level::Failure);
    let taken = format!("127.0.0.1:{port} is taken by ");
    assert!(service.message.starts_with(&taken), "{service:?}");
    if cfg!(target_os = "linux") {
        let pid = std::process::id();
        assert!(service.message.contains(&format!("(PID {pid})")), "{service:?}");
    }
    assert!(service.command.as_deref().unwrap().ends_with("arize-codex setup"), "{service:?}");
}

#[test]
fn settings_that_cannot_be_read_stop_everything_and_are_named() {
    let home = Home::new();
    write(&home.paths.config_file, "harnesses: [\n", 0o640);
    let report = home.examine();
    let settings = one(&report, "settings");
    assert_eq!(settings.level, Level::Failure);
    assert!(settings.message.contains("~/.arize/harness/config.yaml` is not valid: line 2"));
    let first = report.findings.iter().find(|finding| finding.level != Level::Ok);
    assert_eq!(first, Some(settings), "what Codex sends, and where, is not the trouble");
    assert_eq!(one(&report, "permissions").level, Level::Warning);
}

#[test]
fn refused_credentials_are_distinguished_from_a_server_that_is_away() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", server.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 13\r\n\r\nInvalid token";
        stream.write_all(answer).unwrap();
        // Left open: closed with some of the request unread, it would take the answer back.
        (stream, String::from_utf8_lossy(&request[..length]).to_lowercase())
    });
    let home = Home::new();
    home.configure(&format!(
        "target: phoenix\n    endpoint: {endpoint}\n    api_key: sk-secret-0123"
    ));
    let report = home.examine();
    let (_, request) = answering.join().unwrap();
    assert!(request.contains("authorization: bearer sk-secret-0123"), "{request}");
    let target = one(&report, "target");
    assert_eq!(target.level, Level::Failure);
    assert!(target.message.contains("rejected (http status 401): Invalid token"), "{target:?}");
    let command = target.command.as_deref().unwrap();
    assert!(command.ends_with("arize-config set harnesses.codex.api_key --stdin"), "{command}");
    assert!(!report.json().contains("sk-secret"), "{}", report.json());

    home.configure(&format!("target: phoenix\n    endpoint: http://127.0.0.1:{CLOSED}"));
    let report = home.examine();
    let target = one(&report, "target");
    assert!(target.message.contains("cannot connect"), "{target:?}");
    assert_eq!(target.command.as_deref(), Some("PHOENIX_PORT=9 phoenix serve"));
}

#[test]
fn nothing_is_left_behind() {
    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let below = |path: std::path::PathBuf| {
            if path.is_dir() { files(&path) } else { vec![path] }
        };
        let mut all: Vec<_> = entries.flat_map(below).collect();
        all.sort();
        all
    }
    let home = Home::new();
    let before = files(home.dir.path());
    home.examine();
    assert_eq!(files(home.dir.path()), before);
}

#[test]
fn queues_are_listed_also_for_a_target_that_is_gone() {
    use delivery::Limits;
    let home = Home::new();
    let span = otlp_model::Span {
        trace_id: otlp_model::TraceId([7; 16]),
        span_id: otlp_model::SpanId([7; 8]),
        parent_id: None,
        name: "Turn 1".to_owned(),
        kind: otlp_model::SpanKind::Agent,
        start: otlp_model::UnixNanos(1),
        end: otlp_model::UnixNanos(2),
        attributes: Vec::new(),
        events: Vec::new(),
        status: otlp_model::SpanStatus::Ok,
    };
    let batch = otlp_model::SpanBatch { resource: Vec::new(), spans: vec![span] };
    for target in ["local", "old"] {
        let folder = home.paths.state_dir.join("outbox").join(target);
        let outbox = delivery::Outbox::new(folder, Limits::default());
        outbox.push(&batch, SystemTime::now()).unwrap();
    }
    let report = home.examine();
    let outboxes: Vec<_> =
        report.findings.iter().filter(|finding| finding.check == "outbox").collect();
    let [queued, gone] = &outboxes[..] else { panic!("{report:#?}") };
    assert!(queued.message.starts_with("1 turn is queued for `local`"), "{queued:?}");
    assert!(queued.command.as_deref().is_some_and(|command| command.ends_with("codex flush")));
    let queued = "1 turn is queued for `old`, which the settings no longer name";
    assert!(gone.message.starts_with(queued), "{gone:?}");
    let decide = |command: &str| command.ends_with("codex flush --queue old --to local");
    assert!(gone.command.as_deref().is_some_and(decide), "{gone:?}");
}
