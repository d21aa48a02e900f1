//! `arize-hook-codex-notify --sweep`, with recorded transcripts in a temporary home and the local
//! store as its target.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use otlp_model::{Span, SpanStatus};
use tempfile::TempDir;
use trace_store::TraceStore;

/// Before all recordings.
const LONG_AGO: &str = "2025-01-01T00:00:00Z";

const MINUTE: Duration = Duration::from_secs(60);

/// A home with transcripts.
struct Home {
    dir: TempDir,
}

impl Home {
    /// A home that is traced since long ago.
    fn new() -> Self {
        let home = Self::untraced();
        home.traced_since(LONG_AGO);
        home
    }

    /// A home in which no sweep ever ran.
    fn untraced() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".codex/sessions")).unwrap();
        Self { dir }
    }

    fn traced_since(&self, time: &str) {
        let folder = self.harness().join("state/codex");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("since"), time).unwrap();
    }

    /// Names an address at which no service is looked for, and none is started.
    fn have_no_buffer(&self) {
        let elsewhere = "harnesses:\n  codex:\n    collector:\n      host: 192.0.2.1\n";
        fs::create_dir_all(self.harness()).unwrap();
        fs::write(self.harness().join("config.yaml"), elsewhere).unwrap();
    }

    fn harness(&self) -> PathBuf {
        self.dir.path().join(".arize/harness")
    }

    /// Writes the transcript of a thread and says where.
    fn transcript(&self, thread_id: &str, text: &str) -> PathBuf {
        let folder = self.dir.path().join(".codex/sessions/2026/11/20");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("rollout-2026-11-20T22-00-00-{thread_id}.jsonl"));
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program, which must succeed without a word.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) {
        let output = Command::new(env!("CARGO_BIN_EXE_arize-hook-codex-notify"))
            .args(arguments)
            .env_clear()
            .env(codex_config::variables::USER_HOME, self.dir.path())
            // Without it Windows finds no library for sockets.
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .env("ARIZE_VERBOSE", "true")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
    }

    fn sweep(&self, threads: &[&str]) {
        self.run(&[&["--sweep"], threads].concat(), &[]);
    }

    /// The turns that were sent, in the order of their start.
    fn turns(&self) -> Vec<(String, SpanStatus)> {
        let path = self.harness().join("traces.db");
        if !path.exists() {
            return Vec::new();
        }
        let mut traces = TraceStore::open(&path).unwrap().last_traces(100).unwrap();
        traces.reverse();
        traces.into_iter().map(|trace| (trace.name, trace.status)).collect()
    }

    /// The first span of the last turn that was sent.
    fn root(&self) -> Span {
        let store = TraceStore::open(self.harness().join("traces.db")).unwrap();
        let last = store.last_traces(1).unwrap().remove(0);
        store.trace(last.trace_id).unwrap().remove(0)
    }

    fn names(&self) -> Vec<String> {
        self.turns().into_iter().map(|(name, _)| name).collect()
    }

    /// The threads that were looked at, one line each.
    fn checks(&self) -> Vec<String> {
        let log = fs::read_to_string(self.harness().join("logs/codex.log")).unwrap_or_default();
        let looks = log.lines().filter_map(|line| {
            let (_, thread) = line.split_once("] thread ")?;
            Some(thread.split_once(": ")?.0.to_owned())
        });
        looks.collect()
    }

    fn remembers(&self, thread_id: &str) -> bool {
        self.harness().join(format!("state/codex/threads/{thread_id}.json")).exists()
    }
}

/// A recorded transcript and its thread.
fn recorded(case: &str) -> (String, String) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data");
    let text = fs::read_to_string(data.join(case).join("rollout.jsonl")).unwrap();
    let meta = codex_turn::ThreadMeta::decode(text.lines().next().unwrap().as_bytes()).unwrap();
    (meta.thread_id, text)
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Lets the last write have been some time ago.
fn silent_for(path: &Path, silence: Duration) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - silence).unwrap();
}

/// A transcript and its last line, which ends its last turn.
fn without_end(text: &str) -> (&str, &str) {
    text.split_at(text.trim_end().rfind('\n').unwrap() + 1)
}

