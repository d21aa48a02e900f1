//! A person installs the tracing at a terminal, uses Codex, and takes the tracing away again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use stories::http::{Server, respond};
use stories::process::{Finished, run, run_with_input};
use stories::strace::{self, Fault};
use stories::terminal::{Key, Terminal};
use stories::{Call, Codex, Home, ModelServer, Script, Step, USAGE, wait};

use crate::stage;

const LIMIT: Duration = Duration::from_secs(60);

/// From a fresh home to a stored turn and back, with nothing but what a person would type.
#[test]
fn setup_on_a_terminal_then_codex_exec_then_uninstall() {
    let script = Script::new("Say one")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one")))
        .step(Step::new(USAGE).message("One."));
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let person = Person::new();
    Codex::untraced(&stage::codex(), &person.home, &model).expect("config.toml");
    let before = person.files();

    let mut setup = person.command(&stage::programs().join("arize-codex"));
    let port = person.home.buffer_port().to_string();
    setup.args(["setup", "--with-skills", "--port", &port]);
    let mut terminal = Terminal::start(&setup).expect("a terminal");
    // Down to Phoenix and back up would do, too: the store on this machine is proposed.
    answer(&terminal, "Where should traces go?", Key::Enter);
    answer(&terminal, "? What should traces hold?", Key::Enter);
    answer(&terminal, "? Use these defaults for the rest?", Key::Down);
    answer(&terminal, "> customise", Key::Enter);
    // Back, and once more.
    answer(&terminal, "? Project", Key::Escape);
    answer(&terminal, "> customise", Key::Enter);
    terminal.shows("? Project").expect("a question");
    terminal.paste("on-a-terminal").expect("a name");
    answer(&terminal, "on-a-terminal", Key::Enter);
    answer(&terminal, "? User id", Key::Enter);
    answer(&terminal, "? Where should turns be traced?", Key::Enter);
    answer(&terminal, "? Add a `codex` wrapper", Key::Enter);
    answer(&terminal, "? Use Codex's lifecycle hooks", Key::Enter);
    answer(&terminal, "? Go on?", Key::Enter);
    terminal.shows("Open a new shell").expect("the next steps");
    terminal.ended().expect("setup ends");
    let installed = person.files();
    assert!(installed[".codex/config.toml"].contains("arize-hook-codex-notify"), "{installed:?}");

    // A new shell reads the profile, and finds our `codex` before the real one.
    let found = person.shell("command -v codex");
    assert!(found.stdout.ends_with(".arize/harness/bin/codex\n"), "{found:?}");
    let done = person.shell("codex exec --skip-git-repo-check 'Say one' </dev/null");
    assert!(done.status.success() && done.stdout.contains("One."), "{done:?}");
    assert!(!done.stderr.contains("is ignored"), "Codex complains of settings: {done:?}");
    let skills = model.received()[0].body.to_string();
    assert!(skills.contains("codex-tracing/SKILL.md"), "Codex does not know the skill: {skills}");

    let turn = person.stored_turn();
    let of_root = |key: &str| turn[0]["attributes"][key].clone();
    assert_eq!(of_root("input.value"), "Say one", "{turn}");
    assert_eq!(of_root("output.value"), "One.", "{turn}");
    // Through the buffer service: the transcript does not say how long a first token took.
    assert!(turn.to_string().contains("time_to_first_token"), "{turn}");

    let again = person.shell("arize-codex setup -y");
    assert!(again.stdout.contains("Already up to date."), "{again:?}");
    assert_eq!(person.files(), installed);

    let mut uninstall = person.command(&person.installed("arize-codex"));
    let mut terminal = Terminal::start(uninstall.arg("uninstall")).expect("a terminal");
    answer(&terminal, "? Remove the data, too?", Key::Character('y'));
    terminal.press(Key::Enter).expect("a key");
    answer(&terminal, "? Go on?", Key::Enter);
    terminal.shows("stopped the buffer service").expect("what was done");
    terminal.ended().expect("uninstall ends");
    assert_eq!(person.files(), before);
}

