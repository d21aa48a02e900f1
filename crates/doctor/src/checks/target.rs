//! The backends: does each answer, and does it accept the credentials?
//!
//! Each is asked in its own way for what a delivery needs ([`exporters::Exporter::probe`]); that something
//! answers at an address is no proof. Their clocks come with the answers.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use codex_config::{Paths, Settings, Target, TargetError, TargetSettings, command_word};
use exporters::{ExportError, Probe, RetryClass};
use program_log::chain;

use crate::remedy::Remedies;
use crate::words::{edit, quoted, span};
use crate::{Finding, Level};

/// The name of this check.
pub(crate) const TARGET: &str = "target";
const CLOCK: &str = "clock";

/// The most that an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A clock that is off by more makes traces appear in the wrong place, or not at all.
const LARGEST_SKEW: Duration = Duration::from_secs(60);

/// What came of asking a target.
#[derive(Debug)]
pub struct TargetFacts {
    /// Its name among all.
    pub name: String,
    /// The name of its queue.
    pub queue: String,
    /// What it is and where; no credentials.
    pub place: String,
    /// What it said.
    pub answer: Answer,
    /// When, by our clock.
    pub asked: SystemTime,
    /// What starts a server of this kind on this machine; none where it is elsewhere.
    pub start: Option<String>,
    /// The key in the settings that holds the credential, where `arize-config` can set it: it reaches no
    /// entry of a list.
    pub key: Option<String>,
}

/// An answer, or why there is none.
#[derive(Debug)]
pub enum Answer {
    /// Nothing was asked: the settings do not name the target correctly.
    Misnamed {
        /// What is wrong, and what to do where no command does it.
        error: String,
        /// The change of a setting that mends it; none where only an editor does.
        remedy: Option<Remedy>,
    },
    /// Nothing was asked: the target cannot be prepared.
    Unusable(String),
    /// It answered.
    Probe(Probe),
    /// It did not, or refused.
    Error(ExportError),
}

impl Answer {
    /// Whether no turn is accepted until something is changed; waiting does not help.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Misnamed { .. } | Self::Unusable(_) => true,
            Self::Probe(_) => false,
            Self::Error(error) => !may_pass(error),
        }
    }
}

/// Asks all targets at once.
pub fn inspect(settings: &Settings, paths: &Paths) -> Vec<TargetFacts> {
    inspect_within(settings, paths, PATIENCE)
}

