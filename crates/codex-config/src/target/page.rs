//! Where a person sees the turns that a target got.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{MlflowExperiment, MlflowTarget, PhoenixTarget, Target, TargetSettings};
use crate::address::mask_address;

/// What is written in other characters within a part of a path.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl TargetSettings {
    /// The page of the project, or of what is next to it, in the target's own web interface; none
    /// where it has none that is known. It holds no credential.
    pub fn web_page(&self) -> Option<String> {
        match self.target.as_ref().ok()? {
            Target::Phoenix(phoenix) => {
                let base = phoenix_base(phoenix)?;
                let project = utf8_percent_encode(&self.project_name, IN_A_PATH);
                Some(format!("{base}/redirects/projects/{project}"))
            }
            Target::Mlflow(mlflow) => mlflow_page(mlflow),
            Target::Arize(arize) => {
                // `otlp.eu-west-1a.arize.com` belongs to `app.eu-west-1a.arize.com`.
                let host = arize.endpoint.split("://").last()?.split([':', '/']).next()?;
                let region = host.strip_prefix("otlp.")?;
                region.ends_with("arize.com").then(|| format!("https://app.{region}"))
            }
            Target::Otlp(_) | Target::Local | Target::File(_) | Target::Stdout => None,
        }
    }

    /// The page of a trace, by its id in hexadecimal digits, or else of the project.
    pub fn trace_page(&self, trace_id: &str) -> Option<String> {
        match self.target.as_ref().ok()? {
            Target::Phoenix(phoenix) => {
                Some(format!("{}/redirects/traces/{trace_id}", phoenix_base(phoenix)?))
            }
            _ => self.web_page(),
        }
    }
}

fn phoenix_base(phoenix: &PhoenixTarget) -> Option<&str> {
    let base = plain(&phoenix.endpoint)?;
    Some(base.strip_suffix("/v1/traces").unwrap_or(base))
}

fn mlflow_page(mlflow: &MlflowTarget) -> Option<String> {
    let base = plain(&mlflow.endpoint)?;
    Some(match &mlflow.experiment {
        Some(MlflowExperiment::Id(id)) => format!("{base}/#/experiments/{id}/traces"),
        // Its number is not known.
        Some(MlflowExperiment::Name(_)) | None => format!("{base}/#/experiments"),
    })
}

/// An address, if it has neither credentials nor a query.
fn plain(endpoint: &str) -> Option<&str> {
    let is_plain = mask_address(endpoint) == endpoint && !endpoint.contains(['?', '#']);
    is_plain.then(|| endpoint.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigTexts, Environment, Paths, Settings};

    fn only(yaml: &str) -> TargetSettings {
        let indented = yaml.replace(", ", "\n    ");
        let config_yaml = Some(format!("harnesses:\n  codex:\n    {indented}\n"));
        let texts = ConfigTexts { config_yaml, ..ConfigTexts::default() };
        let none: [(&str, &str); 0] = [];
        let settings = Settings::resolve(&Paths::new("/h", None), &Environment::new(none), &texts);
        settings.targets.into_iter().next().unwrap()
    }

    #[track_caller]
    fn check(yaml: &str, page: Option<&str>) {
        assert_eq!(only(yaml).web_page().as_deref(), page, "{yaml}");
    }

    #[test]
    fn a_trace_has_a_page_in_phoenix_and_else_that_of_its_project() {
        let page = |yaml: &str| only(yaml).trace_page("0707");
        let phoenix = page("target: phoenix, endpoint: http://p:6006/v1/traces");
        assert_eq!(phoenix.as_deref(), Some("http://p:6006/redirects/traces/0707"));
        let mlflow = page("target: mlflow, endpoint: http://m:5000");
        assert_eq!(mlflow.as_deref(), Some("http://m:5000/#/experiments"));
        assert_eq!(page("target: local"), None);
        assert_eq!(page("target: phoenix, endpoint: http://me:secret@p"), None);
    }

    #[test]
    fn each_kind_of_target() {
        let phoenix = "target: phoenix, endpoint: http://p:6006/x/";
        check(phoenix, Some("http://p:6006/x/redirects/projects/codex"));
        check(
            &format!("{phoenix}, project_name: my team/a"),
            Some("http://p:6006/x/redirects/projects/my%20team%2Fa"),
        );
        check("target: phoenix, endpoint: http://me:secret@p", None);
        let mlflow = "target: mlflow, endpoint: http://m:5000";
        check(mlflow, Some("http://m:5000/#/experiments"));
        check(&format!("{mlflow}, experiment_id: 7"), Some("http://m:5000/#/experiments/7/traces"));
        let arize = "target: arize, api_key: k, space_id: s";
        check(arize, Some("https://app.arize.com"));
        check(
            &format!("{arize}, endpoint: otlp.eu-west-1a.arize.com:443"),
            Some("https://app.eu-west-1a.arize.com"),
        );
        check(&format!("{arize}, endpoint: gateway.example:443"), None);
        check("target: otlp, endpoint: http://c:4318", None);
        check("target: local", None);
    }
}
