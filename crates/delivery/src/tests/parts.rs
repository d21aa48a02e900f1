//! Batches that need several requests.

use super::*;

/// An outbox whose requests hold at most this many spans of a kilobyte.
fn scene(spans: u64) -> Scene {
    let scene = Scene::new();
    let outbox = Outbox { part_bytes: spans * 1200, ..scene.outbox.clone() };
    Scene { outbox, ..scene }
}

/// A time that passes with requests alone, 0.6 s with each.
struct Slow {
    target: Target,
    begun: Instant,
    passed: Mutex<Duration>,
    /// After how much time each span was taken.
    taken: Mutex<Vec<(String, Duration)>>,
}

impl Slow {
    const REQUEST: Duration = Duration::from_millis(600);

    fn new() -> Self {
        Self {
            target: Target::default(),
            begun: Instant::now(),
            passed: Mutex::default(),
            taken: Mutex::default(),
        }
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    /// Sends what is queued as a run of the hook does, for this long.
    fn run(&self, scene: &Scene, time: Duration) -> Flushed {
        let clock = || self.begun + self.passed();
        let until = clock() + time;
        let attempt = Attempt { until, clock: &clock, ..scene.attempt() };
        scene.outbox.flush(self, &attempt, When::Due, None).unwrap()
    }

    fn times(&self, name: &str) -> Vec<Duration> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|(taken, _)| taken == name).map(|(_, time)| *time).collect()
    }
}

impl Exporter for Slow {
    fn target(&self) -> &str {
        "slow"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        *self.passed.lock().unwrap() += Self::REQUEST;
        let receipt = self.target.export(batch)?;
        let names = batch.spans.iter().map(|span| (span.name.clone(), self.passed()));
        self.taken.lock().unwrap().extend(names);
        Ok(receipt)
    }
}

#[test]
fn a_batch_that_needs_many_requests_goes_on_where_it_stopped() {
    let scene = scene(2);
    scene.push("t", &["a", "b", "c", "d", "e", "f", "g"]);
    let target = Target::that([Does::Take, Does::Take, Does::BeAway]);
    assert_eq!((scene.flush(&target).queued, target.taken()), (1, "a b c d".to_owned()));
    let summary = scene.summary();
    let [unfinished] = &summary.unfinished[..] else { panic!("{summary:?}") };
    assert_eq!((unfinished.spans, unfinished.spans_done, unfinished.failures), (7, 4, 0));
    assert!((4000..5000).contains(&unfinished.bytes_done), "{unfinished:?}");
    assert_eq!(unfinished.bytes, summary.bytes);
    // Other limits, or none, do not matter.
    let outbox = Outbox::new(scene.outbox.folder(), Limits::default());
    let target = Target::default();
    let flushed = outbox.flush(&target, &scene.attempt(), When::Now, None).unwrap();
    assert_eq!((flushed, target.received().as_str()), (accepted(1), "e+f+g"));
    assert_eq!((scene.summary().accepted, fs::read_dir(scene.outbox.folder()).unwrap().count()), {
        // Nothing remains of it but counts.
        (1, 3)
    });
}

#[test]
fn what_comes_behind_a_large_batch_of_another_trace_does_not_wait_for_all_of_it() {
    let scene = scene(1);
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.push("large", &names);
    scene.push("large", &["same trace"]);
    let slow = Slow::new();
    let run = Duration::from_millis(4500);
    assert_eq!(slow.run(&scene, run).stopped, Some(Stopped::NoTime));
    assert_eq!(scene.wait(), None, "the next run goes on at once");
    let put_away = slow.passed();
    scene.push("other", &["other"]);
    let mut runs = 1;
    while !scene.outbox.is_empty().unwrap() {
        slow.run(&scene, run);
        runs += 1;
    }
    assert!(
        slow.times("other")[0] - put_away < Duration::from_secs(2),
        "{:?}",
        slow.times("other")
    );
    assert!(runs > 10, "{runs}");
    for name in names {
        assert_eq!(slow.times(name).len(), 1, "{name}");
    }
    assert!(slow.times("same trace")[0] > slow.times("99")[0], "in the order of its trace");
}

#[test]
fn large_batches_take_turns() {
    let scene = scene(1);
    scene.push("t", &["a", "b", "c"]);
    scene.push("u", &["x", "y", "z"]);
    let target = Target::default();
    assert_eq!(scene.flush(&target), accepted(2));
    assert_eq!(target.taken(), "a x b y c z");
}

