//! Targets that the environment of one process moves elsewhere.

use crate::{only, resolve_codex as resolve};

#[test]
fn only_another_place_has_a_queue_of_its_own() {
    let phoenix = "target: phoenix, endpoint: 'http://file', project_name: p";
    let mlflow = "target: mlflow, endpoint: 'http://file', experiment: e";
    for (codex, process, place) in [
        (phoenix, &[][..], None),
        (phoenix, &[("PHOENIX_API_KEY", "k")], None),
        (phoenix, &[("ARIZE_PROJECT_NAME", "p")], None),
        (phoenix, &[("MLFLOW_EXPERIMENT_ID", "1")], None),
        (phoenix, &[("ARIZE_PROJECT_NAME", "other")], Some("phoenix http://file, project `other`")),
        (
            phoenix,
            &[("PHOENIX_ENDPOINT", "http://me:secret@there")],
            Some("phoenix http://***@there, project `p`"),
        ),
        (
            mlflow,
            &[("MLFLOW_EXPERIMENT_ID", "12345")],
            Some("mlflow http://file, experiment 12345"),
        ),
        (
            mlflow,
            &[("MLFLOW_TRACKING_URI", "databricks")],
            Some(
                "`MLFLOW_TRACKING_URI` names Databricks, which the target `mlflow` cannot send to",
            ),
        ),
        ("", &[("PHOENIX_ENDPOINT", "http://h")], Some("phoenix http://h, project `codex`")),
        ("", &[("MLFLOW_TRACKING_URI", "http://h")], Some("mlflow http://h, experiment `codex`")),
    ] {
        let target = only(resolve(process, codex));
        let found = target.one_off.as_ref().map(|_| target.place());
        assert_eq!(found.as_deref(), place, "{codex}, {process:?}");
        let (name, queue) = (&target.name, target.queue());
        match place {
            Some(_) => assert_eq!(queue.strip_prefix(&format!("{name}@")), Some(&*target.mark())),
            None => assert_eq!(queue, *name),
        }
    }
}

#[test]
fn the_place_can_be_stored_without_credentials() {
    let process = [
        ("PHOENIX_ENDPOINT", "https://there"),
        ("ARIZE_PROJECT_NAME", "other"),
        ("PHOENIX_API_KEY", "hunter2"),
        ("PHOENIX_CLIENT_HEADERS", "x=hunter2"),
        ("MLFLOW_TRACKING_TOKEN", "hunter2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:hunter2@h"),
    ];
    let codex = "target: phoenix, endpoint: 'http://file'";
    let target = only(resolve(&process, codex));
    let one_off = target.one_off.clone().unwrap();
    assert_eq!(
        serde_json::to_value(&one_off).unwrap(),
        serde_json::json!({
            "variables": { "ARIZE_PROJECT_NAME": "other", "PHOENIX_ENDPOINT": "https://there" },
            "withheld": ["PHOENIX_API_KEY", "PHOENIX_CLIENT_HEADERS"],
        })
    );
    let process = [("PHOENIX_ENDPOINT", "https://me:hunter2@there")];
    let address = only(resolve(&process, codex)).one_off.unwrap();
    assert!(address.variables.is_empty());
    assert_eq!(address.withheld, ["PHOENIX_ENDPOINT"]);
    // What is stored leads to the same queue again.
    let stored: Vec<_> =
        one_off.variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(only(resolve(&stored, codex)).queue(), target.queue());
}
