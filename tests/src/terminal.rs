//! A terminal with a person in front: programs paint on it, stories read the screen and type.

use std::io::{self, Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{Callbacks, Parser, Screen};

use crate::wait;

/// Runs a program on a pseudo-terminal.
///
/// The program is killed when the terminal is dropped, and hangs up (SIGHUP) when the test is
/// killed.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    painted: Arc<Mutex<Parser<Replies>>>,
    painter: JoinHandle<()>,
    keyboard: Keyboard,
    /// Held open: the program hangs up without it.
    _master: Box<dyn MasterPty + Send>,
}

/// A key.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// Return.
    Enter,
    /// Escape.
    Escape,
    /// The arrow that points down.
    Down,
    /// A character.
    Character(char),
}

type Keyboard = Arc<Mutex<Box<dyn Write + Send>>>;

impl Terminal {
    /// Starts a command, of whose environment only what was set explicitly is used.
    pub fn start(command: &Command) -> anyhow::Result<Self> {
        Self::with_columns(command, COLUMNS.get())
    }

    /// The same on a terminal of this width.
    pub fn with_columns(command: &Command, columns: u16) -> anyhow::Result<Self> {
        let columns = NonZeroU16::new(columns).context("no columns")?;
        let size = PtySize { rows: ROWS.get(), cols: columns.get(), ..PtySize::default() };
        let pair = native_pty_system().openpty(size).context("no pseudo-terminal")?;
        let child = pair.slave.spawn_command(on_terminal(command))?;
        let keyboard: Keyboard = Arc::new(Mutex::new(pair.master.take_writer()?));
        let replies = Replies { keyboard: Arc::clone(&keyboard) };
        let painted = Parser::new_with_callbacks(ROWS, columns, 0, replies);
        let painted = Arc::new(Mutex::new(painted));
        let mut output = pair.master.try_clone_reader()?;
        let painter = thread::spawn({
            let painted = Arc::clone(&painted);
            move || paint(&mut output, &painted)
        });
        Ok(Self { child, painted, painter, keyboard, _master: pair.master })
    }

    /// Returns the text on the screen.
    pub fn screen(&self) -> String {
        lock(&self.painted).screen().contents()
    }

    /// Waits until the screen shows this text.
    pub fn shows(&self, text: &str) -> anyhow::Result<()> {
        self.wait(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as `condition` wants it.
    pub fn wait(&self, what: &str, condition: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let found = wait::until(what, PATIENCE, || condition(&self.screen()).then_some(()));
        found.with_context(|| format!("the screen:\n{}", self.screen()))
    }

    /// Presses a key.
    pub fn press(&self, key: Key) -> anyhow::Result<()> {
        let code = match key {
            Key::Enter => "\r".to_owned(),
            Key::Escape => "\x1b".to_owned(),
            Key::Down => "\x1b[B".to_owned(),
            Key::Character(character) => character.to_string(),
        };
        self.send(&code)
    }

    /// Pastes text: programs take what is typed faster than a person can for something else.
    pub fn paste(&self, text: &str) -> anyhow::Result<()> {
        self.send(&format!("\x1b[200~{text}\x1b[201~"))
    }

    /// Waits until the program has ended by itself and the screen shows all that it wrote.
    pub fn ended(&mut self) -> anyhow::Result<()> {
        let ended = wait::until("the program on the terminal to end", PATIENCE, || {
            self.child.try_wait().transpose()
        });
        ended.with_context(|| format!("the screen:\n{}", self.screen()))??;
        // A program that it started in the background may keep the terminal open.
        let _ = wait::until("its last output", LAST_OUTPUT, || {
            self.painter.is_finished().then_some(())
        });
        Ok(())
    }

    fn send(&self, code: &str) -> anyhow::Result<()> {
        let mut keyboard = lock(&self.keyboard);
        keyboard.write_all(code.as_bytes())?;
        Ok(keyboard.flush()?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ROWS: NonZeroU16 = NonZeroU16::new(50).expect("not zero");
const COLUMNS: NonZeroU16 = NonZeroU16::new(120).expect("not zero");

/// A scripted turn takes about a second; a busy machine takes its time, above all for the daemon, for
/// which Codex copies itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How long the output of a program that has ended may take to the screen.
const LAST_OUTPUT: Duration = Duration::from_secs(10);

/// Answers the questions that programs ask a terminal by escape sequences.
struct Replies {
    keyboard: Keyboard,
}

impl Callbacks for Replies {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _second: Option<u8>,
        parameters: &[&[u16]],
        kind: char,
    ) {
        let reply = match (first, kind, parameters) {
            (None, 'n', [[6]]) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            // A plain VT102.
            (None, 'c', _) => "\x1b[?6c".to_owned(),
            _ => return,
        };
        // A program that is gone needs no reply.
        let _ = lock(&self.keyboard).write_all(reply.as_bytes());
    }
}

fn paint(output: &mut impl Read, painted: &Mutex<Parser<Replies>>) {
    let mut piece = [0; 4096];
    loop {
        match output.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => lock(painted).process(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // How Linux says that the program has closed the terminal.
            Err(_) => return,
        }
    }
}

fn on_terminal(command: &Command) -> CommandBuilder {
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            builder.env(name, value);
        }
    }
    builder.env("TERM", "xterm-256color");
    if let Some(folder) = command.get_current_dir() {
        builder.cwd(folder);
    }
    builder
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_is_painted_and_passes_on_what_is_typed() {
        let script = r#"printf '\033[2J\033[3;5Hname? '; read -r name; echo "hello $name""#;
        let mut terminal = Terminal::start(Command::new("/bin/sh").args(["-c", script])).unwrap();
        terminal.shows("    name? ").unwrap();
        terminal.press(Key::Character('n')).unwrap();
        terminal.press(Key::Enter).unwrap();
        terminal.shows("hello n").unwrap();
        terminal.ended().unwrap();
    }

    #[test]
    fn says_where_the_cursor_is() {
        // Line and column, in the terminal's answer to `\033[6n`.
        let script = r#"stty -echo -icanon; printf '\033[2J\033[3;5H\033[6n'
            answer=$(dd bs=1 count=6 2>/dev/null); stty sane
            case "$answer" in *'[3;5R') echo right;; *) echo wrong;; esac"#;
        let terminal = Terminal::start(Command::new("/bin/sh").args(["-c", script])).unwrap();
        terminal.shows("right").unwrap();
    }
}