#[test]
fn a_span_at_which_the_target_fails_becomes_a_dead_letter_and_the_rest_of_its_batch_does_not() {
    for (alone, does) in [(true, Does::Refuse(500)), (false, Does::BreakOff)] {
        let mut scene = scene(4);
        scene.push("t", &["a", "b", "c", "poison", "d", "e", "f"]);
        if !alone {
            scene.push("u", &["other"]);
        }
        let target = Target { poison: Some(("poison", does)), ..Target::default() };
        let mut dead_letters = Vec::new();
        for _ in 0..20 {
            dead_letters.extend(scene.flush(&target).dead_letters);
            scene.now += 3600 * SECOND;
        }
        assert!(scene.outbox.is_empty().unwrap(), "{:?}", scene.summary());
        let others = if alone { "a b c d e f" } else { "other a b c d e f" };
        let mut taken: Vec<_> = target.taken().split(' ').map(str::to_owned).collect();
        taken.sort_unstable();
        let mut expected: Vec<_> = others.split(' ').collect();
        expected.sort_unstable();
        assert_eq!(taken, expected);
        let [rejected] = &scene.summary().rejected[..] else { panic!("{:?}", scene.summary()) };
        assert_eq!((rejected.spans, dead_letters.len()), (1, 1));
        assert!(rejected.attempts >= 5, "{rejected:?}");
        // It can be sent again.
        scene.outbox.requeue_dead_letters().unwrap();
        let target = Target::default();
        assert_eq!((scene.flush(&target), target.taken().as_str()), (accepted(1), "poison"));
    }
}

