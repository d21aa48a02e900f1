//! Threads that fall silent without a trigger: the hook is started for them.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use buffer_server::config::{Pace, Sweep};
use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

use crate::harness::{Server, export, wait_for};

const A: &str = "01a1fb18-aaaa-76d3-8970-09f42d282b2f";
const B: &str = "01a1fb18-bbbb-76d3-8970-09f42d282b2f";
const C: &str = "01a1fb18-cccc-76d3-8970-09f42d282b2f";

const PACE: Pace = Pace {
    written: Duration::from_millis(300),
    received: Duration::from_millis(500),
    late: Duration::from_secs(3600),
    outbox: Duration::from_millis(200),
};

const TODAY: &str = "2026/11/21";

/// A home of Codex, and a hook that writes down how it was started.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hook/hook.sh");
        symlink(script, folder.path().join("hook")).unwrap();
        fs::create_dir(folder.path().join("codex")).unwrap();
        Self { folder }
    }

    fn codex_home(&self) -> PathBuf {
        self.folder.path().join("codex")
    }

    fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    /// Writes a file of an outbox.
    fn put(&self, file: &str, text: &str) {
        let path = self.outbox().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn serve(&self, pace: Pace) -> Server {
        let hook = self.folder.path().join("hook");
        let settings = self.folder.path().join("config.yaml");
        let (codex_home, outbox) = (self.codex_home(), self.outbox());
        let sweep = Sweep { hook, codex_home, outbox, settings, pace };
        Server::with(|config| config.sweep = Some(sweep))
    }

    /// Writes a line to the file of a thread.
    fn write(&self, day: &str, thread: &str) {
        let folder = self.codex_home().join("sessions").join(day);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("rollout-2026-11-21T01-02-03-{thread}.jsonl"));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(b"{}\n").unwrap();
    }

    /// Makes the hook stay from now on, or end.
    fn stay(&self, stay: bool) {
        let file = self.folder.path().join("stay");
        if stay { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
    }

    /// What the hook wrote down: the arguments of each run, and the end of it.
    fn raw_lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The same, without the times behind the threads.
    fn lines(&self) -> Vec<String> {
        let without_time = |word: &str| word.split('@').next().unwrap_or_default().to_owned();
        let line = |line: String| line.split(' ').map(without_time).collect::<Vec<_>>().join(" ");
        self.raw_lines().into_iter().map(line).collect()
    }

    /// Waits until no run began for a while that is longer than any pause; says how many lines there
    /// are.
    fn quiet(&self) -> usize {
        let mut last = (self.lines().len(), Instant::now());
        wait_for(|| {
            let lines = self.lines().len();
            if lines != last.0 {
                last = (lines, Instant::now());
            }
            (last.1.elapsed() > 4 * PACE.outbox).then_some(lines)
        })
    }

    /// Waits for the end of the last of these runs, and checks that there were no others.
    fn check(&self, runs: &[&str]) {
        let expected: Vec<String> = runs
            .iter()
            .flat_map(|threads| [format!("--sweep {threads}").trim().to_owned(), "end".to_owned()])
            .collect();
        wait_for(|| (self.lines().len() >= expected.len()).then_some(()));
        assert_eq!(self.lines(), expected);
    }
}

fn log(server: &Server) -> String {
    fs::read_to_string(&server.paths.log).unwrap_or_default()
}

#[test]
fn a_thread_that_was_written_to_is_looked_at_once_when_it_is_silent() {
    let scene = Scene::new();
    let _server = scene.serve(PACE);
    scene.check(&[""]);
    let begun = Instant::now();
    for _ in 0..20 {
        scene.write(TODAY, A);
    }
    scene.check(&["", A]);
    assert!(begun.elapsed() >= PACE.written, "{:?}", begun.elapsed());
    // A Codex that was silent and ends is noticed by what the system does for it.
    let file = fs::read_dir(scene.codex_home().join("sessions").join(TODAY)).unwrap();
    let file = file.map(|entry| entry.unwrap().path()).next().unwrap();
    let codex = OpenOptions::new().append(true).open(file).unwrap();
    scene.write(TODAY, B);
    scene.check(&["", A, B]);
    let before = SystemTime::now();
    drop(codex);
    scene.check(&["", A, B, A]);
    // The hook gets the time of it.
    let closed: Vec<Duration> = scene
        .raw_lines()
        .iter()
        .filter_map(|line| Some(Duration::from_millis(line.split_once('@')?.1.parse().unwrap())))
        .collect();
    let time = |clock: SystemTime| clock.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let tolerated = Duration::from_millis(1);
    let between = time(before) - tolerated..=time(SystemTime::now()) - PACE.written + tolerated;
    assert!(closed.last().is_some_and(|closed| between.contains(closed)), "{closed:?} {between:?}");
    // Reading is no change, and neither is another kind of file.
    let folder = scene.codex_home().join("sessions").join(TODAY);
    for entry in fs::read_dir(&folder).unwrap() {
        fs::read(entry.unwrap().path()).unwrap();
    }
    fs::write(folder.join("notes.txt"), "").unwrap();
    scene.write(TODAY, C);
    scene.check(&["", A, B, A, C]);
}

#[test]
fn new_folders_and_old_ones_are_watched() {
    let scene = Scene::new();
    scene.write("2026/11/18", A);
    let _server = scene.serve(PACE);
    scene.check(&[""]);
    scene.write("2026/11/18", A);
    scene.check(&["", A]);
    scene.write("2026/12/01", B);
    scene.check(&["", A, B]);
    scene.write("2027/01/01", C);
    scene.check(&["", A, B, C]);
    // A thread that begins anew is watched anew.
    fs::remove_dir_all(scene.codex_home().join("sessions")).unwrap();
    scene.write(TODAY, B);
    scene.check(&["", A, B, C, B]);
}

