//! How many secrets of the labelled sets are found, and how many texts without one are left alone.
//! `cargo xtask scrub-bench` says by kind.

mod corpus;

use scrub::Scrubber;

#[test]
fn secrets_are_found_and_other_texts_are_left_alone() {
    let scrubber = Scrubber::new([7; 32], &[]);
    for (name, cases) in corpus::sets() {
        let wrong: Vec<_> = cases.iter().filter(|case| !case.is_right(&scrubber)).collect();
        let kinds: Vec<&str> = wrong.iter().map(|case| case.kind).collect();
        let (fewest, most_wrong) = match name {
            "held-out" => (300, 3),
            "innocent held-out" => (300, 1),
            _ => (200, 5),
        };
        assert!(cases.len() >= fewest, "{name}: only {} cases", cases.len());
        assert!(100 * wrong.len() <= most_wrong * cases.len(), "{name}: {kinds:?}");
    }
}
