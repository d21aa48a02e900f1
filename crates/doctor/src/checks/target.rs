//! The backends: is each reached, and does it take our credentials?
//!
//! Each is asked in its own way for what a delivery needs ([`exporters::Exporter::probe`]); that something
//! answers at an address is no proof. Their clocks come with the answers.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use buffer_api::log::chain;
use codex_config::{Paths, Settings, Target, TargetSettings};
use exporters::{AnswerStatus, ExportError, Probe};

use crate::Finding;
use crate::words::{edit, quoted, span};

const TARGET: &str = "target";
const CLOCK: &str = "clock";

/// The most that an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A clock that is off by more makes traces appear in the wrong place, or not at all.
const LARGEST_SKEW: Duration = Duration::from_secs(60);

/// What came of asking a target.
#[derive(Debug)]
pub struct Facts {
    /// Its name among all.
    pub name: String,
    /// What it is and where; no credentials.
    pub place: String,
    /// What it said.
    pub answer: Answer,
    /// When, by our clock.
    pub asked: SystemTime,
    /// What starts a server of this kind on this machine; none where it is elsewhere.
    pub start: Option<String>,
    /// The key in the settings that holds the credential, where `arize-config` can set it.
    pub key: Option<&'static str>,
}

/// An answer, or why there is none.
#[derive(Debug)]
pub enum Answer {
    /// Nothing was asked: the settings do not say whom.
    Misconfigured {
        /// What is wrong.
        error: String,
        /// What to do.
        hint: String,
    },
    /// It answered.
    Probe(Probe),
    /// It did not, or refused.
    Error(ExportError),
}

