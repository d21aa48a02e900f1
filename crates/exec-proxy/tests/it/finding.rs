//! Which Codex the proxy runs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use codex_home::{codex_on_path, find_codex};

use crate::codex::{Home, PROXY, copy};

/// The Python system's shim.
const PYTHON_SHIM: &str = r#"exec "$HOME/.arize/harness/venv/bin/arize-codex-proxy" "$@""#;

/// Shims of all forms in folders of their own, each before the real Codex on the `PATH`.
fn shims(home: &Home) -> Vec<&'static str> {
    let place = |folder: &str| {
        fs::create_dir_all(home.path(folder)).unwrap();
        home.path(folder).join("codex")
    };
    symlink(home.program(), place("linked")).unwrap();
    copy(Path::new(PROXY), &place("copied"));
    fs::hard_link(place("copied"), place("hard")).unwrap();
    copy(Path::new(PROXY), &home.path("copied/arize-codex-proxy"));
    symlink("../copied/arize-codex-proxy", place("other")).unwrap();
    symlink("arize-codex-proxy", place("dangling")).unwrap();
    home.script("python/codex", PYTHON_SHIM);
    vec!["linked", "copied", "hard", "other", "dangling", "python"]
}

fn path_of(home: &Home, folders: &[&str]) -> OsString {
    std::env::join_paths(folders.iter().map(|folder| home.path(folder))).unwrap()
}

#[test]
fn shims_of_any_form_are_passed_over() {
    let home = Home::with_codex("");
    let shims = shims(&home);
    for shim in &shims {
        let codex = find_codex(&path_of(&home, &[shim, "bin"]), None);
        assert_eq!(codex, Some(home.path("bin/codex")), "{shim}");
    }
    assert_eq!(find_codex(&path_of(&home, &shims), None), None);
    let path = path_of(&home, &["nowhere", "linked", "bin"]);
    let all: Vec<_> = codex_on_path(&path, None).collect();
    assert_eq!(all, [home.path("linked/codex"), home.path("bin/codex")]);
}

#[test]
fn what_cannot_be_run_is_passed_over() {
    let home = Home::with_codex("");
    home.file("plain/codex", "not executable");
    fs::create_dir_all(home.path("folder/codex")).unwrap();
    symlink("nowhere", home.path("plain/broken")).unwrap();
    let codex = find_codex(&path_of(&home, &["plain", "folder", "bin"]), None);
    assert_eq!(codex, Some(home.path("bin/codex")));
}

#[test]
fn a_shim_before_a_shim_runs_the_real_codex_once() {
    let home = Home::with_codex("echo real");
    let shims = shims(&home);
    let path = path_of(&home, &[&shims[..], &["bin"]].concat());
    let path = std::env::join_paths(std::env::split_paths(&path).chain(["/bin".into()])).unwrap();
    for shim in ["linked", "copied", "hard", "other"] {
        let mut codex = home.command(&home.path(shim).join("codex"));
        let output = codex.arg("exec").env("PATH", &path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "real\n", "{shim}");
    }
}

/// A script of the user's that finds the proxy as `codex`, under a name by which it is not known.
fn wrapper(home: &Home, folder: &str, call: &str) {
    let hidden = home.path("tracer");
    if !hidden.exists() {
        symlink(home.program(), &hidden).unwrap();
    }
    let script = format!("echo {folder} >> \"$HOME/runs\"; {call} --wrapped \"$@\"");
    home.script(&format!("{folder}/codex"), &script);
}

const CALLS: [&str; 2] = ["exec \"$HOME/tracer\"", "\"$HOME/tracer\""];

