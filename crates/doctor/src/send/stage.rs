//! The folder that the hook takes for the user's own during the test.
//!
//! It lies in `run/`, readable by the user alone, with a copy of the settings in which the mark and the
//! project differ, and a local store of its own: the test turn is in none of the user's projects and
//! totals. It is removed when it is dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_config::{Environment, Paths, variables};
use delivery::{Limits, Summary};
use dispatch::ledger::{self, Entry};
use otlp_model::UnixNanos;
use serde_yaml::{Mapping, Value};
use tempfile::TempDir;

use super::turn::TestTurn;
use crate::logs::{Line, Source, last};
use crate::words::line;

/// The attribute that marks every span of the test turn.
const MARK: &str = "codex.test";

/// The project of test turns.
pub(super) const PROJECT: &str = "codex-test";

/// What must not happen for a test: another program runs, the turn is left out by sampling, or it goes
/// to an experiment or a file of the user's.
const LEFT_OUT: [&str; 5] = ["chained_notify", "sampling", "experiment", "experiment_id", "path"];

/// The variables that name a project, with their values for the test. They win over each target's own
/// setting.
const PROJECT_VARIABLES: [(&str, &str); 3] = [
    (variables::ARIZE_PROJECT_NAME, PROJECT),
    (variables::MLFLOW_EXPERIMENT_NAME, PROJECT),
    (variables::MLFLOW_EXPERIMENT_ID, ""),
];

/// Why the stage cannot be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// The disk refuses.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system or the parser says.
        source: io::Error,
    },
    /// The settings cannot be copied.
    #[error("`{}` cannot be copied: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What the system or the parser says.
        source: serde_yaml::Error,
    },
}

/// A folder for the files of one test.
#[derive(Debug)]
pub(super) struct Stage {
    folder: TempDir,
    /// Where the hook has its files.
    pub(super) paths: Paths,
}

impl Stage {
    /// Lays out everything that the hook needs.
    pub(super) fn set(real: &Paths, turn: &TestTurn) -> Result<Self, StageError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StageError::Io { path, source }
        };
        private_files::create_parent(&real.run_dir.join("stage")).map_err(at(&real.run_dir))?;
        let folder = tempfile::Builder::new()
            .prefix("doctor-")
            .tempdir_in(&real.run_dir)
            .map_err(at(&real.run_dir))?;
        let home = folder.path();
        let paths = Paths::laid_out(real.home.clone(), home.join("harness"), home.join("codex"));
        let token = |paths: &Paths| buffer_api::Paths::under(&paths.harness_home).token;
        for (from, to) in
            [(real.env_file.clone(), paths.env_file.clone()), (token(real), token(&paths))]
        {
            copy(&from, &to).map_err(at(&from))?;
        }
        let transcript = paths.codex_home.join(turn.transcript_path());
        private_files::write(&transcript, turn.transcript().as_bytes()).map_err(at(&transcript))?;
        add_variables(&paths.env_file).map_err(at(&paths.env_file))?;
        let file =
            [&real.config_file, &real.legacy_config_file].into_iter().find(|file| file.exists());
        let file = file.unwrap_or(&real.config_file);
        let text = read_if_exists(file).map_err(at(file))?;
        let settings = for_the_test(&text)
            .map_err(|source| StageError::Settings { path: file.clone(), source })?;
        private_files::write(&paths.config_file, settings.as_bytes())
            .map_err(at(&paths.config_file))?;
        Ok(Self { folder, paths })
    }

    /// What tells the programs to use it.
    pub(super) fn variables(&self) -> [(&'static str, PathBuf); 3] {
        use variables::{ARIZE_HARNESS_HOME, ARIZE_LOG_FILE, CODEX_HOME};
        [
            (ARIZE_HARNESS_HOME, self.paths.harness_home.clone()),
            (CODEX_HOME, self.paths.codex_home.clone()),
            (ARIZE_LOG_FILE, self.log()),
        ]
    }

    /// The variables of a shell as the test takes them: none names another project.
    pub(super) fn environment(shell: &Environment) -> Environment {
        shell.without(&PROJECT_VARIABLES.map(|(name, _)| name))
    }

    /// The names of the variables that a program of the test does not inherit.
    pub(super) fn withheld() -> [&'static str; 3] {
        PROJECT_VARIABLES.map(|(name, _)| name)
    }

    /// The turn, where the hook has sent it.
    pub(super) fn sent(&self) -> Option<Entry> {
        ledger::read(&self.paths, UnixNanos(0)).into_iter().next()
    }

    /// The last thing that the hook complained about.
    pub(super) fn last_words(&self) -> String {
        let lines = self.lines();
        let complaint = lines.iter().rev().find(|line| matches!(line.level(), "error" | "warn"));
        let text = complaint.map_or("its log is empty", |line| {
            line.text.split_once("] ").map_or(line.text.as_str(), |(_, text)| text)
        });
        line(text, 300)
    }

    /// How it stands with a target.
    pub(super) fn outbox(&self, target: &str) -> Option<Summary> {
        let folder = self.paths.state_dir.join("outbox").join(target);
        delivery::Outbox::new(folder, Limits::default()).summary().ok()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("hook.log")
    }

    fn lines(&self) -> Vec<Line> {
        last(&[Source { writer: "hook", file: self.log() }], usize::MAX)
    }
}

