//! `arize-config`.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};
use tempfile::TempDir;

/// A text whose paths are written with slashes, as the expectations are.
fn with_slashes(text: &str) -> String {
    text.replace(std::path::MAIN_SEPARATOR, "/")
}

/// A temporary home in which the real program runs with an empty environment.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with_config(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir_all(home.config().parent().unwrap()).unwrap();
        fs::write(home.config(), text).unwrap();
        home
    }

    fn config(&self) -> PathBuf {
        self.0.path().join(".arize/harness/config.yaml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_arize-config"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .env("USERPROFILE", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs the program and gives its exit code, standard output and standard error as one text.
    fn run(&self, arguments: &[&str]) -> String {
        self.show(&self.run_with_input(arguments, ""))
    }

    fn show(&self, output: &Output) -> String {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let text = format!("{stdout}{stderr}exit {}\n", output.status.code().unwrap());
        let text = text.replace(self.0.path().to_str().unwrap(), "HOME");
        with_slashes(&text).replace("arize-config.exe", "arize-config")
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: Expect) {
        expected.assert_eq(&self.run(arguments));
    }
}

const CONFIG: &str = "\
# ours
harnesses:
  codex:
    target: phoenix # here
    api_key: hunter2
    headers:
      x-team: hunter2
user_id: ada
";

#[test]
fn a_first_set_creates_the_file_and_get_reads_it() {
    let home = Home::new();
    home.check(
        &["get", "user_id"],
        expect![[r#"
        exit 1
    "#]],
    );
    home.check(
        &["delete", "user_id"],
        expect![[r#"
        exit 0
    "#]],
    );
    assert!(!home.config().exists());
    home.check(
        &["set", "harnesses.codex.collector.port", "4400"],
        expect![[r#"
        exit 0
    "#]],
    );
    home.check(
        &["set", "harnesses.codex.project_name", "my project"],
        expect![[r#"
        exit 0
    "#]],
    );
    home.check(
        &["get", "harnesses.codex.project_name"],
        expect![[r#"
        my project
        exit 0
    "#]],
    );
    home.check(
        &["get", "harnesses.codex"],
        expect![[r#"
        collector:
          port: 4400
        project_name: my project
        exit 0
    "#]],
    );
    home.check(
        &["delete", "harnesses.codex.collector.port"],
        expect![[r#"
        exit 0
    "#]],
    );
    home.check(
        &["get", "harnesses.codex.collector"],
        expect![[r#"
        exit 1
    "#]],
    );
    home.check(
        &["path"],
        expect![[r#"
        HOME/.arize/harness/config.yaml
        exit 0
    "#]],
    );
}

#[test]
fn an_edit_keeps_comments() {
    let home = Home::with_config(CONFIG);
    home.check(
        &["set", "harnesses.codex.target", "local"],
        expect![[r#"
        exit 0
    "#]],
    );
    assert_eq!(home.text(), CONFIG.replace("phoenix", "local"));
}

#[test]
fn a_credential_comes_through_standard_input() {
    let home = Home::with_config(CONFIG);
    let arguments = ["set", "harnesses.codex.api_key", "--stdin"];
    let output = home.run_with_input(&arguments, "12345\n");
    expect![[r#"
        exit 0
    "#]]
    .assert_eq(&home.show(&output));
    // A text, not a number.
    assert_eq!(home.text(), CONFIG.replace("api_key: hunter2", "api_key: \"12345\""));
    home.check(
        &["set", "harnesses.codex.api_key", "k"],
        expect![[r#"
        hint: `--stdin` keeps a credential out of the shell's history
        exit 0
    "#]],
    );
}

/// A person is asked for it, and hears what follows.
#[test]
fn a_credential_is_asked_for_and_queued_turns_follow_it() {
    use clap::Parser;
    use cli::config::{Arguments, Console, Input, run};

    let said = |queued: usize| {
        let home = Home::with_config(CONFIG);
        let outbox = home.0.path().join(".arize/harness/state/codex/outbox/phoenix");
        fs::create_dir_all(&outbox).unwrap();
        for turn in 0..queued {
            fs::write(outbox.join(format!("{turn}-x.batch")), "").unwrap();
        }
        let arguments = ["arize-config", "set", "harnesses.codex.api_key", "--stdin"];
        let user = home.0.path().to_str().unwrap();
        let environment = codex_config::Environment::new([("HOME", user), ("USERPROFILE", user)]);
        let (mut output, mut notes, mut asked) = (Vec::new(), Vec::new(), String::new());
        let mut ask = |question: &str| {
            asked.push_str(question);
            Ok("sk-1".to_owned())
        };
        let console =
            Console { input: Input::Person(&mut ask), output: &mut output, notes: &mut notes };
        run(Arguments::parse_from(arguments), &environment, console).unwrap();
        assert!(home.text().contains("api_key: sk-1"), "{}", home.text());
        asked + &String::from_utf8(notes).unwrap()
    };
    let question = "harnesses.codex.api_key (hidden): ";
    assert_eq!(said(0), format!("{question}Saved. It applies from the next turn on.\n"));
    assert_eq!(said(1), format!("{question}Saved. 1 queued turn will be sent.\n"));
    assert_eq!(said(2), format!("{question}Saved. 2 queued turns will be sent.\n"));
}

#[test]
fn dump_masks_credentials() {
    let home = Home::with_config(CONFIG);
    home.check(
        &["dump"],
        expect![[r#"
        harnesses:
          codex:
            target: phoenix
            api_key: '***'
            headers:
              x-team: '***'
        user_id: ada
        exit 0
    "#]],
    );
    home.check(
        &["dump", "--json"],
        expect![[r#"
        {
          "harnesses": {
            "codex": {
              "target": "phoenix",
              "api_key": "***",
              "headers": {
                "x-team": "***"
              }
            }
          },
          "user_id": "ada"
        }
        exit 0
    "#]],
    );
    home.check(
        &["dump", "--show-secrets"],
        expect![[r#"
        harnesses:
          codex:
            target: phoenix
            api_key: hunter2
            headers:
              x-team: hunter2
        user_id: ada
        exit 0
    "#]],
    );
    Home::new().check(
        &["dump"],
        expect![[r#"
        {}
        exit 0
    "#]],
    );
}

#[test]
fn errors_say_what_to_do() {
    let home = Home::with_config(CONFIG);
    home.check(
        &["get", "a..b"],
        expect![[r#"
        error: invalid value 'a..b' for '<KEY>': `a..b` has an empty segment

        For more information, try '--help'.
        exit 2
    "#]],
    );
    home.check(
        &["set", "user_id"],
        expect![[r#"
        error: the following required arguments were not provided:
          <VALUE>

        Usage: arize-config set <KEY> <VALUE>

        For more information, try '--help'.
        exit 2
    "#]],
    );
    home.check(&["set", "harnesses.codex", "x"], expect![[r#"
        error: `HOME/.arize/harness/config.yaml` was left as it is: `harnesses.codex` holds a mapping, which a single value would replace
        hint: to replace it, run `arize-config delete` for the key first
        exit 4
    "#]]);
    home.check(&["set", "user_id.below", "x"], expect![[r#"
        error: `HOME/.arize/harness/config.yaml` was left as it is: `user_id` holds a text, so `user_id.below` cannot be set below it
        exit 4
    "#]]);
    assert_eq!(home.text(), CONFIG);

    let broken = "a: &x 1\nb: *x\nc: [\n";
    let home = Home::with_config(broken);
    home.check(&["set", "a", "2"], expect![[r#"
        error: `HOME/.arize/harness/config.yaml` is not valid: line 4, column 1: did not find expected node content, while parsing a flow node
        hint: correct the file in an editor
        exit 3
    "#]]);
    home.check(&["dump"], expect![[r#"
        error: `HOME/.arize/harness/config.yaml` is not valid: line 4, column 1: did not find expected node content, while parsing a flow node
        hint: correct the file in an editor
        exit 3
    "#]]);
    assert_eq!(home.text(), broken);

    let home = Home::with_config("a: &x\n  k: 1\nb: *x\n");
    home.check(&["set", "b.k", "2"], expect![[r#"
        error: `HOME/.arize/harness/config.yaml` was left as it is: `b.k` cannot be edited safely: path segment "b" is an alias to "x"; refusing to descend through it
        hint: change this key in an editor
        exit 4
    "#]]);
}

#[test]
fn config_json_is_read_and_carried_over_by_the_first_edit() {
    let home = Home::new();
    let json = home.config().with_file_name("config.json");
    fs::create_dir_all(json.parent().unwrap()).unwrap();
    fs::write(&json, r#"{"harnesses": {"codex": {"target": "phoenix"}}, "n": 1}"#).unwrap();
    home.check(
        &["get", "harnesses.codex.target"],
        expect![[r#"
        phoenix
        exit 0
    "#]],
    );
    home.check(&["set", "user_id", "ada"], expect![[r#"
        note: carried the settings of `HOME/.arize/harness/config.json` over to `HOME/.arize/harness/config.yaml`
        exit 0
    "#]]);
    expect![[r#"
        harnesses:
          codex:
            target: phoenix
        n: 1
        user_id: ada
    "#]]
    .assert_eq(&home.text());
    assert!(json.exists());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &std::path::Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set_mode(path: &std::path::Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[track_caller]
    fn set_user(home: &Home) {
        assert_eq!(home.run(&["set", "user_id", "eve"]), "exit 0\n");
    }

    #[test]
    fn what_is_created_is_private() {
        let home = Home::new();
        set_user(&home);
        assert_eq!(mode(&home.config()), 0o600);
        assert_eq!(mode(home.config().parent().unwrap()), 0o700);
        assert_eq!(mode(&home.0.path().join(".arize")), 0o700);
    }

    #[test]
    fn a_loose_mode_is_tightened_and_a_strict_one_kept() {
        for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o600, 0o600), (0o400, 0o400)] {
            let home = Home::with_config(CONFIG);
            set_mode(&home.config(), before);
            set_user(&home);
            assert_eq!(mode(&home.config()), after);
        }
    }

    #[test]
    fn an_edit_that_changes_nothing_does_not_write() {
        let home = Home::with_config(CONFIG);
        let inode = || fs::metadata(home.config()).unwrap().ino();
        let before = inode();
        assert_eq!(home.run(&["set", "user_id", "ada"]), "exit 0\n");
        assert_eq!(inode(), before);
        set_user(&home);
        assert_ne!(inode(), before);
    }

    #[test]
    fn a_symbolic_link_is_followed() {
        let home = Home::with_config(CONFIG);
        let real = home.0.path().join("dotfiles/config.yaml");
        fs::create_dir(real.parent().unwrap()).unwrap();
        fs::rename(home.config(), &real).unwrap();
        symlink("../../dotfiles/config.yaml", home.config()).unwrap();
        set_user(&home);
        assert!(fs::symlink_metadata(home.config()).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), CONFIG.replace("ada", "eve"));

        fs::remove_file(&real).unwrap();
        set_user(&home);
        assert_eq!(fs::read_to_string(&real).unwrap(), "user_id: eve\n");
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let home = Home::with_config(CONFIG);
        fs::remove_file(home.config()).unwrap();
        symlink("config.yaml", home.config()).unwrap();
        let shown = home.run(&["set", "user_id", "eve"]);
        assert!(shown.contains("config.yaml` cannot be read"), "{shown}");
    }

    #[test]
    fn no_temporary_file_is_left() {
        let home = Home::with_config(CONFIG);
        set_user(&home);
        let names: Vec<_> = fs::read_dir(home.config().parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["config.yaml"]);
    }
}

#[test]
fn a_key_that_no_setting_has_is_not_written() {
    let home = Home::new();
    home.check(
        &["set", "logging.promts", "false"],
        expect![[r#"
            error: `HOME/.arize/harness/config.yaml` was left as it is: `logging.promts` is not a setting (did you mean `logging.prompts`?)
            hint: `--force` writes it nevertheless
            exit 4
        "#]],
    );
    home.check(
        &["set", "harnesses.claude-code.anything", "1"],
        expect![[r#"
            exit 0
        "#]],
    );
    home.check(
        &["set", "harnesses.codex.headers.x-team", "1"],
        expect![[r#"
            hint: `--stdin` keeps a credential out of the shell's history
            exit 0
        "#]],
    );
    assert!(!home.text().contains("promts"), "{}", home.text());
}

#[test]
fn what_no_setting_understands_is_not_written() {
    let before = "logging:\n  prompts: false # ours\n";
    for (key, value, complaint) in [
        ("logging.prompts", "maybe", "`logging.prompts` is `maybe`, not true or false"),
        ("logging.promts", "false", "did you mean `logging.prompts`?"),
        ("codex.target", "phoenix", "did you mean `harnesses.codex`?"),
        ("target", "phoenix", "did you mean `harnesses.codex.target`?"),
        ("harnesses.codex.target", "phoneix", "known targets are"),
        ("harnesses.codex.collector.port", "70000", "`harnesses.codex.collector.port`"),
        ("harnesses.codex.span_layout", "tree", "`harnesses.codex.span_layout` is `tree`"),
        ("harnesses.codex.tool_errors", "all", "`harnesses.codex.tool_errors` is `all`"),
    ] {
        let home = Home::with_config(before);
        let said = home.run(&["set", key, value]);
        assert!(said.contains(complaint) && said.ends_with("exit 4\n"), "{said}");
        assert!(said.contains("hint: `--force` writes it nevertheless"), "{said}");
        assert_eq!(home.text(), before, "{key}");
        let forced = home.run(&["set", key, value, "--force"]);
        assert!(forced.contains("warning: ") && forced.ends_with("exit 0\n"), "{forced}");
        assert!(home.text().contains(value), "{key}");
    }
}

#[test]
fn settings_may_be_made_one_after_the_other() {
    let home = Home::new();
    for (key, value) in [
        ("harnesses.codex.endpoint", "https://otlp.example"),
        ("harnesses.codex.metrics", "true"),
        ("harnesses.codex.target", "arize"),
        ("harnesses.codex.space_id", "U3BhY2U6MQ"),
        ("harnesses.codex.target", "otlp"),
        ("harnesses.claude-code.target", "phoenix"),
    ] {
        let said = home.run(&["set", key, value]);
        assert!(said.ends_with("exit 0\n"), "{key}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let home = Home::with_config("user_id: ada\n");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_arize-config"));
    command.args(["get", "user_id"]).env_clear().env("HOME", home.0.path()).stdout(full);
    assert_eq!(command.status().unwrap().code(), Some(5));
}

#[test]
fn the_umbrella_command_does_the_same() {
    let home = Home::with_config("user_id: ada\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
    command.args(["config", "get", "user_id"]).env_clear().env("HOME", home.0.path());
    command.env("USERPROFILE", home.0.path());
    let output = command.output().unwrap();
    assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"ada\n"[..], Some(0)));
    command.args(["nothing"]);
    assert_eq!(command.output().unwrap().status.code(), Some(2));
}

#[test]
fn a_key_that_is_no_setting_is_answered_with_the_one_that_was_meant() {
    let home = Home::with_config("harnesses: {codex: {target: local}}\n");
    let answer = home.run(&["get", "harnesses.codex.tagret"]);
    assert!(answer.contains("did you mean `harnesses.codex.target`?"), "{answer}");
    let absent = home.run(&["get", "harnesses.codex.endpoint"]);
    assert!(!absent.contains("hint"), "{absent}");
}
