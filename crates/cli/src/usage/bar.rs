//! How far an import is, in one line of a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use codex_import::Progress;

/// How often the line changes.
const TICK: Duration = Duration::from_millis(100);

/// What is done sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(300);

/// A line on standard error that changes, and goes at the end; nothing where that is no terminal.
pub(super) struct Bar {
    what: &'static str,
    begun: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Bar {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, begun: Instant::now(), shown: None, is_terminal: stderr().is_terminal() }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        let is_due = match self.shown {
            Some(shown) => now.duration_since(shown) >= TICK,
            None => now.duration_since(self.begun) >= PATIENCE,
        };
        if self.is_terminal && is_due {
            self.shown = Some(now);
            let line = line(self.what, progress, now.duration_since(self.begun));
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{line}");
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(what: &str, progress: Progress, elapsed: Duration) -> String {
    const MEGABYTE: f64 = 1e6;
    const WIDTH: usize = 20;
    let Progress { files, all_files, bytes, all_bytes } = progress;
    let share = if all_bytes == 0 { 1.0 } else { bytes as f64 / all_bytes as f64 };
    let full = ((share * WIDTH as f64) as usize).min(WIDTH);
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let left = all_bytes.saturating_sub(bytes) as f64 / rate.max(1.0);
    format!(
        "{what} [{}{}] {files}/{all_files} files, {:.0}/{:.0} MB, {:.0} MB/s, {:.0} s left",
        "#".repeat(full),
        "-".repeat(WIDTH - full),
        bytes as f64 / MEGABYTE,
        all_bytes as f64 / MEGABYTE,
        rate / MEGABYTE,
        left.ceil(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_files_bytes_rate_and_time_left() {
        let progress =
            Progress { files: 3, all_files: 12, bytes: 50_000_000, all_bytes: 200_000_000 };
        assert_eq!(
            line("numbers", progress, Duration::from_secs(2)),
            "numbers [#####---------------] 3/12 files, 50/200 MB, 25 MB/s, 6 s left"
        );
        assert!(line("", Progress::default(), Duration::ZERO).starts_with(" [####"));
    }
}
