//! MLflow's own plugin for Codex, `@mlflow/codex`: the address that it was set up with, and its
//! `notify`, which records each turn in MLflow as ours does.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::answers::{Backend, Destination};

/// What `mlflow-codex setup` writes into Codex's folder. It may write it into that of a project, too,
/// where it is not read: a workspace is not to decide where prompts go.
const FILE: &str = "mlflow-tracing.json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    tracking_uri: String,
    #[serde(default)]
    experiment_id: Option<serde_json::Value>,
}

/// Finds where the plugin sends this user's traces. What cannot be used here, such as Databricks, is
/// passed over.
pub(crate) fn destination(codex_home: &Path) -> Option<Destination> {
    parse(&fs::read(codex_home.join(FILE)).ok()?)
}

fn parse(json: &[u8]) -> Option<Destination> {
    let Settings { tracking_uri, experiment_id } = serde_json::from_slice(json).ok()?;
    let uri = tracking_uri.trim();
    let is_url = uri.starts_with("http://") || uri.starts_with("https://");
    let experiment_id = experiment_id.map(|id| match id {
        serde_json::Value::String(id) => id.trim().to_owned(),
        id => id.to_string(),
    });
    (is_url && !uri.contains('@')).then(|| Destination {
        endpoint: Some(uri.to_owned()),
        experiment_id: experiment_id.filter(|id| is_id(id)),
        ..Destination::of(Backend::Mlflow)
    })
}

/// Whether a text is the id of an experiment.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a `notify` runs the plugin, by itself or through a package runner.
pub(crate) fn is_notify(command: &[String]) -> bool {
    let name = |word: &String| {
        let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
        let name = name.split('@').next().unwrap_or(name).to_ascii_lowercase();
        let name = ["cmd", "exe", "js", "ps1"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .map_or(name.as_str(), |stem| stem.trim_end_matches('.'));
        name.to_owned()
    };
    command.iter().any(|word| name(word) == "mlflow-codex" || word.starts_with("@mlflow/codex"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<(&str, Option<&str>)>) {
        let found = parse(json.as_bytes());
        let found = found
            .as_ref()
            .map(|found| (found.endpoint.as_deref().unwrap(), found.experiment_id.as_deref()));
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn its_settings() {
        let url = "http://localhost:5000";
        check(
            r#"{ "trackingUri": "http://localhost:5000", "experimentId": "7", "more": 1 }"#,
            Some((url, Some("7"))),
        );
        check(
            r#"{ "trackingUri": "http://localhost:5000", "experimentId": 7 }"#,
            Some((url, Some("7"))),
        );
        check(r#"{ "trackingUri": "http://localhost:5000" }"#, Some((url, None)));
        check(
            r#"{ "trackingUri": "http://localhost:5000", "experimentId": "x" }"#,
            Some((url, None)),
        );
        check(r#"{ "trackingUri": "databricks", "experimentId": "7" }"#, None);
        check(r#"{ "trackingUri": "http://me:secret@host" }"#, None);
        check("[]", None);
    }

    #[test]
    fn its_notify() {
        for (command, expected) in [
            (&["mlflow-codex", "notify-hook"][..], true),
            (&["/usr/local/bin/mlflow-codex", "notify-hook"], true),
            (&["C:\\npm\\mlflow-codex.cmd", "notify-hook"], true),
            (&["npx", "-y", "@mlflow/codex@0.2", "notify-hook"], true),
            (&["npx", "mlflow-codex@latest", "notify-hook"], true),
            (&["bell", "--mlflow"], false),
            (&[], false),
        ] {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(is_notify(&command), expected, "{command:?}");
        }
    }
}
