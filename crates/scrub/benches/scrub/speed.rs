//! How fast texts are scrubbed, beside a plain search for a few words in the same run: the ratio
//! compares between machines.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use scrub::Scrubber;

use crate::hostile;

/// Each measurement is the best of so many.
const RUNS: usize = 7;

pub(crate) fn print(scrubber: &Scrubber) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let transcripts: Vec<String> = texts(&root.join("crates/codex-turn/tests/data"), ".jsonl")
        .iter()
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    println!("speed, beside a plain Aho-Corasick search for eight words in the same run:");
    measure("transcripts", scrubber, &transcripts);
    measure("source code", scrubber, &texts(&root.join("crates"), ".rs"));
    measure("documents", scrubber, &texts(&root, ".md"));
    measure("lock files", scrubber, &texts(&root, "Cargo.lock"));
    measure("base64", scrubber, &vec![hostile::noise(40_000); 20]);
    println!("speed with texts of 256 kB that are made to take long:");
    hostile::texts(256_000).into_iter().for_each(|(name, text)| measure(name, scrubber, &[text]));
    let made = best(|| drop(black_box(Scrubber::new(black_box([7; 32]), &[]))));
    println!("  a scrubber is made in {:.2} ms", made.as_secs_f64() * 1e3);
}

fn measure(name: &str, scrubber: &Scrubber, texts: &[String]) {
    let words = ["pass", "pwd", "secret", "key", "credential", "token", "auth", "cookie"];
    let plain = AhoCorasick::builder().ascii_case_insensitive(true).build(words).expect("words");
    let bytes: usize = texts.iter().map(String::len).sum();
    let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let searched = speed(best(|| {
        let hits: usize = texts.iter().map(|text| plain.find_iter(text).count()).sum();
        black_box(hits);
    }));
    let scrubbed = speed(best(|| {
        texts.iter().for_each(|text| drop(black_box(scrubber.scrub(text))));
    }));
    let ratio = scrubbed / searched;
    println!("  {name:26} {scrubbed:7.1} MB/s, ratio {ratio:.3} ({:.1} MB)", bytes as f64 / 1e6);
}

fn best(mut run: impl FnMut()) -> Duration {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

/// The files below a folder whose names end so.
pub(crate) fn texts(folder: &Path, end: &str) -> Vec<String> {
    let is_built = |path: &PathBuf| path.ends_with("target") || path.ends_with(".git");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut entries: Vec<PathBuf> = entries.filter(|path| !is_built(path)).collect();
    entries.sort();
    let read = |path: PathBuf| match path.is_dir() {
        true => texts(&path, end),
        false if path.to_string_lossy().ends_with(end) => {
            fs::read_to_string(path).into_iter().collect()
        }
        false => Vec::new(),
    };
    entries.into_iter().flat_map(read).collect()
}
