//! The queues that are not those of the targets of the settings.

use std::sync::Arc;
use std::time::Duration;

use codex_config::{Paths, Settings};
use delivery::Outbox;

use crate::outcome::TargetOutbox;
use crate::queued_exporter::{self, QueuedExporter};
use crate::queues::{self, Destination, OtherQueue};

/// Turns for places that only the environment of another process names, and for targets that are gone.
#[derive(Default)]
pub(crate) struct Others {
    /// Those that can be sent.
    pub(crate) exporters: Vec<Arc<QueuedExporter>>,
    /// Those that a person has to decide about.
    pub(crate) paused: Vec<PausedQueue>,
}

/// A queue that cannot be sent.
pub(crate) struct PausedQueue {
    pub(crate) name: String,
    pub(crate) outbox: Outbox,
    /// What it waits for, where that is known.
    place: Option<String>,
    reason: String,
}

impl Others {
    /// Finds them. Turns queued for a place that is a target's by now are queued for that target.
    pub(crate) fn find(
        exporters: &[Arc<QueuedExporter>],
        settings: &Settings,
        paths: &Paths,
        timeout: Duration,
    ) -> Self {
        let mut others = Self::default();
        for OtherQueue { name, outbox, destination } in queues::other_queues(settings, paths) {
            let reason = destination.reason();
            let place = match destination {
                Destination::Known(found) => {
                    let (settings, target) = *found;
                    let queued = QueuedExporter::to_target(&settings, &target, paths, timeout);
                    if queued.queue() != name {
                        queued.note_place_for(&outbox);
                        if !matches!(outbox.move_to(queued.outbox()), Ok(Some(_))) {
                            // Another process sends it. The next run finds it again.
                            continue;
                        }
                    }
                    let mut known = exporters.iter().chain(&others.exporters);
                    if known.all(|known| known.queue() != queued.queue()) {
                        others.exporters.push(Arc::new(queued));
                    }
                    continue;
                }
                Destination::Withheld { place, .. } => Some(place),
                Destination::Gone(place) => place,
            };
            others.paused.push(PausedQueue { name, outbox, place, reason });
        }
        others
    }

    /// Leaves those alone that cannot be sent. They are not thrown away.
    pub(crate) fn pause(&self) {
        for queue in &self.paused {
            queued_exporter::pause(&queue.outbox, &queue.reason);
        }
    }

    /// The queues that cannot be sent.
    pub(crate) fn outboxes(&self) -> impl Iterator<Item = TargetOutbox> {
        self.paused.iter().map(|queue| TargetOutbox {
            name: queue.name.clone(),
            target: None,
            place: queue.place.clone(),
            summary: queue.outbox.summary().unwrap_or_default(),
        })
    }
}
