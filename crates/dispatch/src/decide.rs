//! What a person decides about queued turns: to send them to another target, or to discard them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use delivery::Outbox;
use delivery::{Limits, OutboxError};

use crate::deliver::Delivery;
use crate::queues::Note;

/// How long to wait for another process that sends the same turns.
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
    /// The folder of another machine's queues cannot be read.
    #[error("cannot read `{folder}`", folder = folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Another process sends the turns.
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
        let Some(target) = self.exporters.iter().find(|queued| queued.name() == to) else {
            let targets = self.exporters.iter().map(|queued| queued.name().to_owned()).collect();
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

    /// Copies the turns of a folder of queues, such as one that a CI job kept, to the target `to`, or
    /// where none is named to the targets of the same names. What the folder says of where its turns
    /// are to go does not count: another machine wrote it.
    pub fn import(&self, folder: &Path, to: Option<&str>) -> Result<Vec<Decided>, DecideError> {
        let unreadable = |source| DecideError::Folder { folder: folder.to_owned(), source };
        let mut queues = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(queue) = entry.file_name().into_string() else { continue };
            let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
            // Dead letters and metrics were for the target of the other machine.
            let outbox = Outbox::new(entry.path(), Limits::default());
            if is_folder && matches!(outbox.is_empty(), Ok(false)) {
                queues.push((queue, entry.path()));
            }
        }
        queues.sort();
        let targets = queues.iter().map(|(queue, folder)| {
            let name = to.unwrap_or(queue);
            let target =
                self.exporters.iter().find(|queued| queued.name() == name).ok_or_else(|| {
                    let targets =
                        self.exporters.iter().map(|queued| queued.name().to_owned()).collect();
                    DecideError::NoTarget { name: name.to_owned(), targets }
                })?;
            let held = Note::read(folder).contents;
            match held.beyond(target.note().contents) {
                Some(what) => {
                    let (target, queue) = (name.to_owned(), queue.clone());
                    Err(DecideError::Contents { target, queue, what })
                }
                None => Ok(target),
            }
        });
        // All or none.
        let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
        let copied = targets.into_iter().zip(queues).map(|(target, (queue, folder))| {
            target.note_place();
            Ok(Decided { turns: target.outbox().copy_from(&folder)?, queue })
        });
        copied.collect()
    }

    /// Gives up the turns of a queue.
    pub fn discard(&self, queue: &str) -> Result<Decided, DecideError> {
        let (queue, outbox) = self.queue(queue)?;
        let turns = unless_busy(&queue, || outbox.discard())?;
        Ok(Decided { queue, turns })
    }

    fn queue(&self, name: &str) -> Result<(String, Outbox), DecideError> {
        let own = self
            .exporters
            .iter()
            .map(|queued| (queued.queue().to_owned(), queued.outbox().clone()));
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
        let sendable = self.others.exporters.iter().filter(|queued| queued.is_one_off());
        let sendable = sendable.map(|queued| (queued.queue().to_owned(), queued.outbox().clone()));
        let held = self.others.paused.iter().map(|held| (held.name.clone(), held.outbox.clone()));
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
