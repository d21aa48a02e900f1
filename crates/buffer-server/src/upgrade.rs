//! Becomes the new version of the program when its file was replaced, as a package manager does it.
//!
//! The process stays and with it the listening socket, which the new program finds as its standard
//! input: a sender that connects meanwhile waits, and is answered by the new one. What was accepted
//! before is answered by the old one, and is in the database. This happens right after events arrived,
//! when their sender has nothing to send for a while.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::http::App;

/// How long a file must have been as it is: it may still be written to.
const SETTLED: Duration = Duration::from_secs(1);

/// How long the new program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file of the program that runs, as it was when it was started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Program {
    /// The program in this file; nothing where it cannot be replaced while it runs.
    pub(crate) fn in_file(path: &Path) -> Option<Self> {
        let stamp = Stamp::of(path)?;
        cfg!(unix).then(|| Self { path: path.to_owned(), stamp })
    }

    /// Ready when another version is in the file, and starts on this machine.
    pub(crate) async fn replaced(mut self, app: App) {
        let mut news = app.news();
        while news.changed().await.is_ok() {
            let Some(now) = Stamp::of(&self.path).filter(|now| *now != self.stamp) else {
                continue;
            };
            if app.is_in_memory() {
                continue;
            }
            if !now.is_settled() {
                // No more events may come for a long time.
                tokio::time::sleep(SETTLED).await;
                if Stamp::of(&self.path).as_ref() != Some(&now) {
                    continue;
                }
            }
            if starts(&self.path).await {
                return;
            }
            let path = self.path.display();
            app.log.line(format_args!("the new `{path}` does not start: this version goes on"));
            self.stamp = now;
        }
        // The service ends, for which others have reasons.
        std::future::pending().await
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { bytes: metadata.len(), modified: metadata.modified().ok(), inode })
    }

    /// Whether nothing was written lately. A file from a package has the time of its build.
    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|modified| modified.elapsed().ok());
        age.is_none_or(|age| age >= SETTLED)
    }
}

/// Whether a program runs on this machine at all.
async fn starts(program: &Path) -> bool {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let program = program.to_owned();
    // Not on the thread of the store.
    std::thread::spawn(move || {
        let answer = processes::answer(Command::new(program).arg("--version"), PATIENCE);
        // The service may have ended.
        let _ = sender.send(answer.is_ok_and(|answer| answer.status.success()));
    });
    receiver.await.unwrap_or(false)
}

/// Becomes the program in this file, with the same arguments; returns only where that fails.
#[cfg(unix)]
pub(crate) fn become_new(program: &Path, listener: TcpListener) -> std::io::Error {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    command.stdin(std::os::fd::OwnedFd::from(listener)).exec()
}

#[cfg(not(unix))]
pub(crate) fn become_new(_: &Path, _: TcpListener) -> std::io::Error {
    std::io::ErrorKind::Unsupported.into()
}

/// The listening socket that an older version of the program has left as the standard input.
#[cfg(unix)]
pub(crate) fn inherited() -> Option<TcpListener> {
    use std::os::fd::AsFd;
    let stdin = std::io::stdin();
    rustix::net::sockopt::socket_acceptconn(&stdin).ok().filter(|accepts| *accepts)?;
    Some(stdin.as_fd().try_clone_to_owned().ok()?.into())
}

#[cfg(not(unix))]
pub(crate) fn inherited() -> Option<TcpListener> {
    None
}
