//! Paths, times and amounts as people read them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use codex_config::{command_program, command_word};
use otlp_model::UnixNanos;
use textwrap::core::display_width;

#[cfg(not(windows))]
const EDITOR: &str = "${EDITOR:-vi}";
#[cfg(windows)]
const EDITOR: &str = "notepad";

#[cfg(not(windows))]
const SHOW_ACCESS: &str = "ls -ld";
#[cfg(windows)]
const SHOW_ACCESS: &str = "icacls";

/// A path for a shell.
pub(crate) fn quoted(path: &Path) -> String {
    command_word(&path.display().to_string())
}

/// A program for a shell that is to run it.
pub(crate) fn program(path: &Path) -> String {
    command_program(&path.display().to_string())
}

/// The command that opens a file in an editor.
pub(crate) fn edit(path: &Path) -> String {
    format!("{EDITOR} {}", quoted(path))
}

/// The command that shows who may use a file or a folder.
pub(crate) fn show_access(path: &Path) -> String {
    format!("{SHOW_ACCESS} {}", quoted(path))
}

/// A time span in its largest unit, such as `5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time in milliseconds since the Unix epoch.
pub(crate) fn millis(time: SystemTime) -> u64 {
    UnixNanos::from(time).millis()
}

/// A number of things.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// US dollars; small amounts with more digits.
pub fn dollars(amount: f64) -> String {
    if amount < 1.0 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

/// US dollars for a program: to a millionth, so that sums of binary fractions have no tail.
pub fn rounded_usd(amount: f64) -> f64 {
    (amount * 1e6).round() / 1e6
}

/// An amount of bytes in its largest unit.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = "bytes";
    let mut amount = bytes as f64;
    for larger in UNITS {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = larger;
    }
    if unit == "bytes" || amount >= 10.0 {
        format!("{amount:.0} {unit}")
    } else {
        format!("{amount:.1} {unit}")
    }
}

/// A text of others on one line of at most so many columns.
pub(crate) fn line(text: &str, width: usize) -> String {
    cut(text.trim(), width)
}

/// The beginning of a text on one line of this width in columns, without characters that a terminal
/// acts on.
pub fn cut(text: &str, width: usize) -> String {
    let line = terminal_text::line(text);
    if display_width(&line) <= width {
        return line;
    }
    let mut room = width.saturating_sub(1);
    let fits = |c: &char| {
        let columns = display_width(c.encode_utf8(&mut [0; 4]));
        let fits = columns <= room;
        room = room.saturating_sub(columns);
        fits
    };
    let mut cut: String = line.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_have_one_unit() {
        for (seconds, text) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        for (amount, text) in
            [(0, "0 bytes"), (1536, "1.5 KiB"), (20 << 30, "20 GiB"), (u64::MAX, "16777216 TiB")]
        {
            assert_eq!(bytes(amount), text);
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\n\u{1b}[31mb ", 10), "a ␛[31mb");
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdef", 3), "ab…");
        assert_eq!(line("長いabc", 4), "長…", "each of the first two takes two columns");
    }
}