/// A wrong answer is put right, a credential is not seen, and Ctrl-C leaves everything as it was.
#[test]
fn a_person_stops_in_the_middle_of_setup() {
    const KEY: &str = "Bearer sk-a-key-of-a-user";
    const BACKSPACE: char = '\u{7f}';
    const CTRL_C: char = '\u{3}';
    let person = Person::new();
    let before = person.files();
    let mut setup = person.command(&stage::programs().join("arize-codex"));
    let port = person.home.buffer_port().to_string();
    let mut terminal = Terminal::start(setup.args(["setup", "--port", &port])).expect("a terminal");
    terminal.shows("Where should traces go?").expect("a question");
    for backend in ["phoenix", "arize", "mlflow", "otlp"] {
        terminal.press(Key::Down).expect("a key");
        terminal.shows(&format!("> {backend}")).expect("the next one");
    }
    terminal.press(Key::Enter).expect("a key");
    terminal.shows("? Address of the OTLP endpoint").expect("a question");
    terminal.paste("ftp").expect("an address");
    answer(&terminal, "endpoint ftp", Key::Enter);
    terminal.shows("begins with neither http:// nor https://").expect("what is wrong");
    for _ in "ftp".chars() {
        terminal.press(Key::Character(BACKSPACE)).expect("a key");
    }
    terminal.paste("http://127.0.0.1:9").expect("an address");
    answer(&terminal, "endpoint http://127.0.0.1:9", Key::Enter);
    terminal.shows("? Header of each request").expect("a question");
    terminal.paste("authorization").expect("a name");
    answer(&terminal, "request authorization", Key::Enter);
    terminal.shows("? Value of `authorization`").expect("a question");
    terminal.paste(KEY).expect("a credential");
    terminal.press(Key::Enter).expect("a key");
    terminal.shows("set: authorization").expect("what is set");
    assert!(!terminal.screen().contains("sk-a-key"), "{}", terminal.screen());
    terminal.press(Key::Character(CTRL_C)).expect("a key");
    terminal.shows("stopped; nothing was changed").expect("what happened");
    terminal.ended().expect("setup ends");
    assert_eq!(person.files(), before);
}

/// A narrow terminal shows each question whole, and what the target says before anything is changed.
#[test]
fn a_person_reads_what_the_target_says_before_going_on() {
    const COLUMNS: u16 = 60;
    let refusing = Server::start(|_, stream| respond(stream, 401, &[], b"Ask Ada for a key"));
    let refusing = refusing.expect("a server");
    let person = Person::new();
    let before = person.files();
    let mut setup = person.command(&stage::programs().join("arize-codex"));
    let port = person.home.buffer_port().to_string();
    setup.args(["setup", "--no-service", "--port", &port, "--target", "phoenix"]);
    setup.args(["--endpoint", &refusing.url()]);
    let mut terminal = Terminal::with_columns(&setup, COLUMNS).expect("a terminal");
    // Of each question its end, which a narrow terminal shows on another row than its beginning.
    let mut rows = Vec::new();
    for question in
        ["API key of Phoenix", "What should traces hold", "? Use these defaults for the rest?"]
    {
        terminal.shows(question).expect("a question");
        rows.extend(terminal.screen().lines().map(str::to_owned));
        let is_last = question.starts_with("? Use these");
        terminal.press(if is_last { Key::Down } else { Key::Enter }).expect("a key");
    }
    answer(&terminal, "> customise", Key::Enter);
    for question in [
        "Project",
        "User id",
        "Where should turns be traced",
        "Keep a copy of each turn",
        "? Add a `codex`",
        "Install the skill",
        "? Use Codex's lifecycle hooks",
    ] {
        terminal.shows(question).expect("a question");
        rows.extend(terminal.screen().lines().map(str::to_owned));
        terminal.press(Key::Enter).expect("a key");
    }
    terminal.shows("Go on?").expect("a question");
    let screen = terminal.screen();
    let unbroken = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unbroken.contains("401): Ask Ada for a key"), "{screen}");
    let said = unbroken.find("Ask Ada").expect("the words");
    assert!(said < unbroken.find("This will be done").expect("the steps"), "{screen}");
    rows.extend(screen.lines().map(str::to_owned));
    for rows in rows.windows(2) {
        // What the terminal broke goes on in the first column.
        let is_full = rows[0].chars().count() >= usize::from(COLUMNS);
        let goes_on = rows[1].starts_with(char::is_alphanumeric);
        assert!(!(is_full && goes_on), "broken: {rows:?}");
    }
    terminal.press(Key::Character('\u{3}')).expect("a key");
    terminal.ended().expect("setup ends");
    assert_eq!(person.files(), before);
}