#[test]
fn a_failed_turn_is_sent_once() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/fail_400"));
    home.transcript(&thread, &text);
    for _ in 0..3 {
        home.sweep(&[&thread]);
    }
    let turns = home.turns();
    assert_eq!(turns.len(), 1);
    assert!(matches!(turns[0].1, SpanStatus::Error(_)), "{turns:?}");
    assert_eq!(home.checks().len(), 3);
}

#[test]
fn a_turn_that_goes_on_is_left_alone_until_it_ends() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
    let (begun, end) = without_end(&text);
    let path = home.transcript(&thread, begun);
    let codex = File::options().append(true).open(&path).unwrap();
    home.sweep(&[&thread]);
    silent_for(&path, 29 * MINUTE);
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), []);
    append(&path, end);
    drop(codex);
    home.sweep(&[&thread]);
    assert_eq!(home.names(), ["Turn 1"]);
}

#[test]
fn a_turn_whose_codex_was_killed_is_sent_after_half_an_hour() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
    let (begun, end) = without_end(&text);
    let path = home.transcript(&thread, begun);
    silent_for(&path, 31 * MINUTE);
    home.sweep(&[]);
    let turns = home.turns();
    assert_eq!(turns.len(), 1);
    assert!(matches!(turns[0].1, SpanStatus::Error(_)), "{turns:?}");
    // Codex was asleep, not dead: what it says now comes too late.
    append(&path, end);
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), turns);
}

#[cfg(target_os = "linux")]
#[test]
fn a_turn_whose_codex_waits_for_a_person_is_left_alone_for_any_time() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
    let path = home.transcript(&thread, without_end(&text).0);
    silent_for(&path, 31 * MINUTE);
    let codex = File::options().append(true).open(&path).unwrap();
    let _reader = File::open(&path).unwrap();
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), []);
    drop(codex);
    home.sweep(&[&thread]);
    assert_eq!(home.names(), ["Turn 1"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_turn_whose_codex_is_gone_is_sent_at_once() {
    for (case, status) in [
        ("0.169.0/basic", SpanStatus::Error("codex ended before the turn did".into())),
        ("0.98.0/basic", SpanStatus::Ok),
    ] {
        let (home, (thread, text)) = (Home::new(), recorded(case));
        let path = home.transcript(&thread, without_end(&text).0);
        // Written at this moment, by a clock that is ahead: Codex may be about to open it again.
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(SystemTime::now() + MINUTE)
            .unwrap();
        home.sweep(&[&thread]);
        assert_eq!(home.turns(), []);
        let codex = File::options().append(true).open(&path).unwrap();
        silent_for(&path, 2 * MINUTE);
        home.sweep(&[&thread]);
        assert_eq!(home.turns(), []);
        drop(codex);
        home.sweep(&[&thread]);
        assert_eq!(home.turns(), [("Turn 1".to_owned(), status)]);
    }
}

/// Codex waited for the network, and was killed ten minutes after its last record. The service saw the
/// file being closed; that counts only where nothing else was done to the file.
#[cfg(target_os = "linux")]
#[test]
fn a_turn_that_stalled_ends_when_its_codex_did() {
    let ends = |written: u64, closed: Option<i64>| {
        let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
        // Not in the future of any clock; times that are numbers would be others.
        let text = text.replace("2026-11-20T", "2025-11-20T").replace("_at_ms\"", "\"");
        let begun = without_end(&text).0;
        let path = home.transcript(&thread, begun);
        let last = begun.lines().last().unwrap();
        let last = last.split_once("\"timestamp\":\"").unwrap().1.split_once('"').unwrap().0;
        let last = humantime::parse_rfc3339(last).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(last + Duration::from_secs(written)).unwrap();
        drop(file);
        let millis = last.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let argument = match closed {
            Some(after) => format!("{thread}@{}", millis as i64 + after * 1000),
            None => thread.clone(),
        };
        home.sweep(&[&argument]);
        let root = home.root();
        let after = root.end.0 / 1_000_000 - millis as u64;
        let time = |kind: &str| root.int(&format!("codex.turn.time.{kind}_ms")).unwrap();
        let spent = ["model", "tool", "human", "retry", "unknown", "overhead"].map(time);
        assert_eq!(spent.iter().sum::<i64>() as u64, root.end.since(root.start) / 1_000_000);
        (after, time("unknown"))
    };
    assert_eq!(ends(0, Some(600)), (600_000, 600_000));
    assert_eq!(ends(0, None), (0, 0));
    assert_eq!(ends(300, Some(600)), (0, 0), "something else wrote to it");
    assert_eq!(ends(0, Some(-5)), (0, 0));
    assert_eq!(ends(0, Some(1 << 40)), (0, 0), "that is yet to come");
}

/// Two front ends work on one thread: the turn of the first one may be silent for a while.
#[cfg(target_os = "linux")]
#[test]
fn a_turn_beside_that_of_another_front_end_is_left_alone() {
    let (thread, text) = recorded("0.145.0/two_front_ends");
    let second = text.rfind("TURN-B").unwrap();
    let (begun, rest) = text.split_at(second + text[second..].find('\n').unwrap() + 1);
    let traced = |has_second_writer: bool| {
        let home = Home::new();
        let path = home.transcript(&thread, begun);
        let _one = File::options().append(true).open(&path).unwrap();
        let other = has_second_writer.then(|| {
            let file = File::options().append(true).open(&path).unwrap();
            // A process of its own.
            Command::new("sleep").arg("600").stdout(file).spawn().unwrap()
        });
        home.sweep(&[&thread]);
        let before = home.names();
        append(&path, rest);
        home.sweep(&[&thread]);
        if let Some(mut other) = other {
            other.kill().unwrap();
            other.wait().unwrap();
        }
        let failed = home.turns().iter().filter(|turn| turn.1 != SpanStatus::Ok).count();
        (before, home.names(), failed)
    };
    let names = |numbers: &[u8]| -> Vec<String> {
        numbers.iter().map(|number| format!("Turn {number}")).collect()
    };
    assert_eq!(traced(true), (names(&[1]), names(&[1, 2, 3]), 0));
    // No other process: the first one was killed.
    assert_eq!(traced(false), (names(&[1, 2]), names(&[1, 2, 3]), 1));
}

#[test]
fn turns_of_versions_that_write_no_ends_are_sent_after_silence() {
    let (home, (thread, text)) = (Home::new(), recorded("0.98.0/basic"));
    let path = home.transcript(&thread, &text);
    let codex = File::options().append(true).open(&path).unwrap();
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), []);
    drop(codex);
    silent_for(&path, 31 * MINUTE);
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), [("Turn 1".to_owned(), SpanStatus::Ok)]);
}

