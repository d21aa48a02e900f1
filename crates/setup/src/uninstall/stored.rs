//! The data that an uninstallation keeps, unless it is to go.

use std::fs;
use std::path::{Path, PathBuf};

use codex_config::shell_word;

use super::files;
use machine::Machine;

/// What the programs have stored on this machine.
#[derive(Debug)]
pub struct Stored {
    home: PathBuf,
    paths: Vec<PathBuf>,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many turns are queued for delivery.
    pub queued: usize,
}

impl Stored {
    /// Finds it; nothing where nothing is stored.
    pub fn find(machine: &Machine) -> Option<Self> {
        let paths = files::data(machine);
        let bytes = paths.iter().map(|path| size(path)).sum();
        let queued = machine.paths.queued_turns();
        (bytes > 0).then(|| Self { home: machine.paths.harness_home.clone(), paths, bytes, queued })
    }

    /// Says what it is; `turns` are in the local store.
    pub fn what(&self, turns: u64) -> String {
        let count = |count: u64, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}turn")),
            count => Some(format!("{count} {what}turns")),
        };
        let queued = u64::try_from(self.queued).unwrap_or(u64::MAX);
        let mut parts: Vec<String> = Vec::new();
        parts.extend(count(turns, ""));
        parts.extend(count(queued, "queued "));
        parts.push("state and logs".to_owned());
        format!("{} in {} ({})", parts.join(", "), self.home.display(), megabytes(self.bytes))
    }

    /// Says that it stays and how it is removed later: `arize-codex` is gone by then.
    pub fn next_step(&self, turns: u64) -> String {
        let what = self.what(turns);
        format!("Kept: {what}. Remove it with `{}`.", self.remove_command())
    }

    /// The command that removes it, and nothing of other harnesses.
    fn remove_command(&self) -> String {
        let is_all = is_all_of(&self.home, &self.paths);
        let names = self.paths.iter().map(|path| path.strip_prefix(&self.home).ok());
        let names: Option<Vec<_>> = names.collect();
        // Short, where some files below the home stay.
        if let (false, false, Some(names)) = (is_all, cfg!(windows) || self.paths.len() < 3, names)
        {
            let word = |path: &Path| shell_word(&path.display().to_string());
            let names: Vec<String> = names.into_iter().map(word).collect();
            return format!("(cd {} && rm -r {})", word(&self.home), names.join(" "));
        }
        let paths = if is_all { std::slice::from_ref(&self.home) } else { &self.paths };
        let words = paths.iter().map(|path| shell_word(&path.display().to_string()));
        let words: Vec<String> = words.collect();
        match cfg!(windows) {
            true => format!("Remove-Item -Recurse -Force {}", words.join(", ")),
            false => format!("rm -r {}", words.join(" ")),
        }
    }
}

/// Whether all files below a folder are at or below these paths.
fn is_all_of(folder: &Path, paths: &[PathBuf]) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).all(|path| {
        paths.contains(&path) || path.is_dir() && !path.is_symlink() && is_all_of(&path, paths)
    })
}

fn size(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

/// A size in megabytes, with one decimal, and never none of something.
fn megabytes(bytes: u64) -> String {
    const TENTH: u64 = 100_000;
    let tenths = bytes.div_ceil(TENTH);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
