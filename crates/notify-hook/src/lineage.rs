//! What surrounded a turn: the state of its repository, and who called Codex.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use codex_config::Settings;
use otlp_model::turn::Caller;
use otlp_model::{Attribute, SpanId, TraceId, Turn};

/// How long the question may take; a large repository stays without an answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// A question to git that is being answered while the hook waits for something else.
pub(crate) struct Dirty(Option<Child>);

impl Dirty {
    /// Asks whether tracked files of a working directory differ from its commit.
    pub(crate) fn ask(directory: Option<&str>) -> Self {
        let repository = directory.map(Path::new).filter(|directory| is_in_repository(directory));
        let child = repository.and_then(|directory| {
            let mut git = Command::new("git");
            git.arg("-C").arg(directory);
            // No program of the repository's choice is run, and no lock taken that Codex may want.
            git.args(["--no-optional-locks", "-c", "core.fsmonitor=false", "status"]);
            git.args(["--porcelain", "--untracked-files=no", "--ignore-submodules"]);
            git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            git.spawn().ok()
        });
        Self(child)
    }

    /// The answer, if it has come in time.
    pub(crate) fn answer(self) -> Option<bool> {
        self.within(PATIENCE)
    }

    /// One letter of its list says enough: git would wait for a reader of all of a long one.
    fn within(self, patience: Duration) -> Option<bool> {
        let mut child = self.0?;
        let mut stdout = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let read = stdout.read(&mut [0]);
            // Nobody listens any more if it took too long.
            let _ = sender.send(read);
        });
        let answer = match receiver.recv_timeout(patience) {
            Ok(Ok(0)) => child.wait().ok().filter(ExitStatus::success).map(|_| false),
            Ok(Ok(_)) => Some(true),
            Ok(Err(_)) | Err(_) => None,
        };
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        answer
    }
}

/// Notes who called Codex: a pipeline that set `TRACEPARENT` for `codex exec`. In other front ends
/// the variable is whatever the first terminal had.
pub(crate) fn note_caller(turn: &mut Turn, settings: &Settings) {
    let is_exec = turn.attributes.iter().any(|attribute| {
        attribute.key == "codex.originator" && attribute.value == "codex_exec".into()
    });
    let Some(caller) = settings.traceparent.as_deref().filter(|_| is_exec).and_then(parse) else {
        return;
    };
    turn.attributes.push(Attribute::new("codex.caller.trace_id", caller.trace_id.to_string()));
    turn.attributes.push(Attribute::new("codex.caller.span_id", caller.span_id.to_string()));
    if settings.join_caller_trace {
        turn.caller = Some(caller);
    }
}

/// Reads a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn parse(header: &str) -> Option<Caller> {
    let mut parts = header.trim().split('-').skip(1);
    let trace_id = TraceId::from_hex(parts.next()?)?;
    let span_id = SpanId::from_hex(parts.next()?)?;
    Some(Caller { trace_id, span_id })
}

fn is_in_repository(directory: &Path) -> bool {
    directory.is_dir() && directory.ancestors().any(|folder| folder.join(".git").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents() {
        let check = |header, expected: Option<&str>| {
            assert_eq!(
                parse(header).map(|caller| caller.trace_id.to_string()).as_deref(),
                expected
            );
        };
        let trace = "0af7651916cd43dd8448eb211c80319c";
        check("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some(trace));
        check("00-00000000000000000000000000000000-b7ad6b7169203331-01", None);
        check("00-0af7651916cd43dd8448eb211c80319c", None);
        check("nonsense", None);
    }

    // Where Windows is tested there is no git for it.
    #[cfg(unix)]
    #[test]
    fn a_repository_is_dirty_when_a_tracked_file_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str();
        let git = |arguments: &[&str]| {
            let done =
                Command::new("git").arg("-C").arg(dir.path()).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        let is_dirty = || Dirty::ask(path).within(Duration::from_secs(60));
        assert_eq!(is_dirty(), None, "no repository");
        git(&["init", "--quiet"]);
        std::fs::write(dir.path().join("a"), "1").unwrap();
        // Their names are more than a pipe takes.
        for number in 0..1000 {
            std::fs::write(dir.path().join(format!("{number:0>100}")), "1").unwrap();
        }
        git(&["add", "."]);
        git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a"]);
        assert_eq!(is_dirty(), Some(false));
        std::fs::write(dir.path().join("b"), "untracked").unwrap();
        assert_eq!(is_dirty(), Some(false));
        std::fs::write(dir.path().join("a"), "2").unwrap();
        assert_eq!(is_dirty(), Some(true));
        for number in 0..1000 {
            std::fs::remove_file(dir.path().join(format!("{number:0>100}"))).unwrap();
        }
        assert_eq!(is_dirty(), Some(true));
        assert_eq!(Dirty::ask(None).answer(), None);
    }
}
