//! A real MLflow tracking server: started empty, asked over its own interface, gone without a trace.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::port::free_port;
use crate::server_process::ServerProcess;

/// Runs MLflow on a free port of 127.0.0.1. It is ended with the process that started it.
#[derive(Debug)]
pub struct Mlflow {
    url: String,
    _server: ServerProcess,
}

impl Mlflow {
    /// Starts `program` (the `mlflow` command) and waits until it is ready, about ten seconds.
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        Self::start_at(program, free_port()?)
    }

    /// The same, on this port.
    pub fn start_at(program: &Path, port: u16) -> anyhow::Result<Self> {
        let server = ServerProcess::start(program, |mlflow, folder| {
            mlflow
                .args(["server", "--host", "127.0.0.1", "--workers", "1"])
                .args(["--port", &port.to_string()])
                .args(["--backend-store-uri", &format!("sqlite:///{}/mlflow.db", folder.display())])
                .arg("--default-artifact-root")
                .arg(folder.join("artifacts"))
                .env("MLFLOW_DISABLE_TELEMETRY", "true")
                .env("DO_NOT_TRACK", "true")
                .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
        })?;
        let url = format!("http://127.0.0.1:{port}");
        server.wait(Duration::from_secs(120), || ureq::get(format!("{url}/health")).call().ok())?;
        Ok(Self { url, _server: server })
    }

    /// Returns the address that the exporters are configured with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the traces of an experiment, each as MLflow tells it: `trace_info` and `spans`.
    pub fn traces(&self, experiment: &str) -> anyhow::Result<Vec<Value>> {
        self.traces_with(experiment, "")
    }

    /// Those that MLflow finds with this filter.
    pub fn traces_with(&self, experiment: &str, filter: &str) -> anyhow::Result<Vec<Value>> {
        let id = self.experiment_id(experiment)?;
        let place =
            json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": id } });
        let body = json!({ "locations": [place], "filter": filter });
        let found = self.post("/api/3.0/mlflow/traces/search", &body)?;
        let infos = found["traces"].as_array().into_iter().flatten();
        infos
            .map(|info| {
                let id = info["trace_id"].as_str().context("a trace without an id")?;
                let answer = self.get(&format!("/api/3.0/mlflow/traces/get?trace_id={id}"))?;
                ensure!(answer["trace"]["spans"].is_array(), "no spans in {answer}");
                Ok(answer["trace"].clone())
            })
            .collect()
    }

    /// How many spans of an experiment there are of each type and name, as its overview asks.
    pub fn span_counts(&self, experiment: &str) -> anyhow::Result<Vec<(String, String, u64)>> {
        let body = json!({
            "experiment_ids": [self.experiment_id(experiment)?],
            "view_type": "SPANS",
            "metric_name": "span_count",
            "aggregations": [{ "aggregation_type": "COUNT" }],
            "dimensions": ["span_type", "span_name"],
        });
        let found = self.post("/api/3.0/mlflow/traces/metrics", &body)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let points = found["data_points"].as_array().into_iter().flatten();
        let mut counts: Vec<_> = points
            .map(|point| {
                let (of, count) = (&point["dimensions"], point["values"]["COUNT"].as_f64());
                (text(&of["span_type"]), text(&of["span_name"]), count.unwrap_or_default() as u64)
            })
            .collect();
        counts.sort_unstable();
        Ok(counts)
    }

    fn experiment_id(&self, experiment: &str) -> anyhow::Result<String> {
        let path = format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={experiment}");
        let found = self.get(&path)?;
        let id = found["experiment"]["experiment_id"].as_str().context("no experiment")?;
        Ok(id.to_owned())
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut answer = ureq::post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .send(body.to_string())?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call()?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }
}

/// Returns an attribute of a span, in plain JSON: MLflow tells it in OTLP's.
pub fn attribute(span: &Value, key: &str) -> Value {
    let mut attributes = span["attributes"].as_array().into_iter().flatten();
    attributes.find(|found| found["key"] == key).map_or(Value::Null, |found| plain(&found["value"]))
}

fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return Value::Null;
    };
    let values = || value["values"].as_array().into_iter().flatten();
    match kind.as_str() {
        "kvlist_value" => values()
            .map(|pair| {
                (pair["key"].as_str().unwrap_or_default().to_owned(), plain(&pair["value"]))
            })
            .collect(),
        "array_value" => values().map(plain).collect(),
        _ => value.clone(),
    }
}
