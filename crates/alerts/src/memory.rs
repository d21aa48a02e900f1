//! What has to survive a restart, so that a person is not tired of alerts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Alert, Kind, Used};

/// Milliseconds since the Unix epoch.
pub type Millis = u64;

/// How long it is remembered that an alert had a reason, in milliseconds.
const REMEMBERED: Millis = 32 * DAY;

const DAY: Millis = 24 * 60 * 60 * 1000;

/// So many of each are remembered.
const MAX_GIVEN: usize = 200;
const MAX_SEEN: usize = 4000;
const MAX_SESSIONS: usize = 500;

/// How often alerts are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// So long after an alert of a kind about a subject there is no other one.
    pub cool_down: Millis,
    /// The most of a kind within 24 hours.
    pub per_day: usize,
}

/// An alert that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// When.
    pub at: Millis,
    /// Its kind.
    pub kind: Kind,
    /// What it was about.
    pub subject: String,
    /// What it said.
    pub text: String,
    /// The session, where it was about one.
    #[serde(default)]
    pub session: String,
    /// The trace of the turn, in hexadecimal digits, where it was about one.
    #[serde(default)]
    pub trace_id: String,
}

/// Which alerts were given, and what sessions used so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The last ones, oldest first.
    given: Vec<Given>,
    /// When evidence was first seen, by its key.
    seen: BTreeMap<String, Millis>,
    /// What was used by sessions, and when that was noted last.
    sessions: BTreeMap<String, (Used, Millis)>,
}

impl Memory {
    /// Those that are to be given now, of those for which there is a reason. What is kept back is not
    /// given later: by then it is old.
    pub fn take(&mut self, alerts: Vec<Alert>, quiet: Quiet, now: Millis) -> Vec<Alert> {
        // A clock that was set back must not make a silence endless.
        self.given.retain(|given| given.at <= now);
        self.seen.retain(|_, at| *at + REMEMBERED > now && *at <= now);
        let mut taken = Vec::new();
        for alert in alerts {
            if self.seen.insert(alert.key.clone(), now).is_none()
                && self.may_give(&alert, quiet, now)
            {
                self.note(Given {
                    at: now,
                    kind: alert.kind,
                    subject: alert.subject.clone(),
                    text: alert.text.clone(),
                    session: alert.session.clone(),
                    trace_id: alert.trace_id.clone(),
                });
                taken.push(alert);
            }
        }
        while self.seen.len() > MAX_SEEN {
            let oldest = self.seen.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.map(|key| self.seen.remove(&key));
        }
        taken
    }

    fn may_give(&self, alert: &Alert, quiet: Quiet, now: Millis) -> bool {
        let of_kind = || self.given.iter().filter(|given| given.kind == alert.kind);
        let is_cooling = of_kind()
            .any(|given| given.subject == alert.subject && now - given.at < quiet.cool_down);
        let today = of_kind().filter(|given| now - given.at < DAY).count();
        !is_cooling && today < quiet.per_day
    }

    /// Adds one that was given without a question, such as that of a budget.
    pub fn note(&mut self, given: Given) {
        self.given.push(given);
        let old = self.given.len().saturating_sub(MAX_GIVEN);
        self.given.drain(..old);
    }

    /// Those that were given, the last one first.
    pub fn given(&self) -> impl Iterator<Item = &Given> {
        self.given.iter().rev()
    }

    /// Adds what a turn used to its session, once for each turn, and says what the session used.
    pub fn add_to_session(&mut self, session: &str, turn: &str, used: Used, now: Millis) -> Used {
        let is_new = self.seen.insert(format!("turn/{session}/{turn}"), now).is_none();
        let sum = self.sessions.entry(session.to_owned()).or_default();
        if is_new {
            sum.0 += used;
        }
        sum.1 = now;
        let sum = sum.0;
        while self.sessions.len() > MAX_SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, (_, at))| *at);
            oldest.map(|(session, _)| session.clone()).map(|key| self.sessions.remove(&key));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;
    const QUIET: Quiet = Quiet { cool_down: 60 * MINUTE, per_day: 3 };

    fn alert(subject: &str, key: &str) -> Alert {
        Alert {
            kind: Kind::Loop,
            subject: subject.to_owned(),
            key: key.to_owned(),
            text: String::new(),
            session: subject.to_owned(),
            thread: String::new(),
            turn: String::new(),
            trace_id: String::new(),
            count: 0,
            calls: Vec::new(),
            arguments: Vec::new(),
        }
    }

    #[test]
    fn an_alert_is_given_once_with_a_pause_and_a_few_a_day() {
        let mut memory = Memory::default();
        let mut take = |subject: &str, key: &str, at: Millis| {
            // As after a restart.
            let text = serde_json::to_vec(&memory).unwrap();
            memory = serde_json::from_slice(&text).unwrap();
            memory.take(vec![alert(subject, key)], QUIET, at).len()
        };
        let start = 100 * DAY;
        assert_eq!(take("a", "1", start), 1);
        assert_eq!(take("a", "1", start + 61 * MINUTE), 0, "the same evidence");
        assert_eq!(take("a", "2", start + 10 * MINUTE), 0, "in the pause");
        assert_eq!(take("a", "2", start + 70 * MINUTE), 0, "it is old by then");
        assert_eq!(take("b", "3", start + 10 * MINUTE), 1, "another session");
        assert_eq!(take("a", "4", start + 61 * MINUTE), 1);
        assert_eq!(take("c", "5", start + 62 * MINUTE), 0, "enough for a day");
        assert_eq!(take("c", "6", start + DAY + 62 * MINUTE), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nothing() {
        let mut memory = Memory::default();
        assert_eq!(memory.take(vec![alert("a", "1")], QUIET, 9 * DAY).len(), 1);
        assert_eq!(memory.take(vec![alert("a", "2")], QUIET, 8 * DAY).len(), 1);
    }

    #[test]
    fn a_turn_counts_once_in_its_session() {
        let mut memory = Memory::default();
        let used = Used { tokens: 5, pico_usd: 7, calls: 1 };
        assert_eq!(memory.add_to_session("s", "a", used, 1), used);
        assert_eq!(memory.add_to_session("s", "a", used, 2), used);
        assert_eq!(memory.add_to_session("s", "b", used, 3).tokens, 10);
        assert_eq!(memory.add_to_session("other", "b", used, 3).tokens, 5);
    }
}