#[test]
fn history_is_not_sent() {
    let (home, (thread, text)) = (Home::untraced(), recorded("0.169.0/tui_multi"));
    home.transcript(&thread, &text);
    home.sweep(&[]);
    home.sweep(&[&thread]);
    assert_eq!(home.turns(), []);
    assert!(!home.remembers(&thread));
    let since = fs::read_to_string(home.harness().join("state/codex/since")).unwrap();
    let since = humantime::parse_rfc3339(since.trim()).unwrap();
    let ago = SystemTime::now().duration_since(since).unwrap();
    assert!(ago >= MINUTE && ago < 3 * MINUTE, "{ago:?}");
}

/// A user who resumes a thread from before has agreed to what comes now, not to what was.
#[test]
fn of_an_old_thread_that_goes_on_notify_tells_the_new_turn_alone() {
    let (thread, text) = recorded("0.169.0/tui_multi");
    let ended: Vec<&str> = text.lines().filter(|line| line.contains("\"task_complete\"")).collect();
    let payload = |place: usize| {
        let line: serde_json::Value = serde_json::from_str(ended[place]).unwrap();
        let turn = line["payload"]["turn_id"].as_str().unwrap();
        format!(
            r#"{{"type":"agent-turn-complete","thread-id":"{thread}","turn-id":"{turn}","cwd":"/","input-messages":["x"],"last-assistant-message":"y"}}"#
        )
    };
    let begun_after = |place: usize| {
        let home = Home::untraced();
        home.have_no_buffer();
        home.transcript(&thread, &text);
        let time = ended[place].split('"').nth(3).unwrap();
        let time = humantime::parse_rfc3339(time).unwrap() + Duration::from_millis(100);
        home.traced_since(&humantime::format_rfc3339(time).to_string());
        home
    };
    let home = begun_after(1);
    home.run(&[&payload(2)], &[]);
    assert_eq!(home.names(), ["Turn 3"]);
    home.run(&[&payload(2)], &[]);
    home.sweep(&[]);
    assert_eq!(home.names(), ["Turn 3"]);
    // The turn that it is said of is none from before, whatever the clock of its end.
    let home = begun_after(2);
    home.run(&[&payload(2)], &[]);
    assert_eq!(home.names(), ["Turn 3"]);
    // Without a noted time all of the thread is sent.
    let home = Home::untraced();
    home.have_no_buffer();
    home.transcript(&thread, &text);
    home.run(&[&payload(2)], &[]);
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
}

