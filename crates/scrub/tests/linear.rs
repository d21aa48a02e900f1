//! No text takes time that grows faster than it.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod hostile;

use std::time::{Duration, Instant};

use scrub::Scrubber;

/// A text of the second size is six times as long. It takes as much longer, or a little more where a
/// place is looked around to some distance; with the square of the length it would be 36 times.
const SIZES: [usize; 2] = [16_000, 96_000];
const MOST: u32 = 18;

/// The least time counts, and is looked for so long: other programs also share caches and memory.
const LIMIT: Duration = Duration::from_secs(240);

/// The time that this thread had a processor, where the system counts it: a busy machine does not
/// lengthen it.
#[cfg(unix)]
fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

#[cfg(not(unix))]
fn now() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

#[test]
fn the_time_grows_with_the_text_alone() {
    let scrubber = Scrubber::new([7; 32], &[]);
    let [small, large] = SIZES.map(hostile::texts);
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        let mut least = [Duration::MAX; 2];
        let start = Instant::now();
        let mut is_linear = false;
        while !is_linear && start.elapsed() < LIMIT {
            for (least, text) in least.iter_mut().zip([small, large]) {
                let before = now();
                drop(scrubber.scrub(text));
                *least = (now() - before).min(*least);
            }
            is_linear = least[1] <= MOST * least[0];
        }
        assert!(is_linear, "{name}: {least:?}");
    }
}
