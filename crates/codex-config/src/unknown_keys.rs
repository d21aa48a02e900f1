//! Keys that no setting has: slips of the pen, with which a setting stays silently as it was.
//!
//! The file also serves other harnesses, so only the mappings that are ours are looked at.

use serde_yaml::Value;

use crate::reader::TARGETS;
use crate::{KeyPath, Warning, document};

const CONTENT: &[&str] =
    &["content", "prompts", "tool_details", "tool_content", "max_attribute_bytes"];
const SAMPLING: &[&str] = &["ratio", "keep_errors", "keep_over_cost_usd", "keep_over_seconds"];
const TLS: &[&str] = &["ca_file", "client_certificate", "client_key"];
/// What a target has alone and in a list.
const TARGET: &[&str] = &[
    "target",
    "endpoint",
    "project_name",
    "api_key",
    "headers",
    "phoenix_api",
    "space_id",
    "project_type",
    "experiment",
    "experiment_id",
    "protocol",
    "compression",
    "timeout_ms",
    "metrics",
    "path",
    "max_bytes",
    "sampling",
];
/// The amounts of a budget.
const BUDGET: &[&[&str]] = &[&["usd", "credits", "tokens"]];
const BUDGETS: &[&str] =
    &["turn", "session", "day", "month", "project", "repository", "hard_limit", "grace_seconds"];
const ALERTS: &[&str] = &[
    "enabled",
    "content",
    "while_running",
    "cool_down_minutes",
    "per_day",
    "loop",
    "turn",
    "session",
    "no_progress",
    "failures",
    "wait_minutes",
    "quota_percent",
];
const NOTICES: &[&str] = &["desktop", "command", "webhook", "ntfy"];
const CODEX: &[&str] = &[
    "alerts",
    "attributes",
    "budgets",
    "chained_notify",
    "codex_bin",
    "collector",
    "folders",
    "helper_threads",
    "join_caller_trace",
    "local_copy",
    "notices",
    "span_layout",
    "tags",
    "targets",
    "tool_errors",
];

/// Where our keys stand, and which there are. What is not here, as `headers`, has any keys.
const PLACES: [(&str, &[&[&str]]); 26] = [
    ("", &[&["harnesses", "logging", "outbox", "store", "user_id"]]),
    ("logging", &[CONTENT, &["scrub", "scrub_keys"]]),
    ("outbox", &[&["max_bytes", "max_age_days"]]),
    ("store", &[&["max_age", "max_bytes", "drop"]]),
    ("harnesses", &[&["codex"]]),
    ("harnesses.codex", &[TARGET, TLS, CODEX]),
    ("harnesses.codex.budgets", &[BUDGETS]),
    ("harnesses.codex.budgets.turn", BUDGET),
    ("harnesses.codex.budgets.session", BUDGET),
    ("harnesses.codex.budgets.day", BUDGET),
    ("harnesses.codex.budgets.month", BUDGET),
    ("harnesses.codex.budgets.project", BUDGET),
    ("harnesses.codex.budgets.repository", BUDGET),
    ("harnesses.codex.alerts", &[ALERTS]),
    ("harnesses.codex.alerts.loop", &[&["same", "alike", "rounds"]]),
    ("harnesses.codex.alerts.turn", &[&["usd", "tokens", "calls"]]),
    ("harnesses.codex.alerts.session", &[&["usd", "tokens", "calls"]]),
    ("harnesses.codex.alerts.no_progress", &[&["usd", "tokens"]]),
    ("harnesses.codex.alerts.failures", &[&["calls", "percent"]]),
    ("harnesses.codex.notices", &[NOTICES, TLS]),
    ("harnesses.codex.sampling", &[SAMPLING]),
    ("harnesses.codex.collector", &[&["host", "port", "require_write_token", "forward"]]),
    ("harnesses.codex.collector.forward", &[&["endpoint", "headers", "protocol"], TLS]),
    ("harnesses.codex.targets[]", &[TARGET, TLS, &["name", "logging"]]),
    ("harnesses.codex.targets[].logging", &[CONTENT]),
    ("harnesses.codex.targets[].sampling", &[SAMPLING]),
];

/// Where other harnesses have keys, too.
const SHARED: [&str; 2] = ["", "harnesses"];

/// More than this many letters wrong, and it is another word.
const MAX_DISTANCE: usize = 2;

/// Whether a setting has this key in this place.
pub(crate) fn is_known(place: &str, key: &str) -> bool {
    keys_of(place).is_some_and(|mut keys| keys.any(|known| known == key))
}

/// Whether a setting has this dotted key, or there are some below it.
pub(crate) fn has(dotted: &str) -> bool {
    let (place, key) = dotted.rsplit_once('.').unwrap_or(("", dotted));
    is_known(place, key)
}

/// Warns about each key that no setting has.
pub(crate) fn warnings(config: &Value) -> Vec<Warning> {
    let mut warnings = Vec::new();
    check(config, "", "", &mut warnings);
    warnings
}

/// Checks a value in a place of ours, which the user knows by `name`.
fn check(value: &Value, place: &str, name: &str, warnings: &mut Vec<Warning>) {
    if let Value::Sequence(entries) = value {
        for (index, entry) in entries.iter().enumerate() {
            check(entry, &format!("{place}[]"), &format!("{name}[{index}]"), warnings);
        }
    }
    if let (Value::Mapping(entries), TARGETS) = (value, place) {
        for (key, entry) in entries {
            let key = document::scalar_text(key).unwrap_or_default();
            let key = KeyPath::from_segments(&[key]).to_string();
            check(entry, &format!("{place}[]"), &below(name, &key), warnings);
        }
    }
    let (Some(mapping), true) = (value.as_mapping(), keys_of(place).is_some()) else { return };
    for (key, value) in mapping {
        let Some(key) = document::scalar_text(key) else { continue };
        let key_name = below(name, &key);
        if is_known(place, &key) {
            check(value, &below(place, &key), &key_name, warnings);
            continue;
        }
        let meant = near(place, &key).map(|near| below(name, near)).or_else(|| elsewhere(&key));
        if meant.is_some() || !SHARED.contains(&place) {
            warnings.push(Warning::UnknownKey { key: key_name, meant });
        }
    }
}

/// The key that was meant, if it looks like one of the same place.
fn near(place: &str, key: &str) -> Option<&'static str> {
    let distances = keys_of(place)?.map(|known| (strsim::osa_distance(known, key), known));
    distances.min().filter(|(distance, _)| *distance <= MAX_DISTANCE).map(|(_, known)| known)
}

/// Where such a key belongs, if there is such a place for all targets.
fn elsewhere(key: &str) -> Option<String> {
    let place = PLACES.iter().map(|(place, _)| *place).find(|place| is_known(place, key))?;
    (!place.contains("[]")).then(|| below(place, key))
}

fn keys_of(place: &str) -> Option<impl Iterator<Item = &'static str>> {
    let (_, keys) = PLACES.iter().find(|(name, _)| *name == place)?;
    Some(keys.iter().flat_map(|keys| keys.iter().copied()))
}

fn below(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}
