//! From the store and the transcripts of a session to amounts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use budget::{Scope, Spending, Spent};
use codex_home::sessions::{self, TranscriptName};
use codex_import::{Facts, Transcript, root_thread, unstored};
use jiff::{Timestamp, Zoned};
use otlp_model::UnixNanos;
use trace_store::usage::{Quarter, SpentSums, TurnRecord, TurnStatus, Whose};
use trace_store::{OpenError, QueryError, TraceStore};

/// A session that is asked about.
#[derive(Debug)]
pub struct Session<'a> {
    /// Codex's own directory.
    pub codex_home: &'a Path,
    /// The local store, which need not exist.
    pub store: &'a Path,
    /// What holds for all turns of this user.
    pub facts: &'a Facts,
    /// The thread at the root of the session; empty where only days, months and projects matter.
    pub thread: &'a str,
    /// Its transcript, where Codex said which one it is.
    pub transcript: Option<&'a Path>,
    /// The turn that goes on, where one does and its name is known; else the last one that goes on.
    pub turn: Option<&'a str>,
    /// The time, with the user's zone.
    pub now: &'a Zoned,
}

/// A turn that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTurn {
    /// Its thread.
    pub thread: String,
    /// Its name.
    pub turn: String,
}

/// What a session spent, and what of it goes on.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// By scope.
    pub spending: Spending,
    /// The turns of the session and its sub-agents that go on.
    pub open: Vec<OpenTurn>,
    /// The turns that are not in the store yet.
    pub unstored: Vec<TurnRecord>,
}

