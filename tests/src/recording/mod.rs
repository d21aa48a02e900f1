//! Recordings of the real Codex: what it leaves behind of a session, small enough to be read and
//! without private data.
//!
//! A recording is a folder `VERSION/SCENARIO` with the transcripts (`rollout.jsonl`, `rollout-2.jsonl`,
//! ..., the oldest first), the OTLP bodies with log events (`logs.jsonl`) and the notifications
//! (`notify.jsonl`), one record per line, fields in alphabetical order. The tests of the decoders read
//! them.

pub mod scenario;

mod dialogues;
mod runs;
mod session;
mod trim;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::http::{self, Server};
use crate::process;
use crate::version::Version;
use crate::{Codex, Home, Protocol};
use scenario::Scenario;
use session::Session;
use trim::Trim;

/// Runs a scenario with this Codex and writes its recording into `folder`.
pub fn record(codex: &Path, scenario: &Scenario, folder: &Path) -> anyhow::Result<()> {
    let sink = Sink::start()?;
    let home = Home::for_recording(sink.server.port())?;
    prepare_project(&home)?;
    let version = Version::of(codex)?;
    let model = scenario.model_server()?;
    let codex = Codex::configure(codex, &home, &model, Protocol::Json)?;
    let session = Session { scenario, codex: &codex, home: &home, model: &model, version };
    (scenario.play)(&session)?;
    let asked = model.received().len();
    ensure!(asked == scenario.requests(), "codex asked the model {asked} times");
    let trim = Trim::new(&home);
    let notified = home.hook_runs(scenario.notifications)?.into_iter().map(|run| run.payload);
    let mut files = trim::transcripts(&trim, &home.transcripts())?;
    ensure!(!files.is_empty(), "codex wrote no transcript");
    let bodies = sink.bodies();
    files.push(("logs.jsonl".to_owned(), lines(bodies.iter().map(|body| trim.events(body)))?));
    files.push(("notify.jsonl".to_owned(), lines(notified.map(|payload| trim.record(&payload)))?));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Takes the logs that Codex exports and answers at once.
#[derive(Debug)]
struct Sink {
    server: Server,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    fn start() -> io::Result<Self> {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        let server = Server::start(move |request, stream| {
            let body = String::from_utf8(request.body).map_err(io::Error::other)?;
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            http::respond(stream, 200, &[], b"{}")
        })?;
        Ok(Self { server, bodies })
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The smallest picture there is, as a GIF of one dot.
const DOT: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A repository with one file and one commit, so that there is something to list and to note, and a
/// picture that belongs to nothing.
fn prepare_project(home: &Home) -> anyhow::Result<()> {
    fs::write(home.project_folder().join("dot.gif"), DOT)?;
    fs::write(home.project_folder().join("a.txt"), "hi\n")?;
    let identity = ["-c", "user.name=dev", "-c", "user.email=dev@localhost"];
    let steps: [&[&str]; 3] =
        [&["init", "--quiet"], &["add", "a.txt"], &["commit", "--quiet", "--message", "a"]];
    for step in steps {
        let mut git = home.command(Path::new("git"));
        let done = process::run(git.args(identity).args(step), LIMIT)?;
        ensure!(done.status.success(), "git {step:?}: {done:?}");
    }
    Ok(())
}

const LIMIT: Duration = Duration::from_secs(10);

fn lines(records: impl Iterator<Item = anyhow::Result<Value>>) -> anyhow::Result<String> {
    records.map(|record| Ok(format!("{}\n", record?))).collect()
}
