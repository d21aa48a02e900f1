//! What the environment and the home of the user say.

use std::path::PathBuf;

use buffer_api::process::Service;
use codex_config::{
    Paths, Settings,
    variables::{ARIZE_HARNESS_HOME, CODEX_HOME},
};

use crate::config::{Forwarding, Pace, Sweep};

/// Whether the hook is started for threads that fell silent.
const ARIZE_CODEX_SWEEP: &str = "ARIZE_CODEX_SWEEP";

/// What the command line takes from the environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The program's own path.
    pub program: Option<PathBuf>,
    /// All variables, of which settings may name any.
    pub variables: codex_config::Environment,
}

impl Environment {
    /// The directory of the user's files of ours.
    pub(super) fn harness_home(&self) -> Option<PathBuf> {
        let named = self.variables.path(ARIZE_HARNESS_HOME);
        named.or_else(|| Some(Paths::new(self.home.clone()?, None).harness_home))
    }

    /// The user's settings; none without a home.
    pub(super) fn settings(&self) -> Option<Settings> {
        Some(Settings::load(&self.paths()?, &self.variables))
    }

    /// The hook beside this program, for the user's Codex. The hook has its files below the user's
    /// home: a service that has its own elsewhere is not the one that the hook collects from.
    pub(super) fn sweep(&self, service: &Service) -> Option<Sweep> {
        let Paths { codex_home, config_file, .. } = self.paths()?;
        let sweep = self.variables.get(ARIZE_CODEX_SWEEP).unwrap_or_default();
        let is_off = matches!(sweep.to_ascii_lowercase().as_str(), "false" | "0" | "no" | "off");
        if is_off || !self.is_of_user(service) {
            return None;
        }
        Some(Sweep {
            hook: hook(service),
            codex_home,
            outbox: service.paths.outbox.clone(),
            settings: config_file,
            pace: Pace::default(),
        })
    }

    /// Where the user wants Codex's events to be passed on to, by the user's own service.
    pub(super) fn forward(
        &self,
        service: &Service,
        settings: Option<&Settings>,
    ) -> Option<Forwarding> {
        let forward = settings.filter(|_| self.is_of_user(service))?.forward.clone()?;
        Some(match forward.is_plain() {
            true => Forwarding::Plain(Box::new(forward)),
            false => Forwarding::Hook(hook(service)),
        })
    }

    /// Whether the user wants events only from senders that show the write token.
    pub(super) fn requires_write_token(
        &self,
        service: &Service,
        settings: Option<&Settings>,
    ) -> bool {
        let settings = settings.filter(|_| self.is_of_user(service));
        settings.is_some_and(|settings| settings.collector.require_write_token)
    }

    fn paths(&self) -> Option<Paths> {
        let codex_home = self.variables.path(CODEX_HOME);
        let Paths { home, codex_home, .. } = Paths::new(self.home.clone()?, codex_home);
        Some(Paths::laid_out(home, self.harness_home()?, codex_home))
    }

    fn is_of_user(&self, service: &Service) -> bool {
        Some(&service.paths.home) == self.harness_home().as_ref()
    }
}

fn hook(service: &Service) -> PathBuf {
    service.program.with_file_name("arize-hook-codex-notify")
}

#[cfg(test)]
mod tests {
    use buffer_api::{Endpoint, Paths};

    use super::*;

    fn sweep_with(home: &str, switch: Option<&str>, codex_home: Option<&str>) -> Option<Sweep> {
        let service = Service {
            program: "/opt/bin/arize-codex-buffer".into(),
            endpoint: Endpoint::default(),
            paths: Paths::under("/home/ada/.arize/harness".as_ref()),
        };
        let variables = [("ARIZE_CODEX_SWEEP", switch), ("CODEX_HOME", codex_home)];
        let variables = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let environment = Environment {
            home: Some(home.into()),
            variables: codex_config::Environment::new(variables),
            ..Environment::default()
        };
        environment.sweep(&service)
    }

    #[test]
    fn the_hook_is_the_one_beside_the_service_and_codex_is_the_users() {
        let sweep = sweep_with("/home/ada", Some(""), None).unwrap();
        assert_eq!(sweep.hook, PathBuf::from("/opt/bin/arize-hook-codex-notify"));
        assert_eq!(sweep.codex_home, PathBuf::from("/home/ada/.codex"));
        let sweep = sweep_with("/home/ada", Some("true"), Some("/srv/codex")).unwrap();
        assert_eq!(sweep.codex_home, PathBuf::from("/srv/codex"));
    }

    #[test]
    fn no_sweep_runs_where_it_is_off_or_for_another_users_home() {
        for off in ["false", "0", "No", "off"] {
            assert!(sweep_with("/home/ada", Some(off), None).is_none(), "{off}");
        }
        assert!(sweep_with("/home/eve", None, None).is_none());
    }

    #[test]
    fn events_are_passed_on_by_the_users_own_service() {
        let home = tempfile::tempdir().unwrap();
        let harness = home.path().join(".arize/harness");
        std::fs::create_dir_all(&harness).unwrap();
        let text = "harnesses: {codex: {collector: {forward: {endpoint: 'http://h/v1/logs', \
                    headers: {a: '${A}'}}}}}\n";
        std::fs::write(harness.join("config.yaml"), text).unwrap();
        let environment = Environment {
            home: Some(home.path().to_owned()),
            variables: codex_config::Environment::new([("A", "secret")]),
            ..Environment::default()
        };
        let forward = |home: &std::path::Path| {
            let endpoint = Endpoint::default();
            let paths = Paths::under(home);
            let service = Service { program: "x".into(), endpoint, paths };
            environment.forward(&service, environment.settings().as_ref())
        };
        let Some(Forwarding::Plain(found)) = forward(&harness) else { panic!() };
        assert_eq!(found.endpoint, "http://h/v1/logs");
        assert_eq!(found.headers[0].1.expose(), "secret");
        assert_eq!(forward(home.path()), None);
        let text = text.replace("http:", "https:");
        std::fs::write(harness.join("config.yaml"), text).unwrap();
        assert_eq!(forward(&harness), Some(Forwarding::Hook("arize-hook-codex-notify".into())));
    }
}
