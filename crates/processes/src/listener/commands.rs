//! What the programs of macOS and Windows say about who listens.

use std::process::Command;
use std::time::Duration;

use super::Listener;
use crate::{answer, without_keys};

/// How long a program may take; `lsof` waits for file systems that do not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a program of the system prints; nothing if there is none, or if it takes too long.
pub(super) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let said = answer(without_keys(Command::new(program).args(arguments)), PATIENCE).ok()?;
    Some(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// Reads `lsof -Fpc`: a line for each field, which begins with the field's letter.
#[cfg(any(target_os = "macos", test))]
pub(super) fn lsof(text: &str) -> Option<Listener> {
    let field = |letter: char| text.lines().find_map(|line| line.strip_prefix(letter));
    let pid = field('p')?.parse().ok()?;
    Some(Listener { pid: Some(pid), program: field('c').map(str::to_owned), ..Listener::default() })
}

/// Reads `netstat -ano`. The name of the state is in the user's language, so that a socket that
/// listens has no process at the other end.
#[cfg(any(windows, test))]
pub(super) fn netstat(text: &str, port: u16) -> Option<Listener> {
    let suffix = format!(":{port}");
    let pid = text.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, .., pid] = words[..] else { return None };
        let listens = matches!(remote, "0.0.0.0:0" | "[::]:0");
        (local.ends_with(&suffix) && listens).then(|| pid.parse().ok())?
    })?;
    Some(Listener { pid: Some(pid), ..Listener::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsof_names_the_process_and_its_program() {
        let text = "p13391\ncPython\nf3\n";
        let program = Some("Python".to_owned());
        assert_eq!(lsof(text), Some(Listener { pid: Some(13391), program, ..Listener::default() }));
        assert_eq!(lsof(""), None);
        assert_eq!(lsof("lsof: status error on x\n"), None);
    }

    #[test]
    fn netstat_names_the_process() {
        let text = "\nAktive Verbindungen\n\n  \
            Proto  Lokale Adresse         Remoteadresse          Status           PID\n  \
            TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1136\n  \
            TCP    127.0.0.1:4318         127.0.0.1:50312        HERGESTELLT     4\n  \
            TCP    127.0.0.1:4318         0.0.0.0:0              ABHÖREN         7712\n  \
            TCP    [::1]:14318            [::]:0                 ABHÖREN         9000\n";
        let pid = |port| netstat(text, port).and_then(|occupant| occupant.pid);
        assert_eq!((pid(4318), pid(14318), pid(318)), (Some(7712), Some(9000), None));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_waited_for_in_vain_only_so_long() {
        let began = std::time::Instant::now();
        assert_eq!(output("sleep", &["60"]), None);
        assert!(began.elapsed() < PATIENCE * 5);
        assert_eq!(output("echo", &["p1"]).as_deref(), Some("p1\n"));
        assert_eq!(output("no-such-program", &[]), None);
    }
}
