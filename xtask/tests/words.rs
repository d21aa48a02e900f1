//! What users read is in plain words: documents, `--help`, and whatever a program may print or log.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Words that were there once, and what says the same in common terms.
const WORDS: [(&str, &str); 27] = [
    ("told", "sent, recorded or reported"),
    ("nobody", "the person or program that is meant"),
    ("somebody", "the person or program that is meant"),
    ("anybody", "the person or program that is meant"),
    ("whoever", "the person or program that is meant"),
    ("parcel", "batch"),
    ("put away", "queued"),
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

#[test]
fn users_read_plain_words() {
    let mut found = Vec::new();
    let documents = files(&root().join("docs"), "md");
    for file in documents.into_iter().chain([root().join("README.md")]) {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            check(&file, &format!("line {}", number + 1), line, &mut found);
        }
    }
    let mut read = 0;
    for package in fs::read_dir(root().join("crates")).unwrap() {
        let sources = files(&package.unwrap().path().join("src"), "rs");
        for file in sources.into_iter().filter(|file| !is_test(file)) {
            for text in texts(&fs::read_to_string(&file).unwrap()) {
                read += 1;
                check(&file, &text, &text, &mut found);
            }
        }
    }
    assert!(read > 3000, "only {read} texts");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn words_are_found_in_comments_of_arguments_and_in_quotes() {
    let source = r##"
        #[arg(long)]
        /// Nobody waits.
        // nobody
        fn f() { let told = ["of ours, x", r#"our
             own"#, "the \
             whole way", "so\
             me"]; } // told
        #[error("nobody")]
        #[cfg(test)]
        mod tests { const A: &str = "nobody"; }
        const B: &str = "passed over";
    "##;
    let mut found = Vec::new();
    texts(source).iter().for_each(|text| check(&root().join("x"), text, text, &mut found));
    let words: Vec<&str> =
        found.iter().map(|line| line.rsplit('`').nth(1).unwrap_or_default()).collect();
    let expected = ["nobody", "of ours", "our own", "the whole way", "nobody", "passed over"];
    assert_eq!(words, expected, "{found:?}");
    let without_arguments = source.replace("#[arg(long)]", "");
    assert_eq!(texts(&without_arguments).len() + 1, texts(source).len());
    assert!(!has("untold stories", "told") && has("a (told) b", "told"));
}

fn check(file: &Path, place: &str, text: &str, found: &mut Vec<String>) {
    let text = text.to_lowercase();
    for (word, better) in WORDS.into_iter().filter(|(word, _)| has(&text, word)) {
        let file = file.strip_prefix(root()).unwrap().display();
        found.push(format!("{file}: {place}: `{word}`: say {better}"));
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

/// The texts in quotes and the comments of arguments, which `--help` shows; without tests.
fn texts(source: &str) -> Vec<String> {
    let mut texts = Vec::new();
    gather(source.parse().unwrap(), source.contains("#[arg("), &mut texts);
    texts
}

fn gather(tokens: TokenStream, has_arguments: bool, texts: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    let is_mark =
        |token: &TokenTree, mark| matches!(token, TokenTree::Punct(it) if it.as_char() == mark);
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Literal(literal) => texts.push(unbroken(&literal.to_string())),
            TokenTree::Group(group) => gather(group.stream(), has_arguments, texts),
            mark if is_mark(&mark, '#') => {
                let is_of_file = tokens.next_if(|token| is_mark(token, '!')).is_some();
                let Some(TokenTree::Group(attribute)) = tokens.peek() else { continue };
                let name: String = attribute.stream().to_string().split_whitespace().collect();
                if name.starts_with("cfg(test") || name.starts_with("cfg(all(test") {
                    skip_item(&mut tokens);
                } else if name.starts_with("doc=") && (is_of_file || !has_arguments) {
                    tokens.next();
                }
            }
            _ => {}
        }
    }
}

/// Leaves out the rest of an item: it ends with its body or a semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    let _ = tokens.find(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    });
}

/// A text on one line, also where its source has several.
fn unbroken(text: &str) -> String {
    let lines = text.split("\\\n").enumerate();
    let joined: String =
        lines.map(|(index, line)| if index == 0 { line } else { line.trim_start() }).collect();
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a source file has tests only.
fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
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
