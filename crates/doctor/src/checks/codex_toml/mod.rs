//! Codex's own configuration: does it run the hook, and does it send its events to the buffer service?

mod notify;
mod otel;
mod start;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use buffer_api::Endpoint;
use codex_config::Paths;
use codex_config::codex_toml::{self, Exporter, Found};
use codex_home::CodexVersion;

pub use self::notify::Program;
use crate::Finding;
use crate::words::edit;
use machine::Installation;

const CONFIG: &str = "codex.config";

const SETUP: &str = "arize-codex setup";

/// What is known of Codex's configuration, and what it is compared with.
#[derive(Debug)]
pub struct ConfigFacts {
    /// `config.toml`.
    pub file: PathBuf,
    /// What is in it.
    pub content: Content,
    /// The program of `notify`.
    pub program: Program,
    /// Where the buffer service listens.
    pub service: Option<Endpoint>,
    /// The write token that Codex has to show, where the service wants one.
    pub write_token: Option<String>,
    /// Whether any target gets prompts, or what Codex sends is passed on.
    pub prompts: bool,
    /// Whether there are lifecycle hooks of arize-codex, which announce turns, too.
    pub hooks: bool,
    /// The version of Codex.
    pub version: Option<CodexVersion>,
    /// Whether Codex refuses it.
    pub is_refused: bool,
    /// The exporter that was there before setup.
    pub kept: Option<Exporter>,
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

/// What Codex's configuration is compared with.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Where the shell looks for programs.
    pub search: &'a OsStr,
    /// Where the buffer service listens.
    pub service: Option<Endpoint>,
    /// The write token that Codex has to show, where the service wants one.
    pub write_token: Option<String>,
    /// Whether any target gets prompts, or what Codex sends is passed on.
    pub prompts: bool,
    /// Whether there are lifecycle hooks of arize-codex.
    pub hooks: bool,
    /// The version of Codex.
    pub version: Option<CodexVersion>,
    /// The real Codex.
    pub codex: Option<&'a Path>,
}

/// Reads Codex's configuration and that of the project.
pub fn inspect(paths: &Paths, expected: Expected<'_>) -> ConfigFacts {
    let file = paths.codex_home.join("config.toml");
    let content = read(&file);
    let notify = match &content {
        Content::Found(found) => found.notify.as_ref(),
        Content::Missing | Content::Wrong(_) => None,
    };
    let codex = expected.codex.filter(|_| matches!(content, Content::Found(_)));
    ConfigFacts {
        is_refused: codex.is_some_and(|codex| {
            start::is_refused(codex, expected.version, expected.search, &paths.codex_home)
        }),
        program: notify::program(notify, expected.search),
        kept: Installation::read(paths).exporter_before(paths),
        file,
        content,
        service: expected.service,
        write_token: expected.write_token,
        prompts: expected.prompts,
        hooks: expected.hooks,
        version: expected.version,
    }
}

/// What the facts mean.
pub fn check(facts: &ConfigFacts) -> Vec<Finding> {
    let shown = facts.file.display();
    match &facts.content {
        Content::Missing => {
            let message = format!(
                "there is no `{shown}`, so that Codex neither announces turns nor sends events"
            );
            vec![Finding::failure(CONFIG, message, SETUP)]
        }
        Content::Wrong(error) => {
            let message = format!("`{shown}`: {error}; Codex does not start with it");
            vec![Finding::failure(CONFIG, message, edit(&facts.file))]
        }
        Content::Found(found) => {
            let config = if facts.is_refused {
                start::refused(&facts.file)
            } else {
                Finding::ok(CONFIG, format!("`{shown}` is valid"))
            };
            vec![config, notify::check(found, facts), otel::check(found.otel.as_ref(), facts)]
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Failure};

    pub(super) fn facts(text: &str) -> ConfigFacts {
        let content = match codex_toml::inspect(text) {
            Ok(found) => Content::Found(Box::new(found)),
            Err(error) => Content::Wrong(error.to_string()),
        };
        ConfigFacts {
            file: "/h/.codex/config.toml".into(),
            content,
            program: Program::Runnable,
            service: Some(Endpoint::default()),
            write_token: None,
            prompts: true,
            hooks: false,
            version: None,
            is_refused: false,
            kept: None,
        }
    }

    pub(super) fn expect(facts: &ConfigFacts, check: &str, level: Level, part: &str) {
        crate::checks::expect::of(check, &super::check(facts), level, part);
    }

    #[test]
    fn a_file_that_stops_codex_is_the_first_thing_to_say() {
        expect(&facts("a = [\n"), CONFIG, Failure, "Codex does not start with it");
        assert_eq!(check(&facts("a = [\n")).len(), 1);
        expect(
            &ConfigFacts { content: Content::Missing, ..facts("") },
            CONFIG,
            Failure,
            "there is no",
        );
        let refused = ConfigFacts { is_refused: true, ..facts("model = 7\n") };
        expect(&refused, CONFIG, Failure, "Codex does not start with `/h/.codex/config.toml`");
    }
}
