//! Codex's own configuration: does it run our hook, and does it send its events to our service?

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use buffer_api::Endpoint;
use codex_config::Paths;
use codex_config::codex_toml::{self, Exporter, Found, FoundNotify, FoundOtel, NotifyOwner};

use super::codex::is_program;
use crate::Finding;
use crate::words::{edit, line};

const CONFIG: &str = "codex.config";
const NOTIFY: &str = "codex.notify";
const OTEL: &str = "codex.otel";

/// The name of our hook, by which a script is recognised that runs it.
const HOOK: &str = "arize-hook-codex-notify";

const SETUP: &str = "arize-codex setup";

/// What is known of Codex's configuration, and what it is compared with.
#[derive(Debug)]
pub struct Facts {
    /// `config.toml`.
    pub file: PathBuf,
    /// What is in it.
    pub content: Content,
    /// The program of `notify`.
    pub program: Program,
    /// Where our service listens.
    pub service: Option<Endpoint>,
    /// Whether any target gets prompts.
    pub prompts: bool,
}

/// The content of `config.toml`.
#[derive(Debug)]
pub enum Content {
    /// There is no file.
    Missing,
    /// It cannot be read, or Codex does not start with it.
    Wrong(String),
    /// It was understood.
    Found(Box<Found>),
}

/// The program that `notify` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// There is none.
    Unset,
    /// It cannot be run.
    NotRunnable,
    /// It is a script in which our hook is named.
    RunsOurs,
    /// It is a program.
    Runnable,
}

/// What Codex's configuration is compared with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Where the shell looks for programs.
    pub search: &'a OsStr,
    /// Where our service listens.
    pub service: Option<Endpoint>,
    /// Whether any target gets prompts.
    pub prompts: bool,
}

/// Reads Codex's configuration and that of the project.
pub fn gather(paths: &Paths, expected: Expected<'_>) -> Facts {
    let file = paths.codex_home.join("config.toml");
    let content = read(&file);
    let notify = match &content {
        Content::Found(found) => found.notify.as_ref(),
        Content::Missing | Content::Wrong(_) => None,
    };
    Facts {
        program: program(notify, expected.search),
        file,
        content,
        service: expected.service,
        prompts: expected.prompts,
    }
}

/// What the facts mean.
pub fn check(facts: &Facts) -> Vec<Finding> {
    let shown = facts.file.display();
    match &facts.content {
        Content::Missing => {
            let message = format!("there is no `{shown}`, so that Codex tells us nothing");
            vec![Finding::failure(CONFIG, message, SETUP)]
        }
        Content::Wrong(error) => {
            let message = format!("`{shown}`: {error}; Codex does not start with it");
            vec![Finding::failure(CONFIG, message, edit(&facts.file))]
        }
        Content::Found(found) => {
            let fine = Finding::ok(CONFIG, format!("`{shown}` understood"));
            vec![fine, notify(found, facts), otel(found.otel.as_ref(), facts)]
        }
    }
}

fn notify(found: &Found, facts: &Facts) -> Finding {
    if let (None, Some((line, table))) = (&found.notify, found.misplaced_notify.first()) {
        let message = format!(
            "`notify` on line {line} is part of `[{table}]`, where Codex ignores it: it belongs above the first table"
        );
        return Finding::failure(NOTIFY, message, edit(&facts.file));
    }
    let Some(notify) = &found.notify else {
        if found.hooks.iter().any(|hook| hook.command.contains(HOOK)) {
            return Finding::ok(
                NOTIFY,
                "is not set; Codex's lifecycle hooks tell when a turn ends",
            );
        }
        let message = "is not set, so that Codex does not say when a turn ends";
        return Finding::failure(NOTIFY, message, SETUP);
    };
    let Some(command) = &notify.command else {
        let line = notify.line;
        let message = format!("is no list of texts (line {line}): Codex does not start with it");
        return Finding::failure(NOTIFY, message, edit(&facts.file));
    };
    let shown = line(command.first().map_or("", String::as_str), 60);
    match (facts.program, notify.owner) {
        (Program::Unset | Program::NotRunnable, _) => {
            let message = format!(
                "runs `{shown}`, which is no program; Codex expands neither `~` nor variables"
            );
            Finding::failure(NOTIFY, message, SETUP)
        }
        (_, NotifyOwner::Ours) => Finding::ok(NOTIFY, format!("runs `{shown}`")),
        (_, NotifyOwner::PythonSystem) => {
            let message =
                format!("runs the hook of the Python system, `{shown}`, in place of ours");
            Finding::failure(NOTIFY, message, SETUP)
        }
        (Program::RunsOurs, NotifyOwner::Foreign) => {
            Finding::ok(NOTIFY, format!("runs `{shown}`, which names our hook"))
        }
        (Program::Runnable, NotifyOwner::Foreign) => {
            let message = format!("runs `{shown}` and not our hook");
            Finding::failure(NOTIFY, message, SETUP)
        }
    }
}

