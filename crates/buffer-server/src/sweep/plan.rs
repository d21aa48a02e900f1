//! When to look at which thread.

use std::collections::HashMap;
use std::time::SystemTime;

use codex_home::sessions::is_thread_id;
use tokio::time::Instant;

use super::THREADS_AT_ONCE;
use crate::config::Pace;

/// The most threads that are kept in mind. Who sends events can name any number of them.
const MAX_THREADS: usize = 256;

/// The threads to look at, each once.
#[derive(Debug)]
pub(super) struct Plan {
    pace: Pace,
    threads: HashMap<String, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Instant,
    reason: Reason,
    /// When its file was last written to or closed.
    closed: Option<SystemTime>,
}

/// A thread to look at now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) thread: String,
    pub(super) reason: Reason,
    /// When its file was last written to or closed, where that was seen.
    pub(super) closed: Option<SystemTime>,
}

/// Why a thread is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its file was written to, and then not.
    Written,
    /// Events arrived, and then no more.
    Received,
    /// It was looked at, and nothing happened for very long.
    Late,
}

impl Plan {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, threads: HashMap::new() }
    }

    /// The file of a thread was written to, or closed by who had written to it.
    pub(super) fn written(&mut self, thread: String, now: Instant, clock: SystemTime) {
        let at = now + self.pace.written;
        self.set(thread, Entry { at, reason: Reason::Written, closed: Some(clock) });
    }

    /// A thread may have been written to before the service watched.
    pub(super) fn found(&mut self, thread: String, now: Instant) {
        let at = now + self.pace.written;
        self.set(thread, Entry { at, reason: Reason::Written, closed: None });
    }

    /// Events of a thread arrived. The run that its file is about to start will fetch them.
    pub(super) fn received(&mut self, thread: String, now: Instant) {
        let known = self.threads.get(&thread);
        if known.is_none_or(|entry| entry.reason != Reason::Written) {
            let closed = known.and_then(|entry| entry.closed);
            let at = now + self.pace.received;
            self.set(thread, Entry { at, reason: Reason::Received, closed });
        }
    }

    /// When the next thread is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.threads.values().map(|entry| entry.at).min()
    }

    /// The threads that are due, a few at a time. Each will be due once more, long after, unless
    /// something happens before: a killed Codex ends nothing, and only silence tells.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let due = self.threads.iter().filter(|(_, entry)| entry.at <= now);
        let mut due: Vec<(Instant, Due)> = due
            .map(|(thread, Entry { at, reason, closed })| {
                let (reason, closed) = (*reason, *closed);
                (*at, Due { thread: thread.clone(), reason, closed })
            })
            .collect();
        due.sort_by(|(at, a), (bt, b)| at.cmp(bt).then_with(|| a.thread.cmp(&b.thread)));
        due.truncate(THREADS_AT_ONCE);
        for (_, Due { thread, reason, closed }) in &due {
            self.threads.remove(thread);
            if *reason != Reason::Late {
                let at = now + self.pace.late;
                let late = Entry { at, reason: Reason::Late, closed: *closed };
                self.set(thread.clone(), late);
            }
        }
        due.into_iter().map(|(_, due)| due).collect()
    }

    fn set(&mut self, thread: String, entry: Entry) {
        if !is_thread_id(&thread) {
            return;
        }
        if self.threads.len() >= MAX_THREADS && !self.threads.contains_key(&thread) {
            let last = self.threads.iter().max_by_key(|(_, entry)| entry.at);
            if let Some(thread) = last.map(|(thread, _)| thread.clone()) {
                self.threads.remove(&thread);
            }
        }
        self.threads.insert(thread, entry);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn plan() -> (Plan, Instant) {
        let pace =
            Pace { written: 2 * SECOND, received: 5 * SECOND, late: 100 * SECOND, outbox: SECOND };
        (Plan::new(pace), Instant::now())
    }

    fn id(number: usize) -> String {
        format!("01a1fb18-d745-76d3-8970-{number:012}")
    }

    fn written(plan: &mut Plan, thread: String, now: Instant) {
        plan.written(thread, now, SystemTime::UNIX_EPOCH);
    }

    fn take(plan: &mut Plan, now: Instant) -> Vec<(String, Reason)> {
        plan.take_due(now).into_iter().map(|due| (due.thread, due.reason)).collect()
    }

    #[test]
    fn a_thread_is_due_when_it_fell_silent_and_once_more_very_late() {
        let (mut plan, start) = plan();
        assert_eq!(plan.next(), None);
        for seconds in 0..5 {
            written(&mut plan, id(1), start + seconds * SECOND);
            assert_eq!(take(&mut plan, start + seconds * SECOND), []);
        }
        assert_eq!(plan.next(), Some(start + 6 * SECOND));
        assert_eq!(take(&mut plan, start + 6 * SECOND), [(id(1), Reason::Written)]);
        assert_eq!(plan.next(), Some(start + 106 * SECOND));
        assert_eq!(take(&mut plan, start + 106 * SECOND), [(id(1), Reason::Late)]);
        assert_eq!(plan.next(), None);
    }

    #[test]
    fn events_do_not_delay_the_run_for_a_file() {
        let (mut plan, start) = plan();
        plan.received(id(1), start);
        assert_eq!(plan.next(), Some(start + 5 * SECOND));
        written(&mut plan, id(1), start);
        plan.received(id(1), start + SECOND);
        assert_eq!(take(&mut plan, start + 2 * SECOND), [(id(1), Reason::Written)]);
        plan.received(id(1), start + 3 * SECOND);
        assert_eq!(take(&mut plan, start + 8 * SECOND), [(id(1), Reason::Received)]);
        assert_eq!(plan.next(), Some(start + 108 * SECOND));
    }

    /// A later look at the same silence is about the same end.
    #[test]
    fn it_is_known_when_a_file_was_closed() {
        let (mut plan, start) = plan();
        let clock = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        plan.written(id(1), start, clock(7));
        plan.written(id(1), start + SECOND, clock(8));
        plan.found(id(2), start + SECOND);
        let mut closed = |seconds: u32| -> Vec<_> {
            plan.take_due(start + seconds * SECOND).into_iter().map(|due| due.closed).collect()
        };
        assert_eq!(closed(3), [Some(clock(8)), None]);
        assert_eq!(closed(103), [Some(clock(8)), None]);
    }

    #[test]
    fn a_few_are_taken_at_a_time_and_none_is_forgotten() {
        let (mut plan, start) = plan();
        for number in 0..THREADS_AT_ONCE + 3 {
            written(&mut plan, id(number), start);
        }
        let now = start + 2 * SECOND;
        assert_eq!(take(&mut plan, now).len(), THREADS_AT_ONCE);
        assert_eq!(plan.next(), Some(now));
        assert_eq!(take(&mut plan, now).len(), 3);
        assert_eq!(take(&mut plan, now), []);
    }

    #[test]
    fn the_plan_is_bounded_and_gives_up_what_is_due_last() {
        let (mut plan, start) = plan();
        written(&mut plan, id(0), start);
        for number in 1..10 * MAX_THREADS {
            plan.received(id(number), start);
        }
        assert_eq!(plan.threads.len(), MAX_THREADS);
        assert_eq!(take(&mut plan, start + 2 * SECOND), [(id(0), Reason::Written)]);
    }

    #[test]
    fn what_is_no_thread_id_is_passed_over() {
        let (mut plan, start) = plan();
        for text in ["", "t", "--help", &"x".repeat(36), &format!("{}\0", &id(1)[..35])] {
            plan.received(text.to_owned(), start);
        }
        assert_eq!(plan.next(), None);
    }
}
