//! What the files of a thread tell.

use std::time::Instant;

use codex_turn::{NotifyPayload, fuse};
use otlp_model::Attribute;

use super::{Context, Look, TRANSCRIPT_PATIENCE};
use crate::forks;
use crate::gather::Gathered;
use crate::git::Dirty;
use crate::parents::Parents;
use crate::read::{ReadUntil, SILENCE, Stopped};
use crate::reverts::Branches;
use crate::thread_reading::{self, Reading, Request};

impl Look<'_> {
    /// Tells what the files have beyond the checkpoints, in parts where that is much, and returns the
    /// last of them; none where the thread is not to be told at all.
    pub(super) fn trace_files(&mut self, gathered: &mut Gathered) -> Option<Reading> {
        let until = self.context.reading.starting_now();
        let mut parents = Parents::new(&self.context.paths.codex_home, until);
        loop {
            let before = self.state.progress();
            let Some(mut reading) = self.read(until) else {
                return (!self.leaves_out_hidden()).then(Reading::default);
            };
            self.log_limits(&reading);
            self.trace_reading(&mut reading, gathered, &mut parents, until);
            if !reading.is_full() || self.state.progress() == before || until.has_come() {
                return Some(reading);
            }
        }
    }

    /// Codex's title thread has a payload and no transcript.
    fn leaves_out_hidden(&self) -> bool {
        let is_title = self.payload().is_some_and(NotifyPayload::is_title_generation);
        let is_hidden = is_title && !self.context.settings.helper_threads;
        if is_hidden {
            let thread = &self.trigger.thread_id;
            let log = self.context.log;
            log.verbose(format_args!(
                "thread {thread} is one that codex runs for itself: left out"
            ));
        }
        is_hidden
    }

    /// Says what a look leaves out because it is too much.
    fn log_limits(&self, reading: &Reading) {
        let log = self.context.log;
        for file in &reading.files {
            let path = file.file.path.display();
            if let Some(offset) = file.left_out {
                log.limit(format_args!(
                    "the first look at `{path}` begins at byte {offset}; turns before it are left out"
                ));
            }
            if file.stopped == Some(Stopped::OutOfTime) {
                log.limit(format_args!(
                    "`{path}` was read for {} s, up to byte {}; a turn that goes on there is cut",
                    self.context.reading.time.as_secs(),
                    file.end.offset
                ));
            }
        }
    }

    /// What is new in the files of the thread; none where it has none.
    fn read(&self, read_until: ReadUntil) -> Option<Reading> {
        let cause = &self.trigger.cause;
        let mut wait_until = self.context.deadline;
        if !cause.is_early() {
            wait_until = wait_until.min(Instant::now() + TRANSCRIPT_PATIENCE);
        }
        let limits = self.context.settings.targets.iter();
        let text_limit = limits.map(|target| target.content.max_attribute_bytes).max();
        let reading = thread_reading::read(&Request {
            codex_home: &self.context.paths.codex_home,
            thread_id: &self.trigger.thread_id,
            named: cause.transcript(),
            state: &self.state,
            awaited: self.payload().filter(|payload| !self.state.is_sent(&payload.key())),
            is_expected: cause.expects_transcript(),
            silence: SILENCE,
            closed: cause.closed(),
            text_limit: text_limit.unwrap_or_default(),
            read_until,
            wait_until,
        })?;
        for (path, error) in &reading.unreadable {
            let path = path.display();
            self.context.log.error(format_args!("transcript `{path}` cannot be read: {error}"));
        }
        Some(reading)
    }

    fn trace_reading(
        &mut self,
        reading: &mut Reading,
        gathered: &mut Gathered,
        parents: &mut Parents<'_>,
        until: ReadUntil,
    ) {
        let Context { paths, log, .. } = self.context;
        forks::mark_copies(&mut reading.turns, &paths.codex_home, until, log);
        let last = reading.turns.iter().rposition(|turn| self.is_due(turn));
        let dirty = Dirty::ask(last.and_then(|last| reading.turns[last].directory()));
        if let Some(last) = last {
            // Once per turn, not with each look at it while it goes on.
            for (path, problem) in reading.problems() {
                let line = format!("transcript `{}`: {problem}", path.display());
                match problem.is_limit {
                    true => self.context.log.limit(format_args!("{line}")),
                    false => self.context.log.warn(format_args!("{line}")),
                }
            }
            self.wait_for_telemetry(&reading.turns, last, gathered);
        }
        let dirty = dirty.answer();
        let Reading { turns, files, .. } = reading;
        let branches = Branches::new(&self.trigger.thread_id, files);
        // Before any turn forgets its calls, by which events are known.
        let mut events: Vec<_> = (0..turns.len())
            .map(|index| match self.is_due(&turns[index]) {
                true => self.events_of(turns, index, &gathered.events),
                false => Vec::new(),
            })
            .collect();
        let mut all_sent = true;
        for (place, file) in files.iter().enumerate() {
            let mut file_sent = true;
            for index in file.turns.clone() {
                if self.is_due(&turns[index]) {
                    let events = std::mem::take(&mut events[index]);
                    let turn = &mut turns[index];
                    let mut told = fuse(turn, &events);
                    turn.forget_contents();
                    parents.resolve(&mut told, turn);
                    // Of earlier turns nobody knows any more.
                    if let Some(dirty) = dirty.filter(|_| Some(index) == last) {
                        told.attributes.push(Attribute::new("codex.git.dirty", dirty));
                    }
                    branches.note(&mut told, place, index, turn);
                    let end = told.end;
                    let sent = self.send(told, &turn.key(), &events);
                    if sent && all_sent {
                        self.told_through = Some(end);
                    }
                }
                let turn = &turns[index];
                // Reading goes on before the first turn that is still wanted.
                file_sent &= self.is_left_out(turn) || self.state.is_sent(&turn.key());
                all_sent &= file_sent;
                if file_sent {
                    self.state.set_mark(&file.file, file.mark(turn.checkpoint));
                }
            }
            // Lest the next look read the rest of a turn that was cut from its beginning again.
            if file_sent && file.stopped == Some(Stopped::OutOfTime) {
                self.state.set_mark(&file.file, file.mark(file.end));
            }
            self.state.set_settled(&file.file, file_sent.then_some(file.end.offset));
        }
    }
}
