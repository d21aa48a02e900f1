//! Texts for strangers: without secrets, contents and names of users.

use std::fs;

use codex_config::{Paths, is_secret, variables};
use scrub::Scrubber;
use serde_yaml::Value;
use uuid::Uuid;

use crate::Context;

/// A shorter text is no credential, and removing it would make other texts unreadable.
const SHORTEST: usize = 6;

/// Cleans texts of one home.
pub(super) struct Cleaner {
    scrubber: Scrubber,
    /// The credentials of this home, as they are.
    known: Vec<String>,
    /// Folders, and what they are called instead.
    folders: Vec<(String, &'static str)>,
}

impl Cleaner {
    /// Knows the credentials in the settings, the environment and the service's files.
    pub(super) fn of(context: &Context<'_>) -> Self {
        let Paths { home, harness_home, codex_home, .. } = &context.machine.paths;
        let folders = [(harness_home, "$ARIZE_HARNESS_HOME"), (codex_home, "$CODEX_HOME")];
        let elsewhere = folders.into_iter().filter(|(folder, _)| !folder.starts_with(home));
        let folders = elsewhere.chain([(home, "~")]);
        Self {
            scrubber: Scrubber::new(salt(), &[]),
            known: known_secrets(context),
            folders: folders.map(|(folder, name)| (folder.display().to_string(), name)).collect(),
        }
    }

    /// One line, without what a server said, which may repeat what was sent to it, and without wrong
    /// values of settings and the rest of addresses, which may be credentials in the wrong place.
    pub(super) fn line(&self, text: &str) -> String {
        let text = without_answer(&terminal_text::line(text));
        let mut text = without_paths_of_addresses(&without_value(&text));
        for secret in &self.known {
            text = text.replace(secret, "[secret]");
        }
        let mut text = self.scrubber.scrub(&text).text.into_owned();
        for (folder, name) in &self.folders {
            text = text.replace(folder, name);
        }
        // It stands in a block of code.
        without_users(&text).replace("```", "'''")
    }
}

/// The salt of one report: its placeholders compare with each other and with nothing else.
fn salt() -> [u8; 32] {
    let mut salt = [0; 32];
    for part in salt.chunks_exact_mut(16) {
        part.copy_from_slice(Uuid::now_v7().as_bytes());
    }
    salt
}

/// Cuts the answer of a server off: what follows a status, or a number of rejected spans.
fn without_answer(text: &str) -> String {
    const LEFT_OUT: &str = "[answer left out]";
    let status = text.match_indices("status ").find_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let colon = rest[digits..].strip_prefix(')').unwrap_or(&rest[digits..]);
        let colon = (digits > 0 && colon.starts_with(": ")).then(|| text.len() - colon.len());
        colon.map(|colon| colon + 2)
    });
    const PARTLY: &str = "spans rejected: ";
    let partly = text.find(PARTLY).map(|at| at + PARTLY.len());
    match status.into_iter().chain(partly).min() {
        Some(end) => format!("{}{LEFT_OUT}", &text[..end]),
        None => text.to_owned(),
    }
}

/// Leaves out a value that a warning quotes: "`key` is `value`, not a number". Paths stay.
fn without_value(text: &str) -> String {
    const QUOTES: &str = "` is `";
    let Some((before, rest)) = text.split_once(QUOTES) else { return text.to_owned() };
    match rest.split_once('`') {
        Some((value, after)) if !value.starts_with(['/', '~']) => {
            format!("{before}{QUOTES}…`{after}")
        }
        _ => text.to_owned(),
    }
}

/// Scheme, host and port of an address; the rest may hold a credential.
pub(super) fn address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = if matches!(path, "" | "/" | "/v1/logs" | "/v1/traces") { path } else { "/…" };
    Some(format!("{scheme}://{host}{path}"))
}

fn without_paths_of_addresses(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | ',' | ')' | ';');
    let mut clean = String::new();
    let mut rest = text;
    while let Some(at) = [rest.find("http://"), rest.find("https://")].into_iter().flatten().min() {
        let url = &rest[at..];
        let url = &url[..url.find(is_end).unwrap_or(url.len())];
        clean.push_str(&rest[..at]);
        clean.push_str(&address(url).unwrap_or_default());
        rest = &rest[at + url.len()..];
    }
    clean + rest
}

