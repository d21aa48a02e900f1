//! Settings as a bug report shows them: which ones there are, and the values that say nothing of anyone.

use std::fs;

use codex_config::Paths;
use codex_config::codex_toml::{self, Exporter, FoundOtel};
use serde_yaml::Value;

use super::clean::address;

/// Texts that are shown; numbers and truth values are, too. Of others only that they are set.
const WORDS: [&str; 24] = [
    "local",
    "phoenix",
    "arize",
    "mlflow",
    "otlp",
    "file",
    "stdout",
    "rest",
    "grpc",
    "http",
    "json",
    "http/protobuf",
    "http/json",
    "binary",
    "gzip",
    "zstd",
    "none",
    "agent",
    "turn",
    "127.0.0.1",
    "::1",
    "localhost",
    "true",
    "false",
];

const SET: &str = "(set)";

/// `config.yaml`, a line for each value.
pub(super) fn ours(paths: &Paths) -> Vec<String> {
    let files = [&paths.config_file, &paths.legacy_config_file];
    let Some(file) = files.into_iter().find(|file| file.exists()) else {
        return vec!["there is no config.yaml".to_owned()];
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    match serde_yaml::from_str::<Value>(&text) {
        Ok(root) => {
            let mut lines = Vec::new();
            flatten("", &root, &mut lines);
            lines
        }
        // An error may quote the file.
        Err(error) => {
            let line = error.location().map_or(0, |location| location.line());
            vec![format!("config.yaml cannot be parsed (line {line})")]
        }
    }
}

fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        // The keys are names of headers and attributes, and the values are the user's affair.
        Value::Mapping(entries) if !is_free(name) => {
            for (key, value) in entries {
                let key = key.as_str().unwrap_or("?");
                let name = if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
                flatten(&name, value, lines);
            }
        }
        Value::Sequence(entries) if entries.iter().any(Value::is_mapping) => {
            for (index, value) in entries.iter().enumerate() {
                flatten(&format!("{name}[{index}]"), value, lines);
            }
        }
        value => lines.push(format!("{name}: {}", shown(name, value))),
    }
}

fn is_free(name: &str) -> bool {
    name.ends_with("headers") || name.ends_with("attributes")
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) if !name.ends_with("_id") && !is_secret(name) => {
            serde_yaml::to_string(value).unwrap_or_default().trim().to_owned()
        }
        Value::String(text) if WORDS.contains(&text.as_str()) => text.clone(),
        Value::String(text) if name.ends_with("endpoint") => {
            address(text).unwrap_or_else(|| SET.to_owned())
        }
        Value::Sequence(entries) => format!("{SET}, {} values", entries.len()),
        Value::Mapping(entries) => format!("{SET}, {} values", entries.len()),
        Value::Null => "null".to_owned(),
        _ => SET.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    codex_config::is_secret(name.rsplit('.').next().unwrap_or(name))
}

/// `notify` and `[otel]` of Codex's `config.toml`.
pub(super) fn of_codex(paths: &Paths) -> Vec<String> {
    let Ok(text) = fs::read_to_string(paths.codex_home.join("config.toml")) else {
        return vec!["config.toml cannot be read".to_owned()];
    };
    let Ok(found) = codex_toml::inspect(&text) else {
        return vec!["config.toml cannot be parsed".to_owned()];
    };
    let mut lines = Vec::new();
    match found.notify.and_then(|notify| notify.command) {
        Some(command) => {
            let program = command.first().map_or("", String::as_str);
            let others = command.len().saturating_sub(1);
            lines.push(format!("notify: {program} (and {others} arguments)"));
        }
        None => lines.push("notify: not set, or not a list of texts".to_owned()),
    }
    for (line, table) in found.misplaced_notify {
        lines.push(format!("notify inside [{table}] (line {line})"));
    }
    lines.push(format!("lifecycle hooks: {}", found.hooks.len()));
    match &found.otel {
        Some(otel) => lines.extend(of_otel(otel)),
        None => lines.push("[otel]: not set".to_owned()),
    }
    lines
}

fn of_otel(otel: &FoundOtel) -> Vec<String> {
    let exporter = |name: &str, exporter: &Option<Exporter>| match exporter {
        None => format!("otel.{name}: not set"),
        Some(Exporter { kind, endpoint, protocol, headers, .. }) => {
            let endpoint = endpoint.as_deref().and_then(address).unwrap_or_default();
            let protocol = protocol.as_deref().filter(|word| WORDS.contains(word));
            let headers: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "otel.{name}: {kind} {endpoint} protocol {} headers [{}]",
                protocol.unwrap_or("not set or unknown"),
                headers.join(", ")
            )
        }
    };
    vec![
        exporter("exporter", &otel.exporter),
        exporter("trace_exporter", &otel.trace_exporter),
        exporter("metrics_exporter", &otel.metrics_exporter),
        format!("otel.log_user_prompt: {:?}", otel.log_user_prompt),
        format!("otel.log_sse_deltas: {:?}", otel.log_sse_deltas),
    ]
}
