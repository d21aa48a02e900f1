//! The program `arize-codex-buffer`, as users, hooks and accidents treat it.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use buffer_api::{Client, ClientError, Paths, process::PidRecord};
use codex_config::variables::USER_HOME;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    forward::receiver,
    harness::{DEADLINE, export, numbers, wait_for},
};

/// A home in which the program is used; what still runs in it is killed when it is dropped.
struct Home {
    user: TempDir,
    paths: Paths,
}

impl Home {
    fn new() -> Self {
        let user = tempfile::tempdir().unwrap();
        let paths = Paths::under(&user.path().join(".arize/harness"));
        Self { user, paths }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex-buffer"));
        command.args(arguments).env_clear().env(USER_HOME, self.user.path());
        // Without it Windows finds no library for sockets.
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        command.env("ARIZE_CODEX_BUFFER_PORT", "0").stdin(Stdio::null());
        // The hook that happens to be beside the program is not part of these tests.
        command.env("ARIZE_CODEX_SWEEP", "false");
        command
    }

    /// Runs a command and checks its exit code; returns what it printed.
    fn check(&self, arguments: &[&str], code: i32) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let printed = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {printed}");
        printed
    }

    /// Runs the service as a child of this process.
    fn run(&self) -> Child {
        let mut command = self.command(&["run"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(|| self.record().filter(|record| record.pid == child.id()));
        child
    }

    fn record(&self) -> Option<PidRecord> {
        PidRecord::read(&self.paths.pid_file)
    }

    fn client(&self) -> Client {
        Client::new(&self.record().unwrap().endpoint(), self.paths.read_token().unwrap())
    }

    fn post(&self, thread: &str, numbers: std::ops::Range<u64>) {
        let url = self.record().unwrap().endpoint().url("/v1/logs");
        let sent = ureq::post(&url)
            .header("content-type", "application/json")
            .send(export(thread, numbers).to_string());
        assert_eq!(sent.unwrap().status(), 200);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(record) = self.record() {
            signal(record.pid, Signal::KILL);
        }
        #[cfg(windows)]
        let _ = self.command(&["stop", "--force"]).output();
    }
}

#[cfg(unix)]
fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, signal);
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_starts_and_stops() {
    let home = Home::new();
    assert_eq!(home.check(&["status"], 1), "stopped\n");
    assert_eq!(home.check(&["stop"], 0), "not running\n");
    let started = home.check(&["start"], 0);
    let record = home.record().unwrap();
    let place = format!("(PID {}, 127.0.0.1:{})\n", record.pid, record.port);
    assert_eq!(started, format!("started {place}"));
    assert_eq!(home.check(&["status"], 0), format!("running {place}"));
    assert_eq!(home.check(&["start"], 0), format!("already running {place}"));
    let json: serde_json::Value =
        serde_json::from_str(&home.check(&["status", "--json"], 0)).unwrap();
    assert_eq!(json["health"]["pid"], record.pid);
    let executable = json["health"]["executable"].as_str().unwrap();
    let built = fs::canonicalize(env!("CARGO_BIN_EXE_arize-codex-buffer")).unwrap();
    assert_eq!(fs::canonicalize(executable).unwrap(), built);

    let paths = &home.paths;
    #[cfg(unix)]
    for file in [&paths.pid_file, &paths.lock, &paths.token, &paths.log, &paths.database] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
    }

    assert_eq!(home.check(&["stop"], 0), format!("stopped (PID {})\n", record.pid));
    assert_eq!(home.check(&["status"], 1), "stopped\n");
    assert!(!paths.pid_file.exists());
    let token = paths.read_token().unwrap();
    home.check(&["start"], 0);
    assert_eq!(paths.read_token().unwrap(), token, "the token is kept");
    home.check(&["stop"], 0);
}

#[test]
fn ensure_is_silent_and_starts_one() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(home.check(&["ensure"], 0), ""));
        }
    });
    let pid = home.record().unwrap().pid;
    assert_eq!(home.check(&["ensure"], 0), "");
    assert_eq!(home.record().unwrap().pid, pid);
    home.check(&["stop"], 0);
}

