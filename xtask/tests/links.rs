//! Relative links in Markdown lead somewhere: to a file, and to a heading in it.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_link_leads_somewhere() {
    let files = markdown_files();
    let mut found = Vec::new();
    let mut links = 0;
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        for link in links_of(&text) {
            links += 1;
            if let Some(why) = broken(file, link) {
                let file = file.strip_prefix(root()).unwrap().display();
                found.push(format!("{file}: `{link}`: {why}"));
            }
        }
    }
    assert!(files.len() > 10 && links > 50, "{} files, {links} links", files.len());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_readme_is_short_and_leads_to_every_document() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 100, "{} lines", readme.lines().count());
    for file in fs::read_dir(root().join("docs")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if file.ends_with(".md") {
            assert!(readme.contains(&format!("(docs/{file}")), "no link to docs/{file}");
        }
    }
}

#[test]
fn broken_links_are_found() {
    let text = "[a](b.md) `[no](link.md)`\n```\n[no](either)\n```\n[c](d \"title\")";
    assert_eq!(links_of(text), ["b.md", "d"]);
    let readme = root().join("README.md");
    assert_eq!(broken(&readme, "docs/setup.md#uninstalling"), None);
    assert_eq!(broken(&readme, "https://example.org/none"), None);
    assert_eq!(broken(&readme, "docs/none.md"), Some("no such file"));
    assert_eq!(broken(&readme, "docs/setup.md#none"), Some("no such heading"));
    assert_eq!(broken(&readme, "#none"), Some("no such heading"));
    let headings = "# `codex` on the `PATH`\n## A, b & c\n## A, b & c\n```\n# no heading\n```\n";
    assert_eq!(anchors(headings), ["codex-on-the-path", "a-b--c", "a-b--c-1"]);
}

/// Why a link of this file leads nowhere.
fn broken(file: &Path, link: &str) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => file.to_owned(),
        path => file.parent().unwrap().join(path),
    };
    if !target.exists() {
        return Some("no such file");
    }
    let is_there = anchor.is_empty()
        || anchors(&fs::read_to_string(&target).unwrap()).contains(&anchor.into());
    (!is_there).then_some("no such heading")
}

/// Where the links of a text lead, without those in code.
fn links_of(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for line in prose(text) {
        // Every second piece is code.
        for piece in line.split('`').step_by(2) {
            // What stands before a link may be code itself: `[`name`](link)`.
            for (at, _) in piece.match_indices("](") {
                let link = piece[at + 2..].split([')', ' ']).next().unwrap_or_default();
                links.push(link);
            }
        }
    }
    links
}

/// The anchors of the headings of a text, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut anchors = Vec::new();
    for line in prose(text) {
        let Some((hashes, heading)) = line.split_once(' ') else { continue };
        if hashes.is_empty() || hashes.chars().any(|c| c != '#') {
            continue;
        }
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = seen.entry(anchor.clone()).or_default();
        anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

/// The lines that are not in a block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The Markdown files of the repository, also those that are not committed yet.
fn markdown_files() -> Vec<PathBuf> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
    let output = Command::new("git").args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).unwrap();
    // A tracked file may have been deleted but not yet committed.
    files.lines().map(|file| root().join(file)).filter(|file| file.exists()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