/// A key is typed unseen, and Enter is enough.
#[test]
fn a_person_corrects_a_key() {
    const KEY: &str = "sk-a-key-of-a-user";
    let person = Person::new();
    let queued = person.path(".arize").join("harness/state/codex/outbox/phoenix");
    fs::create_dir_all(&queued).expect("a folder");
    fs::write(queued.join("1-x.batch"), "").expect("a file");
    let mut config = person.command(&stage::programs().join("arize-config"));
    config.args(["set", "harnesses.codex.api_key", "--stdin"]);
    let mut terminal = Terminal::start(&config).expect("a terminal");
    terminal.shows("harnesses.codex.api_key (hidden): ").expect("a question");
    for letter in KEY.chars() {
        terminal.press(Key::Character(letter)).expect("a key");
    }
    terminal.press(Key::Enter).expect("a key");
    terminal.shows("Saved. 1 queued turn will be sent.").expect("what follows");
    terminal.ended().expect("it ends");
    assert!(!terminal.screen().contains("sk-a-key"), "{}", terminal.screen());
    let settings = person.path(".arize").join("harness/config.yaml");
    assert!(fs::read_to_string(settings).expect("settings").contains(KEY));
}

/// Ctrl-C at the question leaves the settings and the terminal as they were.
#[test]
fn a_person_stops_before_a_key_is_typed() {
    const CTRL_C: char = '\u{3}';
    let person = Person::new();
    let mut shell = person.command(Path::new("/bin/sh"));
    let program = stage::programs().join("arize-config");
    let script = format!(
        "trap : INT; '{}' set harnesses.codex.api_key --stdin; echo \"code $?\"; stty -a",
        program.display()
    );
    let mut terminal = Terminal::start(shell.args(["-c", &script])).expect("a terminal");
    terminal.shows("harnesses.codex.api_key (hidden): ").expect("a question");
    terminal.press(Key::Character('k')).expect("a key");
    terminal.press(Key::Character(CTRL_C)).expect("a key");
    terminal.shows("code 130").expect("the end");
    terminal.ended().expect("it ends");
    let screen = terminal.screen();
    let is_echoing = screen.split([' ', ';', '\n']).any(|word| word == "echo");
    assert!(is_echoing, "typed letters do not show: {screen}");
    let settings = person.path(".arize").join("harness/config.yaml");
    assert!(!settings.exists());
}

/// Where a question fills the terminal to its last row, the error has a row to itself.
#[test]
fn setup_that_is_stopped_on_the_last_row_says_so_legibly() {
    const CTRL_C: char = '\u{3}';
    let person = Person::new();
    let arize_codex = stage::programs().join("arize-codex");
    let mut shell = person.command(Path::new("/bin/sh"));
    shell.args(["-c", &format!("seq 100; exec '{}' setup", arize_codex.display())]);
    let mut terminal = Terminal::start(&shell).expect("a terminal");
    terminal.shows("[arrow keys, then Enter]").expect("a question");
    terminal.press(Key::Character(CTRL_C)).expect("a key");
    terminal
        .wait("the error", |screen| {
            screen.lines().any(|line| line.trim_end() == "stopped; nothing was changed")
        })
        .expect("what happened");
    terminal.ended().expect("setup ends");
}

/// The same from a script, with a key that only the settings have.
#[test]
fn setup_in_a_script_keeps_the_key_to_itself() {
    const KEY: &str = "sk-a-key-of-a-user";
    let person = Person::new();
    let before = person.files();
    let port = person.home.buffer_port().to_string();
    let arize_codex = |arguments: &[&str], input: &str| {
        let mut command = person.command(&stage::programs().join("arize-codex"));
        let done = run_with_input(command.args(arguments), input, LIMIT).expect("it ends");
        assert!(!done.stdout.contains(KEY) && !done.stderr.contains(KEY), "{done:?}");
        done
    };
    let open = arize_codex(&["setup"], "");
    assert_eq!(open.status.code(), Some(2), "{open:?}");
    assert!(open.stderr.contains("hint: add -y"), "{open:?}");
    assert_eq!(person.files(), before);

    let flags = ["--target", "phoenix", "--endpoint", "http://127.0.0.1:9", "--api-key-stdin"];
    let all = [&["setup", "-y", "--json", "--port", &port], &flags[..]].concat();
    let dry = arize_codex(&[&all[..], &["--dry-run"]].concat(), KEY);
    let diff: Value = serde_json::from_str(&dry.stdout).expect("JSON");
    assert!(diff["diff"].as_str().expect("a text").contains("api_key: ***"), "{diff}");
    assert_eq!(person.files(), before);

    let done = arize_codex(&all, &format!("{KEY}\n"));
    assert!(done.status.success(), "{done:?}");
    let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert!(report["targets"][0]["message"].to_string().contains("http://127.0.0.1:9"), "{report}");
    let settings = person.path(".arize").join("harness/config.yaml");
    assert!(fs::read_to_string(&settings).expect("settings").contains(KEY));
    let mode = fs::metadata(&settings).expect("settings").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let removed = arize_codex(&["uninstall", "-y", "--purge", "--json"], "");
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(person.files(), before);
}

