//! What becomes of a buffer service that runs.

use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;

use buffer_api::process::{Running, Status};
use buffer_api::{Endpoint, Health};
use setup::autostart::Launcher;
use setup::{Request, ServiceStep};

use crate::home::{Home, quiet};

/// A service of this program at this port, as it says itself.
fn running(executable: PathBuf, port: u16) -> Status {
    let health = serde_json::json!({
        "status": "ok", "service": "", "pid": 0, "version": "", "executable": executable,
        "uptime_seconds": 0, "threads": 0, "events": 0, "bytes": 0, "received": 0, "dropped": 0,
        "skipped": 0, "unthreaded": 0,
    });
    let health: Health = serde_json::from_value(health).unwrap();
    Status::Running(Running { endpoint: Endpoint { port, ..Endpoint::default() }, health })
}

#[test]
fn a_service_stays_only_if_it_is_the_one_at_the_port() {
    let launchers = [
        (None, ServiceStep::Restart),
        (Some(Launcher::Systemd), ServiceStep::HandOver(Launcher::Systemd)),
    ];
    for (launcher, otherwise) in launchers {
        let home = Home::with(&[]);
        let request = Request { no_service: false, autostart: launcher.is_some(), ..quiet() };
        let installed = home.path(&format!(".arize/harness/bin/arize-codex-buffer{EXE_SUFFIX}"));
        let plan = |status: &Status| {
            let mut facts = setup::inspect(&home.machine, &request).unwrap();
            facts.launcher.clone_from(&launcher);
            facts.service = status.clone();
            let mut ask = setup::ask::TakeProposed::default();
            let answers = setup::interview(&request, &facts, &home.machine, &mut ask).unwrap();
            let plan = setup::plan(&home.machine, &facts, &answers).unwrap();
            (facts, plan)
        };
        let as_wanted = running(installed.clone(), 25_999);
        // A program that was not there before is one to start.
        let (facts, mut first) = plan(&as_wanted);
        assert_eq!(first.service, otherwise);
        first.service = ServiceStep::Leave;
        home.apply(&facts, &first).unwrap();
        assert_eq!(plan(&as_wanted).1.service, ServiceStep::Leave);
        for another in [running(installed, 25_998), running("/elsewhere".into(), 25_999)] {
            assert_eq!(plan(&another).1.service, otherwise, "{another:?}");
        }
    }
}

#[test]
fn another_port_than_the_one_that_was_asked_for_is_named() {
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let home = Home::with(&[]);
    let (facts, answers, plan) = home.plan(&Request { port: Some(port), ..quiet() });
    assert_ne!(plan.port, port);
    let next = setup::next_steps(&home.machine, &facts, &answers, &plan).join("\n");
    assert!(next.contains(&format!("Port {port} is taken by ")), "{next}");
    assert!(next.contains(&format!("service is at port {}.", plan.port)), "{next}");
}
