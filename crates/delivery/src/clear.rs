//! Emptying an outbox because a person says so: for another target, or for good.

use super::{Outbox, OutboxError, folder};

impl Outbox {
    /// Moves all queued batches and dead letters to the outbox of another target, which is
    /// sent each as a whole; says how many, or none while another process sends them.
    pub fn move_to(&self, other: &Self) -> Result<Option<usize>, OutboxError> {
        let (metrics, others) = (self.metrics(), other.metrics());
        self.locked(|| {
            let mut moved = 0;
            for from in [self.folder.clone(), self.rejected_folder()] {
                for (name, _) in self.on(&from, folder::batches)? {
                    let path = from.join(name.to_string());
                    let to = other.folder.join(name.to_string());
                    self.on(&path, |path| folder::rename(path, &to))?;
                    // What this target has of it is not what the other one has.
                    self.remove_progress(&name);
                    moved += 1;
                }
            }
            others.adopt(&metrics.folder)?;
            Ok(moved)
        })
    }

    /// Drops all queued batches and dead letters; says how many, or none while another
    /// process sends them.
    pub fn discard(&self) -> Result<Option<usize>, OutboxError> {
        self.locked(|| {
            let mut discarded = 0;
            for from in [self.folder.clone(), self.rejected_folder()] {
                for (name, _) in self.on(&from, folder::batches)? {
                    discarded += usize::from(self.remove(&from, &name)?);
                }
            }
            self.count_dropped(discarded);
            self.metrics().give_up()?;
            Ok(discarded)
        })
    }

    /// Does something under the lock; nothing where another process has it.
    fn locked<T>(
        &self,
        act: impl FnOnce() -> Result<T, OutboxError>,
    ) -> Result<Option<T>, OutboxError> {
        let Some(_lock) = self.on(&self.folder.join("lock"), folder::lock)? else {
            return Ok(None);
        };
        act().map(Some)
    }
}