/// Asks all targets at once.
pub fn gather(settings: &Settings, paths: &Paths) -> Vec<Facts> {
    let is_alone = settings.targets.len() == 1;
    thread::scope(|scope| {
        let asking: Vec<_> = settings
            .targets
            .iter()
            .map(|target| scope.spawn(move || ask(target, paths, is_alone)))
            .collect();
        asking.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

fn ask(target: &TargetSettings, paths: &Paths, is_alone: bool) -> Facts {
    let mut place = String::new();
    let answer = match &target.target {
        Err(error) => Answer::Misconfigured { error: error.to_string(), hint: error.hint() },
        Ok(kind) => match notify_hook::exporter(kind, target, paths, PATIENCE) {
            Err(error) => Answer::Misconfigured {
                error: error.to_string(),
                hint: "correct it in `config.yaml`".to_owned(),
            },
            Ok(exporter) => {
                place = exporter.target().to_owned();
                exporter.probe().map_or_else(Answer::Error, Answer::Probe)
            }
        },
    };
    Facts {
        name: target.name.clone(),
        place,
        answer,
        asked: SystemTime::now(),
        start: target.target.as_ref().ok().and_then(start),
        key: is_alone.then_some("harnesses.codex.api_key"),
    }
}

/// What the facts mean.
pub fn check(targets: &[Facts], paths: &Paths) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        targets.iter().map(|target| judge(target, &paths.config_file)).collect();
    findings.extend(clock(targets));
    findings
}

fn judge(facts: &Facts, config: &Path) -> Finding {
    let Facts { name, place, answer, .. } = facts;
    let probe = match answer {
        Answer::Probe(probe) => probe,
        Answer::Misconfigured { error, hint } => {
            let message = format!("`{name}`: {error}; {hint}");
            return Finding::failure(TARGET, message, edit(config));
        }
        Answer::Error(error) => {
            let message = format!("`{name}`: {}", chain(error));
            return Finding::failure(TARGET, message, remedy(error, facts, config));
        }
    };
    let server = probe.server.as_ref().map(|server| format!(", {server}")).unwrap_or_default();
    if probe.accepts {
        return Finding::ok(TARGET, format!("`{name}` takes our traces: {place}{server}"));
    }
    let message =
        format!("whether `{name}` takes our credentials shows only with a turn: {place}{server}");
    Finding::warning(TARGET, message, "arize-codex doctor --send")
}

fn remedy(error: &ExportError, facts: &Facts, config: &Path) -> String {
    match error {
        ExportError::Rejected { status, .. } if is_about_credentials(*status) => match facts.key {
            Some(key) => format!("arize-config set {key} --stdin"),
            None => edit(config),
        },
        ExportError::Connect { url, .. } => match &facts.start {
            Some(start) => start.clone(),
            None => show_answer(url),
        },
        // Something is there.
        ExportError::Timeout { url, .. }
        | ExportError::Interrupted { url, .. }
        | ExportError::Unavailable { url, .. } => show_answer(url),
        _ => edit(config),
    }
}

fn show_answer(url: &str) -> String {
    format!("curl -v {}", quoted(Path::new(url)))
}

fn is_about_credentials(status: AnswerStatus) -> bool {
    // Of gRPC: permission denied, and unauthenticated.
    matches!(status, AnswerStatus::Http(401 | 403) | AnswerStatus::Grpc(7 | 16))
}

/// What starts the server of a target on this machine, at its port.
fn start(target: &Target) -> Option<String> {
    let (endpoint, set_port) = match target {
        Target::Phoenix(phoenix) => (&phoenix.endpoint, start_phoenix as fn(&str) -> String),
        Target::Mlflow(mlflow) => (&mlflow.endpoint, start_mlflow as fn(&str) -> String),
        _ => return None,
    };
    let address = endpoint.strip_prefix("http://")?.split('/').next()?;
    let here = ["localhost", "127.0.0.1", "[::1]"];
    let port = here.iter().find_map(|here| address.strip_prefix(here)?.strip_prefix(':'))?;
    Some(set_port(port))
}

fn start_phoenix(port: &str) -> String {
    match port {
        "6006" => "phoenix serve".to_owned(),
        port if cfg!(windows) => format!("$env:PHOENIX_PORT = {port}; phoenix serve"),
        port => format!("PHOENIX_PORT={port} phoenix serve"),
    }
}

fn start_mlflow(port: &str) -> String {
    match port {
        "5000" => "mlflow server".to_owned(),
        port => format!("mlflow server --port {port}"),
    }
}

/// The clock that is furthest from ours.
fn clock(targets: &[Facts]) -> Option<Finding> {
    let skews = targets.iter().filter_map(|target| {
        let Answer::Probe(Probe { clock: Some(clock), .. }) = target.answer else { return None };
        let ahead = target.asked.duration_since(clock);
        let skew = ahead.unwrap_or_else(|behind| behind.duration());
        Some((skew, &target.name))
    });
    let (skew, name) = skews.max()?;
    Some(if skew > LARGEST_SKEW {
        let message = format!(
            "the clock of this machine and that of `{name}` differ by {}: traces appear at the wrong time",
            span(skew)
        );
        Finding::warning(CLOCK, message, "date -u")
    } else {
        Finding::ok(CLOCK, format!("agrees with that of `{name}`"))
    })
}

#[cfg(test)]
mod tests {
    use codex_config::Environment;

    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};

    fn facts(answer: Answer) -> Facts {
        Facts {
            name: "phoenix".to_owned(),
            place: "phoenix http://p:6006/v1/traces".to_owned(),
            answer,
            asked: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
            start: None,
            key: Some("harnesses.codex.api_key"),
        }
    }

    fn rejected(status: u16) -> Answer {
        let (url, answer) = ("http://p:6006/v1/traces".to_owned(), "no".to_owned());
        let status = AnswerStatus::Http(status);
        Answer::Error(ExportError::Rejected { url, status, answer })
    }

    fn unreachable() -> Answer {
        let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into();
        Answer::Error(ExportError::Connect { url: "http://p:6006/v1/traces".to_owned(), source })
    }

    fn accepting(clock: Option<u64>) -> Answer {
        let clock = clock.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
        let server = Some("Phoenix 20.26.1".to_owned());
        Answer::Probe(Probe { server, accepts: true, clock })
    }

    fn expect(facts: Facts, level: Level, part: &str, command: &str) {
        let finding = &check(&[facts], &Paths::new("/h", None))[0];
        crate::checks::expect::finding(finding, level, part);
        assert_eq!(finding.command.as_deref().unwrap_or_default(), command, "{finding:?}");
    }

    #[test]
    fn each_way_not_to_take_a_trace() {
        let edit = edit(&Paths::new("/h", None).config_file);
        let misconfigured =
            Answer::Misconfigured { error: "no endpoint".to_owned(), hint: "set it".to_owned() };
        expect(facts(accepting(None)), Fine, "v1/traces, Phoenix 20.26.1", "");
        let unclear = Answer::Probe(Probe::default());
        expect(facts(unclear), Warning, "shows only with a turn", "arize-codex doctor --send");
        expect(facts(misconfigured), Failure, "`phoenix`: no endpoint; set it", &edit);
        let key = "arize-config set harnesses.codex.api_key --stdin";
        expect(facts(rejected(401)), Failure, "rejected (http status 401)", key);
        expect(Facts { key: None, ..facts(rejected(401)) }, Failure, "401", &edit);
        expect(facts(rejected(404)), Failure, "404", &edit);
        let curl = "curl -v http://p:6006/v1/traces";
        expect(facts(unreachable()), Failure, "connection refused", curl);
        let start = Some("phoenix serve".to_owned());
        let here = Facts { start: start.clone(), ..facts(unreachable()) };
        expect(here, Failure, "cannot connect", "phoenix serve");
        let (url, limit) = ("http://p:6006/v1/traces".to_owned(), PATIENCE);
        let source = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
        let slow = Answer::Error(ExportError::Timeout { url, limit, source });
        expect(Facts { start, ..facts(slow) }, Failure, "no answer in time", curl);
    }

    #[test]
    fn a_server_of_this_machine_is_started_at_its_port() {
        for (endpoint, expected) in [
            ("http://localhost:6006", Some("phoenix serve")),
            ("http://127.0.0.1:9/x", Some("PHOENIX_PORT=9 phoenix serve")),
            ("http://localhost.example:6006", None),
            ("https://localhost:6006", None),
            ("http://localhost", None),
        ] {
            let environment = Environment::new([("PHOENIX_ENDPOINT", endpoint)]);
            let settings = Settings::load(&Paths::new("/h", None), &environment);
            let start = start(settings.targets[0].target.as_ref().unwrap());
            let expected = expected.map(|start| match cfg!(windows) {
                true => start.replace("PHOENIX_PORT=9 ", "$env:PHOENIX_PORT = 9; "),
                false => start.to_owned(),
            });
            assert_eq!(start, expected, "{endpoint}");
        }
        assert_eq!(start_mlflow("5001"), "mlflow server --port 5001");
    }

    #[test]
    fn clocks_may_differ_by_a_minute() {
        for (clock, level) in
            [(1_000_000, Fine), (999_941, Fine), (1_000_061, Warning), (1, Warning)]
        {
            let targets = [facts(rejected(401)), facts(accepting(Some(clock)))];
            let findings = check(&targets, &Paths::new("/h", None));
            assert_eq!(findings.len(), 3, "{findings:?}");
            assert_eq!((findings[2].check, findings[2].level), (CLOCK, level), "{findings:?}");
        }
        assert_eq!(check(&[facts(accepting(None))], &Paths::new("/h", None)).len(), 1);
    }
}
