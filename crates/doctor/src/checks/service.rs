//! The buffer service: does it run, is it this release, does it take our token, and what did it lose?

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use buffer_api::process::{self, Running, Status};
use buffer_api::{Client, ClientError, Endpoint, NotLoopback};
use codex_config::{Paths, Settings};
use codex_home::HOOK_PROGRAM;
use program_log::HOOK_FAILED;

use crate::words::{bytes, count, line, quoted, span};
use crate::{Context, Finding, logs};

const UP: &str = "service";
const VERSION: &str = "service.version";
const TOKEN: &str = "service.token";
const EVENTS: &str = "service.events";
const DATABASE: &str = "service.database";
/// The name of the check of whether the service runs the hook.
pub(crate) const RUNS_HOOK: &str = "service.hook";

const START: &str = "arize-codex-buffer start";
const RESTART: &str = "arize-codex-buffer stop && arize-codex-buffer start";

/// What is known of the service.
#[derive(Debug)]
pub struct ServiceFacts {
    /// How it is; an error where its address makes no sense.
    pub status: Result<Status, NotLoopback>,
    /// Where it is to listen, where the settings can be read and make sense.
    pub wanted: Option<Endpoint>,
    /// Whether reading from it works.
    pub token: Token,
    /// Our own version.
    pub version: &'static str,
    /// Whether its program file was replaced after it was started.
    pub is_replaced: bool,
    /// What keeps the service from running the hook.
    pub hook: Option<HookTrouble>,
    /// Databases that could not be used and were set aside, the oldest first.
    pub set_aside: Vec<PathBuf>,
}

/// Why the service does not run the hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookTrouble {
    /// There is no hook beside its program.
    Missing(PathBuf),
    /// So many runs failed since it started, the last one for this reason.
    Failed(usize, String),
}

/// What comes of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// It was not tried, because no service answers.
    Untried,
    /// The service takes it.
    Accepted,
    /// The service wants another.
    Refused,
    /// There is none.
    Missing,
    /// It cannot be read.
    Unreadable(String),
}

/// The status of the service at the address of the settings.
pub(crate) fn status(context: &Context<'_>) -> Result<Status, NotLoopback> {
    let Context { machine, settings, .. } = context;
    let endpoint = Endpoint::new(&settings.collector.host, settings.collector.port)?;
    Ok(process::status(&machine.service(&machine.programs, endpoint)))
}

/// Asks the service.
pub fn inspect(context: &Context<'_>) -> ServiceFacts {
    let Context { machine, settings, now } = context;
    let files = machine.service_paths();
    let status = status(context);
    let running = match &status {
        Ok(Status::Running(running)) => Some(running),
        _ => None,
    };
    ServiceFacts {
        token: running.map_or(Token::Untried, |running| try_token(running, &files)),
        is_replaced: running.is_some_and(|running| is_replaced(running, *now)),
        hook: running.and_then(|running| hook_trouble(running, &machine.paths, *now)),
        version: env!("CARGO_PKG_VERSION"),
        wanted: wanted(settings),
        set_aside: buffer_api::paths::set_aside(&files.database),
        status,
    }
}

/// Where the service is to listen. Settings that cannot be read do not say it.
pub(crate) fn wanted(settings: &Settings) -> Option<Endpoint> {
    let collector = settings.unreadable.is_none().then_some(&settings.collector)?;
    Endpoint::new(&collector.host, collector.port).ok()
}

/// The write token that Codex has to show, where the service wants one.
pub(crate) fn write_token(settings: &Settings, paths: &Paths) -> Option<String> {
    let files = buffer_api::Paths::under(&paths.harness_home);
    let token = files.known_token().ok().flatten()?;
    settings.collector.require_write_token.then(|| token.write_token())
}

