//! Two that would change the same files at the same time.

use std::fs;
use std::time::{Duration, Instant};

use buffer_api::process::InstanceLock;
use setup::{ApplyError, LockError, Request};

use crate::home::{Home, quiet};

#[test]
fn the_second_one_waits_a_little_and_says_who_is_at_work() {
    let home = Home::with(&[(".codex/config.toml", "a = 1\n")]);
    let (facts, _, plan) = home.plan(&quiet());
    let other = InstanceLock::acquire(&home.path(".arize/harness/state/setup.lock")).unwrap();
    let before = home.tree();
    let began = Instant::now();
    let error = home.apply(&facts, &plan).unwrap_err();
    assert!(began.elapsed() > Duration::from_secs(1), "it did not wait");
    let me = std::process::id();
    let expected = format!("another setup or uninstallation is at work (PID {me})");
    assert_eq!(error.to_string(), expected);
    assert_eq!(home.tree(), before);

    drop(other);
    home.apply(&facts, &plan).unwrap();
    assert!(home.read(".codex/config.toml").contains("notify"));
    home.uninstall(true);
    assert_eq!(
        home.tree().keys().map(|path| home.shown(path.to_str().unwrap())).collect::<Vec<_>>(),
        [".codex", ".codex/config.toml"]
    );
}

#[test]
fn what_was_looked_at_must_still_be_there() {
    let home = Home::with(&[(".codex/config.toml", "a = 1\n")]);
    let (facts, _, plan) = home.plan(&quiet());
    home.install(&Request { project: Some("other".to_owned()), ..quiet() });
    let installed = home.tree();
    let error = home.apply(&facts, &plan).unwrap_err();
    assert!(matches!(error, ApplyError::Lock(LockError::Outdated)), "{error}");
    let removal = setup::uninstall::plan(&home.machine, false).unwrap();
    home.uninstall(false);
    let uninstalled = home.tree();
    assert_ne!(uninstalled, installed);
    let error = removal.carry_out(&home.machine).unwrap_err();
    assert!(matches!(error, LockError::Outdated), "{error}");
    assert_eq!(home.tree(), uninstalled, "not even a folder is left of the attempt");
}

/// The lock of a killed setup is free.
#[test]
fn a_lock_file_that_stayed_does_no_harm() {
    let home = Home::with(&[]);
    let before = home.tree();
    let lock = home.path(".arize/harness/state/setup.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "1\n").unwrap();
    home.install(&quiet());
    assert!(!lock.exists());
    home.uninstall(true);
    assert_eq!(home.tree(), before);
}
