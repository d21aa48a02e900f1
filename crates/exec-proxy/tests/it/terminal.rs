//! A shell on a terminal, and keys.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::codex::{Home, says, until, wait_until_stopped};

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// An interactive shell.
struct Shell {
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<String>>,
    process: Box<dyn Child + Send + Sync>,
    _terminal: Box<dyn MasterPty + Send>,
}

impl Shell {
    fn start(home: &Home) -> Self {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut bash = CommandBuilder::new("/bin/bash");
        bash.args(["--norc", "--noprofile", "-i"]);
        bash.env_clear();
        bash.env("HOME", home.path(""));
        bash.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
        bash.env("PS1", "ready> ");
        bash.cwd(home.path(""));
        let process = pair.slave.spawn_command(bash).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        thread::spawn({
            let shown = Arc::clone(&shown);
            move || {
                let mut piece = [0; 1024];
                while let Ok(length @ 1..) = output.read(&mut piece) {
                    shown.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
                }
            }
        });
        Self { keyboard, shown, process, _terminal: pair.master }
    }

    fn enter(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn shows(&self, text: &str) {
        let what = || format!("{text:?} in {:?}", self.shown.lock());
        until(what, || self.shown.lock().unwrap().contains(text).then_some(()));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The proxy, which becomes Codex, or in CI waits for it.
const WAYS: [&str; 2] = ["ours/arize-codex-proxy exec", "CI=true ours/arize-codex-proxy exec"];

#[test]
fn ctrl_c_reaches_codex_once() {
    for proxy in WAYS {
        let home = Home::with_codex(
            "trap 'echo interrupted >> heard' INT; trap 'kill $!; exit 4' TERM; echo > ready
            sleep 60 & while :; do wait; done",
        );
        let mut shell = Shell::start(&home);
        shell.enter(&format!("{proxy} & echo $! > pid; fg; echo code=$?\r"));
        says(&home.path("ready"));
        shell.enter(CTRL_C);
        let heard = home.path("heard");
        says(&heard);
        // A second one would have come before what is sent after it.
        let pid = says(&home.path("pid"));
        let killed = std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
        assert!(killed.success());
        shell.shows("code=4");
        assert_eq!(says(&heard), "interrupted\n", "{proxy}");
    }
}

#[test]
fn ctrl_c_ends_what_does_not_listen_as_it_ends_codex() {
    let home = Home::with_codex("echo > ready; exec sleep 60");
    let mut shell = Shell::start(&home);
    shell.enter("ours/arize-codex-proxy exec; echo code=$?\r");
    says(&home.path("ready"));
    shell.enter(CTRL_C);
    // Bash gives up the line: it knows that the program died of the signal, and not with a code.
    shell.enter("echo last=$?\r");
    shell.shows("last=130");
    assert!(!shell.shown.lock().unwrap().contains("code=130"));
}

#[test]
fn ctrl_z_stops_the_job_and_fg_lets_it_go_on() {
    let home = Home::with_codex(READ);
    let mut shell = Shell::start(&home);
    shell.enter("ours/arize-codex-proxy exec\r");
    let codex = says(&home.path("ready"));
    shell.enter(CTRL_Z);
    shell.shows("Stopped");
    goes_on_in_the_foreground(shell, codex.trim());
}

/// The shell waits until each process of a job is stopped.
#[test]
fn ctrl_z_stops_a_pipeline() {
    for proxy in WAYS {
        let home = Home::with_codex(&READ.replace("read -r line", "read -r line < /dev/tty"));
        let mut shell = Shell::start(&home);
        shell.enter(&format!("true | {proxy}\r"));
        let codex = says(&home.path("ready"));
        shell.enter(CTRL_Z);
        shell.shows("Stopped");
        goes_on_in_the_foreground(shell, codex.trim());
    }
}

#[test]
fn a_job_in_the_background_that_wants_to_read_is_stopped() {
    let home = Home::with_codex(READ);
    let mut shell = Shell::start(&home);
    shell.enter("ours/arize-codex-proxy exec & echo $! > pid\r");
    let codex = says(&home.path("ready"));
    for pid in [&codex, &says(&home.path("pid"))] {
        wait_until_stopped(pid.trim(), true);
    }
    goes_on_in_the_foreground(shell, codex.trim());
}

/// Reads a line from the terminal.
const READ: &str = "echo $$ > ready; read -r line; echo \"got $line\"; exit 6";

fn goes_on_in_the_foreground(mut shell: Shell, codex: &str) {
    shell.enter("fg; echo code=$?\r");
    // Until then the shell itself reads what is typed.
    wait_until_stopped(codex, false);
    shell.enter("hello\r");
    shell.shows("got hello");
    shell.shows("code=6");
}
