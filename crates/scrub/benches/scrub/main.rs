//! How much the scrubber finds, what it takes for a secret by mistake, and how fast it is.
//!
//! `cargo xtask scrub-bench` runs it. `--misses` shows the cases of the development sets that go wrong;
//! those of the held-out sets are not to be looked at. `--scan FOLDER` shows what is found in the files
//! below a folder instead.

#![expect(clippy::print_stdout, reason = "the numbers are the result")]

#[path = "../../tests/corpus/mod.rs"]
mod corpus;
#[path = "../../tests/hostile/mod.rs"]
mod hostile;
mod speed;

use std::collections::BTreeMap;
use std::path::Path;

use scrub::Scrubber;

fn main() {
    let shows_misses = std::env::args().any(|argument| argument == "--misses");
    let scrubber = Scrubber::new([7; 32], &[]);
    let folder = std::env::args().skip_while(|argument| argument != "--scan").nth(1);
    if let Some(folder) = folder {
        return scan(&scrubber, folder.as_ref());
    }
    for (name, cases) in corpus::sets() {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for case in &cases {
            let is_right = case.is_right(&scrubber);
            let (right, all) = kinds.entry(case.kind).or_default();
            *right += usize::from(is_right);
            *all += 1;
            if shows_misses && !is_right && name.ends_with("development") {
                println!(
                    "{}: {:?}\n  -> {:?}",
                    case.kind,
                    case.text,
                    scrubber.scrub(&case.text).text
                );
            }
        }
        let right: usize = kinds.values().map(|(right, _)| right).sum();
        println!("{name}: {right} of {} right ({:.1} %)", cases.len(), percent(right, cases.len()));
        for (kind, (right, all)) in kinds {
            println!("  {kind:12} {right:4} of {all:4} ({:.0} %)", percent(right, all));
        }
    }
    speed::print(&scrubber);
}

/// Shows each line that loses something, before and after.
fn scan(scrubber: &Scrubber, folder: &Path) {
    for text in speed::texts(folder, "") {
        let scrubbed = scrubber.scrub(&text).text;
        let lines = text.lines().zip(scrubbed.lines()).filter(|(before, after)| before != after);
        for (before, after) in lines {
            println!("{before}\n  -> {after}");
        }
    }
}

fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all as f64
}
