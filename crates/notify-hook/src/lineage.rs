//! What surrounded a turn: the state of its repository, and who called Codex.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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
        let mut child = self.0?;
        let until = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => {
                    let output = child.wait_with_output().ok()?;
                    return Some(!output.stdout.is_empty());
                }
                Ok(None) if Instant::now() < until => sleep(Duration::from_millis(1)),
                Ok(_) | Err(_) => {
                    // It may have ended by itself.
                    let _ = child.kill();
                    let _ = child.wait();
                    return None;
                }
            }
        }
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

    #[test]
    fn a_repository_is_dirty_when_a_tracked_file_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str();
        let git = |arguments: &[&str]| {
            let done =
                Command::new("git").arg("-C").arg(dir.path()).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        assert_eq!(Dirty::ask(path).answer(), None, "no repository");
        git(&["init", "--quiet"]);
        std::fs::write(dir.path().join("a"), "1").unwrap();
        git(&["add", "a"]);
        git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a"]);
        assert_eq!(Dirty::ask(path).answer(), Some(false));
        std::fs::write(dir.path().join("b"), "untracked").unwrap();
        assert_eq!(Dirty::ask(path).answer(), Some(false));
        std::fs::write(dir.path().join("a"), "2").unwrap();
        assert_eq!(Dirty::ask(path).answer(), Some(true));
        assert_eq!(Dirty::ask(None).answer(), None);
    }
}
