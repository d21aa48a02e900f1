//! Which thread Codex writes to, by file-system notifications.

use std::fs;
use std::path::{Path, PathBuf};

use codex_home::sessions;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::Change;
use crate::config::Sweep;
use crate::log::{Log, Topic};

/// Year, month, day.
const FOLDER_DEPTH: usize = 3;

/// Watches Codex's sessions folder with all days' folders: a thread that is taken up again goes on
/// in the folder of the day on which it began. Watches the outboxes and the settings file, too.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    sessions: PathBuf,
    watched: Watched,
}

/// What a path means.
struct Places {
    sessions: PathBuf,
    outbox: PathBuf,
    settings: PathBuf,
}

/// How much is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// There is no folder of Codex yet, or the system refuses.
    Nothing,
    /// The folder in which Codex will make the sessions folder.
    Parent,
    Sessions,
}

impl Watch {
    /// Watches what concerns a sweep and sends what happens there. What cannot be watched is a line
    /// in the log: there are events, too.
    pub(super) fn new(sweep: &Sweep, sender: UnboundedSender<Change>, log: &Log) -> Self {
        let Sweep { codex_home, outbox, settings, .. } = sweep;
        let sessions = sessions::folder(codex_home);
        let places = Places {
            sessions: sessions.clone(),
            outbox: outbox.clone(),
            settings: settings.clone(),
        };
        let handler = move |event: notify::Result<Event>| {
            let changes = event.map(|event| changes(event, &places));
            for change in changes.unwrap_or_default() {
                // The receiver is gone when the service ends.
                let _ = sender.send(change);
            }
        };
        let watcher = RecommendedWatcher::new(handler, Config::default());
        let watcher = watcher.map_err(|error| say(log, codex_home, &error)).ok();
        let mut watch = Self { watcher, sessions, watched: Watched::Nothing };
        watch.begin(log);
        watch.begin_outbox(outbox, log);
        watch.begin_settings(settings, log);
        watch
    }

    /// The folder of the file: a replacement ends the watch of the old file.
    fn begin_settings(&mut self, settings: &Path, log: &Log) {
        let (Some(watcher), Some(folder)) = (&mut self.watcher, settings.parent()) else { return };
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            say(log, settings, &error);
        }
    }

    /// The folder is made, so that it can be watched before a turn is queued.
    fn begin_outbox(&mut self, outbox: &Path, log: &Log) {
        let Some(watcher) = &mut self.watcher else { return };
        let made = private_files::create_parent(&outbox.join("any")).map_err(notify::Error::io);
        if let Err(error) = made.and_then(|()| watcher.watch(outbox, RecursiveMode::Recursive)) {
            say(log, outbox, &error);
        }
    }

    /// Begins to watch, unless it does already.
    pub(super) fn begin(&mut self, log: &Log) {
        let Some(watcher) = &mut self.watcher else { return };
        let Some(parent) = self.sessions.parent() else { return };
        if self.watched == Watched::Nothing && parent.is_dir() {
            match watcher.watch(parent, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched = Watched::Parent,
                Err(error) => say(log, parent, &error),
            }
        }
        // After that, lest it appears in between.
        if self.watched == Watched::Parent && self.sessions.is_dir() {
            match watcher.watch(&self.sessions, RecursiveMode::Recursive) {
                Ok(()) => {
                    self.watched = Watched::Sessions;
                    // Codex writes to other files there that are of no interest.
                    let _ = watcher.unwatch(parent);
                }
                Err(error) => say(log, &self.sessions, &error),
            }
        }
    }

    /// Takes note of a folder that is new or gone; names the threads in it, to which Codex may have
    /// written before the service watched.
    pub(super) fn folder_changed(&mut self, folder: &Path, log: &Log) -> Vec<String> {
        if folder == self.sessions {
            // Also where it is there: it may be another one than the one that is watched.
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(&self.sessions);
            }
            self.watched = Watched::Nothing;
            self.begin(log);
        } else if let Some(watcher) = self.watcher.as_mut().filter(|_| cfg!(target_os = "linux")) {
            // There the watcher hears of a new folder first and watches it then. What is written in
            // between would be in neither the list below nor the news.
            let _ = watcher.watch(folder, RecursiveMode::Recursive);
        }
        threads_below(folder, FOLDER_DEPTH)
    }
}

fn changes(event: Event, places: &Places) -> Vec<Change> {
    let Places { sessions, outbox, settings } = places;
    // A process that only reads it changes nothing.
    let is_change = !matches!(event.kind, EventKind::Access(_));
    if event.paths.iter().any(|path| path.starts_with(outbox)) {
        return is_change.then_some(Change::Outbox).into_iter().collect();
    }
    if event.paths.contains(settings) {
        return is_change.then_some(Change::Settings).into_iter().collect();
    }
    let change = |path: PathBuf| match event.kind {
        EventKind::Create(CreateKind::Folder) => Some(Change::Folder(path)),
        EventKind::Remove(_) => (path == *sessions).then_some(Change::Folder(path)),
        // The file is also closed by the system, when it kills Codex.
        EventKind::Create(_)
        | EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Any | ModifyKind::Data(_) | ModifyKind::Name(_)) => {
            thread_of(&path).map(Change::Written)
        }
        // Reading changes nothing.
        _ => None,
    };
    event.paths.into_iter().filter_map(change).collect()
}

fn threads_below(folder: &Path, depth: usize) -> Vec<String> {
    let paths =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let threads = paths.flat_map(|path| match thread_of(&path) {
        Some(thread) => vec![thread],
        None if depth > 0 => threads_below(&path, depth - 1),
        None => Vec::new(),
    });
    threads.collect()
}

/// The thread whose transcript a file is.
fn thread_of(path: &Path) -> Option<String> {
    sessions::thread_of(path.file_name()?.to_str()?).map(str::to_owned)
}

fn say(log: &Log, path: &Path, error: &notify::Error) {
    log.line_on(Topic::Sweep, format_args!("`{}` is not watched: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::config::Pace;

    /// The news of the old folder's end may come when the new one is there already.
    #[test]
    fn a_sessions_folder_that_was_replaced_is_watched() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::to_stderr();
        let sweep = Sweep {
            hook: home.path().join("hook"),
            codex_home: home.path().join("codex"),
            outbox: home.path().join("outbox"),
            settings: home.path().join("config.yaml"),
            pace: Pace::default(),
        };
        let sessions = sessions::folder(&sweep.codex_home);
        fs::create_dir_all(&sessions).unwrap();
        let (sender, mut changes) = unbounded_channel();
        let mut watch = Watch::new(&sweep, sender, &log);
        fs::remove_dir(&sessions).unwrap();
        fs::create_dir(&sessions).unwrap();
        assert_eq!(watch.folder_changed(&sessions, &log), [""; 0]);
        let thread = "01a22e4c-03ba-7161-97e0-bb0ec6880634";
        let file = sessions.join(format!("rollout-2026-11-21T01-02-03-{thread}.jsonl"));
        fs::write(file, "{}\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_of_thread = |change: Change| matches!(change, Change::Written(of) if of == thread);
        while !changes.try_recv().is_ok_and(is_of_thread) {
            assert!(Instant::now() < deadline, "nothing is heard of the thread");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
