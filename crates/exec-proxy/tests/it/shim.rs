//! Writing and removing the shim.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use codex_home::shim::{self, Change, ShimError};

use crate::codex::Home;

#[test]
fn it_runs_the_proxy_beside_it() {
    let home = Home::with_codex("echo \"real $*\"");
    let bin = home.path("ours");
    assert_eq!(shim::write(&bin).unwrap(), Change::Written);
    assert_eq!(shim::write(&bin).unwrap(), Change::Unchanged);
    assert!(codex_home::is_shim(&bin.join("codex")));
    let output = home.command(&bin.join("codex")).args(["exec", "a b"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "real exec a b\n");
    assert_eq!(shim::remove(&bin).unwrap(), Change::Removed);
    assert_eq!(shim::remove(&bin).unwrap(), Change::Unchanged);
    let left: Vec<_> = fs::read_dir(&bin).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["arize-codex-proxy"]);
}

#[test]
fn a_shim_of_another_form_is_replaced() {
    let home = Home::with_codex("");
    let bin = home.path("ours");
    home.script("ours/codex", r#"exec "/opt/venv/bin/arize-codex-proxy" "$@""#);
    assert_eq!(shim::write(&bin).unwrap(), Change::Written);
    assert_eq!(fs::read_link(bin.join("codex")).unwrap(), Path::new("arize-codex-proxy"));
}

#[test]
fn a_shim_whose_proxy_is_gone_is_still_ours() {
    let home = Home::with_codex("");
    let bin = home.path("ours");
    shim::write(&bin).unwrap();
    fs::remove_file(bin.join("arize-codex-proxy")).unwrap();
    assert_eq!(shim::remove(&bin).unwrap(), Change::Removed);
}

#[test]
fn what_another_program_put_there_stays() {
    let foreign = |error| matches!(error, ShimError::Foreign { .. });
    for place in [&|home: &Home| drop(home.script("ours/codex", "exec npx codex")) as _, &|home| {
        symlink(home.path("bin/codex"), home.path("ours/codex")).unwrap();
    }] as [&dyn Fn(&Home); 2]
    {
        let home = Home::with_codex("echo real");
        let bin = home.path("ours");
        place(&home);
        let before = fs::read(bin.join("codex")).unwrap();
        assert!(foreign(shim::write(&bin).unwrap_err()));
        assert!(foreign(shim::remove(&bin).unwrap_err()));
        assert_eq!(fs::read(bin.join("codex")).unwrap(), before);
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let error = shim::write(Path::new("/nowhere/bin")).unwrap_err();
    assert_eq!(error.to_string(), "`/nowhere/bin/codex` cannot be changed");
}