#[test]
fn a_clock_that_was_wrong_makes_no_history_of_what_is_new() {
    let (home, (thread, text)) = (Home::untraced(), recorded("0.169.0/basic"));
    home.traced_since("2099-01-01T00:00:00Z");
    home.sweep(&[]);
    let began = fs::read_to_string(home.harness().join("state/codex/since")).unwrap();
    assert!(humantime::parse_rfc3339(began.trim()).unwrap() < SystemTime::now(), "{began}");
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let end = text.rfind("{\"timestamp\":\"").unwrap() + "{\"timestamp\":\"".len();
    home.transcript(&thread, &format!("{}{now}{}", &text[..end], &text[end + now.len()..]));
    home.sweep(&[]);
    assert_eq!(home.names(), ["Turn 1"]);
}

#[test]
fn of_an_old_thread_only_new_turns_are_sent_even_if_they_are_queued() {
    let (home, (thread, text)) = (Home::untraced(), recorded("0.169.0/tui_multi"));
    let ends = text.lines().filter(|line| line.contains("\"task_complete\""));
    let second = ends.map(|line| line.split('"').nth(3).unwrap()).nth(1).unwrap();
    let after_it = humantime::parse_rfc3339(second).unwrap() + Duration::from_millis(100);
    home.traced_since(&humantime::format_rfc3339(after_it).to_string());
    home.transcript(&thread, &text);
    // Neither the target nor its outbox can be used.
    let outbox = home.harness().join("state/codex/outbox");
    let store = home.harness().join("traces.db");
    fs::write(&outbox, "").unwrap();
    fs::create_dir(&store).unwrap();
    home.sweep(&[]);
    fs::remove_file(&outbox).unwrap();
    fs::remove_dir(&store).unwrap();
    for _ in 0..2 {
        home.sweep(&[]);
        assert_eq!(home.names(), ["Turn 3"]);
    }
}

#[test]
fn without_names_it_looks_where_something_changed() {
    let (home, basic) = (Home::new(), recorded("0.169.0/basic"));
    let failed = recorded("0.169.0/fail_400");
    let path = home.transcript(&basic.0, &basic.1);
    silent_for(&path, MINUTE);
    home.transcript(&failed.0, &failed.1);
    home.sweep(&[]);
    assert_eq!(home.checks(), [failed.0.as_str(), &basic.0], "the newest first");
    home.sweep(&[]);
    assert_eq!(home.checks().len(), 2);
    append(&path, "{\"type\":\"world_state\",\"payload\":{}}\n");
    home.sweep(&[]);
    assert_eq!(home.checks()[2..], [basic.0.as_str()]);
    assert_eq!(home.turns().len(), 2);
    // What was last written before tracing began is not even looked at.
    home.traced_since(&humantime::format_rfc3339(SystemTime::now() - MINUTE).to_string());
    append(&path, "{\"type\":\"world_state\",\"payload\":{}}\n");
    silent_for(&path, 2 * MINUTE);
    home.sweep(&[]);
    assert_eq!(home.checks().len(), 3);
}

#[test]
fn it_reads_so_many_threads_at_a_time() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/fail_400"));
    for number in 10..33 {
        let other = format!("{}{number}", &thread[..34]);
        home.transcript(&other, &text.replace(&thread, &other));
    }
    home.sweep(&[]);
    assert_eq!(home.turns().len(), 20);
    home.sweep(&[]);
    assert_eq!(home.turns().len(), 23);
}

