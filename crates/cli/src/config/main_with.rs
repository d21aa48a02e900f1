//! The command at its terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use codex_config::Environment;

use super::{Arguments, Console, ExitCode, Input, report, run};

/// Carries out one command with the streams of this process.
pub fn main_with(arguments: Arguments, environment: &Environment) -> std::process::ExitCode {
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let mut stdin = io::stdin().lock();
    let mut ask = |question: &str| {
        restore_terminal_when_stopped();
        let answer = rpassword::prompt_password(question);
        if answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            // The thread that has the signal ends this process with it; it may need a moment.
            std::thread::sleep(Duration::from_secs(10));
        }
        answer
    };
    let input =
        if stdin.is_terminal() { Input::Person(&mut ask) } else { Input::Stream(&mut stdin) };
    let console = Console { input, output: &mut output, notes: &mut notes };
    let code = match run(arguments, environment, console) {
        Ok(code) => code,
        Err(error) => report(&error, &mut notes),
    };
    // A program that reads the result gets it as it is.
    if io::stdout().is_terminal() {
        output = terminal_text::lines(&String::from_utf8_lossy(&output)).into_bytes();
    }
    let notes = terminal_text::lines(&String::from_utf8_lossy(&notes));
    // Where even this fails, the exit code is all that is left.
    let _ = io::stderr().write_all(notes.as_bytes());
    let mut stdout = io::stdout();
    match stdout.write_all(&output).and_then(|()| stdout.flush()) {
        Ok(()) => code.into(),
        Err(_) => ExitCode::WriteFailed.into(),
    }
}

/// A signal at the question would leave a terminal that shows nothing of what is typed.
#[cfg(unix)]
fn restore_terminal_when_stopped() {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    let Ok(before) = tcgetattr(io::stdin()) else { return };
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])
    else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // Where this fails, the signal still ends the program.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            let _ = io::stderr().write_all(b"\n");
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}

#[cfg(not(unix))]
fn restore_terminal_when_stopped() {}