#[test]
fn none_of_those_that_were_too_late_takes_over() {
    for _ in 0..5 {
        let home = Home::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| home.check(&["ensure"], 0));
            }
        });
        home.check(&["stop"], 0);
        home.check(&["status"], 1);
        let log = fs::read_to_string(&home.paths.log).unwrap();
        assert_eq!(log.matches("started version").count(), 1, "{log}");
    }
}

/// Each of them has either started the service or found it.
#[test]
fn of_many_that_start_it_at_once_none_fails() {
    for _ in 0..3 {
        let home = Home::new();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = free.to_string();
        let said: Vec<String> = std::thread::scope(|scope| {
            let start = || scope.spawn(|| home.check(&["start", "--port", &port], 0));
            let all: Vec<_> = (0..12).map(|_| start()).collect();
            all.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let pid = format!("(PID {}, ", home.record().unwrap().pid);
        assert!(said.iter().all(|line| line.contains(&pid)), "{said:?}");
        home.check(&["stop"], 0);
    }
}

#[test]
fn nothing_is_lost_when_it_is_killed() {
    let home = Home::new();
    let mut child = home.run();
    home.post("t", 0..100);
    let first = home.client().drain("t", 0, Duration::ZERO).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(home.paths.pid_file.exists(), "it had no time to remove it");
    assert_eq!(home.check(&["status"], 1), "stopped\n");
    assert!(!home.paths.pid_file.exists(), "it was healed");

    home.check(&["start"], 0);
    let again = home.client().drain("t", 0, Duration::ZERO).unwrap();
    assert_eq!(again, first);
    assert_eq!(numbers(&again.events), (0..100).collect::<Vec<_>>());
    home.post("t", 100..101);
    let next = home.client().drain("t", first.next, Duration::ZERO).unwrap();
    assert_eq!(numbers(&next.events), [100]);
    home.check(&["stop"], 0);
}

#[test]
fn a_second_one_ends_at_once_and_says_who_is_first() {
    let home = Home::new();
    let mut child = home.run();
    let said = home.check(&["run"], 4);
    assert!(said.contains(&format!("is held by PID {}", child.id())), "{said}");
    assert_eq!(home.record().unwrap().pid, child.id());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_cleanly() {
    for kind in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let mut child = home.run();
        home.post("t", 0..3);
        // A closed terminal is no reason.
        signal(child.id(), Signal::HUP);
        assert_eq!(home.client().health().unwrap().pid, child.id());
        let started = std::time::Instant::now();
        signal(child.id(), kind);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert!(!home.paths.pid_file.exists());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert_eq!(said, "");
    }
}

#[test]
fn a_stranger_on_the_port_is_named_and_left_alone() {
    let home = Home::new();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    // It answers like one that does not speak HTTP.
    let answering = stranger.try_clone().unwrap();
    std::thread::spawn(move || {
        for mut stream in answering.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"220 hello\r\n");
        }
    });
    let place = ["--port", &port];
    let named = if cfg!(target_os = "linux") {
        format!("(PID {})", std::process::id())
    } else {
        "another process".to_owned()
    };
    for (command, code) in [("start", 5), ("status", 1), ("stop", 5), ("run", 5)] {
        let said = home.check(&[&[command], &place[..]].concat(), code);
        assert!(said.contains(&named), "{command}: {said}");
        assert!(said.contains(&format!("127.0.0.1:{port}")), "{command}: {said}");
    }
    assert_eq!(home.check(&[&["ensure"], &place[..]].concat(), 0), "");
    assert!(!home.paths.pid_file.exists());
}

#[test]
fn the_service_of_another_home_is_a_stranger() {
    let (one, other) = (Home::new(), Home::new());
    one.check(&["start"], 0);
    let record = one.record().unwrap();
    let port = record.port.to_string();
    let said = other.check(&["stop", "--port", &port], 5);
    assert!(said.contains("not the service of this home"), "{said}");
    other.check(&["start", "--port", &port], 5);
    assert_eq!(one.client().health().unwrap().pid, record.pid);
    one.check(&["stop"], 0);
}

