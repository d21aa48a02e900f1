//! The folder that the hook takes for the user's own during the test.
//!
//! It lies in `run/`, readable by the user alone, with a copy of the settings in which nothing is
//! different but the mark, and the store itself behind a link. It is removed when it is dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buffer_api::paths::{create_parent, write_private};
use clap::Parser;
use codex_config::command::{self, Arguments, Console, Input};
use codex_config::{Environment, Paths};
use exporters::outbox::{Limits, Summary};
use notify_hook::ledger::{self, Entry};
use otlp_model::UnixNanos;
use tempfile::TempDir;

use super::turn::TestTurn;
use crate::logs::{Line, Source, last};
use crate::words::line;

/// The attribute that marks every span of the test turn.
const MARK: &str = "harnesses.codex.attributes.\"codex.test\"";

/// What must not happen for a test: somebody else's program runs, or the turn is left out.
const LEFT_OUT: [&str; 2] = ["harnesses.codex.chained_notify", "harnesses.codex.sampling"];

/// Why the stage cannot be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// The disk refuses.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The mark cannot be put into the copy of the settings.
    #[error("the copy of `config.yaml` cannot be marked: {0}")]
    Mark(command::CommandError),
}

/// A folder for the files of one test.
#[derive(Debug)]
pub(super) struct Stage {
    folder: TempDir,
    /// Where the hook has its files.
    pub(super) paths: Paths,
}

impl Stage {
    /// Lays out everything that the hook needs.
    pub(super) fn set(real: &Paths, turn: &TestTurn) -> Result<Self, StageError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StageError::Io { path, source }
        };
        create_parent(&real.run_dir.join("stage")).map_err(at(&real.run_dir))?;
        let folder = tempfile::Builder::new()
            .prefix("doctor-")
            .tempdir_in(&real.run_dir)
            .map_err(at(&real.run_dir))?;
        let home = folder.path();
        let paths = Paths::laid_out(real.home.clone(), home.join("harness"), home.join("codex"));
        let token = |paths: &Paths| buffer_api::Paths::under(&paths.harness_home).token;
        for (from, to) in [
            (real.config_file.clone(), paths.config_file.clone()),
            (real.legacy_config_file.clone(), paths.legacy_config_file.clone()),
            (real.env_file.clone(), paths.env_file.clone()),
            (real.harness_home.join("prices.json"), paths.harness_home.join("prices.json")),
            (token(real), token(&paths)),
        ] {
            copy(&from, &to).map_err(at(&from))?;
        }
        let transcript = paths.codex_home.join(turn.transcript_path());
        write_private(&transcript, turn.transcript().as_bytes()).map_err(at(&transcript))?;
        link(&real.traces_db, &paths.traces_db).map_err(at(&paths.traces_db))?;
        let stage = Self { folder, paths };
        stage.configure(&["set", MARK, "true"])?;
        for key in LEFT_OUT {
            stage.configure(&["delete", key])?;
        }
        Ok(stage)
    }

    /// What tells the programs to use it.
    pub(super) fn variables(&self) -> [(&'static str, PathBuf); 3] {
        use codex_config::variables::{ARIZE_HARNESS_HOME, ARIZE_LOG_FILE, CODEX_HOME};
        [
            (ARIZE_HARNESS_HOME, self.paths.harness_home.clone()),
            (CODEX_HOME, self.paths.codex_home.clone()),
            (ARIZE_LOG_FILE, self.log()),
        ]
    }

    /// The turn, where the hook has told it.
    pub(super) fn told(&self) -> Option<Entry> {
        ledger::read(&self.paths, UnixNanos(0)).into_iter().next()
    }

    /// The last thing that the hook complained about.
    pub(super) fn last_words(&self) -> String {
        let lines = self.lines();
        let complaint = lines.iter().rev().find(|line| matches!(line.level(), "error" | "warn"));
        let text = complaint.map_or("it says nothing", |line| {
            line.text.split_once("] ").map_or(line.text.as_str(), |(_, text)| text)
        });
        line(text, 300)
    }

    /// How it stands with a target.
    pub(super) fn outbox(&self, target: &str) -> Option<Summary> {
        let folder = self.paths.state_dir.join("outbox").join(target);
        exporters::Outbox::new(folder, Limits::default()).summary().ok()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("hook.log")
    }

    fn lines(&self) -> Vec<Line> {
        last(&[Source { writer: "hook", file: self.log() }], usize::MAX)
    }

    /// Edits the copy of the settings as `arize-config` does.
    fn configure(&self, arguments: &[&str]) -> Result<(), StageError> {
        let words = std::iter::once(&"arize-config").chain(arguments);
        // The words are ours.
        let Ok(arguments) = Arguments::try_parse_from(words) else { return Ok(()) };
        let home = self.paths.home.as_os_str().to_owned();
        let harness = self.paths.harness_home.as_os_str().to_owned();
        let environment = Environment::new([
            (codex_config::variables::HOME, home.clone()),
            (codex_config::variables::USERPROFILE, home),
            (codex_config::variables::ARIZE_HARNESS_HOME, harness),
        ]);
        let console = Console {
            input: Input::Stream(&mut io::empty()),
            output: &mut io::sink(),
            notes: &mut io::sink(),
        };
        command::run(arguments, &environment, console).map(drop).map_err(StageError::Mark)
    }
}

/// Copies a file that need not be there, for its owner only.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::read(from) {
        Ok(content) => write_private(to, &content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn link(store: &Path, name: &Path) -> io::Result<()> {
    create_parent(name)?;
    std::os::unix::fs::symlink(store, name)
}

/// Links take a privilege on Windows: the test turn goes into a store of its own.
#[cfg(not(unix))]
fn link(_store: &Path, _name: &Path) -> io::Result<()> {
    Ok(())
}
