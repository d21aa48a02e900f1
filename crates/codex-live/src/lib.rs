//! The turns that Codex is at work on, read from its transcripts while it writes them.
//!
//! [`LiveTurns::poll`] reads what was added since the last time and hands out the turns that changed,
//! each as a whole: a [`Turn`] has the same ids as the one that is stored when it has ended. Nothing is
//! started and nothing waits: the caller decides how often it asks.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::SystemTime;
//!
//! use codex_live::LiveTurns;
//! use otlp_model::{SpanBatch, TreeOptions};
//!
//! let mut live = LiveTurns::new(Path::new("/home/ada/.codex"), SystemTime::now());
//! for changed in live.poll(SystemTime::now()) {
//!     let batch = SpanBatch::of(&changed.turn, "my project", &TreeOptions::default());
//!     println!("{} spans so far", batch.spans.len());
//! }
//! ```
//!
//! Invariants: this crate only reads; a poll reads what is new and not more; what cannot be read is
//! tried again with the next poll.
//!
//! Start reading at [`LiveTurns::poll`].

mod files;
mod follow;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_turn::{RateLimits, ThreadMeta};
use otlp_model::Turn;
use otlp_model::turn::ParentTurn;

use files::Files;
use follow::Follower;

/// A transcript that nothing was written to for so long is no longer followed, and its turn is taken for
/// one that was given up.
pub const SILENCE: Duration = Duration::from_secs(30 * 60);

/// A turn as far as it was read.
#[derive(Debug, Clone)]
pub struct LiveTurn {
    /// The turn. Of one that goes on, the end is the time of its last record.
    pub turn: Turn,
    /// Its thread.
    pub thread: ThreadMeta,
    /// The working directory.
    pub folder: Option<String>,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// The turns of a home of Codex that go on.
#[derive(Debug)]
pub struct LiveTurns {
    files: Files,
    /// The only session that is followed, where it is one.
    session: Option<String>,
    /// Files of other sessions.
    others: HashSet<PathBuf>,
    since: SystemTime,
    followed: HashMap<PathBuf, Follower>,
    /// Those that go on, by their files and keys.
    running: BTreeMap<(PathBuf, String), LiveTurn>,
    /// Those that have ended, which a file may have beside one that goes on.
    ended: HashSet<(PathBuf, String)>,
    limits: Option<RateLimits>,
}

impl LiveTurns {
    /// Follows this home from now on: turns that ended before are not handed out.
    pub fn new(codex_home: &Path, now: SystemTime) -> Self {
        Self {
            files: Files::new(codex_home),
            session: None,
            others: HashSet::new(),
            since: now,
            followed: HashMap::new(),
            running: BTreeMap::new(),
            ended: HashSet::new(),
            limits: None,
        }
    }

    /// Follows one session of this home from now on: a thread with its sub-agents.
    pub fn of_session(codex_home: &Path, session: &str, now: SystemTime) -> Self {
        Self { session: Some(session.to_owned()), ..Self::new(codex_home, now) }
    }

    /// Reads what is new, and returns the turns that began, went on or ended since the last time, in the
    /// order in which they began.
    pub fn poll(&mut self, now: SystemTime) -> Vec<LiveTurn> {
        let recent = self.files.recent(now, self.followed.keys());
        self.followed.retain(|path, _| recent.contains_key(path));
        self.running.retain(|(path, _), _| recent.contains_key(path));
        self.ended.retain(|(path, _)| recent.contains_key(path));
        let mut changed = Vec::new();
        for (path, size) in recent {
            if self.others.contains(&path) {
                continue;
            }
            if !self.followed.contains_key(&path) {
                let Ok(follower) = Follower::open(&path) else { continue };
                if self.session.as_deref().is_some_and(|session| session != follower.session()) {
                    self.others.insert(path);
                    continue;
                }
                self.followed.insert(path.clone(), follower);
            }
            let Some(follower) = self.followed.get_mut(&path) else { continue };
            match follower.read(size) {
                Ok(turns) => self.take(&path, turns, &mut changed),
                // It was replaced, or is gone: it is opened anew.
                Err(_) => drop(self.followed.remove(&path)),
            }
        }
        changed.sort_by_key(|live| live.turn.start);
        changed
    }

    /// The turns that went on at the last poll.
    pub fn running(&self) -> impl Iterator<Item = &LiveTurn> {
        self.running.values()
    }

    /// Puts the turn of a sub-agent into the trace of the turn that goes on at the root, where one does.
    pub fn join_trace(&self, live: &mut LiveTurn) {
        let ThreadMeta { root_thread_id, parent_thread_id, thread_id, .. } = &live.thread;
        if root_thread_id == thread_id || live.turn.parent.is_some() {
            return;
        }
        let root = self.running().find(|other| other.turn.thread_id == *root_thread_id);
        live.turn.parent = root.map(|root| ParentTurn {
            thread_id: parent_thread_id.clone().unwrap_or_else(|| root_thread_id.clone()),
            root_thread_id: root_thread_id.clone(),
            root_key: root.turn.key.clone(),
            ..ParentTurn::default()
        });
    }

    /// What was last said of the limits of a subscription.
    pub fn limits(&self) -> Option<&RateLimits> {
        self.limits.as_ref()
    }

    fn take(&mut self, path: &Path, read: follow::Read, changed: &mut Vec<LiveTurn>) {
        if let Some(limits) = read
            .limits
            .filter(|limits| self.limits.as_ref().is_none_or(|known| known.at <= limits.at))
        {
            self.limits = Some(limits);
        }
        for live in read.turns {
            let key = (path.to_owned(), live.turn.key.clone());
            if live.has_ended {
                let was_running = self.running.remove(&key).is_some();
                let is_new = self.ended.insert(key) && live.turn.end >= self.since.into();
                if was_running || is_new {
                    changed.push(live);
                }
            } else {
                self.running.insert(key, live.clone());
                changed.push(live);
            }
        }
    }
}
