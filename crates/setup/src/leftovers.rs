//! Temporary files that an interrupted setup left beside those that it was about to write.

use std::fs;
use std::path::{Path, PathBuf};

use crate::record::Record;
use machine::Machine;

/// Finds them in the folders that setup writes to.
pub(crate) fn find(machine: &Machine, record: &Record) -> Vec<PathBuf> {
    let paths = &machine.paths;
    let mut folders =
        vec![paths.bin_dir.clone(), paths.harness_home.clone(), paths.harness_home.join("state")];
    for entry in &record.entries {
        // Behind a symbolic link the file is written beside its target.
        let file = dunce::canonicalize(&entry.path).unwrap_or_else(|_| entry.path.clone());
        folders.extend(file.parent().map(Path::to_owned));
    }
    folders.sort();
    folders.dedup();
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = files.flatten().filter(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        let is_file = file.file_type().is_ok_and(|kind| !kind.is_dir());
        is_file
            && (is_temporary(&name)
                || (file.path().starts_with(&paths.bin_dir) && is_a_programs(&name)))
    });
    files.map(|file| file.path()).collect()
}

/// Whether a file has the name of one that is to replace another: six random characters.
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(".arize-");
    random.is_some_and(|random| {
        random.len() == 6 && random.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// Whether a file in our `bin` has the name of a program that is to replace another, or of one that
/// was replaced while it ran.
fn is_a_programs(name: &str) -> bool {
    let is_ours = ["arize-", "codex", ".codex"].iter().any(|begin| name.starts_with(begin));
    is_ours && (name.ends_with(".new") || processes::running::is_aside(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            (".arize-b7w5E6", true),
            (".arize", false),
            (".arize-theirs.txt", false),
            (".arize-b7w5E", false),
            ("config.toml", false),
        ] {
            assert_eq!(is_temporary(name), expected, "{name}");
        }
        let is_ours = is_a_programs;
        assert!(is_ours("arize-codex-buffer.new") && is_ours(".codex.new") && !is_ours("x.new"));
        assert!(is_ours("codex.exe.old-0") && !is_ours("codex.exe"));
    }
}
