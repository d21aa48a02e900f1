//! What users read is in plain words: documents, `--help`, and the doctor's findings.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that were there once, and what says the same in common terms.
const WORDS: [(&str, &str); 24] = [
    ("told", "sent, recorded or reported"),
    ("nobody", "the person or program that is meant"),
    ("somebody", "the person or program that is meant"),
    ("anybody", "the person or program that is meant"),
    ("receiver of otlp", "OTLP endpoint"),
    ("receivers of otlp", "OTLP endpoints"),
    ("python system", "Python plugin"),
    ("the whole way", "end to end"),
    ("is no program", "is not a program"),
    ("is no setting", "is not a setting"),
    ("is no list", "is not a list"),
    ("what waits", "queued turns"),
    ("waits for it", "is queued for it"),
    ("small letters", "lowercase"),
    ("our service", "the buffer service"),
    ("our hook", "the hook"),
    ("our own", "arize-codex's"),
    ("our programs", "the programs of arize-codex"),
    ("our settings", "the settings"),
    ("our credentials", "the credentials"),
    ("our shim", "the wrapper"),
    ("of ours", "of arize-codex"),
    ("passed over", "ignored"),
    ("was recorded", "is tested"),
];

/// Sources of which the texts for users are read: comments of arguments, and texts in quotes.
const SOURCES: [&str; 9] = [
    "crates/cli/src/args.rs",
    "crates/cli/src/config",
    "crates/cli/src/flush.rs",
    "crates/cli/src/job.rs",
    "crates/buffer-server/src/cli.rs",
    "crates/exec-proxy/src/help.rs",
    "crates/notify-hook/src/help.rs",
    "crates/doctor/src/checks",
    "crates/doctor/src/send",
];

/// What Codex does is described there for those who work on arize-codex.
const NOT_FOR_USERS: &str = "behaviours.md";

#[test]
fn users_read_plain_words() {
    let mut found = Vec::new();
    let documents = files(&root().join("docs"), "md");
    let documents = documents.into_iter().filter(|file| !file.ends_with(NOT_FOR_USERS));
    for file in documents.chain([root().join("README.md")]) {
        look(&file, &fs::read_to_string(&file).unwrap(), &mut found);
    }
    for source in SOURCES {
        for file in files(&root().join(source), "rs") {
            look(&file, &texts(&fs::read_to_string(&file).unwrap()), &mut found);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn words_are_found_in_comments_of_arguments_and_in_quotes() {
    let source = "#[arg(long)]\n/// Nobody waits.\n// nobody\nlet told = \"of ours, x\"; // told\n";
    let mut found = Vec::new();
    look(&root().join("x"), &texts(source), &mut found);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(!has("untold stories", "told") && has("a (told) b", "told"));
}

fn look(file: &Path, text: &str, found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        for (word, better) in WORDS.into_iter().filter(|(word, _)| has(&line, word)) {
            let file = file.strip_prefix(root()).unwrap().display();
            found.push(format!("{file}:{}: `{word}`: say {better}", number + 1));
        }
    }
}

/// Whether a line has these words, not as a part of others.
fn has(line: &str, words: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(words).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !is_letter(before) && !is_letter(line[at + words.len()..].chars().next())
    })
}

/// The comments of arguments and the texts in quotes, each on its own line; without tests.
fn texts(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_arguments = source.contains("#[arg(");
    let line = |line: &str| {
        let line = line.trim_start();
        let is_comment = line.starts_with("//");
        match (is_comment, is_arguments && line.starts_with("///")) {
            (_, true) => line.to_owned(),
            (true, false) => String::new(),
            (false, false) => line.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" "),
        }
    };
    let lines: Vec<String> = code.lines().map(line).collect();
    lines.join("\n")
}

/// The file itself, or those of this kind below a folder.
fn files(place: &Path, extension: &str) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        let is_wanted = path.is_dir() || path.extension().is_some_and(|it| it == extension);
        if is_wanted { files(&path, extension) } else { Vec::new() }
    };
    entries.flat_map(below).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
