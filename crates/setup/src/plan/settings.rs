//! What `config.yaml` is to say.

use std::path::{Path, PathBuf};

use buffer_api::DEFAULT_PORT;
use codex_config::edit::{self, Setting};
use codex_config::{KeyPath, TlsFiles};
use serde_yaml::Value;

use super::PlanError;
use crate::answers::{Answers, Destination, ExistingOtel};
use crate::change::{Change, Part, Undo};
use crate::facts::{Facts, of_backend};
use crate::header::Header;
use crate::parts::codex_config::{GRPC, foreign_exporter, sends_to_us};

/// Plans the settings.
pub(super) fn change(facts: &Facts, answers: &Answers) -> Result<Option<Change>, PlanError> {
    let mut wanted = targets(facts, answers)?;
    if answers.targets.is_none() {
        wanted.extend(tls(CODEX, answers));
    }
    wanted.extend(others(facts, answers));
    wanted.extend(forwarding(facts, answers));
    let edited = edit::set_all(&facts.settings_base, &wanted)
        .map_err(PlanError::edit(facts.settings_file.now.path()))?;
    let satisfied = |now: &str| edit::set_all(now, &wanted).is_ok_and(|edited| edited.text == now);
    let (state, undo) = (&facts.settings_file, Undo::Settings(edited.undo));
    Ok(super::change(Part::Settings, state, &facts.record, edited.text, undo, satisfied))
}

/// Where the keys of a single target stand, and what all targets have in common.
const CODEX: &str = "harnesses.codex";

fn targets(facts: &Facts, answers: &Answers) -> Result<Vec<Setting>, PlanError> {
    let Some(targets) = &answers.targets else { return Ok(Vec::new()) };
    if facts.settings.has_own_targets {
        return Err(PlanError::OwnTargets);
    }
    let before = facts.codex_before();
    let has = |key: &str| before.as_ref().is_some_and(|codex| codex.get(key).is_some());
    let mut wanted = match &*targets.destinations {
        [only] => {
            let several = has("targets").then(|| without(&format!("{CODEX}.targets")));
            let target = set(&format!("{CODEX}.target"), only.backend.name());
            let keys = section(CODEX, facts.destination_before().as_ref(), only);
            several.into_iter().chain([target]).chain(keys).chain(tls(CODEX, answers)).collect()
        }
        several => several_targets(facts, answers, several),
    };
    match targets.local_copy {
        true => wanted.push(set(&format!("{CODEX}.local_copy"), true)),
        false if has("local_copy") => wanted.push(without(&format!("{CODEX}.local_copy"))),
        false => {}
    }
    Ok(wanted)
}

/// A mapping from the kinds of targets to their keys, in place of the keys of a single one.
fn several_targets(facts: &Facts, answers: &Answers, several: &[Destination]) -> Vec<Setting> {
    let before = facts.codex_before();
    let entries = before.as_ref().and_then(|codex| codex.get("targets")?.as_mapping());
    let entries: Vec<(String, &Value)> = entries
        .into_iter()
        .flatten()
        .filter_map(|(name, entry)| Some((name.as_str()?.to_owned(), entry)))
        .collect();
    let is_wanted = |name: &str| several.iter().any(|wanted| wanted.backend.name() == name);
    let gone = entries.iter().filter(|(name, _)| !is_wanted(name));
    let mut wanted: Vec<Setting> =
        gone.map(|(name, _)| without(&format!("{CODEX}.targets.{name}"))).collect();
    if let Some(single) = facts.destination_before() {
        let details = single.details().into_iter().filter(|(_, value)| value.is_some());
        let keys = std::iter::once("target").chain(details.map(|(key, _)| key));
        wanted.extend(keys.map(|key| without(&format!("{CODEX}.{key}"))));
        if !single.headers.is_empty() {
            wanted.push(without(&format!("{CODEX}.headers")));
        }
    }
    for destination in several {
        let name = destination.backend.name();
        let above = format!("{CODEX}.targets.{name}");
        let before = entries.iter().find(|(known, _)| known == name);
        let before = before.map(|(_, entry)| of_backend(destination.backend, entry));
        wanted.extend(section(&above, before.as_ref(), destination));
        wanted.extend(tls(&above, answers));
    }
    wanted
}

/// The keys of a backend, in place of those that are there.
fn section(above: &str, before: Option<&Destination>, wanted: &Destination) -> Vec<Setting> {
    let there = before.map(Destination::details);
    let mut settings = Vec::new();
    for (index, (key, value)) in wanted.details().into_iter().enumerate() {
        let key = format!("{above}.{key}");
        match value {
            Some(value) => settings.push(set(&key, value)),
            // What another backend needed would be wrong for this one.
            None if there.is_some_and(|there| there[index].1.is_some()) => {
                settings.push(without(&key));
            }
            None => {}
        }
    }
    let headers_before = before.map_or(&[][..], |before| &before.headers);
    settings.extend(headers(&format!("{above}.headers"), headers_before, wanted));
    settings
}

