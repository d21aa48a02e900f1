//! Looking at a thread, with recorded transcripts in a temporary home and an exporter in memory.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use codex_config::{ConfigTexts, Environment, Paths, Settings};
use codex_turn::NotifyPayload;
use exporters::{
    ConfigError, Connection, ExportError, Exporter, Phoenix, PhoenixApi, PhoenixConfig, Receipt,
};
use notify_hook::{Cause, Context, Delivery, Log, Report, Secrets, Trigger, ledger, trace_thread};
use otlp_model::{SpanBatch, SpanKind, UnixNanos};
use pricing::PriceTable;
use tempfile::TempDir;

/// A home with one recorded thread, and a target that can be switched off.
struct Home {
    #[cfg_attr(not(unix), expect(dead_code, reason = "held so that it stays"))]
    dir: TempDir,
    paths: Paths,
    target: Target,
    recording: PathBuf,
    thread_id: String,
}

#[derive(Clone, Default)]
struct Target {
    batches: Arc<Mutex<Vec<SpanBatch>>>,
    away: Arc<AtomicBool>,
}

impl Exporter for Target {
    fn target(&self) -> &str {
        "memory"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if self.away.load(Ordering::Relaxed) {
            // Nothing listens on this port: the real error of a backend that is away.
            return away().unwrap().export(batch);
        }
        self.batches.lock().unwrap().push(batch.clone());
        Ok(Receipt { spans: batch.spans.len() })
    }
}

fn away() -> Result<Phoenix, ConfigError> {
    Phoenix::new(PhoenixConfig {
        endpoint: "http://127.0.0.1:9".to_owned(),
        api_key: None,
        headers: Vec::new(),
        project: "test".to_owned(),
        api: PhoenixApi::Otlp,
        connection: Connection::direct(Duration::from_secs(1)),
    })
}

impl Home {
    fn new(case: &str) -> Self {
        let recording =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data").join(case);
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), None);
        let transcript = fs::read_to_string(recording.join("rollout.jsonl")).unwrap();
        let meta =
            codex_turn::ThreadMeta::decode(transcript.lines().next().unwrap().as_bytes()).unwrap();
        Self { dir, paths, target: Target::default(), recording, thread_id: meta.thread_id }
    }

    fn recorded(&self) -> String {
        fs::read_to_string(self.recording.join("rollout.jsonl")).unwrap()
    }

    fn transcript_path(&self) -> PathBuf {
        let name =
            format!("sessions/2026/11/20/rollout-2026-11-20T22-00-00-{}.jsonl", self.thread_id);
        self.paths.codex_home.join(name)
    }

    fn write_transcript(&self, text: &str) {
        let path = self.transcript_path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn append(&self, text: &str) {
        OpenOptions::new()
            .append(true)
            .open(self.transcript_path())
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// The last payload of this thread.
    fn payload(&self) -> NotifyPayload {
        let payloads = fs::read_to_string(self.recording.join("notify.jsonl")).unwrap();
        let mut payloads = payloads.lines().map(|line| NotifyPayload::decode(line).unwrap());
        payloads.rfind(|payload| payload.thread_id.as_deref() == Some(&self.thread_id)).unwrap()
    }

    fn look(&self, payload: Option<NotifyPayload>) -> Report {
        self.look_with(payload, &[])
    }

    fn look_with(&self, payload: Option<NotifyPayload>, environment: &[(&str, &str)]) -> Report {
        self.look_for(payload.map_or(Cause::Retry, Cause::Notify), environment)
    }

    fn look_for(&self, cause: Cause, environment: &[(&str, &str)]) -> Report {
        self.look_as(cause, environment, "")
    }

    fn look_with_config(&self, config: &str) -> Report {
        self.look_as(Cause::Retry, &[], config)
    }

    fn look_as(&self, cause: Cause, environment: &[(&str, &str)], config: &str) -> Report {
        let environment = Environment::new(environment.iter().copied());
        let texts = ConfigTexts { config_yaml: Some(config.to_owned()), ..ConfigTexts::default() };
        let settings = Settings::resolve(&self.paths, &environment, &texts);
        let delivery = Delivery::to_exporter(
            Box::new(self.target.clone()),
            &settings,
            &settings.targets[0],
            &self.paths,
        );
        let log = Log::new(settings.log_file.clone(), true);
        let context = Context {
            settings: &settings,
            paths: &self.paths,
            log: &log,
            secrets: &Secrets::new(&settings, &self.paths, &log),
            prices: PriceTable::builtin(),
            delivery: Some(&delivery),
            buffer: None,
            deadline: Instant::now() + Duration::from_secs(9),
        };
        trace_thread(&context, &Trigger { thread_id: self.thread_id.clone(), cause })
    }

    /// The target is away, and its outbox cannot be used, as on a full disk.
    fn go_away(&self) {
        self.target.away.store(true, Ordering::Relaxed);
        fs::create_dir_all(&self.paths.state_dir).unwrap();
        fs::write(self.paths.state_dir.join("outbox"), "").unwrap();
    }

    fn come_back(&self) {
        self.target.away.store(false, Ordering::Relaxed);
        fs::remove_file(self.paths.state_dir.join("outbox")).unwrap();
    }

    fn batches(&self) -> Vec<SpanBatch> {
        self.target.batches.lock().unwrap().clone()
    }

    fn names(&self) -> Vec<String> {
        self.batches().iter().map(|batch| batch.spans[0].name.clone()).collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.paths.default_log_file()).unwrap_or_default()
    }
}