/// The receiver of Codex's log events gets of prompts what it got before, as the user said.
#[test]
fn setup_passes_no_prompt_on_that_codex_did_not_send() {
    for (said, has_prompt) in
        [("", false), ("log_user_prompt = false", false), ("log_user_prompt = true", true)]
    {
        let (receiver, received) = Server::keeping().expect("a receiver");
        let scripts = ["My first secret", "My second secret"]
            .map(|prompt| Script::new(prompt).step(Step::new(USAGE).message("I see.")));
        let model = ModelServer::start(&scripts).expect("a model");
        let person = Person::new();
        Codex::untraced(&stage::codex(), &person.home, &model).expect("config.toml");
        let file = person.path(".codex/config.toml");
        let exporter = format!(
            "\n[otel]\nexporter = {{ otlp-http = {{ endpoint = \"{}/logs\", protocol = \"binary\", \
             headers = {{}} }} }}\n{said}\n",
            receiver.url()
        );
        let config = fs::read_to_string(&file).expect("config.toml") + &exporter;
        fs::write(&file, &config).expect("config.toml");
        // What the receiver gets of a turn: whether its prompt, and whether what stands for one.
        let turn = |prompt: &str| {
            received.lock().expect("a list").clear();
            let line = format!("codex exec --skip-git-repo-check '{prompt}' </dev/null");
            let done = person.shell(&line);
            assert!(done.status.success(), "{done:?}");
            wait::until("the events of the turn", LIMIT, || {
                let received = received.lock().expect("a list");
                let bodies = received.iter().map(|request| String::from_utf8_lossy(&request.body));
                let text: String = bodies.collect();
                let is_all =
                    text.contains("codex.user_prompt") && text.contains("tool_token_count");
                is_all.then(|| (text.contains(prompt), text.contains("[REDACTED]")))
            })
            .expect("events")
        };
        let before = turn(&scripts[0].prompt);
        assert_eq!(before, (has_prompt, !has_prompt), "{said}");

        let mut setup = person.command(&stage::programs().join("arize-codex"));
        let port = person.home.buffer_port().to_string();
        setup.args(["setup", "-y", "--existing-otel", "forward", "--content", "all"]);
        let done = run(setup.args(["--port", &port]), LIMIT).expect("setup ends");
        assert!(done.status.success() && done.stdout.contains("log_user_prompt"), "{done:?}");
        assert_eq!(turn(&scripts[1].prompt), before, "{said}");
        // Ours have it all the same, and the turn from before setup is none of ours.
        let stored = person.stored_turn();
        assert_eq!(stored[0]["attributes"]["input.value"], scripts[1].prompt, "{stored}");
        person.shell("~/.arize/harness/bin/arize-hook-codex-notify --sweep");
        let listed = person.shell("arize-codex show --json").stdout;
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");

        let removed = person.shell("arize-codex uninstall -y --purge");
        assert!(removed.status.success(), "{removed:?}");
        assert_eq!(fs::read_to_string(&file).expect("config.toml"), config);
    }
}

/// What runs with the old settings makes way: the Python system's service, and Codex's daemon.
#[test]
fn setup_replaces_the_python_systems_service_and_restarts_codexs_daemon() {
    let person = Person::new();
    let port = person.home.buffer_port().to_string();
    let script = person.path("codex-tracing/codex_buffer.py");
    fs::create_dir_all(script.parent().expect("a folder")).expect("a folder");
    let serve = "import http.server as h, sys\n\
        h.HTTPServer(('127.0.0.1', int(sys.argv[1])), h.SimpleHTTPRequestHandler).serve_forever()\n";
    fs::write(&script, serve).expect("a script");
    let mut python = person.command(Path::new("python3"));
    python.arg(&script).arg(&port).stderr(Stdio::null());
    let mut python = python.spawn().expect("python runs");
    wait::until("the script to listen", LIMIT, || {
        std::net::TcpStream::connect(("127.0.0.1", person.home.buffer_port())).ok()
    })
    .expect("a listener");
    let daemon = |order: &str| {
        let mut codex = person.command(&stage::codex());
        run(codex.args(["app-server", "daemon", order]), LIMIT).expect("codex ends")
    };
    let pid_file = person.home.codex_home().join("app-server-daemon/daemon.pid");
    let pid = || {
        let text = fs::read_to_string(&pid_file).expect("a pid file");
        serde_json::from_str::<Value>(&text).expect("JSON")["pid"].clone()
    };
    assert!(daemon("start").status.success());
    let old = pid();

    let mut setup = person.command(&stage::programs().join("arize-codex"));
    let done = run(setup.args(["setup", "-y", "--restart-daemon", "--port", &port]), LIMIT);
    let done = done.expect("setup ends");
    assert!(done.status.success(), "{done:?}");
    for line in ["ended the Python plugin's buffer service", "restarted Codex's background"] {
        assert!(done.stdout.contains(line), "no {line}: {done:?}");
    }
    assert!(!python.wait().expect("python ends").success());
    assert_ne!(pid(), old);
    let status = person.shell("arize-codex-buffer status");
    assert!(status.stdout.starts_with("running"), "{status:?}");
    assert!(daemon("stop").status.success());
    let removed = person.shell("arize-codex uninstall -y --purge");
    assert!(removed.status.success(), "{removed:?}");
}

