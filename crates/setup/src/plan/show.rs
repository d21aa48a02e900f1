//! What a plan looks like, before and after it is carried out.

use codex_config::{ConfigTexts, Settings};

use super::{Plan, ServiceStep};
use crate::change::{Change, Part};
use crate::diff;
use crate::facts::Facts;
use crate::python_system::PythonService;
use machine::programs;
use machine::{Daemon, Machine};

impl Plan {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
            && !self.shim
            && !self.windows_path
            && self.changes.is_empty()
            && self.end_python_service.is_none()
            && self.service == ServiceStep::Leave
            && self.restart_daemon.is_none()
    }

    /// The settings as they will be.
    pub fn settings(&self, machine: &Machine, facts: &Facts) -> Settings {
        let text = |part, now: &codex_config::file_edit::Snapshot| {
            let change = self.changes.iter().find(|change| change.part == part);
            let after = change.map(|change| change.after.as_str());
            after.or_else(|| now.exists().then(|| now.text())).map(str::to_owned)
        };
        let texts = ConfigTexts {
            env_file: text(Part::EnvFile, &facts.env_file.now),
            config_yaml: text(Part::Settings, &facts.settings_file.now),
            config_json: None,
            managed: ConfigTexts::managed(&machine.paths),
        };
        Settings::resolve(&machine.paths, &machine.environment, &texts)
    }

    /// Shows all changes of texts without credentials: our new files as a line each, the settings and
    /// the files of the user as a unified diff, the latter last.
    pub fn diff(&self) -> String {
        let is_brief = |change: &&Change| !change.now.exists() && change.part.is_ours_alone();
        let brief = self.changes.iter().filter(is_brief).map(|change| {
            let (path, lines) = (change.now.path().display(), change.after.lines().count());
            format!("new file {path} ({lines} {})\n", if lines == 1 { "line" } else { "lines" })
        });
        let mut shown: Vec<_> = self.changes.iter().filter(|change| !is_brief(change)).collect();
        shown.sort_by_key(|change| change.now.exists() && change.part != Part::Settings);
        let diffs = shown.into_iter().map(|change| {
            let now = change.now.exists().then(|| change.now.text());
            diff::texts(&change.now.path().display().to_string(), now, Some(&change.after))
        });
        brief.chain(diffs).collect()
    }

    /// Says what is to be done, a line each.
    pub fn steps(&self, machine: &Machine) -> Vec<String> {
        let mut steps = Vec::new();
        let bin = machine.paths.bin_dir.display();
        let copied: Vec<_> = self.programs.iter().filter(|copy| copy.differs).collect();
        if !copied.is_empty() {
            steps.push(format!("copy {} to {bin}", programs::names(&copied)));
        }
        if self.shim {
            steps.push(format!("put a `codex` that starts tracing into {bin}"));
        }
        if self.windows_path {
            steps.push(format!("put {bin} first on your PATH"));
        }
        steps.extend(self.changes.iter().map(|change| change.line(change.verb().0)));
        steps.extend(self.prompts.clone());
        let left_out = self.left_out_notify.iter();
        steps.extend(left_out.map(|it| format!("leave out `{it}`, which records the same turns")));
        if let Some(PythonService { pid, command }) = &self.end_python_service {
            steps.push(format!("end the Python plugin's buffer service: PID {pid}, `{command}`"));
        }
        match &self.service {
            ServiceStep::Leave => {}
            ServiceStep::Start => steps.push("start the buffer service".to_owned()),
            ServiceStep::Restart => steps.push("restart the buffer service".to_owned()),
            ServiceStep::HandOver(launcher) => {
                steps.push(format!("have {} start the buffer service", launcher.name()));
            }
        }
        if let Some(Daemon { pid, .. }) = &self.restart_daemon {
            steps.push(format!("restart Codex's background process (PID {pid})"));
        }
        steps
    }
}
