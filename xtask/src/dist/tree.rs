//! The files of an installation, as they lie below a prefix.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::licenses;
use super::platform::Platform;
use crate::run;
use crate::workspace::{programs, root};

/// A file below the prefix.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// From the prefix on, with slashes.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    pub(super) is_program: bool,
}

impl File {
    pub(super) fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into(), is_program: false }
    }

    pub(super) fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }

    /// The same file elsewhere.
    pub(super) fn at(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }
}

/// The programs in `bin`, man pages and completions in `share`, and texts about all of it.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) programs: Vec<File>,
    pub(super) shared: Vec<File>,
    pub(super) texts: Vec<File>,
}

/// Man pages and completions.
#[derive(Debug)]
pub(super) struct Shared(Vec<File>);

/// Who looks where: the words of `arize-codex` that write these files, and their folder.
const SHARED: [(&[&str], &str); 4] = [
    (&["man"], "share/man/man1"),
    (&["completions", "bash"], "share/bash-completion/completions"),
    (&["completions", "fish"], "share/fish/vendor_completions.d"),
    (&["completions", "zsh"], "share/zsh/site-functions"),
];

impl Shared {
    /// Has the programs in this folder, which run on this machine, write them.
    pub(super) fn made_by(folder: &Path) -> anyhow::Result<Self> {
        let program = folder.join(format!("arize-codex{}", std::env::consts::EXE_SUFFIX));
        let mut files = Vec::new();
        for (words, place) in SHARED {
            let made = tempfile::tempdir()?;
            run::succeed(Command::new(&program).args(words).arg("--out").arg(made.path()))?;
            let before = files.len();
            for entry in fs::read_dir(made.path())? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // bash-completion before 2.2 knows no ending.
                let path = format!("{place}/{}", name.trim_end_matches(".bash"));
                files.push(File::new(path, fs::read(entry.path())?));
            }
            ensure!(files.len() > before, "`arize-codex {}` wrote nothing", words.join(" "));
        }
        // As folders are read in any order.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self(files))
    }
}

impl Tree {
    /// Takes the programs of this folder, with what goes along.
    pub(super) fn gather(
        folder: &Path,
        shared: &Shared,
        platform: &Platform,
    ) -> anyhow::Result<Self> {
        let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
        let mut found = Vec::new();
        for program in programs()? {
            let name = platform.file_name(&program);
            let file = File::new(format!("bin/{name}"), read(&folder.join(&name))?);
            found.push(File { is_program: true, ..file });
        }
        let root = root()?;
        let texts = vec![
            File::new("LICENSE", read(&root.join("LICENSE"))?),
            File::new("THIRD-PARTY-LICENSES", licenses::text(platform)?),
            File::new("README.md", read(&root.join("README.md"))?),
        ];
        Ok(Self { programs: found, shared: shared.0.clone(), texts })
    }

    /// All files of it.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.programs.iter().chain(&self.shared).chain(&self.texts)
    }
}