/// Names no user in the paths of other homes.
fn without_users(text: &str) -> String {
    let mut clean = text.to_owned();
    for parent in ["/home/", "/Users/", r"C:\Users\"] {
        let mut parts = clean.split(parent);
        let mut joined = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            let end = rest.find(['/', '\\', '`', ' ', '"', '\'', ':', ',']).unwrap_or(rest.len());
            joined.push_str(parent);
            joined.push_str("USER");
            joined.push_str(&rest[end..]);
        }
        clean = joined;
    }
    clean
}

fn known_secrets(context: &Context<'_>) -> Vec<String> {
    const VARIABLES: [&str; 12] = [
        variables::ARIZE_API_KEY,
        variables::ARIZE_SPACE_ID,
        variables::PHOENIX_API_KEY,
        variables::PHOENIX_CLIENT_HEADERS,
        variables::CODEX_OTLP_HEADERS,
        variables::OTEL_EXPORTER_OTLP_HEADERS,
        variables::OTEL_EXPORTER_OTLP_TRACES_HEADERS,
        variables::OTEL_EXPORTER_OTLP_METRICS_HEADERS,
        variables::MLFLOW_TRACKING_PASSWORD,
        variables::MLFLOW_TRACKING_TOKEN,
        "OPENAI_API_KEY",
        "CODEX_API_KEY",
    ];
    let paths = &context.machine.paths;
    let mut found: Vec<String> = VARIABLES
        .iter()
        .filter_map(|name| context.machine.environment.get(name))
        .map(str::to_owned)
        .collect();
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    for line in read(&paths.env_file).lines() {
        let assigned = line.split_once('=');
        let value = assigned.filter(|(name, _)| is_secret(name)).map(|(_, value)| value);
        found.extend(value.map(|value| value.trim().trim_matches(['"', '\'']).to_owned()));
    }
    for file in [&paths.config_file, &paths.legacy_config_file] {
        let root: Value = serde_yaml::from_str(&read(file)).unwrap_or_default();
        collect(&root, false, &mut found);
    }
    let token = buffer_api::Paths::under(&paths.harness_home).known_token().ok().flatten();
    found.extend(token.into_iter().map(|token| token.write_token()));
    found.push(read(&buffer_api::Paths::under(&paths.harness_home).token).trim().to_owned());
    // A header may be quoted without its name.
    let parts: Vec<String> =
        found.iter().flat_map(|secret| secret.split(['=', ',', ' '])).map(str::to_owned).collect();
    found.extend(parts);
    found.retain(|secret| secret.len() >= SHORTEST);
    // The longest first: none leaves a part of another behind.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

/// The texts below keys whose values are credentials.
fn collect(value: &Value, below_secret: bool, found: &mut Vec<String>) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let is_secret = key.as_str().is_some_and(is_secret);
                collect(value, below_secret || is_secret, found);
            }
        }
        Value::Sequence(entries) => {
            entries.iter().for_each(|entry| collect(entry, below_secret, found));
        }
        Value::String(text) if below_secret => found.push(text.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_cut() {
        for (text, expected) in [
            (
                "`http://h`: rejected (http status 400): no: a prompt",
                "`http://h`: rejected (http status 400): [answer left out]",
            ),
            ("http status 400: a prompt", "http status 400: [answer left out]"),
            ("`u`: 3 spans rejected: a prompt", "`u`: 3 spans rejected: [answer left out]"),
            ("status ok: all is well", "status ok: all is well"),
            ("cannot connect", "cannot connect"),
        ] {
            assert_eq!(without_answer(text), expected);
        }
    }

    #[test]
    fn of_an_address_the_server_stays_and_of_a_value_the_key() {
        for (text, expected) in [
            (
                "`http://a:b@h:1/x?y`: no, https://o/v1/logs",
                "`http://h:1/…`: no, https://o/v1/logs",
            ),
            ("see http://h", "see http://h"),
            ("nothing://", "nothing://"),
        ] {
            assert_eq!(without_paths_of_addresses(text), expected);
        }
        for (text, expected) in [
            ("`k` is `v`, not a number; ignored", "`k` is `…`, not a number; ignored"),
            ("`codex` is `/usr/bin/codex`", "`codex` is `/usr/bin/codex`"),
            ("`codex` is `torn", "`codex` is `torn"),
        ] {
            assert_eq!(without_value(text), expected);
        }
    }

    #[test]
    fn no_user_is_named() {
        let text = "`/home/ada/x` and /Users/ada.l: C:\\Users\\ada\\y, /home/ada";
        let expected = "`/home/USER/x` and /Users/USER: C:\\Users\\USER\\y, /home/USER";
        assert_eq!(without_users(text), expected);
    }
}
