//! When tracing begins: at the moment of consent.

use std::time::{Duration, SystemTime};

use codex_config::TracingStart;

use crate::home::{Home, quiet};

const HOUR: Duration = Duration::from_secs(3600);

fn start(home: &Home) -> TracingStart {
    TracingStart::of(&home.machine.paths)
}

#[test]
fn setup_notes_when_it_is_carried_out() {
    let home = Home::with(&[]);
    let before = home.tree();
    let (facts, _, plan) = home.plan(&quiet());
    assert_eq!(start(&home).noted(), None, "planning changes nothing");
    let agreed = SystemTime::now();
    home.apply(&facts, &plan).unwrap();
    let noted = start(&home).noted().unwrap();
    assert!((agreed..=SystemTime::now()).contains(&noted), "{noted:?}");
    // A second setup does not begin anew.
    home.install(&quiet());
    assert_eq!(start(&home).noted(), Some(noted));
    home.uninstall(false);
    assert_eq!(start(&home).noted(), None);
    assert_eq!(home.tree(), before);
}

#[test]
fn what_ended_while_tracing_was_uninstalled_is_history() {
    // As uninstallations of earlier versions left it.
    let home = Home::with(&[]);
    let long_ago = SystemTime::now() - HOUR;
    start(&home).note(long_ago).unwrap();
    home.install(&quiet());
    assert!(start(&home).noted().unwrap() > long_ago + HOUR / 2);
}

#[test]
fn setup_over_an_installation_by_hand_goes_on_with_it() {
    let notify = "notify = ['/h/.arize/harness/bin/arize-hook-codex-notify']\n";
    let home = Home::with(&[(".codex/config.toml", notify)]);
    let began = SystemTime::UNIX_EPOCH + HOUR;
    start(&home).note(began).unwrap();
    home.install(&quiet());
    assert_eq!(start(&home).noted(), Some(began));
}