const SENT: Report = Report { traced: 1, unsent: 0 };
const NOTHING: Report = Report { traced: 0, unsent: 0 };
const UNSENT: Report = Report { traced: 0, unsent: 1 };

#[test]
fn trap_05_turns_without_a_notify_come_with_the_next_trigger_once() {
    let home = Home::new("0.169.0/tui_multi");
    home.write_transcript(&home.recorded());
    assert_eq!(home.look(Some(home.payload())), Report { traced: 3, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
    for _ in 0..3 {
        assert_eq!(home.look(Some(home.payload())), NOTHING);
    }
    assert_eq!(home.batches().len(), 3);
}

#[test]
fn trap_01_interrupted_and_failed_turns_come_with_the_next_trigger() {
    let home = Home::new("0.169.0/tui_interrupt_tool");
    home.write_transcript(&home.recorded());
    assert_eq!(home.look(Some(home.payload())), Report { traced: 2, unsent: 0 });
    let statuses: Vec<_> = home
        .batches()
        .iter()
        .map(|batch| batch.spans[0].text("codex.turn.status").unwrap().to_owned())
        .collect();
    assert_eq!(statuses, ["interrupted", "completed"]);
}

#[test]
fn trap_06_the_end_of_the_turn_is_written_after_notify() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    // Even the last line may be there in part.
    home.write_transcript(&text[..end + 40]);
    let report = thread::scope(|scope| {
        let look = scope.spawn(|| home.look(Some(home.payload())));
        thread::sleep(Duration::from_millis(60));
        home.append(&text[end + 40..]);
        look.join().unwrap()
    });
    assert_eq!(report, SENT);
    let root = &home.batches()[0].spans[0];
    assert_eq!((root.end.since(root.start) / 1_000_000, root.name.as_str()), (269, "Turn 1"));
}

#[test]
fn a_turn_that_notify_announced_is_told_even_if_its_end_is_never_written() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    home.write_transcript(&text[..end]);
    assert_eq!(home.look(None), NOTHING, "without a notify the turn may go on");
    assert_eq!(home.look(Some(home.payload())), SENT);
    home.append(&text[end..]);
    assert_eq!(home.look(Some(home.payload())), NOTHING);
}

