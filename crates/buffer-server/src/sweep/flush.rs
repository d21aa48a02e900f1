//! When to let the hook send from its queues.
//!
//! An outbox is a folder in which there are files called `*.batch` while something waits, and perhaps
//! one called `due` with a time in milliseconds since the Unix epoch, of the next retry.
//! There may be another one in it, called `metrics`. That is all that is known of it here.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The longest time between two runs, and the longest that a `due` may lie ahead: one that lies
/// further ahead comes from a clock that was set.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The longest pause after runs that changed nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What is known of the outboxes.
#[derive(Debug)]
pub(super) struct FlushPlan {
    folder: PathBuf,
    pace: Duration,
    check_at: Option<Instant>,
    flush_at: Option<Instant>,
    /// Runs in a row after which something was still due, and which changed nothing.
    in_vain: u32,
    /// Whether anything changed since the last run began.
    has_changed: bool,
    /// Whether the settings changed since then: whatever waits is due.
    has_new_settings: bool,
}

impl FlushPlan {
    /// The outboxes in the folders below this one, which are looked at now, and `pace` after
    /// something changed.
    pub(super) fn new(folder: PathBuf, pace: Duration, now: Instant) -> Self {
        Self {
            folder,
            pace,
            check_at: Some(now),
            flush_at: None,
            in_vain: 0,
            has_changed: false,
            has_new_settings: false,
        }
    }

    /// The settings changed, which may be what a target waits for.
    pub(super) fn settings_changed(&mut self, now: Instant) {
        self.check_at = Some(now + self.pace);
        self.has_new_settings = true;
    }

    /// Something happened to a file of an outbox.
    pub(super) fn changed(&mut self, now: Instant) {
        self.check_at.get_or_insert(now + self.pace);
        self.has_changed = true;
    }

    /// When there is something to do; never while nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        self.check_at.into_iter().chain(self.flush_at).min()
    }

    /// Does it, and says whether that is a run of the hook.
    pub(super) fn take_due(&mut self, now: Instant, clock: SystemTime) -> bool {
        if self.check_at.is_some_and(|at| at <= now) {
            self.check_at = None;
            self.check(now, clock);
        }
        let is_run = self.flush_at.take_if(|at| *at <= now).is_some();
        if is_run {
            self.has_changed = false;
        }
        is_run
    }

    /// A run of the hook has ended.
    pub(super) fn ended(&mut self, now: Instant) {
        // One that had no time for all goes on soon.
        self.in_vain = if self.has_changed { 1 } else { self.in_vain.saturating_add(1) };
        self.check_at = Some(now);
    }

    fn check(&mut self, now: Instant, clock: SystemTime) {
        let is_mended = std::mem::take(&mut self.has_new_settings);
        let wait = time_until_due(&self.folder, clock);
        if is_mended {
            self.in_vain = 0;
        }
        self.flush_at = match wait.map(|wait| if is_mended { Duration::ZERO } else { wait }) {
            None => {
                self.in_vain = 0;
                None
            }
            Some(Duration::ZERO) => Some(now + self.pause()),
            Some(wait) => {
                self.in_vain = 0;
                Some(now + wait)
            }
        };
    }

    /// None for a first run, then twice as long after each in vain: a hook that is switched off changes
    /// nothing.
    fn pause(&self) -> Duration {
        match self.in_vain {
            0 => Duration::ZERO,
            runs => self.pace.saturating_mul(1 << (runs - 1).min(20)).min(LONGEST_PAUSE),
        }
    }
}

/// How long it takes until something is due; none where nothing waits.
fn time_until_due(folder: &Path, clock: SystemTime) -> Option<Duration> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let outboxes = entries.map(|entry| entry.path()).flat_map(|path| [path.join("metrics"), path]);
    let waiting = outboxes.filter(|outbox| holds_batches(outbox));
    waiting.map(|outbox| until(due(&outbox), clock)).min()
}

fn holds_batches(outbox: &Path) -> bool {
    let mut files = fs::read_dir(outbox).into_iter().flatten().flatten();
    files.any(|file| Path::new(&file.file_name()).extension().is_some_and(|end| end == "batch"))
}

