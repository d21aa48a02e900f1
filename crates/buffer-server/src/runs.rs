//! Which threads belong to which run of Codex.
//!
//! Who starts Codex can give the run an id, which comes with all events of the run (see
//! `buffer_api::wire::RUN_ATTRIBUTE`). It is asked for when the run has just ended, so that a few
//! runs are enough, in memory.

use std::collections::VecDeque;

use buffer_api::wire::{Run, Runs};

/// The most threads that are kept in mind, of all runs.
const MAX_THREADS: usize = 256;

/// The longest id of a run or a thread, in bytes. Both are UUIDs or as short.
const LONGEST_ID: usize = 64;

/// The threads of the latest runs.
#[derive(Debug, Default)]
pub(crate) struct RecentRuns(VecDeque<(String, String)>);

impl RecentRuns {
    /// Takes note of threads; `pairs` are runs with a thread each.
    pub(crate) fn note(&mut self, pairs: Vec<(String, String)>) {
        for (run, thread) in pairs {
            let is_known = self.0.iter().any(|pair| pair.0 == run && pair.1 == thread);
            if is_known || run.len() > LONGEST_ID || thread.len() > LONGEST_ID {
                continue;
            }
            if self.0.len() >= MAX_THREADS {
                self.0.pop_front();
            }
            self.0.push_back((run, thread));
        }
    }

    /// All of them.
    pub(crate) fn list(&self) -> Runs {
        let mut runs: Vec<Run> = Vec::new();
        for (id, thread) in &self.0 {
            match runs.iter_mut().find(|run| run.id == *id) {
                Some(run) => run.threads.push(thread.clone()),
                None => runs.push(Run { id: id.clone(), threads: vec![thread.clone()] }),
            }
        }
        Runs { runs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_threads_are_kept_each_once() {
        let mut runs = RecentRuns::default();
        let pair = |run: &str, thread: String| vec![(run.to_owned(), thread)];
        runs.note(pair("long", "x".repeat(LONGEST_ID + 1)));
        runs.note(pair(&"x".repeat(LONGEST_ID + 1), "long".to_owned()));
        assert_eq!(runs.list(), Runs::default());
        for number in 0..MAX_THREADS {
            for _ in 0..3 {
                runs.note(pair("first", format!("thread {number}")));
            }
        }
        runs.note(pair("second", "thread 0".to_owned()));
        let runs = runs.list().runs;
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].threads.len(), MAX_THREADS - 1);
        assert_eq!(runs[0].threads[0], "thread 1");
        assert_eq!(
            (runs[1].id.as_str(), &*runs[1].threads),
            ("second", &["thread 0".to_owned()][..])
        );
    }
}
