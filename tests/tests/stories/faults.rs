//! Everything goes wrong that can: targets that misbehave in every way, hooks that are killed at
//! every step, a full disk, a clock that jumps. In the end every turn is in every target, once.
//!
//! Turns are recorded ones ([`stories::replay`]); the hook and the buffer service are the real ones,
//! without any help: what they do not make up for by themselves is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::time::{Duration, SystemTime};

use stories::home::HOOK_LIMIT;
use stories::otlp_target::{Behaviour, OtlpTarget, TakenSpan};
use stories::replay::{
    Further, Replayed, SPANS, replay, replay_events, replay_transcript, replay_with,
};
use stories::strace::{self, Fault};
use stories::{Home, process, wait};

use crate::stage;

/// How long the service may take until all is delivered: it tries again at growing intervals.
const RECOVERY: Duration = Duration::from_secs(120);

/// The system calls by which a process reaches disk and network.
const CALLS: [&[&str]; 9] = [
    &["openat"],
    &["mkdir", "mkdirat"],
    &["write", "writev"],
    &["fsync", "fdatasync"],
    &["rename", "renameat", "renameat2"],
    &["unlink", "unlinkat"],
    &["connect"],
    &["sendto"],
    &["recvfrom"],
];

#[test]
fn targets_that_misbehave() {
    let stage = Stage::new("faults-targets", 3);
    let faults = [
        Behaviour::IsGone,
        Behaviour::Hangs,
        Behaviour::Answers(401),
        Behaviour::Answers(413),
        Behaviour::Answers(429),
        Behaviour::Answers(500),
        Behaviour::Answers(503),
        Behaviour::ClosesInTheMiddle,
        Behaviour::ClosesUnanswered,
        Behaviour::Dawdles(Duration::from_millis(500)),
    ];
    let mut turns = Vec::new();
    for (round, fault) in faults.into_iter().enumerate() {
        let (misbehaving, others) = stage.split(round);
        misbehaving.behave(fault).expect("a target");
        turns.extend((0..3).map(|number| stage.notified(4 * round + number)));
        // No target waits for another one.
        for target in others {
            assert_eq!(
                target.spans().len(),
                turns.len() * SPANS,
                "{fault:?}: {}",
                stage.home.log()
            );
        }
        misbehaving.behave(Behaviour::Accepts).expect("a target");
        turns.push(stage.notified(4 * round + 3));
        // What was refused for good, too: the fault was the target's.
        let mut flush = stage::arize_codex(&stage.home);
        flush.args(["flush", "--rejected"]);
        wait::until("the target to have every turn", RECOVERY, || {
            // The service may be at it.
            process::run(&mut flush, RECOVERY).ok()?;
            (misbehaving.spans().len() == turns.len() * SPANS).then_some(())
        })
        .unwrap_or_else(|error| panic!("{fault:?}: {error} {}", stage.home.log()));
    }
    stage.check("targets that misbehave", &turns);
}

/// The service tries again by itself. No turn comes after those that wait.
#[test]
fn targets_that_come_back_between_turns() {
    let stage = Stage::new("faults-back", 3);
    let faults = [Behaviour::IsGone, Behaviour::Answers(503), Behaviour::Hangs];
    for (target, fault) in stage.targets.iter().zip(faults) {
        target.behave(fault).expect("a target");
    }
    let turns: Vec<_> = (0..8).map(|number| stage.notified(number)).collect();
    for target in &stage.targets {
        assert_eq!(target.spans(), []);
        target.behave(Behaviour::Accepts).expect("a target");
    }
    stage.check("targets that come back between turns", &turns);
}

#[test]
fn hooks_that_are_killed_at_every_step() {
    strace::available().expect("strace");
    let stage = Stage::new("faults-kill", 1);
    let mut turns = Vec::new();
    for calls in CALLS {
        for when in 1.. {
            let turn = stage.left_behind(turns.len());
            let killed = stage.struck(&[&turn.payload], calls, Fault::Kill, when);
            turns.push(turn);
            if !killed {
                break;
            }
        }
    }
    // Each kind of call ends with a turn that nothing happened to.
    assert!(turns.len() > 4 * CALLS.len(), "only {} turns", turns.len());
    stage.check("hooks that are killed at every step", &turns);
}

