//! The licenses of the libraries in the programs: those ask to go along.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::dependencies;
use super::platform::Platform;

/// Each text once, below the names of the crates that come with it.
pub(super) fn text(platform: &Platform) -> anyhow::Result<Vec<u8>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for it in dependencies::of_programs(platform)?.values().filter(|it| !it.is_ours) {
        let name = format!("{} {}", it.name, it.version);
        list.push_str(&format!("{name}: {}\n", it.license));
        for text in texts_of(&it.folder)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut all = format!("The programs of arize-codex contain these libraries:\n\n{list}");
    // In the order of the list, not of the texts.
    let mut texts: Vec<_> = texts.into_iter().map(|(text, names)| (names, text)).collect();
    texts.sort();
    for (names, text) in texts {
        all.push_str(&format!(
            "\n{}\n{}\n\n{}\n",
            "=".repeat(78),
            names.join(", "),
            text.trim_end()
        ));
    }
    Ok(all.into_bytes())
}

/// The license files of a crate.
fn texts_of(folder: &Path) -> anyhow::Result<Vec<String>> {
    const NAMES: [&str; 4] = ["license", "licence", "copying", "notice"];
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|it| name.starts_with(it)) && entry.file_type()?.is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(entry.path())?).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}