/// What the facts mean.
pub fn check(facts: &ServiceFacts) -> Vec<Finding> {
    let status = match &facts.status {
        Ok(status) => status,
        Err(error) => {
            let command = "arize-config set harnesses.codex.collector.host 127.0.0.1";
            return vec![Finding::failure(UP, error.to_string(), command)];
        }
    };
    let running = match status {
        Status::Running(running) => running,
        Status::Stopped => {
            let is_away = match &facts.wanted {
                Some(endpoint) => format!("nothing listens on {endpoint}"),
                None => "it does not run".to_owned(),
            };
            let message = format!(
                "{is_away}: exact times, attempts and approvals are missing from traces, and failed turns are sent late"
            );
            return vec![Finding::failure(UP, message, START)];
        }
        Status::Unresponsive { pid } => {
            let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            let message = format!("the service{pid} does not answer");
            let command = "arize-codex-buffer stop --force && arize-codex-buffer start";
            return vec![Finding::failure(UP, message, command)];
        }
        Status::Taken { endpoint, owner } => {
            let message = format!(
                "{endpoint} is taken by {owner}, which gets Codex's events instead of the buffer service"
            );
            // Setup ends the Python system's service if the user agrees; where another program has
            // the port, it takes the next one.
            return vec![Finding::failure(UP, message, "arize-codex setup")];
        }
    };
    let mut findings = vec![
        up(running, facts.wanted.as_ref()),
        version(running, facts),
        token(&facts.token),
        events(running),
    ];
    findings.extend(facts.hook.as_ref().map(runs_hook));
    findings.extend(database(running, facts));
    findings
}

fn up(running: &Running, wanted: Option<&Endpoint>) -> Finding {
    let health = &running.health;
    if wanted.is_some_and(|wanted| *wanted != running.endpoint) {
        let wanted = wanted.map(Endpoint::to_string).unwrap_or_default();
        let message = format!(
            "it listens on {} (pid {}), and the settings say {wanted}",
            running.endpoint, health.pid
        );
        return Finding::failure(UP, message, RESTART);
    }
    let uptime = span(Duration::from_secs(health.uptime_seconds));
    Finding::ok(UP, format!("listens on {} (pid {}) for {uptime}", running.endpoint, health.pid))
}

fn version(running: &Running, facts: &ServiceFacts) -> Finding {
    let health = &running.health;
    if health.version != facts.version {
        let message = format!("{} runs, and {} is installed", health.version, facts.version);
        return Finding::warning(VERSION, message, RESTART);
    }
    if facts.is_replaced {
        let message = "its program file was replaced since it was started";
        return Finding::warning(VERSION, message, RESTART);
    }
    Finding::ok(VERSION, format!("{} from `{}`", health.version, health.executable.display()))
}

fn token(token: &Token) -> Finding {
    match token {
        Token::Accepted | Token::Untried => {
            Finding::ok(TOKEN, "the hook can read the events: the token is accepted")
        }
        Token::Refused => {
            let message = "the service expects another token than that in `run/codex-buffer.token`";
            Finding::failure(TOKEN, message, RESTART)
        }
        Token::Missing => {
            let message =
                "`run/codex-buffer.token` is missing, so that the hook cannot read the events";
            Finding::failure(TOKEN, message, RESTART)
        }
        Token::Unreadable(error) => {
            let message = format!("`run/codex-buffer.token` cannot be read: {error}");
            Finding::failure(TOKEN, message, RESTART)
        }
    }
}

fn events(running: &Running) -> Finding {
    let health = &running.health;
    let kept = format!(
        "{} of {} in its queue ({})",
        count(health.events as usize, "event", "events"),
        count(health.threads as usize, "thread", "threads"),
        bytes(health.bytes)
    );
    let lost = health.dropped + health.malformed;
    if lost > 0 {
        let message = format!(
            "{kept}; since it started {} were dropped because a limit was reached, and {} could not be decoded",
            health.dropped, health.malformed
        );
        return Finding::warning(EVENTS, message, "arize-codex logs --buffer -n 50");
    }
    if health.unauthorized > 0 {
        let refused = count(health.unauthorized as usize, "export was", "exports were");
        let message = format!(
            "{kept}; {refused} refused without the write token: from a Codex that was started before setup, or from another user"
        );
        return Finding::warning(EVENTS, message, "arize-codex setup --restart-daemon");
    }
    if health.forward_given_up > 0 {
        let lost = count(health.forward_given_up as usize, "export", "exports");
        let message = format!("{kept}; {lost} could not be passed on (`collector.forward`)");
        return Finding::warning(EVENTS, message, "arize-codex logs --buffer -n 50");
    }
    Finding::ok(EVENTS, kept)
}

fn runs_hook(trouble: &HookTrouble) -> Finding {
    const WITHOUT: &str = "failed and interrupted turns are sent late";
    match trouble {
        HookTrouble::Missing(hook) => {
            let message = format!(
                "the service cannot start `{}`, which is missing: {WITHOUT}",
                hook.display()
            );
            Finding::failure(RUNS_HOOK, message, RESTART)
        }
        HookTrouble::Failed(times, last) => {
            let runs = count(*times, "run", "runs");
            let message = format!(
                "{runs} of the hook failed since the service started, the last: {}; {WITHOUT}",
                line(last, 200)
            );
            Finding::warning(RUNS_HOOK, message, "arize-codex logs --buffer -n 20")
        }
    }
}