/// A hook that is killed when a target has the turn, and before it has noted that. More of the turn's
/// telemetry comes before the next one.
#[test]
fn a_turn_that_is_sent_again_is_sent_as_it_was() {
    let mut home = Home::new(&stage::programs(), "faults-same").expect("a home");
    // A hook that the service starts could send the turn before the one that is killed.
    home.set_variable("ARIZE_CODEX_SWEEP", "false");
    let stage = Stage::at(home, 1, Duration::from_secs(60));
    let target = &stage.targets[0];
    // The second turn shows that what was written down is what makes the first one the same.
    for (number, is_kept) in [(0, true), (1, false)] {
        target.behave(Behaviour::TakesAndHangs).expect("a target");
        let none = Further { calls: 0, output: 0 };
        let turn = replay_transcript(&stage.home, number, &none).expect("a turn");
        let spans = || -> Vec<TakenSpan> {
            let trace = |span: &&TakenSpan| span.turn_id.as_ref() == Some(&turn.turn_id);
            let spans = target.spans();
            let trace = spans.iter().find(trace).map(|root| root.trace_id.clone());
            spans.into_iter().filter(|span| Some(&span.trace_id) == trace.as_ref()).collect()
        };
        let mut hook = stage.home.command(&stage.home.hook());
        let mut hook = hook.arg(&turn.payload).spawn().expect("the hook starts");
        wait::until("the target to have the turn", RECOVERY, || {
            (spans().len() == SPANS).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error} {}", stage.home.log()));
        hook.kill().expect("the hook goes on");
        hook.wait().expect("the hook ends");
        if !is_kept {
            let files = files_below(&stage.home.root().join("home/.arize/harness/state"));
            let sending = |file: &&std::path::PathBuf| {
                file.extension().is_some_and(|extension| extension == "sending")
            };
            let sending: Vec<_> = files.iter().filter(sending).collect();
            assert_eq!(sending.len(), 1, "{files:?}");
            fs::remove_file(sending[0]).expect("a file");
        }
        replay_events(&stage.home, &turn).expect("the events");
        target.behave(Behaviour::Accepts).expect("a target");
        stage::trigger(&stage.home, &[&turn.payload]);
        let spans = spans();
        assert_eq!(spans.iter().map(|span| span.times).collect::<Vec<_>>(), [2; SPANS]);
        let differ = spans.iter().filter(|span| span.differs).count();
        assert_eq!(differ == 0, is_kept, "{differ} spans differ, {}", stage.home.log());
    }
    stage.home.stop_buffer().expect("the buffer stops");
}

/// First while they put a turn into the outbox, then while they take it out.
#[test]
fn hooks_that_are_killed_at_the_outbox() {
    strace::available().expect("strace");
    let stage = Stage::new("faults-outbox", 2);
    // The other one takes all.
    let target = &stage.targets[0];
    let mut turns = Vec::new();
    for calls in CALLS {
        for when in 1.. {
            target.behave(Behaviour::Answers(503)).expect("a target");
            let turn = stage.left_behind(turns.len());
            let in_putting = stage.struck(&[&turn.payload], calls, Fault::Kill, when);
            turns.push(turn);
            target.behave(Behaviour::Accepts).expect("a target");
            stage.make_due();
            let in_taking = stage.struck(&["--flush"], calls, Fault::Kill, when);
            if !in_putting && !in_taking {
                break;
            }
        }
    }
    assert!(turns.len() > 4 * CALLS.len(), "only {} turns", turns.len());
    stage.check("hooks that are killed at the outbox", &turns);
}

/// A turn that the target takes in several requests, while the hook that makes them is killed at every
/// step.
#[test]
fn hooks_that_are_killed_between_the_parts_of_a_turn() {
    const LARGE: Further = Further { calls: 8, output: 8000 };
    /// Larger than any of the spans, and smaller than a turn.
    const MOST: usize = 100_000;
    strace::available().expect("strace");
    let stage = Stage::new("faults-parts", 1);
    let target = &stage.targets[0];
    let (mut turns, mut kills) = (Vec::new(), 0);
    for calls in CALLS {
        for when in 1.. {
            target.behave(Behaviour::Answers(503)).expect("a target");
            let turn = stage.left_behind_with(turns.len(), &LARGE);
            stage::trigger(&stage.home, &[&turn.payload]);
            turns.push(turn);
            target.behave(Behaviour::TakesAtMost(MOST)).expect("a target");
            stage.make_due();
            if !stage.struck(&["--flush"], calls, Fault::Kill, when) {
                break;
            }
            kills += 1;
        }
    }
    assert!(turns.len() > 4 * CALLS.len(), "only {} turns", turns.len());
    // It was refused often, and the service may have been at it.
    stage.make_due();
    let report = stage.check_turns("hooks that are killed between the parts", &turns, &LARGE);
    assert!(report[0].requests > 3 * turns.len(), "a turn is several requests");
    // What a target has accepted is noted before the next request is made.
    assert!(report[0].sent_again <= kills * LARGE.spans() / 2, "{}", report[0]);
}

/// A turn that needs several requests, each of which takes longer than all that a small one needs.
#[test]
fn a_large_turn_at_a_slow_target_and_a_small_one_behind_it() {
    const LARGE: Further = Further { calls: 120, output: 30_000 };
    let stage = Stage::with_patience("faults-large", 1, Duration::from_secs(5));
    let target = &stage.targets[0];
    target.behave(Behaviour::Dawdles(Duration::from_millis(600))).expect("a target");
    let large = stage.left_behind_with(0, &LARGE);
    stage::trigger(&stage.home, &[&large.payload]);
    let (before, small) = (target.requests(), stage.notified(1));
    let all = LARGE.spans() + SPANS;
    wait::until("every span to be in the target", RECOVERY, || {
        (target.spans().len() >= all).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error} {}", stage.home.log()));
    let spans = target.spans();
    assert_eq!((spans.len(), spans.iter().filter(|span| span.times > 1).count()), (all, 0));
    assert!(target.requests() > 3, "{} requests", target.requests());
    // The request that was on its way, and at most one more.
    let small_root = |span: &&TakenSpan| span.turn_id.as_ref() == Some(&small.turn_id);
    let small_root = spans.iter().find(small_root).expect("the small turn");
    assert!(small_root.request <= before + 3, "{small_root:?}, {before} requests before");
    stage.home.stop_buffer().expect("the buffer stops");
}

/// Of each kind of call, the first few succeed, and then none does. The service's disk is not full, or
/// it would not have the events.
#[test]
fn a_disk_that_is_full() {
    strace::available().expect("strace");
    let stage = Stage::new("faults-disk", 1);
    let target = &stage.targets[0];
    let mut turns = Vec::new();
    // The outbox is on that disk, too.
    for behaviour in [Behaviour::Accepts, Behaviour::Answers(503)] {
        target.behave(behaviour).expect("a target");
        for (calls, steps) in CALLS.iter().zip([40, 4, 16, 8, 8]) {
            for when in 1..=steps {
                let turn = stage.left_behind(turns.len());
                stage.struck(&[&turn.payload], calls, Fault::FailForGood("ENOSPC"), when);
                turns.push(turn);
            }
        }
    }
    assert!(stage.home.log().contains("No space left on device"), "{}", stage.home.log());
    target.behave(Behaviour::Accepts).expect("a target");
    stage.make_due();
    stage.check("a disk that is full", &turns);
}

#[test]
fn a_clock_that_jumps() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let stage = Stage::new("faults-clock", 1);
    let target = &stage.targets[0];
    let mut turns = Vec::new();
    // What was to be tried again some day ...
    target.behave(Behaviour::Answers(503)).expect("a target");
    turns.extend((0..3).map(|number| stage.notified(number)));
    let tomorrow = SystemTime::now() + DAY;
    for file in files_below(&stage.home.root().join("home")) {
        // ... in the files' own words, and by the files' times.
        if file.ends_with("due") {
            let since = tomorrow.duration_since(SystemTime::UNIX_EPOCH).expect("a time");
            fs::write(&file, since.as_millis().to_string()).expect("due");
        }
        let opened = fs::File::options().append(true).open(&file);
        opened.and_then(|file| file.set_modified(tomorrow)).expect("a time");
    }
    target.behave(Behaviour::Accepts).expect("a target");
    turns.extend((3..6).map(|number| stage.notified(number)));
    stage.check("a clock that jumps", &turns);
}

/// A home with the buffer service and some targets.
struct Stage {
    home: Home,
    targets: Vec<OtlpTarget>,
}

impl Stage {
    fn new(project: &str, targets: usize) -> Self {
        Self::with_patience(project, targets, Duration::from_secs(1))
    }

    /// The same with so much time for each request.
    fn with_patience(project: &str, targets: usize, patience: Duration) -> Self {
        Self::at(Home::new(&stage::programs(), project).expect("a home"), targets, patience)
    }

    fn at(home: Home, targets: usize, patience: Duration) -> Self {
        let targets: Vec<_> =
            (0..targets).map(|_| OtlpTarget::start().expect("a target")).collect();
        let entries = targets.iter().enumerate().map(|(number, target)| {
            format!(
                "\n      - name: target-{number}\n        target: otlp\n        endpoint: {}\n        \
                 protocol: http/json\n        compression: none\n        timeout_ms: {}",
                target.url(),
                patience.as_millis()
            )
        });
        home.configure(&format!("targets:{}", entries.collect::<String>())).expect("config.yaml");
        // The recorded turns are old; what ended before tracing began is not sent.
        let state = home.root().join("home/.arize/harness/state/codex");
        fs::create_dir_all(&state).expect("a folder");
        fs::write(state.join("since"), "2026-11-20T00:00:00Z\n").expect("a file");
        home.start_buffer().expect("the buffer starts");
        Self { home, targets }
    }

    /// One target, and the others.
    fn split(&self, number: usize) -> (&OtlpTarget, impl Iterator<Item = &OtlpTarget>) {
        let number = number % self.targets.len();
        let others = self.targets.iter().enumerate().filter(move |(other, _)| *other != number);
        (&self.targets[number], others.map(|(_, target)| target))
    }

    fn left_behind(&self, number: usize) -> Replayed {
        let number = u32::try_from(number).expect("a number");
        replay(&self.home, number).expect("a turn")
    }

    fn left_behind_with(&self, number: usize, further: &Further) -> Replayed {
        let number = u32::try_from(number).expect("a number");
        replay_with(&self.home, number, further).expect("a turn")
    }

    /// A turn of which Codex notified the hook.
    fn notified(&self, number: usize) -> Replayed {
        let turn = self.left_behind(number);
        stage::trigger(&self.home, &[&turn.payload]);
        turn
    }

    /// Lets all that waits be offered again now.
    fn make_due(&self) {
        let files = files_below(&self.home.root().join("home/.arize"));
        for due in files.into_iter().filter(|file| file.ends_with("due")) {
            // The service may be about to offer it.
            let _ = fs::remove_file(due);
        }
    }

    /// Runs the hook, and lets a fault strike in one of its system calls; says whether it was killed.
    fn struck(&self, arguments: &[&str], calls: &[&str], fault: Fault, when: usize) -> bool {
        let mut hook = self.home.command(&self.home.hook());
        hook.args(arguments);
        let finished = strace::run(&hook, calls, fault, when, HOOK_LIMIT).expect("the hook ends");
        let killed = strace::was_killed(&finished);
        // Its libraries are files, too.
        let started = finished.status.code() != Some(127);
        assert!(killed || !started || finished.status.success(), "{calls:?} {when}: {finished:?}");
        let silent = finished.stdout.is_empty() && finished.stderr.is_empty();
        assert!(silent || !started, "{calls:?} {when}: {finished:?}");
        killed
    }

    /// Waits until every target has every turn, compares what each has, and prints a report.
    fn check(&self, name: &str, turns: &[Replayed]) {
        self.check_turns(name, turns, &Further { calls: 0, output: 0 });
    }

    /// The same of turns that did more than what was recorded.
    fn check_turns(&self, name: &str, turns: &[Replayed], further: &Further) -> Vec<Report> {
        let complete = |target: &OtlpTarget| target.spans().len() >= turns.len() * further.spans();
        let all = wait::until("every turn to be in every target", RECOVERY, || {
            self.targets.iter().all(complete).then_some(())
        });
        let (mut wrong, mut reports) = (Vec::new(), Vec::new());
        for (number, target) in self.targets.iter().enumerate() {
            let report = Report::of(turns, target, further.spans());
            let line = format!("{name}: target {number}: {report}\n");
            // Not captured with what tests print.
            let _ = std::io::stdout().write_all(line.as_bytes());
            if (report.lost, report.doubled) != (0, 0) {
                wrong.push(line);
            }
            reports.push(report);
        }
        assert!(all.is_ok() && wrong.is_empty(), "{all:?} {wrong:?}");
        self.home.stop_buffer().expect("the buffer stops");
        reports
    }
}

/// What became of the turns at one target.
struct Report {
    turns: usize,
    requests: usize,
    sent_again: usize,
    lost: usize,
    doubled: usize,
}

impl Report {
    fn of(turns: &[Replayed], target: &OtlpTarget, spans_of_turn: usize) -> Self {
        let spans = target.spans();
        let mut traces: BTreeMap<&str, Vec<&TakenSpan>> = BTreeMap::new();
        for span in &spans {
            traces.entry(&span.trace_id).or_default().push(span);
        }
        let root = |spans: &[&TakenSpan]| {
            spans
                .iter()
                .find(|span| span.parent_id.is_empty())
                .and_then(|span| span.turn_id.clone())
        };
        let complete: Vec<String> = traces
            .values()
            .filter(|spans| spans.len() == spans_of_turn)
            .filter_map(|spans| root(spans))
            .collect();
        let arrived: BTreeSet<&str> = complete.iter().map(String::as_str).collect();
        Self {
            turns: turns.len(),
            requests: target.requests(),
            sent_again: spans.iter().map(|span| span.times - 1).sum(),
            lost: turns.iter().filter(|turn| !arrived.contains(turn.turn_id.as_str())).count(),
            doubled: traces.len() - arrived.len(),
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} turns sent in {} requests, {} spans sent again with the same ids, lost {}, doubled {}",
            self.turns, self.requests, self.sent_again, self.lost, self.doubled
        )
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.flat_map(|entry| {
        let path = entry.path();
        if path.is_dir() { files_below(&path) } else { vec![path] }
    });
    files.collect()
}