/// The settings with the mark and the project of the test, for each target of a list, too. JSON is YAML.
fn for_the_test(text: &str) -> Result<String, serde_yaml::Error> {
    let mut root: Value = serde_yaml::from_str(text)?;
    let codex = below(below(&mut root, "harnesses"), "codex");
    *below(below(codex, "attributes"), MARK) = true.into();
    adapt(codex);
    let targets = codex.get_mut("targets").and_then(Value::as_sequence_mut);
    targets.into_iter().flatten().for_each(adapt);
    serde_yaml::to_string(&root)
}

fn adapt(target: &mut Value) {
    *below(target, "project_name") = PROJECT.into();
    if let Some(target) = target.as_mapping_mut() {
        LEFT_OUT.iter().for_each(|key| drop(target.remove(key)));
    }
}

/// The value of a key, in a mapping that takes the place of anything else.
fn below<'v>(value: &'v mut Value, key: &str) -> &'v mut Value {
    if !value.is_mapping() {
        *value = Value::Mapping(Mapping::new());
    }
    &mut value[key]
}

/// Copies a file that need not be there, for its owner only.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::read(from) {
        Ok(content) => private_files::write(to, &content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds the project to a copy of `arize-env.sh`.
fn add_variables(env_file: &Path) -> io::Result<()> {
    let mut text = read_if_exists(env_file)?;
    for (name, value) in PROJECT_VARIABLES {
        text.push_str(&format!("\nexport {name}={value}"));
    }
    text.push('\n');
    private_files::write(env_file, text.as_bytes())
}

fn read_if_exists(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use codex_config::{Settings, Target};

    use super::*;

    #[test]
    fn the_test_turn_has_a_project_of_its_own_whatever_names_the_users() {
        let home = tempfile::tempdir().unwrap();
        let real = Paths::new(home.path(), None);
        let yaml = "harnesses:\n  codex:\n    project_name: mine\n    targets:\n    - {target: phoenix, \
                    project_name: theirs}\n    - {target: mlflow, experiment_id: 7}\n    - {target: local}\n";
        private_files::write(&real.config_file, yaml.as_bytes()).unwrap();
        private_files::write(&real.env_file, b"export ARIZE_PROJECT_NAME=from_the_file").unwrap();
        let shell =
            [(variables::ARIZE_PROJECT_NAME, "shell"), (variables::MLFLOW_EXPERIMENT_ID, "7")];
        let shell = Environment::new(shell);
        let turn = TestTurn::now(std::time::SystemTime::now(), home.path());
        let stage = Stage::set(&real, &turn).unwrap();
        let settings = Settings::load(&stage.paths, &Stage::environment(&shell));
        assert_eq!(settings.warnings, []);
        for target in &settings.targets {
            assert_eq!(target.project_name, PROJECT, "{target:?}");
            if let Ok(Target::Mlflow(mlflow)) = &target.target {
                let expected = codex_config::MlflowExperiment::Name(PROJECT.to_owned());
                assert_eq!(mlflow.experiment, Some(expected));
            }
        }
        assert_ne!(stage.paths.traces_db, real.traces_db, "the store is another one, too");
        assert!(!stage.paths.traces_db.exists());
        assert_eq!(fs::read(&real.config_file).unwrap(), yaml.as_bytes());
    }
}