/// When the outbox is due; the epoch, which is over, where it does not say.
fn due(outbox: &Path) -> SystemTime {
    let text = fs::read_to_string(outbox.join("due")).unwrap_or_default();
    let millis = text.trim().parse().map_or(Duration::ZERO, Duration::from_millis);
    SystemTime::UNIX_EPOCH.checked_add(millis).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn until(due: SystemTime, clock: SystemTime) -> Duration {
    due.duration_since(clock).ok().filter(|wait| *wait <= LONGEST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Scene {
        dir: tempfile::TempDir,
        plan: FlushPlan,
        start: Instant,
        clock: SystemTime,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let start = Instant::now();
            let plan = FlushPlan::new(dir.path().join("outbox"), SECOND, start);
            let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            Self { dir, plan, start, clock }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join("outbox").join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// Writes when an outbox is due, seconds after the start.
        fn due(&self, outbox: &str, seconds: u64) {
            let due = self.clock + Duration::from_secs(seconds);
            let millis = due.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            self.write(&format!("{outbox}/due"), &format!("{millis}\n"));
        }

        /// Until the next run of the hook, in seconds after the start; none where none is planned.
        fn next_run(&mut self) -> Option<u64> {
            loop {
                let next = self.plan.next()?;
                if self.plan.take_due(next, self.clock + (next - self.start)) {
                    self.plan.ended(next);
                    return Some((next - self.start).as_secs());
                }
            }
        }
    }

    #[test]
    fn while_nothing_waits_there_is_nothing_to_do() {
        let mut scene = Scene::new();
        assert_eq!(scene.next_run(), None);
        // Neither dead letters nor half written files are queued.
        scene.write("phoenix/rejected/1-a.batch", "");
        scene.write("phoenix/.x.new", "");
        scene.due("phoenix", 0);
        scene.plan.changed(scene.start);
        assert_eq!(scene.next_run(), None);
        assert_eq!(scene.plan.next(), None);
    }

    #[test]
    fn the_hook_runs_when_the_first_outbox_is_due() {
        let mut scene = Scene::new();
        for (outbox, due) in [("phoenix", 70), ("mlflow", 30), ("local", 90)] {
            scene.write(&format!("{outbox}/1-a.batch"), "");
            scene.due(outbox, due);
        }
        assert_eq!(scene.next_run(), Some(30));
        // That run has emptied one, and another one refused again.
        fs::remove_file(scene.path("mlflow/1-a.batch")).unwrap();
        scene.due("phoenix", 130);
        assert_eq!(scene.next_run(), Some(90));
        fs::remove_file(scene.path("local/1-a.batch")).unwrap();
        assert_eq!(scene.next_run(), Some(130));
        // Numbers wait by themselves.
        fs::remove_file(scene.path("phoenix/1-a.batch")).unwrap();
        scene.write("phoenix/metrics/1-a.batch", "");
        scene.due("phoenix/metrics", 150);
        assert_eq!(scene.next_run(), Some(150));
    }

    #[test]
    fn what_waits_is_due_when_the_settings_change() {
        let mut scene = Scene::new();
        scene.plan.settings_changed(scene.start);
        assert_eq!(scene.next_run(), None, "nothing waits");
        scene.write("phoenix/1-a.batch", "");
        scene.due("phoenix", 600);
        scene.plan.settings_changed(scene.start + 20 * SECOND);
        assert_eq!(scene.next_run(), Some(21));
        assert_eq!(scene.next_run(), Some(600), "once");
    }

    #[test]
    fn what_has_no_time_or_an_impossible_one_is_due() {
        for due in ["", "soon", "-1", "99999999999999999999", "0", "4000000000000"] {
            let mut scene = Scene::new();
            assert_eq!(scene.next_run(), None);
            scene.write("phoenix/1-a.batch", "");
            scene.write("phoenix/due", due);
            scene.plan.changed(scene.start + 5 * SECOND);
            scene.plan.changed(scene.start + 5 * SECOND + SECOND / 2);
            assert_eq!(scene.next_run(), Some(6), "{due}");
        }
    }

    #[test]
    fn a_hook_that_changes_nothing_is_left_alone_for_longer_and_longer() {
        let mut scene = Scene::new();
        scene.write("phoenix/1-a.batch", "");
        let runs: Vec<u64> = (0..14).map(|_| scene.next_run().unwrap()).collect();
        let pauses: Vec<u64> = runs.windows(2).map(|runs| runs[1] - runs[0]).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        // It works again.
        let last = runs[13];
        scene.due("phoenix", last + 1000);
        assert_eq!(scene.next_run(), Some(last + 1000));
        scene.due("phoenix", 0);
        assert_eq!(scene.next_run(), Some(last + 1001));
    }

    #[test]
    fn a_hook_that_has_no_time_for_all_goes_on_soon() {
        let mut scene = Scene::new();
        scene.write("phoenix/1-a.batch", "");
        let mut runs = Vec::new();
        for _ in 0..5 {
            let next = loop {
                let next = scene.plan.next().unwrap();
                if scene.plan.take_due(next, scene.clock) {
                    break next;
                }
            };
            runs.push((next - scene.start).as_secs());
            scene.plan.changed(next);
            scene.plan.ended(next);
        }
        assert_eq!(runs, [0, 1, 2, 3, 4]);
    }
}
