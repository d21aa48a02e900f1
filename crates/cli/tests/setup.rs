//! What `arize-codex setup` says of the target that it sets up.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

/// What a server answers to every request.
struct Answer {
    status: &'static str,
    headers: &'static str,
    body: &'static str,
}

const PHOENIX: Answer =
    Answer { status: "200 OK", headers: "x-phoenix-server-version: 20.26.1\r\n", body: "{}" };
const REFUSING: Answer =
    Answer { status: "401 Unauthorized", headers: "", body: "Invalid token, ask Ada" };
const WEB_PAGE: Answer = Answer {
    status: "200 OK",
    headers: "content-type: text/html\r\n",
    body: "<!doctype html><title>My blog</title>",
};

/// The address of a server that answers so.
fn server(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 16 * 1024]);
            let Answer { status, headers, body } = &answer;
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

/// A home, and a folder with the programs to install.
struct Person {
    folder: TempDir,
}

impl Person {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let person = Self { folder };
        fs::create_dir_all(person.path("user")).unwrap();
        fs::create_dir_all(person.path("build")).unwrap();
        for program in setup::PROGRAMS {
            let path = person.path("build").join(program);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::copy(env!("CARGO_BIN_EXE_arize-codex"), person.path("build/arize-codex")).unwrap();
        person
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn arize_codex(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(self.path("build/arize-codex"));
        command.args(arguments).env_clear().env("HOME", self.path("user"));
        command
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("ARIZE_CODEX_BUFFER_PORT", "25997");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    fn setup(&self, further: &[&str]) -> String {
        self.setup_that_ends_with(0, further)
    }

    #[track_caller]
    fn setup_that_ends_with(&self, expected: i32, further: &[&str]) -> String {
        let (code, said) = self.arize_codex(&[&["setup", "-y", "--no-service"], further].concat());
        assert_eq!(code, expected, "{said}");
        said
    }
}

/// The parts of a text in this order.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place: {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_target_that_accepts_is_named_with_its_version_and_its_page() {
    let url = server(PHOENIX);
    let said =
        Person::new().setup(&["--target", "phoenix", "--endpoint", &url, "--project", "my team"]);
    let page = format!("{url}/redirects/projects/my%20team");
    in_order(&said, &["Target:", &url, "Phoenix 20.26.1", "Done:", "Next:", &page]);
    assert!(!said.contains("The target accepts no turn yet"), "{said}");
}

#[test]
fn a_target_that_would_take_no_turn_is_named_with_its_own_words_before_anything_is_done() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (refusing, page) = (server(REFUSING), server(WEB_PAGE));
    // A script sees a refusal, which no time mends.
    for (url, code, why, command) in [
        (
            &refusing,
            4,
            "401): Invalid token, ask Ada",
            "arize-config set harnesses.codex.api_key --stdin",
        ),
        (&gone, 0, "cannot connect", "phoenix serve`"),
        (&page, 4, "answers with a web page", "config.yaml`"),
    ] {
        let person = Person::new();
        let flags = ["--target", "phoenix", "--endpoint", url.as_str()];
        let said = person.setup_that_ends_with(code, &flags);
        in_order(
            &said,
            &["Target:", why, "Done:", "Next:", "The target accepts no turn yet", command],
        );
        // Also where there is nothing to do any more.
        let again = person.setup_that_ends_with(code, &[]);
        in_order(&again, &["Target:", why, "Already up to date.", "Next:", command]);
        let dry = person.setup(&["--dry-run", "--project", "x"]);
        in_order(&dry, &["Target:", why, "This would be done:"]);
        let json = person.setup_that_ends_with(code, &["--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["targets"][0]["level"], "failure", "{json}");
        assert!(json["next"].to_string().contains("The target accepts no turn yet"), "{json}");
    }
}

#[test]
fn a_target_that_says_nothing_holds_setup_up_for_some_seconds_at_most() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let said = Person::new().setup(&["--target", "phoenix", "--endpoint", &url]);
    // The limit itself, and not how long it took here.
    in_order(&said, &["Target:", "no answer in time (the limit is 3s)", "Done:"]);
    drop(silent);
}

#[test]
fn the_local_store_is_not_asked() {
    let said = Person::new().setup(&[]);
    assert!(!said.contains("Target:") && said.contains("arize-codex show --last"), "{said}");
}

#[test]
fn an_uninstallation_says_what_stays_and_where() {
    let person = Person::new();
    person.setup(&[]);
    let log = person.path("user/.arize/harness/logs/codex.log");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(log, "a line\n").unwrap();
    let (code, said) = person.arize_codex(&["uninstall", "-y"]);
    assert_eq!(code, 0, "{said}");
    in_order(
        &said,
        &["Done:", "Next:", "Kept: state and logs in ~/.arize/harness (0.1 MB)", "rm -r ~/"],
    );
    let (_, said) = person.arize_codex(&["uninstall", "-y", "--purge"]);
    assert!(!said.contains("Kept:"), "{said}");
}

/// Such as a key after the one that setup was given was refused.
#[test]
fn an_uninstallation_names_the_settings_that_stay() {
    let person = Person::new();
    person.setup(&[]);
    let file = person.path("user/.arize/harness/config.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replace("  codex:\n", "  codex:\n    api_key: s3cret-one\n");
    assert_ne!(text, changed);
    fs::write(&file, changed).unwrap();
    let (code, said) = person.arize_codex(&["uninstall", "-y"]);
    assert_eq!(code, 0, "{said}");
    in_order(&said, &["Kept: `api_key` below `harnesses.codex` in", "config.yaml"]);
    assert!(!said.contains("s3cret") && fs::read_to_string(&file).unwrap().contains("s3cret-one"));
}

/// The command that removes the data is one that a person can read, also beside what stays.
#[test]
fn what_an_uninstallation_keeps_is_removed_by_its_command() {
    let person = Person::new();
    person.setup(&[]);
    let harness = person.path("user/.arize/harness");
    let settings = fs::read_to_string(harness.join("config.yaml")).unwrap();
    fs::write(harness.join("config.yaml"), settings + "user_id: me\n").unwrap();
    for file in
        ["logs/codex.log", "traces.db", "traces.db-wal", "state/codex/ledger/2026-01-01.jsonl"]
    {
        fs::create_dir_all(harness.join(file).parent().unwrap()).unwrap();
        fs::write(harness.join(file), "a line\n").unwrap();
    }
    let (code, said) = person.arize_codex(&["uninstall", "-y", "--json"]);
    assert_eq!(code, 0, "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let next = said["next"].as_array().unwrap().iter().filter_map(|step| step.as_str());
    let kept = next.into_iter().find(|step| step.contains("Remove it with")).unwrap();
    let command = kept.split('`').nth(1).unwrap();
    assert!(command.starts_with("(cd ") && command.contains(" && rm -r "), "{command}");
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success());
    for file in ["logs/codex.log", "traces.db", "traces.db-wal", "state/codex"] {
        assert!(!harness.join(file).exists(), "{file}: {command}");
    }
    assert!(harness.join("config.yaml").exists(), "{command}");
}

#[test]
fn the_next_steps_of_a_job_find_codex() {
    let person = Person::new();
    let file = person.path("job-path");
    let bin = person.path("user/.arize/harness/bin").display().to_string();
    for (flags, expected) in [
        (&["--no-path"][..], None),
        (&[], Some(format!("{bin}\n"))),
        // A second setup.
        (&[], Some(format!("{bin}\n"))),
    ] {
        let mut command = Command::new(person.path("build/arize-codex"));
        command.args(["setup", "-y", "--no-service", "--port", "9"]).args(flags).env_clear();
        command.env("HOME", person.path("user")).env("PATH", "/usr/bin:/bin");
        let output = command.env("GITHUB_PATH", &file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read_to_string(&file).ok(), expected, "{flags:?}");
    }
}

/// The hook and the service could not run there.
#[cfg(target_os = "linux")]
#[test]
fn a_home_that_runs_no_programs_is_refused_before_anything_is_done() {
    let person = Person::new();
    let home = person.path("noexec");
    fs::create_dir(&home).unwrap();
    let mounted = |script: &str| {
        let script = format!("mount -t tmpfs -o noexec tmpfs '{}' && {script}", home.display());
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        unshare.env("HOME", &home).env_remove("CODEX_HOME").output().unwrap()
    };
    if !mounted("true").status.success() {
        eprintln!("left out: this system lets no user mount anything");
        return;
    }
    let program = person.path("build/arize-codex");
    let setup = mounted(&format!(
        "'{0}' setup -y --target local; ls -A '{1}'",
        program.display(),
        home.display()
    ));
    let said = String::from_utf8_lossy(&setup.stderr).into_owned();
    in_order(
        &said,
        &[
            "nothing was changed",
            "/.arize/harness/bin` is on a file system that runs no programs",
            "hint: set ARIZE_HARNESS_HOME",
        ],
    );
    assert_eq!(String::from_utf8_lossy(&setup.stdout), "", "no file");
    let found = mounted(&format!("'{}' doctor", program.display()));
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("FAIL  programs"), "{found}");
}

/// Setup reads what Codex did before where that is asked for, and else says how.
#[test]
fn earlier_transcripts_are_read_where_a_flag_says_so() {
    let person = Person::new();
    let day = person.path("user/.codex/sessions/2026/11/20");
    fs::create_dir_all(&day).unwrap();
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../codex-turn/tests/data/0.169.0/basic/rollout.jsonl"
    );
    let name = "rollout-2026-11-20T22-34-31-01a1fb18-d745-76d3-8970-09f42d282b2f.jsonl";
    fs::copy(recorded, day.join(name)).unwrap();
    let store = person.path("user/.arize/harness/traces.db");

    let said = person.setup(&[]);
    in_order(&said, &["Next", "`arize-codex import` reads the 1 earlier transcript of Codex"]);
    assert!(!store.exists());
    assert!(!person.setup(&["--no-import"]).contains("earlier"));
    let said = person.setup(&["--import"]);
    in_order(&said, &["Earlier turns are in the local store: 1 of 1 transcripts", "1 new turns"]);
    assert!(store.exists());
    // Once is enough.
    assert!(!person.setup(&[]).contains("arlier"));
}