#[cfg(unix)]
#[test]
fn one_that_does_not_answer_is_ended_by_force_only() {
    let home = Home::new();
    let mut child = home.run();
    signal(child.id(), Signal::STOP);
    let said = home.check(&["stop"], 3);
    assert!(said.contains("does not answer") && said.contains("--force"), "{said}");
    assert!(child.try_wait().unwrap().is_none());
    assert_eq!(home.check(&["stop", "--force"], 0), format!("stopped (PID {})\n", child.id()));
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(home.check(&["status"], 1), "stopped\n");
}

#[test]
fn another_address_than_the_running_one_is_said() {
    let home = Home::new();
    home.check(&["start"], 0);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let said = home.check(&["start", "--port", &free], 4);
    assert!(said.contains("arize-codex-buffer stop"), "{said}");
    home.check(&["stop", "--port", &free], 0);
    assert_eq!(home.record(), None);
}

#[test]
fn only_the_loopback_interface_is_bound() {
    let home = Home::new();
    for host in ["0.0.0.0", "192.168.1.1", "example.org"] {
        let said = home.check(&["run", "--host", host], 2);
        assert!(said.contains("not an address of the loopback interface"), "{said}");
    }
    let mut command = home.command(&["status"]);
    let output = command.env("ARIZE_CODEX_BUFFER_PORT", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

// A shell script stands for the hook.
#[cfg(unix)]
#[test]
fn the_hook_beside_it_reads_threads_that_fell_silent() {
    let home = Home::new();
    let bin = home.user.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = bin.join("arize-codex-buffer");
    let built = env!("CARGO_BIN_EXE_arize-codex-buffer");
    // A copy could still be open for writing in a child of another test.
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hook/hook.sh");
    std::os::unix::fs::symlink(script, bin.join("arize-hook-codex-notify")).unwrap();
    let codex_home = home.user.path().join("codex");
    let day = codex_home.join("sessions/2026/11/21");
    fs::create_dir_all(&day).unwrap();
    let command = |order: &str| {
        let mut command = Command::new(&program);
        command.arg(order).env_clear().env("HOME", home.user.path());
        command.env("CODEX_HOME", &codex_home).env("ARIZE_CODEX_BUFFER_PORT", "0");
        assert_eq!(command.env("PATH", "/usr/bin:/bin").status().unwrap().code(), Some(0));
    };
    command("start");
    let runs = || fs::read_to_string(bin.join("runs")).unwrap_or_default();
    wait_for(|| runs().contains("end").then_some(()));
    let thread = "01a1fb18-d745-76d3-8970-09f42d282b2f";
    fs::write(day.join(format!("rollout-2026-11-21T01-02-03-{thread}.jsonl")), "{}").unwrap();
    wait_for(|| (runs().matches("end").count() == 2).then_some(()));
    let runs = runs();
    let (swept, rest) = runs.split_once('@').unwrap();
    assert_eq!(swept, format!("--sweep\nend\n--sweep {thread}"));
    let closed = rest.strip_suffix("\nend\n").unwrap();
    assert!(closed.parse::<u64>().is_ok(), "{closed}");
    #[cfg(target_os = "linux")]
    stays_asleep(home.record().unwrap().pid);
    command("stop");
}

/// Checks that no thread of a process wakes up while nothing happens.
#[cfg(target_os = "linux")]
fn stays_asleep(pid: u32) {
    let switches = || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let status = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")));
        let status: String = status.map(Result::unwrap).collect();
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let asleep = |time: Duration| {
        let (before, begun) = (switches(), std::time::Instant::now());
        wait_for(|| (begun.elapsed() > time).then_some(()));
        switches() == before
    };
    // The end of the last run may still be on its way.
    wait_for(|| asleep(Duration::from_millis(100)).then_some(()));
    assert!(asleep(Duration::from_secs(2)));
}

#[test]
fn no_proxy_of_the_environment_is_asked_for_a_receiver_of_plain_http() {
    let home = Home::new();
    let (address, requests) = receiver(200);
    fs::create_dir_all(&home.paths.home).unwrap();
    let forward = format!("{{collector: {{forward: {{endpoint: 'http://{address}/'}}}}}}");
    let settings = format!("harnesses: {{codex: {forward}}}\n");
    fs::write(home.paths.home.join("config.yaml"), settings).unwrap();
    // No program listens there.
    let proxies =
        ["ALL_PROXY", "HTTP_PROXY", "http_proxy"].map(|name| (name, "http://127.0.0.1:9"));
    let started = home.command(&["start"]).envs(proxies).output().unwrap();
    assert!(started.status.success(), "{started:?}");
    home.post("t", 0..1);
    requests.recv_timeout(DEADLINE).unwrap();
    home.check(&["stop"], 0);
}

#[test]
fn one_that_cannot_serve_says_why_in_its_log() {
    let home = Home::new();
    fs::create_dir_all(&home.paths.token).unwrap();
    let said = home.check(&["start"], 3);
    assert!(said.contains("codex-buffer.log"), "{said}");
    let log = fs::read_to_string(&home.paths.log).unwrap();
    assert!(log.contains("codex-buffer.token"), "{log}");
}

#[test]
fn whatever_stands_in_the_place_of_the_database_the_service_starts() {
    let home = Home::new();
    fs::create_dir_all(home.paths.database.join("a folder with a folder")).unwrap();
    home.check(&["start"], 0);
    home.post("t", 0..3);
    assert_eq!(home.client().flush("t").unwrap().events.len(), 3);
    assert!(!home.client().health().unwrap().in_memory);
    let aside = buffer_api::paths::set_aside(&home.paths.database);
    assert!(aside[0].join("a folder with a folder").is_dir(), "{aside:?}");
    let log = fs::read_to_string(&home.paths.log).unwrap();
    assert!(log.contains(&aside[0].display().to_string()), "{log}");
    home.check(&["stop"], 0);
}

/// What a stranger on the port answers with, which looks like our service.
const DISGUISE: &str = "HTTP/1.1 200 OK\r\nserver: arize-codex-buffer\r\nconnection: close\r\n\
    content-type: application/json\r\ncontent-length: ";

/// Listens as our service would, to whatever comes; gives all that it hears.
fn squatter() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hears, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 8192];
            let length = std::io::Read::read(&mut stream, &mut request).unwrap_or(0);
            let _ = hears.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let health = format!(
                "{{\"status\":\"ok\",\"service\":\"arize-codex-buffer\",\"pid\":{},\"version\":\"{}\",\
                 \"executable\":\"/x\",\"uptime_seconds\":1,\"threads\":0,\"events\":0,\"bytes\":0,\
                 \"received\":0,\"dropped\":0,\"skipped\":0,\"unthreaded\":0}}",
                std::process::id(),
                env!("CARGO_PKG_VERSION"),
            );
            let answer = format!("{DISGUISE}{}\r\n\r\n{health}", health.len());
            let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
        }
    });
    (port, heard)
}

