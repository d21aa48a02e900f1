//! What has to survive a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{self, StateError};
use crate::{LimitUse, Millis};

/// The shares of a limit at which a notice is given, in per cent.
const STEPS: [u64; 3] = [50, 80, 100];

/// How many notices are remembered; the oldest names are of the earliest times.
const MAX_NOTICES: usize = 10_000;

/// Which notices were given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Notices {
    /// The highest share that was said of each limit in each turn, session and so on.
    said: BTreeMap<String, u64>,
    /// Of which it was said that its cost is not known.
    unknown: BTreeSet<String>,
}

/// Something that a person should know of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of this limit.
    pub limit_use: LimitUse,
    /// The share that was passed; none where it is that the cost is not known.
    pub step: Option<u64>,
}

impl Notice {
    /// For a person; holds no content of a session.
    pub fn text(&self) -> String {
        let text = self.limit_use.text();
        match self.step {
            Some(100) => format!("budget used up: {text}"),
            Some(_) => format!("{} % of a budget used: {text}", self.limit_use.percent()),
            None => format!("a budget cannot be checked: {text}"),
        }
    }
}

impl Notices {
    /// Reads them; none were given where there is no file.
    pub fn read(file: &Path) -> Result<Self, StateError> {
        files::read(file)
    }

    /// Takes what is new out of limit_uses, and remembers it.
    pub fn take(&mut self, limit_uses: &[LimitUse]) -> Vec<Notice> {
        let mut new = Vec::new();
        for limit_use in limit_uses {
            let key = format!("{}/{}", limit_use.limit, limit_use.instance);
            let step = STEPS.into_iter().rev().find(|step| limit_use.percent() >= *step);
            if let Some(step) = step.filter(|step| self.said.get(&key).is_none_or(|s| s < step)) {
                self.said.insert(key, step);
                new.push(Notice { limit_use: limit_use.clone(), step: Some(step) });
            } else if limit_use.is_unknown() && self.unknown.insert(key) {
                new.push(Notice { limit_use: limit_use.clone(), step: None });
            }
        }
        while self.said.len() > MAX_NOTICES {
            self.said.pop_first();
        }
        while self.unknown.len() > MAX_NOTICES {
            self.unknown.pop_first();
        }
        new
    }

    /// Takes what is new out of limit_uses, in the file, so that each notice is given once.
    pub fn take_in(file: &Path, limit_uses: &[LimitUse]) -> Result<Vec<Notice>, StateError> {
        files::update(file, |notices: &mut Self| notices.take(limit_uses))
    }
}

/// A person said that work may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// In this session; in all where there is none.
    pub session: Option<String>,
    /// Until then; for ever where there is none.
    pub until: Option<Millis>,
}

/// What a person allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowances {
    /// Each of them.
    pub list: Vec<Allowance>,
}

impl Allowances {
    /// Reads them; none where there is no file.
    pub fn read(file: &Path) -> Result<Self, StateError> {
        files::read(file)
    }

    /// Adds one in the file, and drops those that have ended.
    pub fn add_in(file: &Path, allowance: Allowance, now: Millis) -> Result<(), StateError> {
        files::update(file, |allowances: &mut Self| {
            allowances.list.retain(|old| old.until.is_none_or(|until| until > now));
            allowances.list.push(allowance);
        })
    }

    /// Takes all back in the file; says how many there were.
    pub fn clear_in(file: &Path) -> Result<usize, StateError> {
        files::update(file, |allowances: &mut Self| std::mem::take(&mut allowances.list).len())
    }

    /// Whether a session may go on.
    pub fn cover(&self, session: &str, now: Millis) -> bool {
        self.list.iter().any(|allowance| {
            allowance.session.as_deref().is_none_or(|of| of == session)
                && allowance.until.is_none_or(|until| now < until)
        })
    }
}

/// What is remembered of a session that is over a limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Since when its calls are refused.
    pub over_since: Option<Millis>,
    /// The threads whose model has been asked to save its work.
    pub warned: Vec<String>,
}

impl Memory {
    /// Reads it; nothing where there is no file.
    pub fn read(file: &Path) -> Result<Self, StateError> {
        files::read(file)
    }

    /// Reads it, lets `change` change it, and writes it if it did, while no other process does the same.
    pub fn update<T>(file: &Path, change: impl FnOnce(&mut Self) -> T) -> Result<T, StateError> {
        files::update(file, change)
    }
}

/// The files of repositories that the user trusts, each with the digest of what was trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trusted {
    files: BTreeMap<String, String>,
}

impl Trusted {
    /// Reads them; none where there is no file.
    pub fn read(file: &Path) -> Result<Self, StateError> {
        files::read(file)
    }

    /// Whether a file is trusted as it is.
    pub fn trusts(&self, path: &str, digest: &str) -> bool {
        self.files.get(path).is_some_and(|trusted| trusted == digest)
    }

    /// Trusts a file as it is.
    pub fn add_in(file: &Path, path: &str, digest: &str) -> Result<(), StateError> {
        files::update(file, |trusted: &mut Self| {
            trusted.files.insert(path.to_owned(), digest.to_owned());
        })
    }
}