/// It is not known what was spent.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The local store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The local store cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A transcript cannot be read.
    #[error("cannot read `{}`", path.display())]
    Transcript {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Adds up what a session spent.
pub fn measure(session: &Session<'_>) -> Result<Measured, MeasureError> {
    let store = match session.store.exists() {
        true => Some(TraceStore::open_read_only(session.store)?),
        false => None,
    };
    let store = store.as_ref();
    let mut records = Vec::new();
    for path in transcripts(session, store)? {
        let failed = |source| MeasureError::Transcript { path: path.clone(), source };
        let before = store.map(|store| store.source(&path.to_string_lossy())).transpose()?;
        let file = Transcript::at(&path).map_err(failed)?;
        match unstored(&file, before.flatten().as_ref(), session.facts) {
            Ok(read) => records.extend(read),
            // Codex has not written its first line yet.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let mut sums = Sums::new(session, store, &records)?;
    for record in &records {
        sums.add(record, store)?;
    }
    let is_open = |record: &&TurnRecord| record.status == TurnStatus::Running;
    let open = records.iter().filter(is_open).map(|record| OpenTurn {
        thread: record.thread.thread_id.clone(),
        turn: record.turn_id.clone(),
    });
    Ok(Measured { open: open.collect(), spending: sums.spending(session), unstored: records })
}

/// The files of the session and its sub-agents: in the folders of the days since it began.
fn transcripts(
    session: &Session<'_>,
    store: Option<&TraceStore>,
) -> Result<Vec<PathBuf>, MeasureError> {
    // No session is asked about.
    if session.thread.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<PathBuf> = session.transcript.map(Path::to_owned).into_iter().collect();
    let first = session.transcript.and_then(Path::parent);
    for day in sessions::days(session.codex_home) {
        if first.is_some_and(|first| day.as_path() < first) {
            break;
        }
        let mut is_first_day = false;
        for path in sessions::newest_first(day) {
            let Some(name) = TranscriptName::of(&path) else { continue };
            let is_own = name.thread == session.thread;
            is_first_day |= is_own && name.segment.is_none();
            if found.contains(&path) {
                continue;
            }
            if is_own || is_of_session(session, store, name.thread, &path)? {
                found.push(path);
            }
        }
        // Sub-agents are younger than the thread at the root.
        if is_first_day {
            break;
        }
    }
    Ok(found)
}

fn is_of_session(
    session: &Session<'_>,
    store: Option<&TraceStore>,
    thread: &str,
    path: &Path,
) -> Result<bool, MeasureError> {
    let known = store.map(|store| store.session_of(thread)).transpose()?.flatten();
    // One that cannot be read is another's, or will be read when Codex has written it.
    let root = known.map_or_else(|| root_thread(path).ok(), Some);
    Ok(root.is_some_and(|root| root == session.thread))
}

/// The sums of each scope.
struct Sums<'a> {
    /// When the turn began.
    turn_start: Option<(String, UnixNanos)>,
    repository: String,
    project: &'a str,
    day: Quarter,
    month: Quarter,
    spent: BTreeMap<Scope, Spent>,
}

impl<'a> Sums<'a> {
    /// What is stored.
    fn new(
        session: &Session<'a>,
        store: Option<&TraceStore>,
        records: &[TurnRecord],
    ) -> Result<Self, MeasureError> {
        let own = || records.iter().filter(|record| record.thread.thread_id == session.thread);
        let named = own().find(|record| session.turn == Some(record.turn_id.as_str()));
        let turn = named.or_else(|| own().rfind(|turn| turn.status == TurnStatus::Running));
        let repository = own().next_back().map(|record| record.place.repository.clone());
        let mut sums = Self {
            turn_start: turn.map(|turn| (turn.turn_id.clone(), turn.start)),
            repository: repository.unwrap_or_default(),
            project: &session.facts.project,
            day: quarter(session.now.start_of_day()),
            month: quarter(session.now.first_of_month().and_then(|first| first.start_of_day())),
            spent: BTreeMap::from_iter(Scope::ALL.map(|scope| (scope, Spent::default()))),
        };
        let Some(store) = store else { return Ok(sums) };
        let Self { day, month, project, .. } = sums;
        if let Some(&(_, start)) = sums.turn_start.as_ref() {
            sums.add_to(Scope::Turn, &store.spent_by_sub_agents(session.thread, start)?);
        }
        sums.add_to(Scope::Session, &store.spent_in_session(session.thread)?);
        sums.add_to(Scope::Day, &store.spent_since(day, Whose::Everyones)?);
        sums.add_to(Scope::Month, &store.spent_since(month, Whose::Everyones)?);
        sums.add_to(Scope::Project, &store.spent_since(month, Whose::Project(project))?);
        if !sums.repository.is_empty() {
            let stored = store.spent_since(month, Whose::Repository(&sums.repository))?;
            sums.add_to(Scope::Repository, &stored);
        }
        Ok(sums)
    }

    /// Adds what is not stored of a turn of the session.
    fn add(&mut self, record: &TurnRecord, store: Option<&TraceStore>) -> Result<(), MeasureError> {
        // Live tracing may have stored it.
        let stored = store.map(|store| store.spent_by_turn(record.span_id)).transpose()?;
        let stored = stored.unwrap_or_default();
        let all = sum(record, Quarter(i64::MIN));
        let is_sub_agents = record.thread.thread_id != record.thread.session_id;
        match &self.turn_start {
            Some((turn, _)) if record.turn_id == *turn => self.add_to(Scope::Turn, &all),
            Some((_, start)) if is_sub_agents && record.end >= *start => {
                self.add_to(Scope::Turn, &without(all, stored));
            }
            _ => {}
        }
        if stored.tokens >= all.tokens {
            return Ok(());
        }
        let new = |since| without(sum(record, since), stored);
        self.add_to(Scope::Session, &new(Quarter(i64::MIN)));
        self.add_to(Scope::Day, &new(self.day));
        self.add_to(Scope::Month, &new(self.month));
        if record.place.project == self.project {
            self.add_to(Scope::Project, &new(self.month));
        }
        if record.place.repository == self.repository {
            self.add_to(Scope::Repository, &new(self.month));
        }
        Ok(())
    }

    fn add_to(&mut self, scope: Scope, sums: &SpentSums) {
        let SpentSums { tokens, pico_usd, unpriced_calls } = *sums;
        *self.spent.entry(scope).or_default() +=
            Spent { tokens, pico_usd, unpriced_calls, pico_credits: None };
    }

    fn spending(mut self, session: &Session<'_>) -> Spending {
        let month = session.now.strftime("%Y-%m");
        let named = |scope| match scope {
            Scope::Turn => self.turn_start.as_ref().map(|(turn, _)| turn.clone()),
            Scope::Session => (!session.thread.is_empty()).then(|| session.thread.to_owned()),
            Scope::Day => Some(session.now.strftime("%Y-%m-%d").to_string()),
            Scope::Month => Some(month.to_string()),
            Scope::Project => Some(format!("{} {month}", self.project)),
            Scope::Repository => {
                let name = &self.repository;
                (!name.is_empty()).then(|| format!("{name} {month}"))
            }
        };
        let names = Scope::ALL.into_iter().filter_map(|scope| Some((scope, named(scope)?)));
        let names: Vec<(Scope, String)> = names.collect();
        let rate = session.facts.prices.credits_per_usd();
        let spent = |(scope, name)| {
            let mut spent = self.spent.remove(&scope).unwrap_or_default();
            spent.pico_credits = rate.map(|rate| (spent.pico_usd as f64 * rate) as u64);
            (scope, (name, spent))
        };
        Spending(names.into_iter().map(spent).collect())
    }
}

/// What the calls of a turn used since a time.
fn sum(record: &TurnRecord, since: Quarter) -> SpentSums {
    let mut sums = SpentSums::default();
    for call in record.calls.iter().filter(|call| Quarter::of(call.end) >= since) {
        sums.tokens = sums.tokens.saturating_add(call.usage.total());
        let cost = u64::try_from(call.cost.0).unwrap_or(0);
        sums.pico_usd = sums.pico_usd.saturating_add(cost);
        sums.unpriced_calls += u64::from(call.rate.prices.is_none());
    }
    sums
}

fn without(sums: SpentSums, stored: SpentSums) -> SpentSums {
    SpentSums {
        tokens: sums.tokens.saturating_sub(stored.tokens),
        pico_usd: sums.pico_usd.saturating_sub(stored.pico_usd),
        unpriced_calls: sums.unpriced_calls.saturating_sub(stored.unpriced_calls),
    }
}

/// The quarter hour of a time; all of time where the calendar has no such time.
fn quarter(time: Result<Zoned, jiff::Error>) -> Quarter {
    let second = time.map(|time| Timestamp::as_second(time.timestamp()));
    second.map_or(Quarter(i64::MIN), Quarter::of_seconds)
}
