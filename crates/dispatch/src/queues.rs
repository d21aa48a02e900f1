//! The queues of turns, a folder each, and the place that each of them is for.
//!
//! A target of the settings has a queue of its own name. Where the environment of one process names
//! another place, turns for that place have a queue of their own, `NAME@MARK`, with a note of the place
//! (`target.json`): any later run finds the way there by it, or says which credential it lacks.

use std::fs;
use std::path::{Path, PathBuf};

use codex_config::{Environment, OneOff, Paths, Settings, TargetSettings};
use delivery::Limits;
use delivery::Outbox;
use serde::{Deserialize, Serialize};

const NOTE: &str = "target.json";

/// The folder with the queues of all targets.
pub(crate) fn folder(paths: &Paths) -> PathBuf {
    paths.state_dir.join("outbox")
}

/// The queue of this name: `state/codex/outbox/NAME`.
pub fn outbox(paths: &Paths, settings: &Settings, queue: &str) -> Outbox {
    let limits = Limits { max_bytes: settings.outbox.max_bytes, max_age: settings.outbox.max_age };
    Outbox::new(folder(paths).join(queue), limits).one_of(settings.targets.len())
}

/// What the turns in a queue are meant for. It holds no credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Note {
    /// The address and project.
    pub(crate) place: String,
    /// What of the contents the turns hold.
    pub(crate) contents: Contents,
    /// What leads to a place that the settings files do not name.
    pub(crate) one_off: Option<OneOff>,
}

/// Which contents of turns a target gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    prompts: bool,
    tool_details: bool,
    tool_content: bool,
}

impl Default for Contents {
    /// What may be there where nothing is noted.
    fn default() -> Self {
        Self { prompts: true, tool_details: true, tool_content: true }
    }
}

impl Contents {
    pub(crate) fn of(target: &TargetSettings) -> Self {
        let codex_config::ContentPolicy { prompts, tool_details, tool_content, .. } =
            target.content;
        Self { prompts, tool_details, tool_content }
    }

    /// What turns may hold that have one or the other.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            prompts: self.prompts || other.prompts,
            tool_details: self.tool_details || other.tool_details,
            tool_content: self.tool_content || other.tool_content,
        }
    }

    /// What there is of these that a target is not to get.
    pub(crate) fn beyond(self, allowed: Self) -> Option<&'static str> {
        let all = [
            (self.prompts && !allowed.prompts, "prompts"),
            (self.tool_details && !allowed.tool_details, "tool arguments"),
            (self.tool_content && !allowed.tool_content, "tool outputs"),
        ];
        all.into_iter().find_map(|(is_beyond, what)| is_beyond.then_some(what))
    }
}

impl Note {
    pub(crate) fn of(target: &TargetSettings) -> Self {
        Self {
            place: target.place(),
            contents: Contents::of(target),
            one_off: target.one_off.clone(),
        }
    }

