//! What `view` does beside its pages: it takes in what is new, and reads the turns that go on.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use codex_config::{Environment, Paths};
use codex_live::LiveTurns;
use dashboard::{Running, store_version};
use trace_store::TraceStore;

use crate::usage::LocalSpans;

/// How often Codex's transcripts and the store are asked for something new. Neither is read for that.
const PACE: Duration = Duration::from_millis(500);

/// How often transcripts of turns are read that live tracing may not have stored.
const IMPORT: Duration = Duration::from_secs(60);

/// What is kept current.
pub(crate) struct Work {
    pub(crate) paths: Paths,
    pub(crate) environment: Environment,
    pub(crate) store: PathBuf,
    /// Whether it is the store of this installation, which has the turns of this machine.
    pub(crate) is_own: bool,
    pub(crate) running: Running,
}

impl Work {
    /// Does so on a thread of its own until the process ends. A failure is tried again: the pages show
    /// what there is.
    pub(crate) fn start(self) {
        thread::spawn(move || self.run());
    }

    fn run(self) {
        let Self { paths, environment, store, is_own, running } = self;
        let spans = LocalSpans::new(&paths, &environment);
        let mut live = is_own.then(|| LiveTurns::new(&paths.codex_home, SystemTime::now()));
        let (mut seen, mut imported) = (None, None::<Instant>);
        loop {
            if let Some(live) = &mut live {
                live.poll(SystemTime::now());
                running.set(live.running().map(|live| spans.of(live.turn.clone())).collect());
            }
            if is_own && imported.is_none_or(|last| last.elapsed() >= IMPORT) {
                imported = Some(Instant::now());
                let _ = crate::usage::read_new(&store, &paths, &environment);
            }
            let now = store_version(&store);
            if seen.as_ref() != Some(&now) && store.exists() {
                let _ = take_in(&store, &paths, &environment);
                // Not the version after it, which may have what another program wrote meanwhile.
                seen = Some(now);
            }
            thread::sleep(PACE);
        }
    }
}

/// Records the turns of new spans, and takes in their words.
fn take_in(
    store: &Path,
    paths: &Paths,
    environment: &Environment,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut store = TraceStore::open(store)?;
    crate::usage::record_spans(&mut store, paths, environment)?;
    store.index()?;
    Ok(())
}