/// Whether events are kept where they should be, if there is something to say.
fn database(running: &Running, facts: &ServiceFacts) -> Option<Finding> {
    if running.health.in_memory {
        let message = "the database cannot be kept on disk: events are lost when the service ends";
        return Some(Finding::failure(DATABASE, message, "arize-codex logs --buffer -n 50"));
    }
    let last = facts.set_aside.last()?;
    let message = format!(
        "a database could not be used and is now `{}`; what could be read of it was saved",
        last.display()
    );
    Some(Finding::warning(DATABASE, message, format!("rm -r {}*", quoted(last))))
}

/// Reads the events of a thread that does not exist.
fn try_token(running: &Running, files: &buffer_api::Paths) -> Token {
    let token = match files.read_token() {
        Ok(Some(token)) => token,
        Ok(None) => return Token::Missing,
        Err(error) => return Token::Unreadable(error.to_string()),
    };
    match Client::new(&running.endpoint, Some(token)).drain("doctor", 0, Duration::ZERO) {
        Ok(_) => Token::Accepted,
        Err(ClientError::Unauthorized { .. } | ClientError::Unproven { .. }) => Token::Refused,
        Err(error) => Token::Unreadable(error.to_string()),
    }
}

fn hook_trouble(running: &Running, paths: &Paths, now: SystemTime) -> Option<HookTrouble> {
    let health = &running.health;
    let hook = health.executable.with_file_name(HOOK_PROGRAM);
    let hook = hook.with_extension(std::env::consts::EXE_EXTENSION);
    if !hook.exists() {
        return Some(HookTrouble::Missing(hook));
    }
    let started = now - Duration::from_secs(health.uptime_seconds);
    let lines = logs::last(&[logs::buffer(paths)], usize::MAX);
    let since = lines.iter().filter(|line| line.time.is_some_and(|time| time > started));
    let failures: Vec<&str> =
        since.filter_map(|line| line.text.strip_prefix(HOOK_FAILED)).collect();
    let last = failures.last()?;
    Some(HookTrouble::Failed(failures.len(), (*last).to_owned()))
}

fn is_replaced(running: &Running, now: SystemTime) -> bool {
    let health = &running.health;
    // Times of files and of the clock differ by a tick.
    let tick = Duration::from_secs(2);
    let started = now - Duration::from_secs(health.uptime_seconds);
    let file: PathBuf = health.executable.clone();
    let modified = std::fs::metadata(file).and_then(|file| file.modified());
    modified.map_or(true, |modified| modified > started + tick)
}