#[test]
fn a_target_that_takes_too_long_for_large_requests_gets_smaller_ones() {
    let mut scene = scene(8);
    let names: Vec<String> = (0..16).map(|number| format!("s{number}")).collect();
    scene.push("t", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let target = Target { breaks_off_beyond: Some(2), ..Target::default() };
    for _ in 0..40 {
        scene.flush(&target);
        scene.now += 3600 * SECOND;
    }
    assert!(scene.outbox.is_empty().unwrap(), "{:?}", scene.summary());
    assert_eq!(target.taken(), names.join(" "));
    assert_eq!(scene.summary().rejected, []);
}

#[test]
fn a_batch_at_which_the_target_fails_delays_no_later_one() {
    let scene = scene(4);
    scene.push("t", &["stuck"]);
    let target = Target::always("stuck", Does::BreakOff);
    for _ in 0..3 {
        scene.outbox.flush(&target, &scene.attempt(), When::Now, None).unwrap();
    }
    assert!(scene.wait() >= Some(2), "{:?}", scene.wait());
    let summary = scene.summary();
    let [stuck] = &summary.unfinished[..] else { panic!("{summary:?}") };
    assert_eq!((stuck.spans_done, stuck.failures), (0, 3));
    assert_eq!(stuck.next_attempt, summary.next_attempt);
    assert!(stuck.last_error.as_ref().is_some_and(|error| error.contains("the connection broke")));
    // Neither a person nor the service has to wait for that.
    scene.push("u", &["other"]);
    assert_eq!(scene.wait(), None);
    assert_eq!(scene.flush(&target).accepted, 1);
    assert!(scene.wait() >= Some(2), "{:?}", scene.wait());
    assert_eq!(target.received(), "stuck stuck stuck other");
}

#[test]
fn a_target_that_fails_at_two_traces_is_left_alone_and_tried_with_the_one_that_failed_least() {
    let mut scene = scene(4);
    scene.push("t", &["stuck"]);
    let ill = Target::that([Does::BreakOff; 9]);
    scene.flush(&ill);
    scene.push("u", &["other"]);
    // The new one is sent before the first is due, and now it is known.
    scene.flush(&ill);
    assert_eq!(ill.received(), "stuck other");
    scene.push("v", &["third"]);
    assert_eq!(scene.wait(), Some(2));
    let Some(Stopped::NotDue(_)) = scene.flush(&ill).stopped else { panic!("it is due") };
    scene.now += 3 * SECOND;
    scene.flush(&ill);
    assert_eq!((ill.received().as_str(), scene.wait()), ("third", Some(4)));
    // It is well again, but for one batch, which is not always the first.
    let target = Target::always("stuck", Does::BreakOff);
    for _ in 0..2 {
        scene.now += 60 * SECOND;
        scene.flush(&target);
    }
    assert_eq!(target.received(), "stuck other third stuck");
}

#[test]
fn what_is_behind_a_batch_in_its_trace_waits_for_it_but_not_for_good() {
    let mut scene = scene(4);
    scene.push("t", &["stuck"]);
    scene.push("t", &["behind"]);
    let target = Target::always("stuck", Does::Refuse(500));
    for _ in 0..4 {
        scene.flush(&target);
        scene.now += 3600 * SECOND;
    }
    assert_eq!(target.taken(), "");
    while !scene.outbox.is_empty().unwrap() {
        scene.flush(&target);
        scene.now += 3600 * SECOND;
    }
    assert_eq!((target.taken().as_str(), scene.summary().rejected.len()), ("behind", 1));
}

#[test]
fn numbers_are_those_of_all_accepted_parts_and_come_after_the_last() {
    let scene = scene(2);
    scene.push("t", &["a", "b", "c", "poison", "d"]);
    let mut measured = Vec::new();
    let mut on_accepted = |batch: SpanBatch| measured.push(batch.spans.len());
    let target = Target::that([Does::Take, Does::BeAway]);
    let attempt = scene.attempt();
    scene.outbox.flush(&target, &attempt, When::Now, Some(&mut on_accepted)).unwrap();
    let target = Target { poison: Some(("poison", Does::Refuse(400))), ..Target::default() };
    scene.outbox.flush(&target, &attempt, When::Now, Some(&mut on_accepted)).unwrap();
    // The request with the poison was refused as a whole.
    assert_eq!((measured, target.taken().as_str()), (vec![3], "d"));
    assert_eq!(scene.summary().rejected[0].spans, 2);
}

#[test]
fn progress_that_is_lost_or_damaged_sends_parts_again_and_loses_none() {
    for damage in [&b""[..], b"\0\xff", b"{\"from\":0", b"[]\n{\"from\":5,\"to\":2}\n"] {
        let scene = scene(2);
        scene.push("t", &["a", "b", "c", "d"]);
        scene.flush(&Target::that([Does::Take, Does::BeAway]));
        let progress = scene.files()[0].with_extension("progress");
        assert!(progress.exists());
        fs::write(&progress, damage).unwrap();
        let target = Target::default();
        scene.outbox.flush(&target, &scene.attempt(), When::Now, None).unwrap();
        assert_eq!(target.taken(), "a b c d");
        assert!(!progress.exists());
    }
}

/// A batch of 200 MB that waits, none of which is in memory.
fn put_away_200_megabytes(scene: &Scene, spans: usize) {
    let one = batch("large", &["0"]);
    let header = Header { spans, ..Header::of(&one, scene.now).unwrap() };
    let text = "x".repeat(200_000_000 / spans);
    let all = (0..spans).map(|number| {
        let mut span = batch("large", &[&number.to_string()]).spans.remove(0);
        span.attributes = vec![Attribute::new("input.value", text.clone())];
        Ok(std::borrow::Cow::Owned(span))
    });
    let name = BatchName { key: header.created, id: header.span_id.clone() };
    private_files::NewFile::write(scene.outbox.folder(), |file| {
        batch_file::write(file, &header, &one.resource, all)
    })
    .and_then(|file| file.put(&scene.outbox.folder().join(name.to_string())))
    .unwrap();
    assert!(scene.summary().bytes > 200_000_000);
}

/// 200 MB to a target that takes 0.6 s for a request, in runs of 4.5 s, without the time passing.
#[test]
fn a_batch_of_200_megabytes_arrives_and_holds_up_nothing() {
    const SPANS: usize = 2000;
    let scene = Scene::new();
    put_away_200_megabytes(&scene, SPANS);
    let slow = Slow::new();
    let run = Duration::from_millis(4500);
    slow.run(&scene, run);
    let put_away = slow.passed();
    scene.push("behind", &["behind"]);
    while !scene.outbox.is_empty().unwrap() {
        slow.run(&scene, run);
    }
    assert!(slow.times("behind")[0] - put_away < Duration::from_secs(10));
    let taken = slow.taken.lock().unwrap();
    let distinct: std::collections::BTreeSet<_> = taken.iter().map(|(name, _)| name).collect();
    assert_eq!((taken.len(), distinct.len()), (SPANS + 1, SPANS + 1));
    let requests = slow.target.received.lock().unwrap().len();
    assert!((55..75).contains(&requests), "{requests}");
}

/// Makes the bodies of requests, and throws them away.
#[cfg(target_os = "linux")]
struct Encodes;

#[cfg(target_os = "linux")]
impl Exporter for Encodes {
    fn target(&self) -> &str {
        "encodes"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        let scope = otlp_model::encode::Scope { name: "test", version: "1" };
        let body = otlp_model::encode::export_request(batch, &scope);
        let body = prost::Message::encode_to_vec(&body);
        assert!(body.len() <= MAX_BODY_BYTES);
        Ok(Receipt { spans: batch.spans.len() })
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_batch_of_200_megabytes_needs_the_memory_of_a_request() {
    const ALONE: &str = "DELIVERY_TEST_ALONE";
    // Other tests in the same process need memory, too.
    if std::env::var_os(ALONE).is_none() {
        let test = std::thread::current().name().unwrap().to_owned();
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let done = alone.args(["--exact", &test]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let scene = Scene::new();
    put_away_200_megabytes(&scene, 5000);
    // The most that this process had in memory, in KiB, since it was asked to begin again.
    let peak = |text: String| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let status = || peak(fs::read_to_string("/proc/self/status").unwrap());
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status();
    let attempt = scene.attempt();
    let mut measured = 0;
    let mut on_accepted = |batch: SpanBatch| measured += batch.spans.len();
    let flushed = scene.outbox.flush(&Encodes, &attempt, When::Due, Some(&mut on_accepted));
    assert_eq!(flushed.unwrap(), accepted(1));
    assert_eq!(measured, 5000);
    let grown = status() - before;
    assert!(grown < 32 << 10, "{grown} KiB");
}