#[test]
fn a_program_that_takes_the_port_first_gets_no_token_and_is_named() {
    let home = Home::new();
    home.check(&["start"], 0);
    let token = home.paths.read_token().unwrap().unwrap();
    home.check(&["stop"], 0);
    let (port, heard) = squatter();
    // A pid file of ours may lead there, too.
    let record = PidRecord {
        pid: std::process::id(),
        host: [127, 0, 0, 1].into(),
        port,
        version: "1".to_owned(),
        executable: "/x".into(),
    };
    record.write(&home.paths.pid_file).unwrap();
    let endpoint = record.endpoint();
    let client = Client::new(&endpoint, Some(token.clone()));
    assert!(matches!(client.flush("t"), Err(ClientError::Unproven { .. })));
    let port = port.to_string();
    for (command, code) in [("status", 1), ("start", 5), ("stop", 5), ("ensure", 0)] {
        home.check(&[command, "--port", &port], code);
    }
    let said = home.check(&["stop", "--force", "--port", &port], 5);
    assert!(said.contains("not the service of this home"), "{said}");
    let log = fs::read_to_string(&home.paths.log).unwrap();
    assert!(log.contains(&format!("ensure: 127.0.0.1:{port} is taken by")), "{log}");
    let all: String = heard.try_iter().collect();
    assert!(all.contains("GET /health"), "{all}");
    assert!(!all.to_ascii_lowercase().contains("authorization"), "{all}");
    assert!(!all.contains(&token), "{all}");
}

/// A collector stands for any other program.
#[test]
fn force_does_not_end_what_is_not_ours() {
    let (one, other) = (Home::new(), Home::new());
    one.check(&["start"], 0);
    let record = one.record().unwrap();
    let port = record.port.to_string();
    let said = other.check(&["stop", "--force", "--port", &port], 5);
    assert!(said.contains("not the service of this home"), "{said}");
    assert_eq!(one.client().health().unwrap().pid, record.pid);
    one.check(&["stop", "--force"], 0);
}

