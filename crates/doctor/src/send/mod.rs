//! `doctor --send`: a marked test turn through the whole chain, read back from the backends.
//!
//! What Codex does is done here: log events to the buffer service, a transcript in a folder of
//! sessions, and the hook with the payload as its argument. Service, hook, settings and targets are
//! the real ones. What the hook remembers of it, and what cannot be delivered, stays on a [`stage`]
//! that is removed at the end, so that the test leaves nothing but one trace at each target on the
//! network, in the project `codex-test`, all spans of which have `codex.test`.

mod arrival;
mod stage;
mod turn;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use buffer_api::process::{self, Running, Service, Status};
use buffer_api::secrets::TOKEN_HEADER;
use buffer_api::{Client, Endpoint, Paths as BufferPaths, Token};
use dispatch::ledger::Entry;
use otlp_model::TraceId;

use crate::checks::service;
use crate::words::{count, show_access};
use crate::{Context, Finding};
use stage::Stage;
use turn::TestTurn;

const EVENTS: &str = "send.events";
const HOOK: &str = "send.hook";

const DOCTOR: &str = "arize-codex doctor";
const RESTART: &str = "arize-codex-buffer stop && arize-codex-buffer start";

/// The hook's own limit is ten seconds.
const HOOK_PATIENCE: Duration = Duration::from_secs(15);

/// Sends the test turn, and says of each step how it went. What the examination found to be broken is
/// not tried.
pub(crate) fn send(context: &Context<'_>) -> Vec<Finding> {
    let running = match ready(context) {
        Ok(running) => running,
        Err(finding) => return vec![finding],
    };
    let turn = TestTurn::now(context.now, &context.machine.folder);
    let stage = match Stage::set(&context.machine.paths, &turn) {
        Ok(stage) => stage,
        Err(error) => {
            let message = format!("the test turn cannot be prepared: {error}");
            let command = show_access(&context.machine.paths.run_dir);
            return vec![Finding::failure(EVENTS, message, command)];
        }
    };
    let client = client(&running.endpoint, context);
    let mut findings = vec![send_events(&running.endpoint, context, &turn)];
    let begun = Instant::now();
    let ran = run_hook(context, &stage, &turn);
    end_service_on(&stage, context, &running.endpoint);
    // Whatever the hook has not read is taken back.
    let unread = client.flush(&turn.thread_id).map_or(0, |left| left.events.len());
    let sent = stage.sent();
    findings.push(match ran {
        Err(finding) => finding,
        Ok(took) => evaluate(took, &stage, sent.as_ref(), unread),
    });
    if let Some(sent) = sent {
        let trace = TraceId::derive(&[codex_turn::HARNESS, &turn.thread_id, &turn.turn_id]);
        findings.extend(arrival::read_back(
            &context.machine.environment,
            &stage,
            &sent,
            trace,
            begun,
        ));
    }
    findings
}

fn client(endpoint: &Endpoint, context: &Context<'_>) -> Client {
    Client::new(endpoint, token(context))
}

fn token(context: &Context<'_>) -> Option<String> {
    context.machine.service_paths().read_token().ok().flatten()
}

/// The service, where everything that is needed is there.
fn ready(context: &Context<'_>) -> Result<Running, Finding> {
    let settings = context.settings;
    if !settings.enabled || settings.dry_run || settings.unreadable.is_some() {
        let message = "no test turn was sent, because the settings switch tracing off";
        return Err(Finding::failure(EVENTS, message, DOCTOR));
    }
    match service::status(context) {
        // The hook asks at the address of the settings, and starts a service where none answers.
        Ok(Status::Running(running))
            if service::wanted(settings).as_ref() == Some(&running.endpoint) =>
        {
            Ok(running)
        }
        _ => {
            let message =
                "no test turn was sent: the buffer service does not run where the settings say";
            Err(Finding::failure(EVENTS, message, RESTART))
        }
    }
}

/// Ends a service that the hook has started on the stage, because the real one ended meanwhile.
fn end_service_on(stage: &Stage, context: &Context<'_>, endpoint: &Endpoint) {
    let paths = BufferPaths::under(&stage.paths.harness_home);
    if paths.pid_file.exists() {
        // Nothing more can be done about one that does not end.
        let service = context.machine.service(&context.machine.programs, endpoint.clone());
        let _ = process::stop(&Service { paths, ..service });
    }
}

/// Posts the log events as Codex does.
fn send_events(endpoint: &Endpoint, context: &Context<'_>, turn: &TestTurn) -> Finding {
    let begun = Instant::now();
    let mut request = ureq::post(endpoint.url("/v1/logs")).content_type("application/json");
    if let Some(token) = token(context) {
        // As Codex does after setup. What answers here has just proved that it is our service.
        request = request.header(TOKEN_HEADER, Token::new(token).write_token());
    }
    let request = request.config().proxy(None).timeout_global(Some(Duration::from_secs(5))).build();
    match request.send(turn.events().to_string()) {
        Ok(_) => {
            let took = begun.elapsed().as_millis();
            Finding::ok(
                EVENTS,
                format!("the service accepted the test turn's log events in {took} ms"),
            )
        }
        Err(error) => {
            let message =
                format!("the service does not accept the test turn's log events: {error}");
            Finding::failure(EVENTS, message, "arize-codex logs --buffer -n 50")
        }
    }
}

/// Runs the hook as Codex does, and says how long it took.
fn run_hook(context: &Context<'_>, stage: &Stage, turn: &TestTurn) -> Result<Duration, Finding> {
    let program = context.machine.programs.join("arize-hook-codex-notify");
    let failure = |message: String| {
        let message = format!("`{}` {message}", program.display());
        Finding::failure(HOOK, message, show_access(&program))
    };
    let begun = Instant::now();
    let mut command = Command::new(&program);
    command.arg(turn.payload().to_string()).envs(stage.variables());
    for name in Stage::withheld() {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failure(format!("cannot be run: {error}")))?;
    while begun.elapsed() < HOOK_PATIENCE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = begun.elapsed();
    // Of one that has ended already nothing is left to kill.
    let _ = child.kill();
    match child.wait() {
        Ok(status) if status.success() => Ok(took),
        _ => Err(failure(format!("ended badly after {} ms", took.as_millis()))),
    }
}

/// What the hook's run came to.
fn evaluate(took: Duration, stage: &Stage, sent: Option<&Entry>, unread: usize) -> Finding {
    let Some(sent) = sent else {
        let message = format!("the hook sent the test turn to no target: {}", stage.last_words());
        return Finding::failure(HOOK, message, DOCTOR);
    };
    if unread > 0 {
        let message = format!(
            "the hook sent the test turn without its {unread} log events, which it did not read"
        );
        return Finding::failure(HOOK, message, DOCTOR);
    }
    let targets = count(sent.targets.len(), "target", "targets");
    let took = took.as_millis();
    Finding::ok(
        HOOK,
        format!("the hook sent the test turn with its log events to {targets} in {took} ms"),
    )
}
