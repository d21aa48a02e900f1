//! No text takes time that grows faster than it.

mod hostile;

use std::time::{Duration, Instant};

use scrub::Scrubber;

/// A text of the second size is six times as long. It takes as much longer, or a little more where a
/// place is looked around to some distance; with the square of the length it would be 36 times.
const SIZES: [usize; 2] = [16_000, 96_000];
const MOST: u32 = 18;

/// The least time counts, and is looked for so long, as other programs take their share of the machine.
const LIMIT: Duration = Duration::from_secs(60);

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
                let start = Instant::now();
                drop(scrubber.scrub(text));
                *least = start.elapsed().min(*least);
            }
            is_linear = least[1] <= MOST * least[0];
        }
        assert!(is_linear, "{name}: {least:?}");
    }
}
