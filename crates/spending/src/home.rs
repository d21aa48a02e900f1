//! Where budgets keep their state, and which are in force in a folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use budget::{Limit, Trusted};
use codex_config::{Budgets, Paths, REPOSITORY_FILE, repository_budgets};

/// The most that is read of a repository's file, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The files in which budgets keep their state.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

/// The budgets that are in force in a folder.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    /// All limits.
    pub limits: Vec<Limit>,
    /// The file of the repository, where it has one.
    pub repository: Option<RepositoryFile>,
    /// What is wrong, so that a limit is not in force.
    pub problems: Vec<String>,
}

/// A file with the budgets of a repository.
#[derive(Debug, Clone)]
pub struct RepositoryFile {
    /// The file.
    pub path: PathBuf,
    /// What it is recognised by.
    pub digest: String,
    /// Its limits.
    pub limits: Vec<Limit>,
    /// Whether the user trusts it as it is.
    pub is_trusted: bool,
}

impl Home {
    /// The state below the home of arize-codex.
    pub fn new(paths: &Paths) -> Self {
        Self { folder: paths.state_dir.join("budgets") }
    }

    /// Which notices were given.
    pub fn notices(&self) -> PathBuf {
        self.folder.join("notices.json")
    }

    /// What a person allowed.
    pub fn allowances(&self) -> PathBuf {
        self.folder.join("allowances.json")
    }

    /// The files of repositories that the user trusts.
    pub fn trusted(&self) -> PathBuf {
        self.folder.join("trusted.json")
    }

    /// What is remembered of a session. A name that is no thread's is not made a path of.
    pub fn session(&self, thread: &str) -> PathBuf {
        let is_thread = codex_home::sessions::is_thread_id(thread);
        let name = if is_thread { thread } else { "other" };
        self.folder.join("sessions").join(format!("{name}.json"))
    }

    /// Removes what is remembered of sessions of which nothing was noted since a time. No budget is longer
    /// than a month.
    pub fn remove_sessions(&self, before: SystemTime) -> std::io::Result<usize> {
        let mut removed = 0;
        let entries = match std::fs::read_dir(self.folder.join("sessions")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let is_old = entry.metadata()?.modified()? < before;
            // Some of them are locks.
            if is_old && std::fs::File::open(entry.path())?.try_lock().is_ok() {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// What the process that watches a session measured last.
    pub fn measured(&self, thread: &str) -> PathBuf {
        self.session(thread).with_extension("measured")
    }

    /// Held by the process that watches a session.
    pub fn watch_lock(&self, thread: &str) -> PathBuf {
        self.session(thread).with_extension("watch")
    }

    /// The budgets that are in force in a folder: the user's, and those of a repository's file that the
    /// user trusts.
    pub fn in_force(&self, budgets: &Budgets, folder: Option<&Path>) -> InForce {
        let mut in_force = InForce {
            limits: budgets.limits.clone(),
            problems: budgets.problems.clone(),
            repository: None,
        };
        let Some(path) = folder.and_then(repository_file) else { return in_force };
        let shown = path.display().to_string();
        let problem = |what: String| format!("`{shown}`: {what}");
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) => {
                in_force.problems.push(problem(error.to_string()));
                return in_force;
            }
        };
        let digest = codex_config::file_edit::digest(&text);
        let is_trusted = match Trusted::read(&self.trusted()) {
            Ok(trusted) => trusted.trusts(&shown, &digest),
            Err(error) => {
                in_force.problems.push(error.to_string());
                false
            }
        };
        let limits = match repository_budgets(&text) {
            Ok((limits, problems)) => {
                in_force.problems.extend(problems.into_iter().map(problem));
                limits
            }
            Err(error) => {
                in_force.problems.push(problem(error.to_string()));
                Vec::new()
            }
        };
        if is_trusted {
            in_force.limits.extend(&limits);
        }
        in_force.repository = Some(RepositoryFile { path, digest, limits, is_trusted });
        in_force
    }
}

/// The file of the repository that a folder is in: beside its `.git`, or in a folder below that.
fn repository_file(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let file = folder.join(REPOSITORY_FILE);
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    codex_home::sessions::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}
