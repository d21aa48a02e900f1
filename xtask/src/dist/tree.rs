//! The files of an installation, as they lie below a prefix.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::licenses;
use super::platform::Platform;
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

/// The completions: the shell, and where it finds them.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/arize-codex"),
    ("fish", "share/fish/vendor_completions.d/arize-codex.fish"),
    ("zsh", "share/zsh/site-functions/_arize-codex"),
];

impl Shared {
    /// Has the programs in this folder, which run on this machine, write them.
    pub(super) fn made_by(folder: &Path) -> anyhow::Result<Self> {
        let program = folder.join(format!("arize-codex{}", std::env::consts::EXE_SUFFIX));
        let mut files = Vec::new();
        for (shell, path) in COMPLETIONS {
            let output = Command::new(&program).args(["completions", shell]).output();
            let output = output.with_context(|| program.display().to_string())?;
            ensure!(output.status.success(), "`arize-codex completions {shell}`: {output:?}");
            files.push(File::new(path, output.stdout));
        }
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
