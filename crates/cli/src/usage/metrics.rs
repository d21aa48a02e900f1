//! `arize-codex metrics`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_config::{Environment, Paths, Settings};
use doctor::checks::outbox;
use jiff::Timestamp;
use trace_store::TraceStore;
use usage::metrics::{Queue, REPOSITORIES, openmetrics};

use crate::{CommandError, Output, examples};

/// Print what was used as metrics for Prometheus, or serve them.
///
/// Tokens, cost, turns, tools, quota and the state of the queues, as totals that only grow: the local
/// store has them, so that they go on after a restart. It first reads what is new, as `report` does.
/// The page has names of projects, repositories, users and machines, and no prompts and outputs.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::METRICS)]
pub(crate) struct Metrics {
    /// Serve them at http://ADDRESS/metrics until Ctrl-C, such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "output")]
    pub(crate) listen: Option<SocketAddr>,
    /// Write them to this file, all at once, for the textfile collector of node_exporter.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// So many repositories have series of their own; those recorded later have one together.
    #[arg(long, value_name = "N", default_value_t = REPOSITORIES)]
    pub(crate) repositories: usize,
    /// Read no transcripts first.
    #[arg(long)]
    pub(crate) no_import: bool,
    /// The store to read, instead of the one in the harness home; implies --no-import.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// Prints the metrics, writes them to a file or serves them.
pub(crate) fn metrics(
    args: &Metrics,
    environment: &Environment,
    output: Output<'_>,
) -> Result<(), CommandError> {
    let paths = crate::paths(environment)?;
    let path = super::store_path(args.store.as_ref(), &paths).to_owned();
    let source = Source {
        reads_new: !args.no_import && args.store.is_none(),
        repositories: args.repositories,
        environment: environment.clone(),
        paths,
        path,
    };
    if let Some(address) = args.listen {
        let ready = |address: SocketAddr| {
            let _ = writeln!(output.stream, "http://{address}/metrics\nCtrl-C ends it.");
            let _ = output.stream.flush();
        };
        let page =
            Box::new(move || source.text().map_err(|error| program_log::chain(&error).to_string()));
        return dashboard::serve_metrics(address, page, ready)
            .map_err(|error| CommandError::failed(format!("cannot serve `{address}`"), error));
    }
    let text = source.text()?;
    match &args.output {
        Some(file) => write(file, &text).map_err(|error| {
            CommandError::failed(format!("cannot write `{}`", file.display()), error)
        }),
        None => {
            // A reader such as `head` may have seen enough.
            let _ = output.stream.write_all(text.as_bytes());
            Ok(())
        }
    }
}

/// Where metrics come from.
struct Source {
    reads_new: bool,
    repositories: usize,
    environment: Environment,
    paths: Paths,
    path: PathBuf,
}

impl Source {
    fn text(&self) -> Result<String, CommandError> {
        let Self { paths, path, environment, .. } = self;
        let (store, _): (TraceStore, _) =
            super::current(path, self.reads_new, paths, environment, None)?;
        let version = env!("CARGO_PKG_VERSION");
        let now = Timestamp::now().as_second();
        let settings = Settings::load(paths, environment);
        openmetrics(&store, queues(&settings, paths), version, self.repositories, now)
            .map_err(|error| CommandError::failed("the store cannot be read", error))
    }
}

/// The queues of all targets. One that cannot be read is the doctor's business.
fn queues(settings: &Settings, paths: &Paths) -> Vec<Queue> {
    let facts = outbox::inspect(settings, paths).into_iter();
    let queue = |facts: outbox::QueueFacts| {
        let summary = facts.summary.ok()?;
        let age = |since: SystemTime| SystemTime::now().duration_since(since).unwrap_or_default();
        Some(Queue {
            target: facts.queue,
            queued: summary.queued as u64,
            oldest_seconds: summary.oldest.map_or(Duration::ZERO, age).as_secs(),
            dead_letters: summary.rejected.len() as u64,
            accepted: summary.accepted,
            dropped: summary.dropped,
        })
    };
    facts.filter_map(queue).collect()
}

/// Writes a file that other users' programs read, all at once: a scrape never sees half of it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut fresh = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    std::io::Write::write_all(&mut fresh, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // node_exporter is another user.
        fresh.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    fresh.persist(file)?;
    Ok(())
}
