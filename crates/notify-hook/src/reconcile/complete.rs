//! The third step: a turn of the transcript with all that other sources know of it.

use codex_turn::{LogEvent, TranscriptTurn, covers, events_of, fuse};
use otlp_model::{Attribute, Turn};

use super::telemetry_patience;
use super::thread::Thread;
use crate::git::Dirty;
use crate::parents::Parents;
use crate::reverts::Branches;
use crate::telemetry::BufferedTelemetry;
use crate::thread_reading::{FileReading, Reading};

/// A turn that has ended, from all sources.
pub(super) struct CompleteTurn<'e> {
    pub(super) turn: Turn,
    /// What tells it from the others of its thread.
    pub(super) key: String,
    pub(super) events: Vec<&'e LogEvent>,
}

/// What other sources know of the turns of a reading.
pub(super) struct Completion<'e> {
    /// The events of each turn that is due.
    events: Vec<Vec<&'e LogEvent>>,
    /// The last turn that is due, and whether its working tree had changes.
    dirty: Option<(usize, bool)>,
}

impl<'e> Completion<'e> {
    /// Asks git and waits for telemetry, at the same time.
    pub(super) fn of(
        thread: &Thread<'_>,
        reading: &Reading,
        due: &[usize],
        telemetry: &'e mut BufferedTelemetry<'_>,
    ) -> Self {
        let turns = &reading.turns;
        let last = due.last().copied();
        let dirty = Dirty::ask(last.and_then(|last| turns[last].directory()));
        if let Some(last) = last {
            log_problems(thread, reading);
            // The batch that reaches the end of the last turn, unless it should have come long ago.
            let until = thread.context.deadline.min(telemetry_patience(turns[last].end));
            telemetry.wait(until, |events| covers(&turns[last], &events_at(turns, last, events)));
        }
        let dirty = last.zip(dirty.answer());
        let telemetry = &*telemetry;
        // Before any turn forgets its calls, by which events are known.
        let mut events: Vec<_> = turns.iter().map(|_| Vec::new()).collect();
        for index in due {
            events[*index] = events_at(turns, *index, &telemetry.events);
        }
        Self { events, dirty }
    }

    /// Completes one of the turns, which forgets its contents: a copy of each is enough.
    pub(super) fn complete(
        &mut self,
        thread: &Thread<'_>,
        files: &[FileReading],
        file: usize,
        index: usize,
        turns: &mut [TranscriptTurn],
        parents: &mut Parents<'_>,
    ) -> CompleteTurn<'e> {
        let events = std::mem::take(&mut self.events[index]);
        let read = &mut turns[index];
        let mut turn = fuse(read, &events);
        read.forget_contents();
        parents.resolve(&mut turn, read);
        // The state of a working tree after earlier turns is not known any more.
        if let Some((_, dirty)) = self.dirty.filter(|(last, _)| *last == index) {
            turn.attributes.push(Attribute::new("codex.git.dirty", dirty));
        }
        Branches::new(thread.id, files).note(&mut turn, file, index, read);
        CompleteTurn { turn, key: read.key(), events }
    }
}

fn events_at<'e>(
    turns: &[TranscriptTurn],
    index: usize,
    events: &'e [LogEvent],
) -> Vec<&'e LogEvent> {
    let previous = index.checked_sub(1).map(|previous| &turns[previous]);
    events_of(&turns[index], previous, turns.get(index + 1), events)
}

/// Logs what could not be understood: once per turn, not with each run while it goes on.
fn log_problems(thread: &Thread<'_>, reading: &Reading) {
    for (path, problem) in reading.problems() {
        let line = format!("transcript `{}`: {problem}", path.display());
        match problem.is_limit {
            true => thread.context.log.limit(format_args!("{line}")),
            false => thread.context.log.warn(format_args!("{line}")),
        }
    }
}