#[test]
fn what_can_neither_be_sent_nor_put_away_is_sent_by_the_next_trigger() {
    let home = Home::new("0.169.0/tui_multi");
    let text = home.recorded();
    home.write_transcript(&text);
    home.go_away();
    assert_eq!(home.look(Some(home.payload())), Report { traced: 0, unsent: 3 });
    assert!(home.paths.state_dir.join("unsent").join(&home.thread_id).exists());
    assert!(home.log().contains("stays unsent"), "{}", home.log());
    home.come_back();
    // Any trigger will do.
    assert_eq!(home.look(None), Report { traced: 3, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
    assert!(!home.paths.state_dir.join("unsent").join(&home.thread_id).exists());
    let told = ledger::read(&home.paths, UnixNanos(0));
    let numbers: Vec<_> = told.iter().map(|turn| turn.number.unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1], "{told:?}");
    assert!(told.iter().all(|turn| turn.thread == home.thread_id && turn.input_tokens > 0));
}

#[test]
fn without_a_transcript_the_payload_gives_a_flat_turn() {
    let home = Home::new("0.169.0/basic");
    home.go_away();
    assert_eq!(home.look(Some(home.payload())), UNSENT);
    home.come_back();
    assert_eq!(home.look(None), SENT, "the payload was kept");
    assert_eq!(home.look(Some(home.payload())), NOTHING);
    let batch = &home.batches()[0];
    let root = &batch.spans[0];
    assert_eq!((batch.spans.len(), root.name.as_str(), root.kind), (1, "Turn", SpanKind::Agent));
    assert_eq!(root.text("input.value"), Some("List the files"));
    assert_eq!(root.text("output.value"), Some("All done. There are files."));
}

#[test]
fn a_transcript_that_cannot_be_read_is_no_reason_to_lose_the_turn() {
    let home = Home::new("0.169.0/basic");
    fs::create_dir_all(home.transcript_path()).unwrap();
    assert_eq!(home.look(Some(home.payload())), SENT);
    assert_eq!(home.names(), ["Turn"]);
    assert!(home.log().contains("cannot be read"), "{}", home.log());
    // Once it can be read, the turn is not told again.
    fs::remove_dir(home.transcript_path()).unwrap();
    home.write_transcript(&home.recorded());
    assert_eq!(home.look(Some(home.payload())), NOTHING);
}

#[test]
fn trap_02_hidden_threads_are_left_out_unless_wanted() {
    let home = Home::new("0.169.0/basic");
    let title = NotifyPayload {
        input_messages: vec![
            "Generate a concise, single-line task title of at most 36 characters".to_owned(),
        ],
        ..home.payload()
    };
    assert_eq!(home.look(Some(title.clone())), NOTHING);
    assert_eq!(home.batches().len(), 0);
    // A user may well ask for the same; then there is a transcript.
    home.write_transcript(&home.recorded());
    assert_eq!(home.look(Some(title)), SENT);
}

#[test]
fn trap_10_turns_without_ids_are_told_once() {
    let home = Home::new("0.98.0/basic");
    home.write_transcript(&home.recorded());
    assert_eq!(home.look(Some(home.payload())), SENT);
    let begun = Instant::now();
    assert_eq!(home.look(Some(home.payload())), NOTHING);
    assert!(begun.elapsed() < Duration::from_secs(1), "a repeated trigger has nothing to wait for");
    // The next turn of the process has the same id, 0, and the same answer.
    let next = home.recorded();
    let body = next.split_once('\n').unwrap().1.replace("22:54:49", "22:58:49");
    let body = body.replace("\"total_tokens\":", "\"total_tokens\":1");
    home.append(&body);
    let payload = NotifyPayload {
        input_messages: vec!["List the files".to_owned(), "List the files".to_owned()],
        ..home.payload()
    };
    assert_eq!(home.look(Some(payload)), SENT);
    assert_eq!(home.names(), ["Turn 1", "Turn 2"]);
    let ids: Vec<_> = home.batches().iter().map(|batch| batch.spans[0].trace_id).collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn packed_and_archived_transcripts_are_read_on() {
    let home = Home::new("0.169.0/tui_multi");
    let text = home.recorded();
    let second = text.match_indices("task_started").nth(1).unwrap().0;
    let first_turn = text[..second].rfind('\n').unwrap() + 1;
    home.write_transcript(&text[..first_turn]);
    home.look(None);
    assert_eq!(home.names(), ["Turn 1"]);
    // The thread went on, was archived and packed.
    let plain = home.transcript_path();
    fs::remove_file(&plain).unwrap();
    let archive = home.paths.codex_home.join("archived_sessions");
    fs::create_dir_all(&archive).unwrap();
    let packed = archive.join(plain.file_name().unwrap()).with_extension("jsonl.zst");
    let bytes = ruzstd::encoding::compress_to_vec(
        text.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    fs::write(packed, bytes).unwrap();
    assert_eq!(home.look(Some(home.payload())), Report { traced: 2, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
}

#[test]
fn many_triggers_at_once_send_one_trace() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| home.look(Some(home.payload())));
        }
    });
    assert_eq!(home.names(), ["Turn 1"]);
}

