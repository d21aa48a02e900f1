//! `arize-codex report --team`: the figures of all machines that a Prometheus scrapes.

use std::collections::HashMap;
use std::time::Duration;

use codex_config::Environment;
use jiff::Timestamp;
use serde::Deserialize;
use usage::report::team::{self, Family, Sample};
use usage::report::{By, Days, Report};

use crate::CommandError;

/// A person waits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The credential, which is on no command line.
const TOKEN: &str = "ARIZE_TEAM_TOKEN";

/// Asks the Prometheus at an address.
pub(super) fn report(
    address: &str,
    matchers: &[String],
    by: &[By],
    days: Days,
    environment: &Environment,
) -> Result<Report, CommandError> {
    if let Some(by) = by.iter().find(|by| team::label(**by).is_none()) {
        return Err(CommandError::Incomplete {
            what: format!("the metrics of a team do not say the {by}"),
            hint: "add `--by user`, `machine`, `project`, `repository`, `model` or `tier`"
                .to_owned(),
        });
    }
    let matchers = matchers.iter().map(|text| matcher(text)).collect::<Result<Vec<_>, _>>()?;
    let seconds = days.begin_ns().map(|begin| {
        let begin = i64::try_from(begin / 1_000_000_000).unwrap_or(i64::MAX);
        (Timestamp::now().as_second() - begin).max(1)
    });
    let mut answers = Vec::new();
    for (family, query) in team::queries(by, &matchers.join(","), seconds) {
        answers.push((family, ask(address, &query, environment)?));
    }
    let has_any =
        answers.iter().any(|(family, samples)| *family == Family::Calls && !samples.is_empty());
    if !has_any {
        return Err(CommandError::NotFound {
            what: format!("`{address}` has no metrics of Codex for these turns"),
            hint: "docs/alerts.md says how machines are scraped; no figure is not a zero"
                .to_owned(),
        });
    }
    Ok(team::of_answers(by.to_vec(), days, &answers))
}

/// `team=web` as PromQL has it.
fn matcher(text: &str) -> Result<String, CommandError> {
    let wrong = || CommandError::Incomplete {
        what: format!("`{text}` is not a label and its value"),
        hint: "write it as `--match team=web`".to_owned(),
    };
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_name {
        return Err(wrong());
    }
    let value = serde_json::Value::from(value).to_string();
    Ok(format!("{name}={value}"))
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: HashMap<String, String>,
    value: (f64, String),
}

fn ask(address: &str, query: &str, environment: &Environment) -> Result<Vec<Sample>, CommandError> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build();
    let url = format!("{}/api/v1/query", address.trim_end_matches('/'));
    let mut request = ureq::Agent::new_with_config(config).get(url).query("query", query);
    if let Some(token) = environment.get(TOKEN) {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let failed = |why: String| CommandError::NotFound {
        what: format!(
            "`{}` does not answer as a Prometheus: {why}",
            codex_config::mask_addresses(address)
        ),
        hint: format!(
            "the address is that under which `/api/v1/query` is; a token is read from `{TOKEN}`"
        ),
    };
    let mut answer = request.call().map_err(|error| failed(error.to_string()))?;
    let status = answer.status();
    let text = answer.body_mut().read_to_string().map_err(|error| failed(error.to_string()))?;
    let read: Answer =
        serde_json::from_str(&text).map_err(|_| failed(format!("http status {status}")))?;
    match read {
        Answer { data: Some(Data { result }), .. } => Ok(result
            .into_iter()
            .filter_map(|series| {
                let value = series.value.1.parse().ok()?;
                Some(Sample { labels: series.metric, value })
            })
            .collect()),
        Answer { error, .. } => {
            Err(failed(error.unwrap_or_else(|| format!("http status {status}"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(matcher("team=web").unwrap(), "team=\"web\"");
        assert_eq!(matcher("team=a\"} or x{b=\"").unwrap(), "team=\"a\\\"} or x{b=\\\"\"");
        for wrong in ["team", "=web", "a b=c", "1a=c"] {
            assert!(matcher(wrong).is_err(), "{wrong}");
        }
    }
}