    /// What is noted in the folder of a queue; nothing is known where nothing can be read.
    pub(crate) fn read(queue: &Path) -> Self {
        let text = fs::read(queue.join(NOTE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes it, unless it is there, before a turn joins the queue. Turns that are in the queue may hold
    /// contents that its target does not get any more. Without a note they stay until a person decides.
    pub(crate) fn write(&self, queue: &Outbox) {
        let noted = Self::read(queue.folder());
        let mut note = self.clone();
        if noted != note && queue.holds_something() {
            note.contents = note.contents.and(noted.contents);
        }
        if noted != note {
            let file = queue.folder().join(NOTE);
            let _ = serde_json::to_vec(&note).map(|text| private_files::write(&file, &text));
        }
    }
}

/// A queue that is not that of a target of this process's settings.
#[derive(Debug)]
pub struct OtherQueue {
    /// Its name.
    pub name: String,
    /// Its turns.
    pub outbox: Outbox,
    /// What they wait for.
    pub destination: Destination,
}

/// What the turns in a queue wait for.
#[derive(Debug)]
pub enum Destination {
    /// A target that this process can reach, with the settings that lead there.
    Known(Box<(Settings, TargetSettings)>),
    /// A place that the environment of one process named, with credentials that are not stored.
    Withheld {
        /// The address and project.
        place: String,
        /// The variables that have to be set.
        variables: Vec<String>,
    },
    /// A target that the settings name no longer, and its address and project where they are known.
    Gone(Option<String>),
}

impl Destination {
    fn of(name: &str, queue: &Path, paths: &Paths) -> Self {
        let note = Note::read(queue);
        let place = Some(note.place).filter(|place| !place.is_empty());
        let environment = note.one_off.as_ref().map(OneOff::environment).unwrap_or_default();
        if let Some(found) = target_with_queue(name, paths, &environment) {
            let variables = note.one_off.map(|one_off| one_off.withheld).unwrap_or_default();
            // A place that the files name by now is reached with what they say.
            if found.1.one_off.is_none() || variables.is_empty() {
                return Self::Known(Box::new(found));
            }
            return Self::Withheld { place: found.1.place(), variables };
        }
        match (place, note.one_off.map(|one_off| one_off.withheld)) {
            (Some(place), Some(variables)) if !variables.is_empty() => {
                Self::Withheld { place, variables }
            }
            (place, _) => Self::Gone(place),
        }
    }
}

impl Destination {
    /// Why the queue cannot be sent; empty where it can.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Known(_) => String::new(),
            Self::Withheld { variables, .. } => format!(
                "the environment of these turns had {}, which is not stored (hint: run \
                 `arize-codex flush` with the same environment)",
                variables.join(", ")
            ),
            Self::Gone(_) => "the settings name no such target".to_owned(),
        }
    }
}

/// The target to whose queue, or place, this queue belongs by the files and these variables.
fn target_with_queue(
    name: &str,
    paths: &Paths,
    environment: &Environment,
) -> Option<(Settings, TargetSettings)> {
    let mut settings = Settings::load(paths, environment);
    let is_same = |target: &TargetSettings| match name.split_once('@') {
        Some((_, mark)) => target.mark() == mark,
        None => target.name == name && target.one_off.is_none(),
    };
    let place = settings.targets.iter().position(is_same)?;
    let target = settings.targets.remove(place);
    Some((settings, target))
}

/// The queues that are not those of the targets of the settings and hold something, by name.
pub fn other_queues(settings: &Settings, paths: &Paths) -> Vec<OtherQueue> {
    if settings.unreadable.is_some() {
        return Vec::new();
    }
    let entries = fs::read_dir(folder(paths)).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let is_named = |name: &String| settings.targets.iter().any(|target| target.queue() == *name);
    let mut names: Vec<String> = names.filter(|name| !is_named(name)).collect();
    names.sort_unstable();
    let queues = names.into_iter().filter_map(|name| {
        let outbox = outbox(paths, settings, &name);
        if !outbox.holds_something() {
            return None;
        }
        let destination = Destination::of(&name, outbox.folder(), paths);
        Some(OtherQueue { name, outbox, destination })
    });
    queues.collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use otlp_model::{SpanBatch, TreeOptions, Turn};

    use super::*;

    #[test]
    fn a_note_says_what_any_turn_in_the_queue_may_hold() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Outbox::new(folder.path().join("queue"), Limits::default());
        let note = |prompts| Note {
            place: "there".to_owned(),
            contents: Contents { prompts, tool_details: prompts, tool_content: false },
            one_off: None,
        };
        let batch = SpanBatch::of(&Turn::default(), "project", &TreeOptions::default());
        for prompts in [true, false] {
            note(prompts).write(&queue);
            queue.push(&batch, SystemTime::now()).unwrap();
            assert_eq!(Note::read(queue.folder()), note(true));
        }
        assert_eq!(queue.discard().unwrap(), Some(1));
        note(false).write(&queue);
        assert_eq!(Note::read(queue.folder()), note(false));
    }

    #[test]
    fn turns_of_which_nothing_is_noted_may_hold_everything() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Outbox::new(folder.path().join("queue"), Limits::default());
        let batch = SpanBatch::of(&Turn::default(), "project", &TreeOptions::default());
        queue.push(&batch, SystemTime::now()).unwrap();
        let contents = Contents { prompts: false, tool_details: false, tool_content: false };
        Note { contents, ..Note::default() }.write(&queue);
        assert_eq!(Note::read(queue.folder()).contents, Contents::default());
    }
}