#[cfg(test)]
mod tests {
    use buffer_api::Health;
    use buffer_api::process::PortOwner;

    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};

    fn running(edit: impl Fn(&mut Health)) -> Status {
        let health = serde_json::json!({
            "status": "ok", "service": "arize-codex-buffer", "pid": 7, "version": "1.0.0",
            "executable": "/h/bin/arize-codex-buffer", "uptime_seconds": 90, "threads": 1,
            "events": 12, "bytes": 2048, "received": 20, "dropped": 0, "skipped": 0, "unthreaded": 0,
        });
        let mut health: Health = serde_json::from_value(health).unwrap();
        edit(&mut health);
        Status::Running(Running { endpoint: Endpoint::default(), health })
    }

    fn facts(status: Status, token: Token) -> ServiceFacts {
        let wanted = Some(Endpoint::default());
        ServiceFacts {
            status: Ok(status),
            wanted,
            token,
            version: "1.0.0",
            is_replaced: false,
            hook: None,
            set_aside: Vec::new(),
        }
    }

    fn expect(facts: &ServiceFacts, check: &str, level: Level, part: &str) {
        crate::checks::expect::of(check, &super::check(facts), level, part);
    }

    #[test]
    fn each_way_not_to_run() {
        let program = Some("python3".to_owned());
        let owner = PortOwner { pid: Some(9), program, ..PortOwner::default() };
        let taken = Status::Taken { endpoint: Endpoint::default(), owner };
        let owner = PortOwner { other_user: Some(1001), ..PortOwner::default() };
        let foreign = Status::Taken { endpoint: Endpoint::default(), owner };
        for (status, part) in [
            (Status::Stopped, "nothing listens on 127.0.0.1:4318"),
            (Status::Unresponsive { pid: Some(7) }, "(pid 7) does not answer"),
            (taken, "taken by `python3` (PID 9)"),
            (foreign, "taken by another process of another user (UID 1001)"),
        ] {
            expect(&facts(status, Token::Untried), UP, Failure, part);
        }
        let nowhere = Endpoint::new("10.0.0.1", 1);
        let facts = ServiceFacts {
            status: nowhere.map(|_| Status::Stopped),
            ..facts(Status::Stopped, Token::Untried)
        };
        expect(&facts, UP, Failure, "`10.0.0.1` is not an address of the loopback");
    }

    #[test]
    fn what_runs_is_looked_at_closely() {
        let fine = facts(running(|_| ()), Token::Accepted);
        expect(&fine, UP, Fine, "listens on 127.0.0.1:4318 (pid 7) for 90 s");
        expect(&fine, VERSION, Fine, "1.0.0 from");
        expect(&fine, TOKEN, Fine, "accepted");
        expect(&fine, EVENTS, Fine, "12 events of 1 thread in its queue (2.0 KiB)");
        let elsewhere =
            ServiceFacts { wanted: Some(Endpoint { port: 9, ..Endpoint::default() }), ..fine };
        expect(&elsewhere, UP, Failure, "the settings say 127.0.0.1:9");
        let old = facts(running(|health| health.version = "0.9.0".to_owned()), Token::Refused);
        expect(&old, VERSION, Warning, "0.9.0 runs, and 1.0.0 is installed");
        expect(&old, TOKEN, Failure, "another token");
        let deaf = facts(running(|health| health.forward_given_up = 2), Token::Accepted);
        expect(&deaf, EVENTS, Warning, "2 exports could not be passed on");
        let deaf = facts(running(|health| health.unauthorized = 1), Token::Accepted);
        expect(&deaf, EVENTS, Warning, "1 export was refused without the write token");
        let lossy = facts(running(|health| health.dropped = 3), Token::Missing);
        expect(&lossy, EVENTS, Warning, "3 were dropped");
        expect(&lossy, TOKEN, Failure, "missing");
        expect(&ServiceFacts { is_replaced: true, ..lossy }, VERSION, Warning, "replaced");
    }

    #[test]
    fn a_service_that_cannot_run_the_hook_is_named() {
        let with =
            |hook| ServiceFacts { hook: Some(hook), ..facts(running(|_| ()), Token::Accepted) };
        let missing = HookTrouble::Missing("/h/arize-hook-codex-notify".into());
        expect(&with(missing), RUNS_HOOK, Failure, "cannot start `/h/arize-hook-codex-notify`");
        let failed = HookTrouble::Failed(2, "`/h/x`: signal: 9".to_owned());
        expect(&with(failed), RUNS_HOOK, Warning, "2 runs of the hook failed since the service");

        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        let program = home.path().join("arize-codex-buffer");
        let Status::Running(running) = running(|health| health.executable.clone_from(&program))
        else {
            panic!()
        };
        let now = humantime::parse_rfc3339("2026-11-21T12:01:00Z").unwrap();
        let trouble = || hook_trouble(&running, &paths, now);
        assert!(matches!(trouble(), Some(HookTrouble::Missing(_))));
        let name =
            std::path::Path::new(HOOK_PROGRAM).with_extension(std::env::consts::EXE_EXTENSION);
        std::fs::write(home.path().join(name), "").unwrap();
        assert_eq!(trouble(), None);
        let log = buffer_api::Paths::under(&paths.harness_home).log;
        std::fs::create_dir_all(log.parent().unwrap()).unwrap();
        // It started 90 s ago.
        let lines = "2026-11-21T11:50:00.000Z the hook failed: before\n\
                     2026-11-21T12:00:00.000Z the hook failed: `h`: signal: 9\n\
                     2026-11-21T12:00:01.000Z anything else\n";
        std::fs::write(log, lines).unwrap();
        assert_eq!(trouble(), Some(HookTrouble::Failed(1, "`h`: signal: 9".to_owned())));
    }

    #[test]
    fn a_database_that_could_not_be_used_is_named() {
        let set_aside = vec!["/h/buffer.db.damaged-1".into(), "/h/buffer.db.damaged-2".into()];
        let aside = ServiceFacts { set_aside, ..facts(running(|_| ()), Token::Accepted) };
        expect(&aside, DATABASE, Warning, "is now `/h/buffer.db.damaged-2`");
        let memory = facts(running(|health| health.in_memory = true), Token::Accepted);
        expect(&memory, DATABASE, Failure, "lost when the service ends");
        let fine = facts(running(|_| ()), Token::Accepted);
        assert!(check(&fine).iter().all(|finding| finding.check != DATABASE));
    }
}