#[test]
fn a_script_that_runs_the_proxy_again_is_run_once_and_then_the_real_codex() {
    for call in CALLS {
        let home = Home::with_codex("echo \"real $*\"");
        wrapper(&home, "one", call);
        wrapper(&home, "two", call);
        let path = format!("{}:/usr/bin:/bin", path_of(&home, &["one", "two", "bin"]).display());
        for command in ["exec", "resume"] {
            let output = home.proxy().arg(command).env("PATH", &path).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said, format!("real --wrapped --wrapped {command}\n"), "{call}");
        }
        assert_eq!(fs::read_to_string(home.path("runs")).unwrap(), "one\ntwo\none\ntwo\n");
    }
}

#[test]
fn a_codex_that_runs_a_codex_finds_the_same_one() {
    let home = Home::with_codex("");
    // A program that is no script, as Codex is.
    copy(Path::new("/bin/sh"), &home.path("bin/codex"));
    home.script("other/codex", "echo another");
    let path = format!("{}:/usr/bin:/bin", path_of(&home, &["bin", "other"]).display());
    let inner = format!("{} -c 'echo inner'; true", home.program().display());
    let output = home.proxy().args(["-c", &inner]).env("PATH", &path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "inner\n");
}

#[test]
fn where_there_are_only_scripts_that_lead_back_the_proxy_says_so() {
    // Through another program the proxy does not see that it is the script's doing.
    for (call, most) in
        [(CALLS[0], 1), (CALLS[1], 1), ("/bin/sh -c '\"$HOME/tracer\" \"$@\"; exit $?' sh", 32)]
    {
        let home = Home::with_codex("");
        wrapper(&home, "bin", call);
        let output = home.proxy().arg("exec").output().unwrap();
        assert_eq!(output.status.code(), Some(127), "{call}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.ends_with("leads back to arize-codex-proxy\n"), "{complaint}");
        let runs = fs::read_to_string(home.path("runs")).unwrap();
        assert!(runs.lines().count() <= most, "{call}: {runs}");
    }
}

#[test]
fn without_a_codex_the_proxy_says_what_a_shell_says() {
    let home = Home::with_codex("");
    let shims = shims(&home);
    for path in [path_of(&home, &shims), "".into()] {
        let output = home.proxy().arg("exec").env("PATH", path).output().unwrap();
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "codex: command not found\n");
        assert_eq!(output.stdout, b"");
    }
    let output = home.proxy().arg("exec").env_remove("PATH").output().unwrap();
    assert_eq!(output.status.code(), Some(127));
}

#[test]
fn a_codex_that_does_not_start_is_a_line_and_an_exit_code() {
    let home = Home::with_codex("");
    copy(&home.file("text", "#!/nowhere/sh\n"), &home.path("bin/codex"));
    for command in ["exec", "resume"] {
        let output = home.proxy().arg(command).output().unwrap();
        assert_eq!(output.status.code(), Some(127));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.starts_with("codex: No such file"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn the_user_may_choose_a_codex() {
    let home = Home::with_codex("echo first");
    let other = home.script("elsewhere/codex-nightly", "echo chosen");
    let printed = |variable: Option<&Path>| {
        let mut proxy = home.proxy();
        proxy.arg("exec").envs(variable.map(|path| ("ARIZE_CODEX_BIN", path)));
        String::from_utf8(proxy.output().unwrap().stdout).unwrap()
    };
    assert_eq!(printed(Some(&other)), "chosen\n");
    assert_eq!(printed(Some(Path::new("elsewhere/codex-nightly"))), "chosen\n");
    assert_eq!(printed(None), "first\n");
    home.file(
        ".arize/harness/config.yaml",
        "harnesses: {codex: {codex_bin: ~/elsewhere/codex-nightly}}\n",
    );
    assert_eq!(printed(None), "chosen\n");
}

#[test]
fn a_choice_that_is_a_shim_or_nothing_is_passed_over() {
    let home = Home::with_codex("echo first");
    for wrong in [Path::new(PROXY), Path::new("/nowhere/codex")] {
        let output = home.proxy().arg("exec").env("ARIZE_CODEX_BIN", wrong).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "first\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(home.log().contains(&format!("`{}` (ARIZE_CODEX_BIN)", wrong.display())));
    }
}
