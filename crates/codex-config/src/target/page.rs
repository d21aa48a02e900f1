//! Where a person sees the turns that a target got.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{MlflowExperiment, MlflowTarget, Target, TargetSettings};
use crate::address::mask_address;

/// What is written in other characters within a part of a path.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl TargetSettings {
    /// The page of the project, or of what is next to it, in the target's own web interface; none
    /// where it has none that is known. It holds no credential.
    pub fn web_page(&self) -> Option<String> {
        match self.target.as_ref().ok()? {
            Target::Phoenix(phoenix) => {
                let base = plain(&phoenix.endpoint)?;
                let base = base.strip_suffix("/v1/traces").unwrap_or(base);
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
    use crate::{ConfigTexts, Environment, Paths, Settings};

    #[track_caller]
    fn check(yaml: &str, page: Option<&str>) {
        let indented = yaml.replace(", ", "\n    ");
        let config_yaml = Some(format!("harnesses:\n  codex:\n    {indented}\n"));
        let texts = ConfigTexts { config_yaml, ..ConfigTexts::default() };
        let none: [(&str, &str); 0] = [];
        let settings = Settings::resolve(&Paths::new("/h", None), &Environment::new(none), &texts);
        assert_eq!(settings.targets[0].web_page().as_deref(), page, "{yaml}");
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