fn otel(otel: Option<&FoundOtel>, facts: &Facts) -> Finding {
    const WITHOUT: &str = "exact times, attempts and approvals are missing from traces";
    let Some(exporter) = otel.and_then(|otel| otel.exporter.as_ref()) else {
        let message = format!("`[otel]` has no `exporter`: {WITHOUT}");
        return Finding::warning(OTEL, message, SETUP);
    };
    if exporter.kind != "otlp-http" {
        let message = format!("Codex's log events go to `{}`: {WITHOUT}", line(&exporter.kind, 30));
        return Finding::warning(OTEL, message, SETUP);
    }
    let endpoint = exporter.endpoint.as_deref().unwrap_or_default();
    match destination(exporter, facts.service.as_ref()) {
        Destination::Refused => {
            let message = format!(
                "the exporter (line {}) needs `protocol = \"binary\"`: Codex does not start without",
                exporter.line
            );
            Finding::failure(OTEL, message, edit(&facts.file))
        }
        Destination::Elsewhere => {
            let message = format!(
                "Codex's log events go to `{}`, not to our service: {WITHOUT}",
                line(endpoint, 60)
            );
            Finding::warning(OTEL, message, SETUP)
        }
        Destination::OtherPort => {
            let service = facts.service.as_ref().map(Endpoint::to_string).unwrap_or_default();
            let message = format!(
                "Codex's log events go to `{}`, and our service listens on {service}: {WITHOUT}",
                line(endpoint, 60)
            );
            Finding::failure(OTEL, message, SETUP)
        }
        Destination::OtherPath => {
            let message = format!(
                "our service takes log events at `/v1/logs`, and Codex sends them to `{}`",
                line(endpoint, 60)
            );
            Finding::failure(OTEL, message, SETUP)
        }
        Destination::Ours
            if !facts.prompts && otel.is_some_and(|otel| otel.log_user_prompt == Some(true)) =>
        {
            let message = "`log_user_prompt` is on, and `logging.prompts` is off: prompts are kept in the service until the turn was traced, for nothing";
            Finding::warning(OTEL, message, edit(&facts.file))
        }
        Destination::Ours => {
            Finding::ok(OTEL, format!("log events go to our service, `{}`", line(endpoint, 60)))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Ours,
    Refused,
    OtherPort,
    OtherPath,
    Elsewhere,
}

fn destination(exporter: &Exporter, service: Option<&Endpoint>) -> Destination {
    if !matches!(exporter.protocol.as_deref(), Some("binary" | "json")) {
        return Destination::Refused;
    }
    let url = exporter.endpoint.as_deref().unwrap_or_default();
    let Some((authority, path)) = url.strip_prefix("http://").map(split_path) else {
        return Destination::Elsewhere;
    };
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let named = port.parse().ok().and_then(|port| Endpoint::new(host, port).ok());
    match named {
        None => Destination::Elsewhere,
        Some(_) if !matches!(path, "" | "/" | "/v1/logs") => Destination::OtherPath,
        Some(endpoint) if service.is_none_or(|service| *service == endpoint) => Destination::Ours,
        Some(_) => Destination::OtherPort,
    }
}

fn split_path(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

fn read(file: &Path) -> Content {
    match fs::read_to_string(file) {
        Ok(text) => match codex_toml::inspect(&text) {
            Ok(found) => Content::Found(Box::new(found)),
            Err(error) => Content::Wrong(error.to_string()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::Missing,
        Err(error) => Content::Wrong(error.to_string()),
    }
}

fn program(notify: Option<&FoundNotify>, search: &OsStr) -> Program {
    const LONGEST_SCRIPT: u64 = 64 * 1024;
    let Some(name) = notify.and_then(|notify| notify.command.as_ref()?.first()) else {
        return Program::Unset;
    };
    let in_folders = || std::env::split_paths(search).map(|folder| folder.join(name));
    let file = if name.contains(['/', '\\']) {
        Some(PathBuf::from(name)).filter(|file| is_program(file))
    } else {
        in_folders().find(|file| is_program(file))
    };
    let Some(file) = file else { return Program::NotRunnable };
    let is_short = fs::metadata(&file).is_ok_and(|file| file.len() <= LONGEST_SCRIPT);
    let is_ours = is_short && fs::read_to_string(&file).is_ok_and(|text| text.contains(HOOK));
    if is_ours { Program::RunsOurs } else { Program::Runnable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};

    const NOTIFY_LINE: &str = "notify = [\"/h/arize-hook-codex-notify\"]\n";

    fn facts(text: &str) -> Facts {
        let content = match codex_toml::inspect(text) {
            Ok(found) => Content::Found(Box::new(found)),
            Err(error) => Content::Wrong(error.to_string()),
        };
        Facts {
            file: "/h/.codex/config.toml".into(),
            content,
            program: Program::Runnable,
            service: Some(Endpoint::default()),
            prompts: true,
        }
    }

    fn expect(facts: &Facts, check: &str, level: Level, part: &str) {
        let findings = super::check(facts);
        let finding = findings.iter().find(|finding| finding.check == check);
        let finding = finding.unwrap_or_else(|| panic!("no {check} in {findings:?}"));
        assert_eq!(finding.level, level, "{finding:?}");
        assert!(finding.message.contains(part), "{finding:?}");
        assert_eq!(finding.command.is_some(), level != Fine, "{finding:?}");
    }

    #[test]
    fn each_way_not_to_announce_a_turn() {
        for (text, program, level, part) in [
            (NOTIFY_LINE, Program::Runnable, Fine, "runs `/h/arize-hook-codex-notify`"),
            (NOTIFY_LINE, Program::NotRunnable, Failure, "is no program"),
            ("", Program::Unset, Failure, "is not set"),
            ("[tui]\nnotify = [\"x\"]\n", Program::Unset, Failure, "line 2 is part of `[tui]`"),
            ("notify = \"x\"\n", Program::Unset, Failure, "no list of texts (line 1)"),
            ("notify = [\"notify-send\"]\n", Program::Runnable, Failure, "and not our hook"),
            ("notify = [\"/h/both.sh\"]\n", Program::RunsOurs, Fine, "which names our hook"),
            (
                "[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"/h/arize-hook-codex-notify\"\n",
                Program::Unset,
                Fine,
                "lifecycle hooks",
            ),
            (
                "notify = [\"/v/venv/bin/arize-hook-codex-notify\"]\n",
                Program::Runnable,
                Failure,
                "Python system",
            ),
        ] {
            expect(&Facts { program, ..facts(text) }, NOTIFY, level, part);
        }
    }

    #[test]
    fn each_way_not_to_send_events_to_us() {
        let http = |endpoint: &str, protocol: &str| {
            format!(
                "[otel]\nexporter = {{ otlp-http = {{ endpoint = \"{endpoint}\"{protocol}, headers = {{}} }} }}\n"
            )
        };
        let binary = ", protocol = \"binary\"";
        for (text, level, part) in [
            (String::new(), Warning, "has no `exporter`"),
            ("[otel]\nexporter = \"none\"\n".to_owned(), Warning, "go to `none`"),
            (http("http://127.0.0.1:4318/v1/logs", binary), Fine, "to our service"),
            (http("http://localhost:4318", binary), Fine, "to our service"),
            (http("http://127.0.0.1:4318/v1/logs", ""), Failure, "needs `protocol"),
            (http("http://127.0.0.1:4318/v1/traces", binary), Failure, "at `/v1/logs`"),
            (http("http://127.0.0.1:9/v1/logs", binary), Failure, "listens on 127.0.0.1:4318"),
            (http("https://otel.example/v1/logs", binary), Warning, "not to our service"),
            (http("http://10.1.1.1:4318/v1/logs", binary), Warning, "not to our service"),
        ] {
            expect(&facts(&text), OTEL, level, part);
        }
        let loud = http("http://127.0.0.1:4318", binary) + "log_user_prompt = true\n";
        expect(&facts(&loud), OTEL, Fine, "to our service");
        expect(&Facts { prompts: false, ..facts(&loud) }, OTEL, Warning, "for nothing");
    }

    #[test]
    fn a_file_that_stops_codex_is_the_first_thing_to_say() {
        expect(&facts("a = [\n"), CONFIG, Failure, "Codex does not start with it");
        assert_eq!(check(&facts("a = [\n")).len(), 1);
        expect(&Facts { content: Content::Missing, ..facts("") }, CONFIG, Failure, "there is no");
    }

    #[cfg(unix)]
    #[test]
    fn the_program_is_looked_at() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        fs::create_dir_all(&paths.codex_home).unwrap();
        let script = home.path().join("both.sh");
        let look = |notify: &str| {
            let text = format!("notify = [\"{notify}\"]\n");
            fs::write(paths.codex_home.join("config.toml"), text).unwrap();
            let expected =
                Expected { search: home.path().as_os_str(), service: None, prompts: true };
            gather(&paths, expected).program
        };
        assert_eq!(look("both.sh"), Program::NotRunnable);
        fs::write(&script, "#!/bin/sh\nother \"$@\"\n/h/arize-hook-codex-notify \"$@\"\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(look("both.sh"), Program::RunsOurs);
        assert_eq!(look(&script.display().to_string()), Program::RunsOurs);
        assert_eq!(look("/bin/sh"), Program::Runnable);
        assert_eq!(look("~/both.sh"), Program::NotRunnable);
    }
}
