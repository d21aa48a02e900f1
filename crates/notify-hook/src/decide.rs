//! What a person decides about queued turns: to send them to another target, or to discard them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use exporters::Outbox;
use exporters::outbox::OutboxError;

use crate::deliver::Delivery;
use crate::queues::Note;

/// How long to wait for another process that offers the same turns.
const PATIENCE: Duration = Duration::from_secs(15);

/// Turns that were moved, or discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The queue that held them.
    pub queue: String,
    /// How many they were.
    pub turns: usize,
}

/// Why nothing was moved or discarded.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such queue.
    #[error("there is no queue `{name}`; {}", listed("queues with turns", queues))]
    NoQueue {
        /// The name.
        name: String,
        /// The names of those that there are.
        queues: Vec<String>,
    },
    /// There is no such target.
    #[error("there is no target `{name}`; {}", listed("the targets", targets))]
    NoTarget {
        /// The name.
        name: String,
        /// The names of those that there are.
        targets: Vec<String>,
    },
    /// The turns hold what the target is not to get.
    #[error(
        "`{target}` gets no {what}, and the turns in `{queue}` may hold them (hint: name another \
         target, or `--discard {queue}`)"
    )]
    Contents {
        /// The target.
        target: String,
        /// The queue.
        queue: String,
        /// What the turns may hold.
        what: &'static str,
    },
    /// Another process offers the turns.
    #[error("another process is sending the turns in `{0}`")]
    Busy(String),
    /// The queue cannot be read or changed.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

fn listed(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("{what}: none"),
        names => format!("{what}: {}", names.join(", ")),
    }
}

impl Delivery {
    /// Puts the turns of a queue behind those of a target, or where no queue is named those of all
    /// queues that are not a target's own.
    pub fn redirect(&self, from: Option<&str>, to: &str) -> Result<Vec<Decided>, DecideError> {
        let Some(target) = self.lanes.iter().find(|lane| lane.name() == to) else {
            let targets = self.lanes.iter().map(|lane| lane.name().to_owned()).collect();
            return Err(DecideError::NoTarget { name: to.to_owned(), targets });
        };
        let mut queues = match from {
            Some(name) => vec![self.queue(name)?],
            None => self.other_queues(),
        };
        queues.retain(|(_, queue)| queue.folder() != target.outbox().folder());
        for (name, queue) in &queues {
            let held = Note::read(queue.folder()).contents;
            if let Some(what) = held.beyond(target.note().contents) {
                let (target, queue) = (to.to_owned(), name.clone());
                return Err(DecideError::Contents { target, queue, what });
            }
        }
        target.note_place();
        let moved = queues.into_iter().map(|(queue, outbox)| {
            let turns = unless_busy(&queue, || outbox.move_to(target.outbox()))?;
            Ok(Decided { queue, turns })
        });
        moved.collect()
    }

    /// Gives up the turns of a queue.
    pub fn discard(&self, queue: &str) -> Result<Decided, DecideError> {
        let (queue, outbox) = self.queue(queue)?;
        let turns = unless_busy(&queue, || outbox.discard())?;
        Ok(Decided { queue, turns })
    }

    fn queue(&self, name: &str) -> Result<(String, Outbox), DecideError> {
        let own = self.lanes.iter().map(|lane| (lane.queue().to_owned(), lane.outbox().clone()));
        let mut all: Vec<_> = own.chain(self.other_queues()).collect();
        match all.iter().position(|(queue, _)| queue == name) {
            Some(place) => Ok(all.swap_remove(place)),
            None => {
                all.retain(|(_, outbox)| outbox.holds_something());
                let queues = all.into_iter().map(|(queue, _)| queue).collect();
                Err(DecideError::NoQueue { name: name.to_owned(), queues })
            }
        }
    }

    /// Queues that are not a target's own.
    fn other_queues(&self) -> Vec<(String, Outbox)> {
        let sendable = self.others.lanes.iter().filter(|lane| lane.is_one_off());
        let sendable = sendable.map(|lane| (lane.queue().to_owned(), lane.outbox().clone()));
        let held = self.others.held.iter().map(|held| (held.name.clone(), held.outbox.clone()));
        sendable.chain(held).collect()
    }
}

fn unless_busy(
    queue: &str,
    act: impl Fn() -> Result<Option<usize>, OutboxError>,
) -> Result<usize, DecideError> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(turns) = act()? {
            return Ok(turns);
        }
        if Instant::now() > until {
            return Err(DecideError::Busy(queue.to_owned()));
        }
        sleep(Duration::from_millis(100));
    }
}