#[test]
fn it_reaches_a_turn_that_has_ended_however_many_go_on() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/fail_400"));
    let ended = home.transcript(&thread, &text);
    silent_for(&ended, 10 * MINUTE);
    let mut codexes = Vec::new();
    for number in 100..150 {
        let other = format!("{}{number}", &thread[..33]);
        let path = home.transcript(&other, &without_end(&text).0.replace(&thread, &other));
        codexes.push(File::options().append(true).open(path).unwrap());
    }
    home.sweep(&[]);
    assert_eq!((home.turns().len(), home.checks().len()), (1, 51));
}

#[test]
fn a_thread_in_several_files_is_read_once_until_all_of_them_are_sent() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/fail_400"));
    let first = home.transcript(&thread, &text);
    let segment = "01a1fb19-70ee-75f3-adb9-9f3249767227";
    let name = first.file_stem().unwrap().to_str().unwrap();
    let later = text.replace("\"turn_id\":\"01a1fb", "\"turn_id\":\"01a2fb");
    fs::write(first.with_file_name(format!("{name}_{segment}.jsonl")), later).unwrap();
    home.sweep(&[]);
    let mut names = home.names();
    // Both began at the same time.
    names.sort();
    assert_eq!(names, ["Turn 1", "Turn 2"]);
    assert_eq!(home.checks(), [&*thread]);
    home.sweep(&[]);
    assert_eq!(home.checks().len(), 1);
}

#[test]
fn what_codex_packed_before_it_was_sent_is_sent() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/fail_400"));
    let plain = home.transcript(&thread, &text);
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    fs::write(plain.with_extension("jsonl.zst"), packed).unwrap();
    fs::remove_file(plain).unwrap();
    for _ in 0..2 {
        home.sweep(&[]);
        assert_eq!((home.turns().len(), home.checks().len()), (1, 1));
    }
}

#[test]
fn the_environment_of_a_sweep_is_not_that_of_codex() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let variables = [("TRACEPARENT", traceparent)];
    let (thread, text) = recorded("0.169.0/basic");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data");
    let payload = fs::read_to_string(data.join("0.169.0/basic/notify.jsonl")).unwrap();
    for (arguments, caller) in [
        (&["--sweep", &thread][..], None),
        (&[payload.trim()], Some("0af7651916cd43dd8448eb211c80319c")),
    ] {
        let home = Home::new();
        home.transcript(&thread, &text);
        home.have_no_buffer();
        home.run(arguments, &variables);
        let store = TraceStore::open(home.harness().join("traces.db")).unwrap();
        let trace = store.last_traces(1).unwrap()[0].trace_id;
        let root = &store.trace(trace).unwrap()[0];
        assert_eq!(root.text("codex.caller.trace_id"), caller);
    }
}

/// The service sweeps when it starts, which is when Codex starts, too.
#[test]
fn a_transcript_that_codex_is_about_to_begin_is_no_error() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
    let log = || fs::read_to_string(home.harness().join("logs/codex.log")).unwrap();
    let path = home.transcript(&thread, "");
    home.sweep(&[]);
    append(&path, &text[..100]);
    home.sweep(&[&thread]);
    assert!(!log().contains("error"), "{}", log());
    append(&path, &text[100..]);
    home.sweep(&[]);
    assert_eq!(home.names(), ["Turn 1"]);
    home.transcript(&thread, "{}\n");
    home.sweep(&[&thread]);
    assert!(log().contains("its first line is no `session_meta` record"), "{}", log());
}

#[test]
fn it_stays_quiet_about_what_it_cannot_find_and_when_it_is_switched_off() {
    let (home, (thread, text)) = (Home::new(), recorded("0.169.0/basic"));
    home.sweep(&[&thread, "", "../../etc/passwd", "\u{1F980}"]);
    home.transcript(&thread, &text);
    home.run(&["--sweep"], &[("ARIZE_TRACE_ENABLED", "false")]);
    assert_eq!(home.turns(), []);
}
