//! Each recipe of the documentation leads to the place and the headers that it is for.

use std::fs;
use std::path::Path;

use codex_config::{OtlpEndpoint, Target};
use expect_test::expect;

use crate::resolve;

const VARIABLES: [&str; 8] = [
    "COLLECTOR_TOKEN",
    "DATABRICKS_TOKEN",
    "DD_API_KEY",
    "DYNATRACE_API_TOKEN",
    "GRAFANA_CLOUD_AUTH",
    "HONEYCOMB_API_KEY",
    "LANGFUSE_AUTH",
    "SIGNOZ_INGESTION_KEY",
];

/// The headings of the document with the YAML below each.
fn recipes(text: &str) -> Vec<(String, String)> {
    let mut heading = String::new();
    let mut recipes = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("## ") {
            heading = words.to_owned();
        }
        if line == "```yaml" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            recipes.push((heading.clone(), block.join("\n")));
        }
    }
    recipes
}

fn shown(yaml: &str) -> String {
    let values = VARIABLES.map(|name| (name, format!("<{name}>")));
    let process = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let settings = resolve(&process, yaml);
    assert_eq!(settings.warnings, [], "{yaml}");
    assert!(settings.unreadable.is_none(), "{yaml}");
    let mut shown = String::new();
    for target in settings.targets {
        let content = &target.content;
        let all = content.prompts && content.tool_details && content.tool_content;
        let content = if all { "" } else { ", no content" };
        match target.target.unwrap() {
            Target::Otlp(otlp) => {
                let OtlpEndpoint::Server(url) = otlp.endpoint else { panic!("{yaml}") };
                let (protocol, compression) = (otlp.protocol, otlp.compression);
                shown.push_str(&format!("{protocol:?} {compression:?} {url}{content}\n"));
                for (name, value) in otlp.headers {
                    shown.push_str(&format!("    {name}: {}\n", value.expose()));
                }
            }
            other => shown.push_str(&format!("{other:?}{content}\n")),
        }
    }
    shown
}

#[test]
fn lead_to_the_place_and_the_headers_that_they_are_for() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes.md");
    let text = fs::read_to_string(file).unwrap();
    let recipes = recipes(&text);
    let shown: Vec<String> =
        recipes.iter().map(|(heading, yaml)| format!("{heading}\n{}", shown(yaml))).collect();
    expect![[r#"
        An OpenTelemetry Collector in front
        Grpc Zstd http://localhost:4317

        An OpenTelemetry Collector in front
        HttpProtobuf Gzip https://collector.example
            authorization: Bearer <COLLECTOR_TOKEN>

        Grafana Cloud
        HttpProtobuf Gzip https://otlp-gateway-prod-eu-west-2.grafana.net/otlp
            authorization: Basic <GRAFANA_CLOUD_AUTH>

        SigNoz
        Grpc Gzip https://ingest.eu.signoz.cloud:443
            signoz-ingestion-key: <SIGNOZ_INGESTION_KEY>

        Honeycomb
        Grpc Gzip https://api.honeycomb.io
            x-honeycomb-team: <HONEYCOMB_API_KEY>

        Langfuse
        HttpProtobuf Gzip https://cloud.langfuse.com/api/public/otel
            authorization: Basic <LANGFUSE_AUTH>
            x-langfuse-ingestion-version: 4

        Dynatrace
        HttpProtobuf Gzip https://abc12345.live.dynatrace.com/api/v2/otlp
            authorization: Api-Token <DYNATRACE_API_TOKEN>

        Datadog
        HttpProtobuf Gzip https://otlp.datadoghq.com
            dd-api-key: <DD_API_KEY>
            dd-otlp-source: llmobs

        Databricks
        HttpProtobuf None https://dbc-a1b2c3d4-e5f6.cloud.databricks.com/api/2.0/otel
            authorization: Bearer <DATABRICKS_TOKEN>
            X-Databricks-UC-Table-Name: CATALOG.SCHEMA.PREFIX_otel_spans

        Two at once
        Local
        HttpProtobuf Gzip https://collector.example, no content
            authorization: Bearer <COLLECTOR_TOKEN>
    "#]]
    .assert_eq(&shown.join("\n"));
}