/// Sets the headers, and takes those away that another backend had.
fn headers(above: &str, before: &[Header], destination: &Destination) -> Vec<Setting> {
    if destination.headers.is_empty() {
        return if before.is_empty() { Vec::new() } else { vec![without(above)] };
    }
    let is_kept = |name: &str| destination.headers.iter().any(|header| header.name == name);
    let gone = before.iter().filter(|header| !is_kept(&header.name));
    let gone = gone.map(|header| Setting { key: below(above, &header.name), value: None });
    let set = destination.headers.iter().map(|header| Setting {
        key: below(above, &header.name),
        value: Some(header.value.expose().into()),
    });
    gone.chain(set).collect()
}

fn tls(above: &str, answers: &Answers) -> Vec<Setting> {
    files(above, &answers.tls, |file| file.to_owned())
}

/// The keys of files for TLS, as far as there are some.
fn files(above: &str, tls: &TlsFiles, real: impl Fn(&Path) -> PathBuf) -> Vec<Setting> {
    let files = [
        ("ca_file", &tls.ca_file),
        ("client_certificate", &tls.client_certificate),
        ("client_key", &tls.client_key),
    ];
    let files = files.into_iter().filter_map(|(key, file)| {
        Some(set(&format!("{above}.{key}"), real(file.as_ref()?).display().to_string()))
    });
    files.collect()
}

fn others(facts: &Facts, answers: &Answers) -> Vec<Setting> {
    let known = &facts.settings;
    let mut wanted = Vec::new();
    if let Some(project) = &answers.project {
        wanted.push(set("harnesses.codex.project_name", project.as_str()));
    }
    let is_file_asked = !known.port_is_fixed || known.port_is_of_this_shell;
    if is_file_asked && (answers.port != DEFAULT_PORT || known.port.is_some()) {
        wanted.push(set("harnesses.codex.collector.port", answers.port));
    }
    if sends_to_us(&facts.found, answers.existing_otel) {
        // Codex's configuration has it.
        wanted.push(set("harnesses.codex.collector.require_write_token", true));
    }
    if let Some(notify) = facts.users_notify.as_ref().filter(|_| !answers.leave_out_notify) {
        wanted.push(set("harnesses.codex.chained_notify", notify.clone()));
    }
    match &answers.folders {
        Some(folders) => {
            let folders = folders.iter().map(|folder| folder.display().to_string());
            wanted.push(set("harnesses.codex.folders", folders.collect::<Vec<_>>()));
        }
        None if known.folders.is_some() => wanted.push(without("harnesses.codex.folders")),
        None => {}
    }
    if let Some(user_id) = &answers.user_id {
        wanted.push(set("user_id", user_id.as_str()));
    }
    // What holds anyway need not be said, unless the next setup would propose something else.
    let is_said = |content| {
        let is_proposed = facts.proposed_content() == Some(content);
        known.content != Some(content) || known.says_content || !is_proposed
    };
    if let Some(content) = answers.content.filter(|content| is_said(*content)) {
        let keys = ["logging.prompts", "logging.tool_details", "logging.tool_content"];
        wanted.extend(keys.iter().zip(content.switches()).map(|(key, on)| set(key, on)));
    }
    wanted
}

/// Where the buffer service passes Codex's log events on to: where Codex sent them before.
fn forwarding(facts: &Facts, answers: &Answers) -> Vec<Setting> {
    const KEY: &str = "harnesses.codex.collector.forward";
    let exporter =
        foreign_exporter(&facts.found).filter(|_| answers.existing_otel == ExistingOtel::Forward);
    let Some(exporter) = exporter else { return Vec::new() };
    let endpoint =
        exporter.endpoint.iter().map(|url| set(&format!("{KEY}.endpoint"), url.as_str()));
    let is_grpc = exporter.kind == GRPC;
    let protocol = is_grpc.then(|| set(&format!("{KEY}.protocol"), "grpc"));
    let headers = exporter.headers.iter().map(|(name, value)| Setting {
        key: below(&format!("{KEY}.headers"), name),
        value: Some(value.expose().into()),
    });
    let files = files(KEY, &exporter.tls, |file| codex_file(facts, file));
    endpoint.chain(protocol).chain(headers).chain(files).collect()
}

/// A file that Codex's configuration names: relative to it, or to the user's home.
fn codex_file(facts: &Facts, file: &Path) -> PathBuf {
    let folder = facts.codex_config.now.path().parent().filter(|_| !file.starts_with("~"));
    folder.map_or_else(|| file.to_owned(), |folder| folder.join(file))
}

fn set(key: &str, value: impl Into<Value>) -> Setting {
    Setting { value: Some(value.into()), ..without(key) }
}

fn without(key: &str) -> Setting {
    Setting { key: KeyPath::from_segments(&segments(key)), value: None }
}

/// A key that may hold dots, as the name of a header may.
fn below(above: &str, key: &str) -> KeyPath {
    let mut path = segments(above);
    path.push(key.to_owned());
    KeyPath::from_segments(&path)
}

fn segments(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}