#[test]
fn a_sub_agent_of_an_older_codex_finds_the_turn_that_it_works_for() {
    let home = Home::new("0.130.0/fork_context");
    home.write_transcript(&home.recorded());
    let child_text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
    let meta =
        codex_turn::ThreadMeta::decode(child_text.lines().next().unwrap().as_bytes()).unwrap();
    let child = Home { thread_id: meta.thread_id, ..Home::new("0.130.0/fork_context") };
    let child = Home { paths: home.paths.clone(), target: home.target.clone(), ..child };
    child.write_transcript(&child_text);
    // The sub-agent ends first; its copied history is not told.
    assert_eq!(child.look(Some(child.payload())), SENT);
    assert_eq!(home.look(Some(home.payload())), SENT);
    let (below, above) = (&home.batches()[0].spans, &home.batches()[1].spans);
    let spawn = above.iter().find(|span| span.name == "spawn_agent").unwrap();
    assert_eq!((below[0].trace_id, below[0].parent_id), (spawn.trace_id, Some(spawn.span_id)));
    assert_eq!(below[0].text("session.id"), above[0].text("session.id"));
}

#[test]
fn a_damaged_memory_sends_the_same_spans_again() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.look(Some(home.payload()));
    let state = home.paths.state_dir.join("threads").join(format!("{}.json", home.thread_id));
    fs::write(&state, "{ not json").unwrap();
    assert_eq!(home.look(Some(home.payload())), SENT);
    let batches = home.batches();
    assert_eq!(batches[0], batches[1]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.look_with(Some(home.payload()), &[("ARIZE_DRY_RUN", "true")]);
    assert_eq!(home.batches().len(), 0);
    assert_eq!(home.look(Some(home.payload())), SENT);
}

#[test]
fn work_is_bounded_by_what_is_new_and_lines_by_their_length() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let (first_line, turn) = text.split_once('\n').unwrap();
    // 20 MiB of an older turn, which never ended, and a line that nobody can hold.
    let noise = format!("{{\"type\":\"world_state\",\"payload\":\"{}\"}}\n", "x".repeat(1 << 20));
    let mut long = format!("{first_line}\n");
    for _ in 0..20 {
        long.push_str(&noise);
    }
    long.push_str(turn);
    home.write_transcript(&long);
    assert_eq!(home.look(Some(home.payload())), SENT);
    assert_eq!(home.names(), ["Turn"], "its number is not known: reading began in the middle");

    let id = "01a1fb18-d78a-7131-84b5-6faa13380fc7";
    let next = "01a1fb18-ffff-7131-84b5-6faa13380fc7";
    let (half, rest) = turn.split_at(turn.find("\"token_usage_record\"").unwrap());
    let (half, begun) = half.rsplit_once('\n').unwrap();
    home.append(&format!("{}\n", half.replace(id, next)));
    home.append(&format!("\"{}\"\n", "x".repeat(65 << 20)));
    home.append(&format!("{begun}{rest}").replace(id, next));
    assert_eq!(
        home.look(Some(NotifyPayload { turn_id: Some(next.to_owned()), ..home.payload() })),
        SENT
    );
    let batch = home.batches().pop().unwrap();
    assert_eq!(batch.spans[0].int("codex.turn.usage.input_tokens"), Some(3003));
    assert!(home.log().contains("was passed over"), "{}", home.log());
}

#[test]
fn debug_dumps_hold_what_was_sent_and_are_private() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.look_with(Some(home.payload()), &[("ARIZE_TRACE_DEBUG", "1")]);
    let dump = fs::read_dir(home.paths.state_dir.join("debug")).unwrap().next().unwrap().unwrap();
    assert!(fs::read_to_string(dump.path()).unwrap().contains("List the files"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for entry in walk(&home.dir.path().join(".arize")) {
            let mode = fs::metadata(&entry).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "{}", entry.display());
        }
    }
}

