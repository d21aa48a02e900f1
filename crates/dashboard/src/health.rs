//! Whether traces arrive, as the program that serves the pages knows it.

/// How it is with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It works.
    Ok,
    /// There is something to know.
    Warning,
    /// Something is lost, late or incomplete.
    Failure,
}

/// What was found out about one thing.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its name.
    pub check: String,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to run about it.
    pub command: Option<String>,
}

/// A target and its queue.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Batches that are queued.
    pub queued: u64,
    /// How long the oldest of them is queued, in seconds.
    pub oldest_seconds: Option<u64>,
    /// Batches that it accepted from its queue, ever.
    pub accepted: u64,
    /// What it said when it failed last.
    pub last_error: Option<String>,
    /// The traces that it refused for good, with what it said.
    pub dead_letters: Vec<(String, String)>,
}

/// How everything is.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// What was found, in the order of the chain from Codex to the backend.
    pub findings: Vec<Finding>,
    /// The targets.
    pub targets: Vec<Target>,
}