/// The same, for as long as `patience` allows.
pub(crate) fn inspect_within(
    settings: &Settings,
    paths: &Paths,
    patience: Duration,
) -> Vec<TargetFacts> {
    thread::scope(|scope| {
        let asking: Vec<_> = settings
            .targets
            .iter()
            .map(|target| scope.spawn(move || ask(target, paths, patience)))
            .collect();
        asking.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

fn ask(target: &TargetSettings, paths: &Paths, patience: Duration) -> TargetFacts {
    let mut place = String::new();
    let answer = match &target.target {
        Err(error) => misnamed(error),
        Ok(kind) => match dispatch::exporter(kind, target, paths, patience) {
            Err(error) => Answer::Unusable(chain(&error)),
            Ok(exporter) => {
                place = exporter.target().to_owned();
                exporter.probe().map_or_else(Answer::Error, Answer::Probe)
            }
        },
    };
    TargetFacts {
        name: target.name.clone(),
        queue: target.queue(),
        place,
        answer,
        asked: SystemTime::now(),
        start: target.target.as_ref().ok().and_then(start),
        key: is_reached(&target.section).then(|| format!("{}.api_key", target.section)),
    }
}

/// A change of the settings that makes a target usable, or asks for what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Give this setting this value.
    Set(String, String),
    /// Ask for the values of these settings.
    Ask(Vec<String>),
    /// Take this setting away, so that the default applies.
    Remove(String),
    /// Go through setup, which asks for an address.
    Setup,
}

fn is_reached(key: &str) -> bool {
    !key.contains('[')
}

fn misnamed(error: &TargetError) -> Answer {
    let remedy = match error {
        TargetError::Unknown { key, .. } | TargetError::Missing { key } if is_reached(key) => {
            Some(Remedy::Set(key.clone(), "phoenix".to_owned()))
        }
        TargetError::MissingSettings { missing, .. } => {
            let keys: Vec<String> = missing.iter().map(|(key, _)| key.clone()).collect();
            keys.iter().all(|key| is_reached(key)).then_some(Remedy::Ask(keys))
        }
        TargetError::OnlyInDryRun => {
            Some(Remedy::Set("harnesses.codex.target".to_owned(), "local".to_owned()))
        }
        TargetError::InvalidEndpoint { key, value } if is_reached(key) => match lacks_scheme(value)
        {
            true => Some(Remedy::Set(key.clone(), format!("http://{value}"))),
            false => Some(Remedy::Setup),
        },
        TargetError::NoEndpoint { key, .. } if is_reached(key) => Some(Remedy::Setup),
        TargetError::InvalidSetting { key, .. } if is_reached(key) => {
            Some(Remedy::Remove(key.clone()))
        }
        _ => None,
    };
    let error = match &remedy {
        Some(_) => error.to_string(),
        None => format!("{error}; {}", error.hint()),
    };
    Answer::Misnamed { error, remedy }
}

/// Whether a value is a host, with a port or a path perhaps, and only `http://` is missing.
fn lacks_scheme(value: &str) -> bool {
    let host = value.split(['/', ':']).next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_/:".contains(c);
    !host.is_empty() && value.chars().all(is_plain) && !value.contains("//")
}

/// What the facts mean: a finding for each target, in their order, and one about the clocks.
pub(crate) fn check(targets: &[TargetFacts], remedies: Remedies<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        targets.iter().map(|target| evaluate(target, remedies)).collect();
    findings.extend(clock(targets));
    findings
}

/// A target that accepts no turn. What follows from that is mended with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedTarget {
    /// The name of its queue.
    pub(crate) queue: String,
    /// What it is and where; empty where the settings do not name it correctly.
    pub(crate) place: String,
    /// What mends it.
    pub(crate) command: String,
}

/// The targets that accept no turn, by what [`check`] found of them.
pub(crate) fn failed(targets: &[TargetFacts], findings: &[Finding]) -> Vec<FailedTarget> {
    let failed = targets.iter().zip(findings).filter_map(|(target, finding)| {
        let command = finding.command.clone().filter(|_| finding.level == Level::Failure)?;
        let (queue, place) = (target.queue.clone(), target.place.clone());
        Some(FailedTarget { queue, place, command })
    });
    failed.collect()
}

fn evaluate(facts: &TargetFacts, remedies: Remedies<'_>) -> Finding {
    let TargetFacts { name, place, answer, .. } = facts;
    let config = &remedies.paths.config_file;
    let probe = match answer {
        Answer::Probe(probe) => probe,
        Answer::Misnamed { error, remedy } => {
            let command = match remedy {
                None => edit(config),
                Some(Remedy::Setup) => "arize-codex setup".to_owned(),
                Some(Remedy::Set(key, value)) => remedies.set(key, value),
                Some(Remedy::Remove(key)) => remedies.remove(key),
                Some(Remedy::Ask(keys)) => {
                    let commands: Vec<String> = keys.iter().map(|key| remedies.ask(key)).collect();
                    commands.join(" && ")
                }
            };
            return Finding::failure(TARGET, error, command);
        }
        Answer::Unusable(error) => {
            return Finding::failure(TARGET, format!("`{name}`: {error}"), edit(config));
        }
        Answer::Error(error) => {
            let message = format!("`{name}`: {}", chain(error));
            return Finding::failure(TARGET, message, remedy(error, facts, config));
        }
    };
    let server = probe.server.as_ref().map(|server| format!(", {server}")).unwrap_or_default();
    if probe.accepts {
        return Finding::ok(TARGET, format!("`{name}` accepts traces: {place}{server}"));
    }
    let message =
        format!("only a test turn shows whether `{name}` accepts the credentials: {place}{server}");
    Finding::warning(TARGET, message, "arize-codex doctor --send")
}

fn remedy(error: &ExportError, facts: &TargetFacts, config: &Path) -> String {
    match error {
        error if error.refuses_credentials() => match &facts.key {
            Some(key) => format!("arize-config set {} --stdin", command_word(key)),
            None => edit(config),
        },
        ExportError::Connect { url, .. } => match &facts.start {
            Some(start) => start.clone(),
            None => show_answer(url),
        },
        ExportError::Timeout { url, .. }
        | ExportError::Interrupted { url, .. }
        | ExportError::Refused { url, .. }
            if may_pass(error) =>
        {
            show_answer(url)
        }
        _ => edit(config),
    }
}

fn show_answer(url: &str) -> String {
    format!("curl -v {}", quoted(Path::new(url)))
}

/// Whether the target may accept the same later, without a change of its settings.
fn may_pass(error: &ExportError) -> bool {
    matches!(error.retry_class(), RetryClass::Retry(_) | RetryClass::RetrySuspect)
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
fn clock(targets: &[TargetFacts]) -> Option<Finding> {
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
    use codex_config::{ConfigTexts, Environment};
    use exporters::AnswerStatus;

    use super::*;
    use crate::Level::{Failure, Ok as Fine, Warning};

    fn facts(answer: Answer) -> TargetFacts {
        TargetFacts {
            name: "phoenix".to_owned(),
            queue: "phoenix".to_owned(),
            place: "phoenix http://p:6006/v1/traces".to_owned(),
            answer,
            asked: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
            start: None,
            key: Some("harnesses.codex.api_key".to_owned()),
        }
    }

    fn rejected(status: u16) -> Answer {
        let (url, status) = ("http://p:6006/v1/traces", AnswerStatus::Http(status));
        Answer::Error(ExportError::answered(url, status, "no".to_owned(), None, 1))
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

    fn expect(facts: TargetFacts, level: Level, part: &str, command: &str) {
        let (paths, shell) = (Paths::new("/h", None), Environment::default());
        let finding = &check(&[facts], Remedies { paths: &paths, shell: &shell })[0];
        crate::checks::expect::finding(finding, level, part);
        assert_eq!(finding.command.as_deref().unwrap_or_default(), command, "{finding:?}");
    }

    #[test]
    fn each_way_not_to_take_a_trace() {
        let edit = edit(&Paths::new("/h", None).config_file);
        expect(facts(accepting(None)), Fine, "v1/traces, Phoenix 20.26.1", "");
        let unclear = Answer::Probe(Probe::default());
        expect(facts(unclear), Warning, "only a test turn shows", "arize-codex doctor --send");
        let unusable = Answer::Unusable("no such file".to_owned());
        expect(facts(unusable), Failure, "`phoenix`: no such file", &edit);
        let key = "arize-config set harnesses.codex.api_key --stdin";
        expect(facts(rejected(401)), Failure, "rejected (http status 401)", key);
        expect(TargetFacts { key: None, ..facts(rejected(401)) }, Failure, "401", &edit);
        expect(facts(rejected(404)), Failure, "404", &edit);
        let curl = "curl -v http://p:6006/v1/traces";
        expect(facts(rejected(500)), Failure, "the server failed (http status 500)", curl);
        expect(facts(unreachable()), Failure, "connection refused", curl);
        let start = Some("phoenix serve".to_owned());
        let here = TargetFacts { start: start.clone(), ..facts(unreachable()) };
        expect(here, Failure, "cannot connect", "phoenix serve");
        let (url, limit) = ("http://p:6006/v1/traces".to_owned(), PATIENCE);
        let source = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
        let slow = Answer::Error(ExportError::Timeout { url, limit, source });
        expect(TargetFacts { start, ..facts(slow) }, Failure, "no answer in time", curl);
    }

    /// The finding has no made-up name of a target, and no hint that the command makes needless.
    #[cfg(unix)]
    #[test]
    fn what_the_settings_lack_is_set_by_the_command() {
        let paths = Paths::new("/h", None);
        let edit = edit(&paths.config_file);
        for (yaml, message, command) in [
            (
                "target: phoneix",
                "`harnesses.codex.target` is `phoneix`; known",
                "arize-config set harnesses.codex.target phoenix",
            ),
            (
                "{target: phoenix, endpoint: 'here:6006'}",
                "`here:6006`",
                "arize-config set harnesses.codex.endpoint http://here:6006",
            ),
            ("{target: phoenix, endpoint: 'ftp://h'}", "`ftp://h`", "arize-codex setup"),
            ("target: otlp", "has no endpoint", "arize-codex setup"),
            (
                "target: arize",
                "needs `harnesses.codex.api_key`",
                "arize-config set harnesses.codex.api_key --stdin && arize-config set harnesses.codex.space_id --stdin",
            ),
            (
                "{target: otlp, endpoint: 'http://h', protocol: x}",
                "`x`",
                "arize-config delete harnesses.codex.protocol",
            ),
            ("target: stdout", "is for dry runs", "arize-config set harnesses.codex.target local"),
            ("targets: [{target: x}]", "in `config.yaml`", &edit),
        ] {
            let shell = Environment::default();
            let yaml = match yaml.starts_with('{') {
                true => yaml.to_owned(),
                false => format!("{{{yaml}}}"),
            };
            let texts = ConfigTexts {
                config_yaml: Some(format!("harnesses: {{codex: {yaml}}}\n")),
                ..ConfigTexts::default()
            };
            let settings = Settings::resolve(&paths, &shell, &texts);
            let findings =
                check(&inspect(&settings, &paths), Remedies { paths: &paths, shell: &shell });
            let [finding] = &findings[..] else { panic!("{findings:?}") };
            assert_eq!(finding.level, Failure);
            assert!(finding.message.contains(message), "{finding:?}");
            assert!(!finding.message.contains("unknown-"), "{finding:?}");
            assert_eq!(finding.command.as_deref(), Some(command), "{finding:?}");
        }
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
        let (paths, shell) = (Paths::new("/h", None), Environment::default());
        let remedies = Remedies { paths: &paths, shell: &shell };
        for (clock, level) in
            [(1_000_000, Fine), (999_941, Fine), (1_000_061, Warning), (1, Warning)]
        {
            let targets = [facts(rejected(401)), facts(accepting(Some(clock)))];
            let findings = check(&targets, remedies);
            assert_eq!(findings.len(), 3, "{findings:?}");
            assert_eq!((findings[2].check, findings[2].level), (CLOCK, level), "{findings:?}");
        }
        assert_eq!(check(&[facts(accepting(None))], remedies).len(), 1);
    }
}