/// In the prompt, the answer, a command and its output, and the notify payload.
#[test]
fn secrets_are_neither_sent_nor_written() {
    const TOKEN: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
    let home = Home::new("0.169.0/basic");
    let recorded = home.recorded();
    let planted = recorded
        .replace("List the files", &format!("List the files with {TOKEN}"))
        .replace("All done.", "All done, the PASSWORD=correct-horse too.")
        .replace("echo hi; exit 3", "curl -H 'Authorization: Bearer a8f5f167f44f' x; exit 3")
        .replace("Chunk ID: e6a398", &format!("GITHUB_TOKEN={TOKEN}"))
        .replace(
            r#""branch":"master""#,
            r#""branch":"master","repository_url":"https://me:hunter2@h/x.git""#,
        );
    home.write_transcript(&planted);
    let report = home.look_with(None, &[("ARIZE_TRACE_DEBUG", "true")]);
    assert_eq!(report.traced, 1);
    let batch = &home.batches()[0];
    let root = &batch.spans[0];
    let prompt = root.text("input.value").unwrap();
    assert!(prompt.starts_with("List the files with [scrubbed:github-pat:"), "{prompt}");
    assert!(root.int("codex.scrubbed").unwrap() >= 2);
    let sent = format!("{batch:?}");
    let written = walk(&home.paths.state_dir).into_iter();
    let written: Vec<String> =
        written.map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    assert!(written.iter().any(|text| text.contains("scrubbed:github-pat")), "the debug dump");
    for secret in [TOKEN, "correct-horse", "a8f5f167f44f", "hunter2"] {
        assert!(planted.contains(secret));
        assert!(!sent.contains(secret), "{secret}: {sent}");
        assert!(!written.iter().any(|text| text.contains(secret)), "{secret}");
    }
}

#[test]
fn scrubbing_can_be_switched_off_and_extended() {
    let prompt = |config: &str| {
        let home = Home::new("0.169.0/basic");
        let said = "List the files with badge_no=4711-9";
        home.write_transcript(&home.recorded().replace("List the files", said));
        home.look_with_config(config);
        home.batches()[0].spans[0].text("input.value").unwrap().to_owned()
    };
    assert!(prompt("").ends_with("badge_no=4711-9"));
    assert!(prompt("logging: {scrub_keys: [badge_no]}").contains("badge_no=[scrubbed:configured:"));
    let off = "logging: {scrub: false, scrub_keys: [badge_no]}";
    assert!(prompt(off).ends_with("badge_no=4711-9"));
}

#[test]
fn what_a_target_is_not_to_get_counts_as_told() {
    let home = Home::new("0.169.0/tui_interrupt_tool");
    home.write_transcript(&home.recorded());
    let report = home.look_with_config("harnesses: {codex: {sampling: {ratio: 0}}}");
    assert!(report.traced >= 1 && report.unsent == 0, "{report:?}");
    let statuses = |batch: &SpanBatch| batch.spans[0].text("codex.turn.status").map(str::to_owned);
    let told: Vec<_> = home.batches().iter().filter_map(statuses).collect();
    assert_eq!(told, ["interrupted"], "an error is kept");
    assert_eq!(report.traced, told.len() + home.log().matches("not among those for local").count());
    assert_eq!(home.look(None), NOTHING);
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn the_environments_attributes_of_the_resource_are_added_to_ours() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let variable = (
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=mine,deployment.environment=ci,arize.codex.run_id=0f",
    );
    home.look_with(None, &[variable]);
    let resource = &home.batches()[0].resource;
    let values = |key: &str| {
        let found = resource.iter().filter(|attribute| attribute.key == key);
        found.map(|attribute| attribute.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(values("service.name"), ["codex".into()]);
    assert_eq!(values("deployment.environment"), ["ci".into()]);
    assert_eq!(values("arize.codex.run_id"), [], "who started this codex is nobody's business");
}

#[test]
fn turns_in_folders_that_are_not_traced_count_as_told() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let elsewhere = "harnesses: {codex: {folders: [/home/dev/other]}}";
    assert_eq!(home.look_with_config(elsewhere), NOTHING);
    // They are not told later either, when more is traced.
    assert_eq!(home.look(Some(home.payload())), NOTHING);
    assert_eq!(home.batches().len(), 0);

    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let here = "harnesses: {codex: {folders: [/home/dev/project]}}";
    assert_eq!(home.look_with_config(here), SENT);
}
