//! A temporary home with a recorded thread, and an exporter in memory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use codex_config::{ConfigTexts, Environment, Paths, Settings};
use codex_turn::NotifyPayload;
use dispatch::Delivery;
use dispatch::Secrets;
use exporters::{
    ConfigError, Connection, ExportError, Exporter, Phoenix, PhoenixApi, PhoenixConfig, Receipt,
};
use notify_hook::{Context, ReadLimit, Report, Trigger, reconcile_thread};
use otlp_model::SpanBatch;
use pricing::PriceTable;
use program_log::Log;
use tempfile::TempDir;

/// A home with one recorded thread, and a target that can be switched off.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) paths: Paths,
    pub(crate) target: Target,
    pub(crate) recording: PathBuf,
    pub(crate) thread_id: String,
    pub(crate) reading: ReadLimit,
}

#[derive(Clone, Default)]
pub(crate) struct Target {
    batches: Arc<Mutex<Vec<SpanBatch>>>,
    away: Arc<AtomicBool>,
    /// A folder of which each export leaves a copy in another.
    copied: Arc<Mutex<Option<(PathBuf, PathBuf)>>>,
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
        if let Some((from, to)) = &*self.copied.lock().unwrap() {
            copy(from, to);
        }
        self.batches.lock().unwrap().push(batch.clone());
        Ok(Receipt { spans: batch.spans.len() })
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
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
    pub(crate) fn new(case: &str) -> Self {
        let recording =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data").join(case);
        let transcript = fs::read_to_string(recording.join("rollout.jsonl")).unwrap();
        let meta =
            codex_turn::ThreadMeta::decode(transcript.lines().next().unwrap().as_bytes()).unwrap();
        Self::of(&meta.thread_id, recording)
    }

    pub(crate) fn of(thread_id: &str, recording: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), None);
        let (target, reading) = (Target::default(), ReadLimit::default());
        Self { dir, paths, target, recording, thread_id: thread_id.to_owned(), reading }
    }

    pub(crate) fn recorded(&self) -> String {
        fs::read_to_string(self.recording.join("rollout.jsonl")).unwrap()
    }

    pub(crate) fn transcript_path(&self) -> PathBuf {
        let name =
            format!("sessions/2026/11/20/rollout-2026-11-20T22-00-00-{}.jsonl", self.thread_id);
        self.paths.codex_home.join(name)
    }

    pub(crate) fn write_transcript(&self, text: &str) {
        let path = self.transcript_path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Lets the last write have been long ago, so that a turn without an end is over.
    pub(crate) fn fall_silent(&self) {
        let file = OpenOptions::new().append(true).open(self.transcript_path()).unwrap();
        file.set_modified(SystemTime::now() - 2 * notify_hook::SILENCE).unwrap();
    }

    pub(crate) fn append(&self, text: &str) {
        OpenOptions::new()
            .append(true)
            .open(self.transcript_path())
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// The last payload of this thread.
    pub(crate) fn payload(&self) -> NotifyPayload {
        let payloads = fs::read_to_string(self.recording.join("notify.jsonl")).unwrap();
        let mut payloads = payloads.lines().map(|line| NotifyPayload::decode(line).unwrap());
        payloads.rfind(|payload| payload.thread_id.as_deref() == Some(&self.thread_id)).unwrap()
    }

    pub(crate) fn run(&self, payload: Option<NotifyPayload>) -> Report {
        self.run_with(payload, &[])
    }

    pub(crate) fn run_with(
        &self,
        payload: Option<NotifyPayload>,
        environment: &[(&str, &str)],
    ) -> Report {
        self.run_for(payload.map_or(Trigger::Retry, Trigger::Notify), environment)
    }

    pub(crate) fn run_for(&self, trigger: Trigger, environment: &[(&str, &str)]) -> Report {
        self.run_as(trigger, environment, "")
    }

    pub(crate) fn run_with_config(&self, config: &str) -> Report {
        self.run_as(Trigger::Retry, &[], config)
    }

    pub(crate) fn run_as(
        &self,
        trigger: Trigger,
        environment: &[(&str, &str)],
        config: &str,
    ) -> Report {
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
            reading: self.reading,
            deadline: Instant::now() + Duration::from_secs(9),
        };
        reconcile_thread(&context, &self.thread_id, &trigger)
    }

    /// Does something in which a target gets a turn, and leaves on disk what was there just then, as if
    /// the hook had been killed when the target had it.
    pub(crate) fn killed_at_export(&self, look: impl FnOnce()) {
        let copied = self.dir.path().join("copy");
        *self.target.copied.lock().unwrap() = Some((self.paths.state_dir.clone(), copied.clone()));
        look();
        *self.target.copied.lock().unwrap() = None;
        fs::remove_dir_all(&self.paths.state_dir).unwrap();
        fs::rename(copied, &self.paths.state_dir).unwrap();
    }

    /// The target is away, and its outbox cannot be used, as on a full disk.
    pub(crate) fn go_away(&self) {
        self.target.away.store(true, Ordering::Relaxed);
        fs::create_dir_all(&self.paths.state_dir).unwrap();
        fs::write(self.paths.state_dir.join("outbox"), "").unwrap();
    }

    pub(crate) fn come_back(&self) {
        self.target.away.store(false, Ordering::Relaxed);
        fs::remove_file(self.paths.state_dir.join("outbox")).unwrap();
    }

    pub(crate) fn batches(&self) -> Vec<SpanBatch> {
        self.target.batches.lock().unwrap().clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.batches().iter().map(|batch| batch.spans[0].name.clone()).collect()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.paths.default_log_file()).unwrap_or_default()
    }
}

pub(crate) const SENT: Report = Report { traced: 1, unsent: 0 };
pub(crate) const NOTHING: Report = Report { traced: 0, unsent: 0 };
pub(crate) const UNSENT: Report = Report { traced: 0, unsent: 1 };
