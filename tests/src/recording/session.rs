//! How a scenario is played: the front ends that Codex has, in front of the same scripted model.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::scenario::Scenario;
use crate::version::Version;
use crate::{AppServer, Codex, Home, ModelServer, Script, Tui, wait};

/// A scenario that is being recorded.
pub(super) struct Session<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) codex: &'a Codex<'a>,
    pub(super) home: &'a Home,
    pub(super) model: &'a ModelServer,
    pub(super) version: Version,
}

impl Session<'_> {
    /// Does the first turn with `codex exec`, and each of the others with `codex exec resume`.
    pub(super) fn exec(&self) -> anyhow::Result<()> {
        let mut thread = None;
        for turn in self.scenario.turns() {
            let resume = thread.iter().flat_map(|thread: &String| ["resume", thread]);
            let model = ["--model", self.model_name()];
            let arguments: Vec<&str> =
                model.into_iter().chain(self.arguments()).chain(resume).collect();
            let exec = self.codex.exec(&arguments, &turn.prompt)?;
            ensure!(exec.finished.status.success() == turn.fails.is_none(), "{:?}", exec.finished);
            thread = Some(exec.thread_id);
        }
        Ok(())
    }

    /// Opens an editor with one thread.
    pub(super) fn editor(&self, settings: &Value) -> anyhow::Result<Editor> {
        let arguments: Vec<&str> = self.arguments().collect();
        let mut server = AppServer::start(self.codex, &arguments, "my_client")?;
        let mut settings = settings.clone();
        settings["model"] = self.model_name().into();
        let thread = server.start_thread(&settings)?;
        Ok(Editor { server, thread })
    }

    /// Opens a terminal.
    pub(super) fn tui(&self) -> anyhow::Result<Tui> {
        let itself = self.version.has_daemon().then_some(NO_DAEMON);
        let model = ["--model", self.model_name()];
        let arguments: Vec<&str> =
            itself.into_iter().flatten().chain(model).chain(self.arguments()).collect();
        Tui::start(self.codex, &arguments)
    }

    /// Enters a turn's prompt on a terminal, and waits until it is answered.
    pub(super) fn ask(&self, tui: &Tui, turn: &Script) -> anyhow::Result<()> {
        tui.enter(&turn.prompt)?;
        self.answered(tui, turn)
    }

    /// Waits until a turn is answered.
    pub(super) fn answered(&self, tui: &Tui, turn: &Script) -> anyhow::Result<()> {
        let answer = turn.answer().context("a turn without an answer")?;
        tui.terminal().shows(answer)?;
        let is_answer = |payload: &Value| payload["last-assistant-message"] == answer;
        self.home.hook_run(&turn.prompt, is_answer)?;
        // It takes no command before it has seen the end itself.
        tui.terminal().wait("the end of the turn", |screen| !screen.contains("esc to interrupt"))
    }

    /// Waits until the project has this file.
    pub(super) fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.home.project_folder().join(name);
        wait::until(name, PATIENCE, || file.exists().then(|| file.clone()))
    }

    /// Waits until the model got so many requests.
    pub(super) fn asked(&self, requests: usize) -> anyhow::Result<()> {
        let enough = || (self.model.received().len() >= requests).then_some(());
        wait::until("requests to the model", PATIENCE, enough)
    }

    fn arguments(&self) -> impl Iterator<Item = &str> {
        self.scenario.arguments.iter().map(String::as_str)
    }

    fn model_name(&self) -> &str {
        self.scenario.model().unwrap_or(self.version.model())
    }
}

/// Makes Codex do its turns itself and not in a process that outlives it.
const NO_DAEMON: [&str; 2] = ["-c", "features.daemon_auto_start=false"];

const PATIENCE: Duration = Duration::from_secs(60);

/// Codex as an editor's server, with one thread.
pub(super) struct Editor {
    pub(super) server: AppServer,
    pub(super) thread: String,
}

impl Editor {
    /// Does a turn, waits for its end, and returns its id.
    pub(super) fn turn(&mut self, turn: &Script) -> anyhow::Result<String> {
        let id = self.begin(turn, &json!({}))?;
        self.completed()?;
        Ok(id)
    }

    /// Begins a turn with these settings, and returns its id.
    pub(super) fn begin(&mut self, turn: &Script, settings: &Value) -> anyhow::Result<String> {
        self.server.start_turn(&self.thread, &turn.prompt, settings)
    }

    /// Waits until a turn has ended.
    pub(super) fn completed(&mut self) -> anyhow::Result<()> {
        self.server.next("turn/completed").map(drop)
    }

    /// Closes the editor: only then Codex sends its last events.
    pub(super) fn close(self) -> anyhow::Result<()> {
        self.server.close()
    }

    /// Calls a method of the server with this thread.
    pub(super) fn request(&mut self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        let mut parameters = parameters.clone();
        parameters["threadId"] = self.thread.clone().into();
        self.server.request(method, &parameters)
    }
}