#[cfg(target_os = "linux")]
#[test]
fn those_who_open_connections_do_not_exhaust_the_descriptors() {
    let home = Home::new();
    let command = home.command(&[]);
    let program = command.get_program().to_owned();
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 40; exec \"$0\" run"]).arg(program).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = limited.stdin(Stdio::null()).spawn().unwrap();
    wait_for(|| home.record().filter(|record| record.pid == child.id()));
    let endpoint = home.record().unwrap().endpoint();
    let others: Vec<_> = (0..100)
        .map(|_| std::net::TcpStream::connect((endpoint.host, endpoint.port)).unwrap())
        .collect();
    for number in 0..5 {
        home.post("t", number..number + 1);
    }
    let events = home.client().drain("t", 0, Duration::ZERO).unwrap().events;
    assert_eq!(numbers(&events), [0, 1, 2, 3, 4]);
    drop(others);
    signal(child.id(), Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// As a package manager does it. The file is put in place at once, and has the time of its build.
#[cfg(unix)]
fn replace_program(program: &std::path::Path, content: &[u8]) {
    let fresh = program.with_extension("new");
    fs::write(&fresh, content).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
    let built = std::time::SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().append(true).open(&fresh).unwrap().set_modified(built).unwrap();
    fs::rename(&fresh, program).unwrap();
}

/// Every sender is answered, before, while and after the program is replaced, and nothing is lost.
#[cfg(unix)]
#[test]
fn a_replaced_program_goes_on_as_the_new_one_without_losing_an_event() {
    use std::sync::atomic::{AtomicBool, Ordering};

    const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";
    let home = Home::new();
    let program = home.user.path().join("arize-codex-buffer");
    let content = fs::read(env!("CARGO_BIN_EXE_arize-codex-buffer")).unwrap();
    replace_program(&program, &content);
    let mut command = Command::new(&program);
    command.args(["run"]).env_clear().env(USER_HOME, home.user.path()).stdin(Stdio::null());
    command.env("ARIZE_CODEX_BUFFER_PORT", "0").env("ARIZE_CODEX_SWEEP", "false");
    let mut child = command.spawn().unwrap();
    wait_for(|| home.record().filter(|record| record.pid == child.id()));
    let log = || fs::read_to_string(&home.paths.log).unwrap_or_default();
    let starts = || log().matches("started version").count();
    // One that was copied just now is new with the first events, also if no others follow.
    fs::copy(env!("CARGO_BIN_EXE_arize-codex-buffer"), program.with_extension("copy")).unwrap();
    fs::rename(program.with_extension("copy"), &program).unwrap();
    home.post(THREAD, 1000..1001);
    wait_for(|| (starts() == 2).then_some(()));

    let is_over = AtomicBool::new(false);
    let posted = std::thread::scope(|scope| {
        let url = home.record().unwrap().endpoint().url("/v1/logs");
        let is_over = &is_over;
        let posting = scope.spawn(move || {
            // Kept connections, as Codex has them, and pauses, as it makes them.
            let agent = ureq::Agent::new_with_defaults();
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                let body = export(THREAD, number..number + 1).to_string();
                let sent = agent.post(&url).header("content-type", "application/json").send(body);
                assert_eq!(sent.unwrap().status(), 200, "event {number}");
                number += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            number
        });
        for round in 3..=4 {
            replace_program(&program, &content);
            wait_for(|| (starts() == round).then_some(()));
        }
        // One that does not start on this machine.
        replace_program(&program, b"\x7fELF of another machine");
        wait_for(|| log().contains("does not start: this version goes on").then_some(()));
        is_over.store(true, Ordering::Relaxed);
        posting.join().unwrap()
    });
    assert_eq!((starts(), home.record().unwrap().pid), (4, child.id()), "{}", log());
    let health = home.client().health().unwrap();
    assert_eq!((health.events, health.pid), (posted + 1, child.id()), "{}", log());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    wait_for(|| (!home.paths.pid_file.exists()).then_some(()));
}