/// Killed whenever it puts a file in its place, a setup is taken back by an uninstallation.
#[test]
fn a_setup_that_is_killed_is_taken_back() {
    let person = Person::new();
    let port = person.home.buffer_port().to_string();
    fs::write(person.path(".codex/config.toml"), "# mine\nnotify = [\"bell\"]\n").expect("a file");
    let before = person.files();
    strace::available().expect("faults");
    let arize_codex = stage::programs().join("arize-codex");
    let mut killed = 0;
    loop {
        let mut setup = person.command(&arize_codex);
        setup.args(["setup", "-y", "--no-service", "--with-skills", "--port", &port]);
        let calls = ["rename", "renameat", "renameat2"];
        let done = strace::run(&setup, &calls, Fault::Kill, killed + 1, LIMIT).expect("it ends");
        let mut uninstall = person.command(&arize_codex);
        let removed = run(uninstall.args(["uninstall", "-y", "--purge"]), LIMIT).expect("it ends");
        assert!(removed.status.success(), "after {killed}: {removed:?}");
        assert_eq!(person.files(), before, "after {killed}: {done:?}");
        if !strace::was_killed(&done) {
            assert!(done.status.success(), "{done:?}");
            break;
        }
        killed += 1;
    }
    assert!(killed > 10, "{killed}");
}

/// Presses a key when the terminal shows the question.
fn answer(terminal: &Terminal, question: &str, key: Key) {
    terminal.shows(question).expect("a question");
    terminal.press(key).expect("a key");
}

/// A user with a shell and the real Codex.
struct Person {
    home: Home,
}

impl Person {
    fn new() -> Self {
        let home = Home::new(&stage::programs(), "setup").expect("a home");
        let programs = home.root().join("usr");
        fs::create_dir(&programs).expect("a folder");
        std::os::unix::fs::symlink(stage::codex(), programs.join("codex")).expect("a link");
        fs::remove_dir_all(home.codex_home().with_file_name(".arize")).expect("no installation");
        let person = Self { home };
        fs::write(person.path(".bashrc"), "# mine\nalias l=ls").expect("a profile");
        person
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.codex_home().with_file_name(path)
    }

    fn installed(&self, program: &str) -> PathBuf {
        self.path(".arize").join("harness/bin").join(program)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = self.home.command(program);
        let programs = self.home.root().join("usr");
        command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        command.env("SHELL", "/bin/bash");
        command
    }

    /// Runs a line in a new shell.
    fn shell(&self, line: &str) -> Finished {
        let mut shell = self.command(Path::new("/bin/bash"));
        run(shell.args(["-i", "-c", line]), LIMIT).expect("the shell ends")
    }

    /// Waits for the turn in the local store.
    fn stored_turn(&self) -> Value {
        wait::until("the turn in the store", LIMIT, || {
            let shown = self.shell("arize-codex show --last --json");
            serde_json::from_str(&shown.stdout).ok()
        })
        .expect("a turn")
    }

    /// What setup may touch, with what is in it; what Codex itself writes is left out.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for name in [".codex/config.toml", ".codex/arize-env.sh", ".bashrc", ".profile", ".zshrc"] {
            files.extend(fs::read_to_string(self.path(name)).map(|text| (name.to_owned(), text)));
        }
        for name in [".arize", ".agents", ".config"] {
            if self.path(name).exists() {
                files.insert(name.to_owned(), String::new());
            }
        }
        files
    }
}
