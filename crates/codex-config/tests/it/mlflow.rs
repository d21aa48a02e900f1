//! The target `mlflow`: which source of a setting wins, and what is refused.

use codex_config::{MlflowAuth, MlflowExperiment, MlflowTarget, Secret, Target};

use crate::{only, resolve_codex as resolve};

#[track_caller]
fn mlflow(process: &[(&str, &str)], codex: &str) -> MlflowTarget {
    match only(resolve(process, &format!("target: mlflow, {codex}"))).target.unwrap() {
        Target::Mlflow(mlflow) => mlflow,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_address() {
    let uri = ("MLFLOW_TRACKING_URI", "https://process/base/");
    assert_eq!(mlflow(&[], "").endpoint, "http://localhost:5000");
    assert_eq!(mlflow(&[], "endpoint: 'http://file/'").endpoint, "http://file");
    assert_eq!(mlflow(&[uri], "endpoint: 'http://file'").endpoint, "https://process/base");
    let selected = only(resolve(&[uri], "")).target.unwrap();
    assert!(matches!(selected, Target::Mlflow(_)), "the variable alone selects it: {selected:?}");
}

#[test]
fn the_certificates_of_its_own_client() {
    let server = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem");
    let client = ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/client.pem");
    let tls = mlflow(&[server, client], "ca_file: /other.pem").tls;
    assert_eq!(tls.ca_file, Some("/ca.pem".into()));
    assert_eq!(tls.client_certificate, Some("/client.pem".into()));
    assert_eq!(tls.client_key, Some("/client.pem".into()));
    let tls = mlflow(&[], "ca_file: /other.pem").tls;
    assert_eq!((tls.ca_file, tls.client_key), (Some("/other.pem".into()), None));
}

#[test]
fn the_experiment() {
    let id = |id: &str| Some(MlflowExperiment::Id(id.to_owned()));
    let name = |name: &str| Some(MlflowExperiment::Name(name.to_owned()));
    let by_name = ("MLFLOW_EXPERIMENT_NAME", "n");
    assert_eq!(mlflow(&[], "").experiment, None);
    assert_eq!(mlflow(&[], "experiment: f").experiment, name("f"));
    assert_eq!(mlflow(&[by_name], "experiment: f").experiment, name("n"));
    assert_eq!(mlflow(&[by_name], "experiment_id: 7").experiment, id("7"));
    let by_id = ("MLFLOW_EXPERIMENT_ID", "8");
    assert_eq!(mlflow(&[by_id], "experiment_id: '7'").experiment, id("8"));
}

#[test]
fn a_user_comes_before_a_token() {
    let user = ("MLFLOW_TRACKING_USERNAME", "ada");
    let password = ("MLFLOW_TRACKING_PASSWORD", "p");
    let token = ("MLFLOW_TRACKING_TOKEN", "t");
    let bearer = |token: &str| MlflowAuth::Bearer(Secret::new(token));
    let basic = MlflowAuth::Basic { username: "ada".to_owned(), password: Secret::new("p") };
    assert_eq!(mlflow(&[], "").auth, MlflowAuth::Anonymous);
    assert_eq!(mlflow(&[], "api_key: k").auth, bearer("k"));
    assert_eq!(mlflow(&[user, token], "api_key: k").auth, bearer("t"));
    assert_eq!(mlflow(&[user, password, token], "").auth, basic);
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    let check = |process: &[(&str, &str)], codex: &str, expected: &str| {
        let error = only(resolve(process, &format!("target: mlflow, {codex}"))).target.unwrap_err();
        assert_eq!(format!("{error}\nhint: {}", error.hint()), expected);
    };
    for uri in [
        "databricks",
        "databricks://profile",
        "https://dbc-a1b2.cloud.databricks.com/",
        "https://adb-1.12.azuredatabricks.net:443",
    ] {
        check(
            &[("MLFLOW_TRACKING_URI", uri)],
            "",
            "`MLFLOW_TRACKING_URI` names Databricks, which the target `mlflow` cannot send to\n\
             hint: name the target `otlp` with the address, the token and the table of the workspace, \
             as the recipe for Databricks in docs/recipes.md has them",
        );
    }
    check(
        &[],
        "endpoint: 'sqlite:///mlflow.db'",
        "`harnesses.codex.endpoint` is `sqlite:///mlflow.db`, which does not start with `http://` \
         or `https://` and a host\n\
         hint: write `harnesses.codex.endpoint` as a URL, for example `https://traces.example:443`",
    );
    check(
        &[],
        "endpoint: 'me:hunter2@h:5000'",
        "`harnesses.codex.endpoint` is `***@h:5000`, which does not start with `http://` or `https://` \
         and a host\n\
         hint: write `harnesses.codex.endpoint` as a URL, for example `https://traces.example:443`",
    );
    check(
        &[],
        "experiment_id: codex",
        "`harnesses.codex.experiment_id` is `codex`, not a number\n\
         hint: set `harnesses.codex.experiment_id` to a number",
    );
}
