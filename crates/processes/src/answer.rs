//! Asks another program, which may take too long or never end.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program to its end, without input, and gives what it printed.
///
/// When its time is over it is killed. What it has started itself goes on, perhaps with its output
/// held open: this does not wait for them.
///
/// # Errors
///
/// When it cannot be started or read, and [`io::ErrorKind::TimedOut`] when it took too long.
pub fn answer(command: &mut Command, patience: Duration) -> io::Result<Output> {
    let until = Instant::now() + patience;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let output = gather(&mut child, until);
    if output.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.try_wait();
    }
    output
}

fn gather(child: &mut Child, until: Instant) -> io::Result<Output> {
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let (stdout, stderr) = (arrived(&stdout, until)?, arrived(&stderr, until)?);
    Ok(Output { status: ended(child, until)?, stdout, stderr })
}

fn read(stream: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map_or(Ok(0), |mut stream| stream.read_to_end(&mut bytes));
        // The receiver is gone if it took too long.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

fn arrived(stream: &Receiver<io::Result<Vec<u8>>>, until: Instant) -> io::Result<Vec<u8>> {
    let left = until.saturating_duration_since(Instant::now());
    stream.recv_timeout(left).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Waits for the end of a program that has closed its output, and so is about to end.
fn ended(child: &mut Child, until: Instant) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, patience: Duration) -> io::Result<Output> {
        answer(Command::new("/bin/sh").args(["-c", script]), patience)
    }

    #[test]
    fn all_that_it_says_arrives_with_how_it_ended() {
        let said = shell("echo to you; echo and me >&2; exit 3", LONG).unwrap();
        assert_eq!((&said.stdout[..], &said.stderr[..]), (&b"to you\n"[..], &b"and me\n"[..]));
        assert_eq!(said.status.code(), Some(3));
        let much = shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2", LONG).unwrap();
        assert_eq!((much.stdout.len(), much.stderr.len()), (300_000, 300_000));
    }

    #[test]
    fn a_command_that_does_not_end_and_its_children_are_not_waited_for() {
        let begun = Instant::now();
        for script in ["exec sleep 60", "sleep 60 & echo done", "exec >&- 2>&-; exec sleep 60"] {
            let error = shell(script, Duration::from_millis(50)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}");
        }
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    }
}
