//! What is installed can be taken back: after a fresh installation, after an interrupted one, and
//! after the user changed the files.

use std::fs;

use setup::{ExistingOtel, Request};

use crate::home::{Home, PROFILE, quiet};

const CONFIG: &str = "# mine\nmodel = \"gpt-5.5\" # the good one\nnotify = [\"bell\", \"-q\"]\n\n\
    [mcp_servers.\"a b\"]\ncommand = 'x'\n\n[otel]\nenvironment = \"dev\"\nexporter = { otlp-http = \
    { endpoint = \"https://collector/v1/logs\", protocol = \"binary\", headers = { token = \"t\" } } }\n";

fn home() -> Home {
    Home::with(&[
        (".codex/config.toml", CONFIG),
        (".zshrc", "alias l=ls"),
        (".bashrc", "# bash\r\n"),
        (".config/fish/config.fish", "set x 1\n"),
        (".arize/harness/config.yaml", "harnesses:\n  claude-code:\n    target: arize # keep\n"),
    ])
}

fn request() -> Request {
    Request {
        with_skills: true,
        user_id: Some("ada".to_owned()),
        existing_otel: Some(ExistingOtel::Replace),
        ..quiet()
    }
}

#[test]
fn a_second_installation_plans_nothing_and_an_uninstallation_leaves_nothing() {
    let home = home();
    let before = home.tree();
    home.install(&request());
    assert_ne!(home.tree(), before);
    for request in [request(), quiet()] {
        let (_, _, plan) = home.plan(&request);
        assert!(plan.is_empty(), "{plan:?}");
    }
    home.uninstall(false);
    assert_eq!(home.tree(), before);
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

/// The doctor compares it with the start of Codex's background process.
#[test]
fn the_record_says_when_codexs_configuration_was_changed_last() {
    let home = home();
    let noted = |home: &Home| {
        let record = home.read(".arize/harness/state/setup.json");
        serde_json::from_str::<serde_json::Value>(&record).unwrap()["otel_changed_ms"].as_u64()
    };
    home.install(&request());
    let first = noted(&home).unwrap();
    // Another project concerns `config.yaml` alone.
    home.install(&Request { project: Some("another".to_owned()), ..request() });
    assert_eq!(noted(&home), Some(first));
    home.install(&Request { port: Some(4319), ..request() });
    assert!(noted(&home).unwrap() > first);
}

#[test]
fn an_empty_home_is_empty_again() {
    let home = Home::with(&[]);
    let before = home.tree();
    home.install(&request());
    assert!(home.read(PROFILE).contains("# >>> arize-codex >>>"));
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[cfg(unix)]
#[test]
fn a_folder_behind_a_link_that_led_nowhere_goes_too() {
    let home = Home::with(&[(".zshrc", "-> dotfiles/zsh/rc")]);
    let before = home.tree();
    home.install(&request());
    assert!(home.read("dotfiles/zsh/rc").contains(".arize/harness/bin"));
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[test]
fn an_installation_that_was_interrupted_between_any_two_changes_is_taken_back() {
    let changes = home().plan(&request()).2.changes.len();
    assert!(changes > 4, "{changes}");
    for made in 0..=changes {
        let home = home();
        let before = home.tree();
        let (facts, _, mut plan) = home.plan(&request());
        plan.changes.truncate(made);
        home.apply(&facts, &plan).unwrap();
        // Some go on where they were interrupted.
        if made % 2 == 0 {
            home.install(&request());
            assert!(home.plan(&request()).2.is_empty());
        }
        home.uninstall(false);
        assert_eq!(home.tree(), before, "after {made} changes");
    }
}

#[test]
fn an_installation_that_was_interrupted_before_a_noted_change_was_made_is_taken_back() {
    let changes = home().plan(&request()).2.changes.len();
    let mut interrupted = 0;
    for at in 0..changes {
        let home = home();
        let (facts, _, plan) = home.plan(&request());
        // Another program writes to the file, which stops the installation at it.
        let path = plan.changes[at].now.path().to_owned();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("{}\n# by another program\n", plan.changes[at].now.text());
        fs::write(&path, &text).unwrap();
        assert!(home.apply(&facts, &plan).is_err(), "{}", path.display());
        interrupted += 1;
        home.uninstall(false);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert!(!home.read(".bashrc").contains("arize"));
    }
    assert_eq!(interrupted, changes);
}

#[test]
fn what_was_changed_since_stays_and_ours_goes() {
    let home = home();
    home.install(&request());
    let edit = |path: &str, change: &dyn Fn(String) -> String| {
        home.write(path, &change(home.read(path)));
    };
    edit(".codex/config.toml", &|text| {
        text.replace("gpt-5.5", "gpt-6") + "\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n"
    });
    edit(".zshrc", &|text| text + "\nexport A=1\n");
    edit(".arize/harness/config.yaml", &|text| text.replace("user_id: ada", "user_id: eve"));
    // Nothing of it is a reason to plan anything.
    let (_, _, plan) = home.plan(&quiet());
    assert!(plan.is_empty(), "{}", plan.diff());
    home.uninstall(false);
    let config = home.read(".codex/config.toml");
    assert_eq!(
        config,
        CONFIG.replace("gpt-5.5", "gpt-6") + "\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n"
    );
    assert_eq!(home.read(".zshrc"), "alias l=ls\nexport A=1\n");
    assert_eq!(
        home.read(".arize/harness/config.yaml"),
        "harnesses:\n  claude-code:\n    target: arize # keep\nuser_id: eve\n"
    );
}

#[test]
fn what_changes_during_an_uninstallation_is_taken_back_by_the_next_one() {
    let home = home();
    home.install(&request());
    let removal = setup::uninstall::plan(&home.machine, false).unwrap();
    let theirs = "\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n";
    let changed = home.read(".codex/config.toml") + theirs;
    home.write(".codex/config.toml", &changed);
    let removed = removal.carry_out(&home.machine).unwrap();
    assert_eq!(removed.problems.len(), 1, "{removed:?}");
    let hint = home.shown(&removed.problems[0].hint);
    assert!(hint.ends_with("arize-codex uninstall` again"), "{removed:?}");
    assert_eq!(home.read(".codex/config.toml"), changed);
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), format!("{CONFIG}{theirs}"));
    assert!(!home.path(".arize/harness/state").exists());
}

#[test]
fn another_installation_over_a_changed_file_is_taken_back_to_the_changed_file() {
    let home = home();
    home.install(&request());
    home.write(".zshrc", &format!("export A=1\n{}", home.read(".zshrc")));
    home.write(".codex/config.toml", &format!("# new\n{}", home.read(".codex/config.toml")));
    let other = Request { port: Some(26_000), ..request() };
    home.install(&other);
    assert!(home.plan(&other).2.is_empty());
    assert!(home.read(".codex/config.toml").contains("127.0.0.1:26000"));
    home.uninstall(false);
    assert_eq!(home.read(".codex/config.toml"), format!("# new\n{CONFIG}"));
    assert_eq!(home.read(".zshrc"), "export A=1\nalias l=ls");
}

#[test]
fn backups_that_are_gone_or_were_changed_keep_nothing_from_being_taken_back() {
    let home = home();
    let before = home.tree();
    home.install(&request());
    let backups = home.path(".arize/harness/state/setup-backups");
    let copies: Vec<_> = fs::read_dir(&backups).unwrap().map(|copy| copy.unwrap().path()).collect();
    assert!(copies.len() > 1, "{copies:?}");
    for (index, copy) in copies.iter().enumerate() {
        match index % 2 {
            0 => fs::remove_file(copy).unwrap(),
            _ => fs::write(copy, "something else").unwrap(),
        }
    }
    assert!(home.plan(&request()).2.is_empty());
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_profile_that_is_not_utf_8_keeps_nothing_from_being_taken_back() {
    let home = home();
    fs::write(home.path(".bashrc"), b"alias caf\xe9=x\n").unwrap();
    let before = home.tree();
    home.install(&Request { no_path: true, ..request() });
    assert_ne!(home.tree(), before);
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

// Links take a privilege on Windows.
#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_one() {
    let home = Home::with(&[
        ("dotfiles/codex.toml", CONFIG),
        (".codex/config.toml", "-> ../dotfiles/codex.toml"),
    ]);
    let before = home.tree();
    home.install(&request());
    assert!(home.read("dotfiles/codex.toml").contains("arize-hook-codex-notify"));
    assert_eq!(
        home.tree()[std::path::Path::new(".codex/config.toml")],
        "-> ../dotfiles/codex.toml"
    );
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[test]
fn a_skill_that_was_changed_is_the_users() {
    let home = home();
    home.install(&request());
    home.write(".agents/skills/codex-tracing/SKILL.md", "mine\n");
    home.uninstall(false);
    assert_eq!(home.read(".agents/skills/codex-tracing/SKILL.md"), "mine\n");
}

#[test]
fn data_stays_unless_it_is_to_go_and_that_of_other_harnesses_always() {
    let home = home();
    let before = home.tree();
    let data = |home: &Home| {
        home.install(&request());
        home.write(".arize/harness/traces.db", "x");
        home.write(".arize/harness/logs/codex.log.1", "x");
        home.write(".arize/harness/state/codex/threads/a.json", "{}");
    };
    home.write(".arize/harness/logs/claude-code.log", "theirs");
    data(&home);
    home.uninstall(false);
    assert_eq!(home.read(".arize/harness/traces.db"), "x");
    data(&home);
    home.uninstall(true);
    assert_eq!(home.read(".arize/harness/logs/claude-code.log"), "theirs");
    fs::remove_dir_all(home.path(".arize/harness/logs")).unwrap();
    assert_eq!(home.tree(), before);
}

#[test]
fn what_a_killed_setup_was_writing_goes_too() {
    let home = home();
    let before = home.tree();
    home.install(&request());
    for name in [
        ".codex/.arize-aB3dE6",
        ".arize/harness/bin/arize-codex.new",
        ".arize/harness/state/.arize-000000",
    ] {
        home.write(name, "half");
    }
    home.uninstall(false);
    assert_eq!(home.tree(), before);
    // Killed before anything was noted.
    home.write(".arize/harness/state/.arize-000000", "half");
    home.uninstall(false);
    assert_eq!(home.tree(), before);
}

#[test]
fn what_codex_noted_of_our_hooks_goes_with_them() {
    let theirs = "model = \"m\"\n\n[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"bell\"\n";
    for before in [None, Some(theirs)] {
        let files: Vec<_> = before.map(|text| (".codex/config.toml", text)).into_iter().collect();
        let home = Home::with(&files).with_codex("0.169.0");
        let untouched = home.tree();
        home.install(&Request { hooks: true, ..quiet() });
        let file = home.path(".codex").join("config.toml");
        // A person trusts all hooks in the terminal.
        let note = |event: &str, group: usize| {
            let key = format!("{}:{event}:{group}:0", file.display()).replace('\\', r"\\");
            format!("\n[hooks.state.\"{key}\"]\ntrusted_hash = \"sha256:0\"\n")
        };
        let bell = before.map(|_| note("stop", 0)).unwrap_or_default();
        let ours = usize::from(before.is_some());
        let trusted = format!(
            "{}\n[hooks.state]\n{bell}{}{}{}{}",
            home.read(".codex/config.toml"),
            note("stop", ours),
            note("subagent_stop", 0),
            note("session_end", 0),
            note("interrupt", 0)
        );
        home.write(".codex/config.toml", &trusted);
        assert!(home.plan(&quiet()).2.is_empty(), "a second setup keeps the trust");
        home.uninstall(false);
        if before.is_some() {
            let left = home.read(".codex/config.toml");
            assert_eq!(left, format!("{theirs}\n[hooks.state]\n{bell}"));
            home.write(".codex/config.toml", theirs);
        }
        assert_eq!(home.tree(), untouched);
    }
}

/// What stays is named with its size, and the command that is named removes it.
#[cfg(unix)]
#[test]
fn data_that_stays_is_removed_by_the_command_that_is_named() {
    for theirs in [false, true] {
        let home = Home::with(&[]);
        if theirs {
            home.write(".arize/harness/logs/claude-code.log", "theirs");
        }
        assert!(setup::uninstall::Stored::find(&home.machine).is_none());
        home.install(&request());
        home.write(".arize/harness/traces.db", &"x".repeat(250_000));
        home.write(".arize/harness/state/codex/outbox/phoenix/1-x.batch", "x");
        home.uninstall(false);
        let stored = setup::uninstall::Stored::find(&home.machine).unwrap();
        let step = home.shown(&stored.next_step(20));
        let kept = "Kept: 20 turns, 1 queued turn, state and logs in ~/.arize/harness (0.3 MB). ";
        assert!(step.starts_with(kept), "{step}");
        let step = stored.next_step(20);
        let command = step.split('`').nth(1).unwrap();
        let done = std::process::Command::new("/bin/sh").args(["-c", command]).status().unwrap();
        assert!(done.success(), "{command}");
        assert!(setup::uninstall::Stored::find(&home.machine).is_none(), "{command}");
        if theirs {
            assert_eq!(home.read(".arize/harness/logs/claude-code.log"), "theirs");
        } else {
            assert!(!home.path(".arize/harness").exists(), "{command}");
        }
    }
}