#[test]
fn codex_may_come_to_the_machine_later() {
    let scene = Scene::new();
    fs::remove_dir(scene.codex_home()).unwrap();
    let server = scene.serve(PACE);
    scene.check(&[""]);
    fs::create_dir(scene.codex_home()).unwrap();
    server.post(&export(A, 0..1));
    scene.check(&["", A]);
    scene.write(TODAY, B);
    scene.check(&["", A, B]);
}

#[test]
fn events_that_are_not_fetched_are_a_reason() {
    let scene = Scene::new();
    let server = scene.serve(PACE);
    scene.check(&[""]);
    server.post(&export(A, 0..3));
    server.post(&export(A, 3..6));
    scene.check(&["", A]);
    // Collected in time, they are none.
    server.post(&export(B, 0..1));
    let next = server.client().drain(B, 0, Duration::ZERO).unwrap().next;
    server.client().acknowledge(B, next).unwrap();
    server.post(&export("no-thread-of-codex", 0..1));
    server.post(&export(C, 0..1));
    scene.check(&["", A, C]);
}

#[test]
fn one_run_at_a_time_reads_all_threads_that_are_due() {
    let scene = Scene::new();
    scene.stay(true);
    let _server = scene.serve(PACE);
    wait_for(|| (scene.lines() == ["--sweep"]).then_some(()));
    scene.write(TODAY, A);
    scene.write(TODAY, B);
    let begun = Instant::now();
    wait_for(|| (begun.elapsed() > 3 * PACE.written).then_some(()));
    assert_eq!(scene.lines(), ["--sweep"]);
    scene.stay(false);
    scene.check(&["", &format!("{A} {B}")]);
}

#[test]
fn a_thread_is_looked_at_once_more_when_nothing_happened_for_very_long() {
    let scene = Scene::new();
    let late = Duration::from_millis(900);
    let _server = scene.serve(Pace { late, ..PACE });
    scene.check(&[""]);
    scene.write(TODAY, A);
    scene.check(&["", A, A]);
    scene.write(TODAY, B);
    scene.check(&["", A, A, B, B]);
}

#[test]
fn the_hook_sends_what_waits_when_it_is_due_and_is_left_alone_while_nothing_waits() {
    let scene = Scene::new();
    let _server = scene.serve(PACE);
    scene.check(&[""]);
    assert!(scene.outbox().is_dir());
    // Far enough ahead not to be taken for now.
    let due = SystemTime::now() + Duration::from_millis(900);
    let millis = due.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    scene.put("phoenix/due", &millis.to_string());
    scene.put("phoenix/1-a.batch", "");
    let flushed = || scene.lines().get(2).cloned();
    assert_eq!(wait_for(flushed), "--flush");
    assert!(SystemTime::now() >= due);
    fs::remove_file(scene.outbox().join("phoenix/1-a.batch")).unwrap();
    // It has ended, and perhaps began once more before the file was gone.
    let runs = scene.quiet();
    scene.put("phoenix/rejected/1-a.batch", "");
    scene.write(TODAY, A);
    wait_for(|| (scene.lines().len() >= runs + 2).then_some(()));
    assert_eq!(scene.lines()[runs..], [format!("--sweep {A}"), "end".to_owned()]);
}

#[test]
fn the_hook_sends_what_waits_when_the_settings_change() {
    let scene = Scene::new();
    let _server = scene.serve(PACE);
    scene.check(&[""]);
    let due = SystemTime::now() + Duration::from_secs(600);
    let millis = due.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    scene.put("phoenix/due", &millis.to_string());
    scene.put("phoenix/1-a.batch", "");
    assert_eq!(scene.quiet(), 2);
    // As editors and `arize-config` do it.
    let file = |name: &str| scene.folder.path().join(name);
    fs::write(file("config.new"), "user_id: ada\n").unwrap();
    fs::rename(file("config.new"), file("config.yaml")).unwrap();
    let flushed = || scene.lines().get(2).cloned();
    assert_eq!(wait_for(flushed), "--flush");
}

#[test]
fn what_waited_before_the_service_began_is_sent_after_the_first_sweep() {
    let scene = Scene::new();
    scene.put("phoenix/1-a.batch", "");
    let _server = scene.serve(PACE);
    wait_for(|| (scene.lines().len() >= 4).then_some(()));
    assert_eq!(scene.lines()[..4], ["--sweep", "end", "--flush", "end"]);
}

#[test]
fn without_a_hook_nothing_is_started_and_the_log_says_so() {
    let scene = Scene::new();
    let hook = scene.folder.path().join("hook");
    fs::remove_file(&hook).unwrap();
    let server = scene.serve(PACE);
    wait_for(|| log(&server).contains("cannot be started").then_some(()));
    assert!(log(&server).contains(&*hook.to_string_lossy()), "{}", log(&server));
    scene.write(TODAY, A);
    server.post(&export(A, 0..1));
    assert_eq!(server.health().events, 1);
}

#[test]
fn a_run_ends_with_the_service() {
    let scene = Scene::new();
    scene.stay(true);
    let mut server = scene.serve(PACE);
    wait_for(|| (scene.lines() == ["--sweep"]).then_some(()));
    let pid = fs::read_to_string(scene.folder.path().join("pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    server.stop();
    // What is left of it belongs to this process, which does not wait for it.
    wait_for(|| (test_kill_process(pid).is_err() || is_zombie(pid)).then_some(()));
    assert_eq!(scene.lines(), ["--sweep"]);
}

fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.contains(") Z "))
}
