//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::examples;
use setup::{Backend, Content, ExistingOtel, Scope};

use crate::top::Top;
use crate::usage::{Format, Import, Metrics, Prune, Quota, Report, Tag};

/// Traces of OpenAI's Codex CLI: set them up, look at them, and find out why one is missing.
#[derive(Debug, clap::Parser)]
#[command(name = "arize-codex", version, after_help = examples::ALL)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Alerts(crate::given_alerts::Alerts),
    Budget(crate::budget::Budget),
    Config(crate::config::Arguments),
    Setup(Setup),
    Uninstall(Uninstall),
    Demo(Demo),
    Doctor(Doctor),
    Flush(Flush),
    Import(Import),
    Logs(Logs),
    Prune(Prune),
    Quota(Quota),
    Report(Box<Report>),
    #[command(name = "self")]
    OwnRun(crate::own_run::OwnRun),
    Show(Show),
    Tag(Tag),
    Top(Top),
    View(View),
    Metrics(Metrics),
    Status(Status),
    Service(Service),
    Version(Version),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// Whether the result is for a program.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Alerts(args) => args.json,
            Self::Budget(args) => args.json,
            Self::Setup(args) => args.json,
            Self::Uninstall(args) => args.json,
            Self::Demo(args) => args.json,
            Self::Doctor(args) => args.json,
            Self::Flush(args) => args.json,
            Self::Import(args) => args.json,
            Self::Prune(args) => args.json,
            Self::Quota(args) => args.json,
            Self::Report(args) => args.format() == Format::Json,
            Self::OwnRun(args) => args.json,
            Self::Show(args) => args.json,
            Self::Status(args) => args.json,
            Self::Tag(args) => args.json,
            Self::Version(args) => args.json,
            Self::Config(_)
            | Self::Logs(_)
            | Self::Top(_)
            | Self::View(_)
            | Self::Metrics(_)
            | Self::Service(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}

/// Start, stop and query the buffer service: the same as `arize-codex-buffer`.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::SERVICE)]
pub(crate) struct Service {
    /// `arize-codex-buffer` reads the same words once more.
    #[command(flatten)]
    pub(crate) _arguments: buffer_api::command_line::Arguments,
}

/// Print the versions of all programs, where they are, and the running service.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::VERSION)]
pub(crate) struct Version {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
    /// The program whose arguments are completed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) program: Typed,
    /// Write the completions of all programs into this folder, under the names that the shell expects.
    #[arg(long, value_name = "DIR", conflicts_with = "program")]
    pub(crate) out: Option<PathBuf>,
}

/// Print a page of the manual.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::MAN)]
pub(crate) struct Man {
    /// The page, such as arize-codex-setup or arize-codex-proxy.
    #[arg(default_value = "arize-codex")]
    pub(crate) page: String,
    /// Write all pages into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub(crate) out: Option<PathBuf>,
}

/// A program whose arguments people type.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum Typed {
    #[default]
    #[value(name = "arize-codex")]
    Umbrella,
    #[value(name = "arize-config")]
    Config,
    #[value(name = "arize-codex-buffer")]
    Buffer,
}

/// Run the whole pipeline on a recorded Codex session, in a temporary home, and print the trace.
///
/// Starts the buffer service, sends it the recorded telemetry, runs the notify hook as Codex does,
/// and reads the spans from the local store. Your own settings and data are not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::DEMO)]
pub(crate) struct Demo {
    /// Print the spans as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the temporary home and say where it is.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Check every link of the chain from Codex to the backend, and name the command that mends it.
///
/// Changes nothing. Exits with 0 if there is no failure, with 1 if there is one.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::DOCTOR)]
pub(crate) struct Doctor {
    /// Also send a test turn end to end, to the project `codex-test`, and read it back from the
    /// backends.
    #[arg(long)]
    pub(crate) send: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report for a bug report to this file, without secrets and contents
    /// [default: arize-codex-report-TIME.md in the current folder].
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    pub(crate) report: Option<Option<PathBuf>>,
    /// With --report: replace the file if it exists.
    #[arg(long, requires = "report")]
    pub(crate) force: bool,
}

/// Send queued turns now.
///
/// Exits with 0 if no turn is queued any more, with 1 if one is.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::FLUSH)]
pub(crate) struct Flush {
    /// Also send turns again that targets rejected.
    #[arg(long)]
    pub(crate) rejected: bool,
    /// Send the turns of targets that the settings do not name (removed, renamed, or named by the
    /// environment of one run) to this target instead.
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Option<String>,
    /// With --to: send only the turns in this queue to the other target, whatever target it is for.
    #[arg(long, value_name = "QUEUE", requires = "to")]
    pub(crate) queue: Option<String>,
    /// Take the turns from this folder of queues, too: one that another machine or a CI job kept
    /// (`state/codex/outbox`). The folder is not changed; --to applies to its turns.
    #[arg(long, value_name = "DIR", conflicts_with = "queue")]
    pub(crate) from: Option<PathBuf>,
    /// Discard the turns in this queue for good and send nothing; `arize-codex status` shows the names
    /// of queues.
    #[arg(long, value_name = "QUEUE", conflicts_with_all = ["to", "rejected", "from"])]
    pub(crate) discard: Option<String>,
    /// Try for so many seconds while turns are queued.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// First trace the turns of every Codex that has ended; for the end of a CI job or a container
    /// [default wait: 30].
    #[arg(long, conflicts_with_all = ["rejected", "to", "queue", "from", "discard"])]
    pub(crate) run: bool,
    /// When the run began, in milliseconds since the Unix epoch.
    #[arg(long, value_name = "MS", hide = true, requires = "run")]
    pub(crate) since_ms: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the logs of the hook and of the buffer service, in order of time.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::LOGS)]
pub(crate) struct Logs {
    /// Go on with what is added, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines to print.
    #[arg(short = 'n', long, default_value_t = 40, value_name = "N")]
    pub(crate) lines: usize,
    /// Leave out the hook: print the log of the buffer service alone.
    #[arg(long)]
    pub(crate) buffer: bool,
}

/// Print what is going on: the service, what each target got, today's tokens and cost, the last turns.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::STATUS)]
pub(crate) struct Status {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print turns that the local store holds.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::SHOW)]
pub(crate) struct Show {
    /// The trace: its id or the beginning of it. Without it, the last turns are listed.
    #[arg(conflicts_with_all = ["last", "filters", "follow", "compare"])]
    pub(crate) trace: Option<String>,
    /// Show the last turn.
    #[arg(long, conflicts_with_all = ["follow", "compare"])]
    pub(crate) last: bool,
    /// Print what running turns do as they do it, until Ctrl-C.
    #[arg(short, long, conflicts_with_all = ["compare", "html", "perfetto", "store"])]
    pub(crate) follow: bool,
    /// Compare two turns by their tool calls; ends with 0 if they are the same, else with 1.
    #[arg(long, num_args = 2, value_names = ["TRACE", "TRACE"], conflicts_with_all = ["html", "perfetto"])]
    pub(crate) compare: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) filters: ShowFilters,
    /// How many turns to list.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) limit: u16,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The store to read, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Write the turn as a page into a file, without secrets and without anything that it loads.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) html: Option<PathBuf>,
    /// Write the turn for Perfetto (ui.perfetto.dev, which opens local files) into a file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "html"])]
    pub(crate) perfetto: Option<PathBuf>,
}

/// Which turns are listed or followed.
#[derive(Debug, Default, clap::Args)]
#[group(id = "filters", multiple = true)]
pub(crate) struct ShowFilters {
    /// Only turns of this thread or session: its id or a part of it.
    #[arg(long, value_name = "ID")]
    pub(crate) thread: Option<String>,
    /// Only turns that failed.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only turns that were interrupted; with `--failed` both.
    #[arg(long)]
    pub(crate) interrupted: bool,
    /// Only turns that began since then: a time such as 2026-11-01 or 2026-11-01T08:30, or as long ago
    /// as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only turns in this folder, those below it, and other work trees of its repository.
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// Only turns with this tag.
    #[arg(long, value_name = "TAG", conflicts_with = "follow")]
    pub(crate) tag: Option<String>,
    /// Only turns with calls of this model.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Only turns with all these words in prompts, answers, commands or outputs.
    #[arg(long, value_name = "WORDS", conflicts_with = "follow")]
    pub(crate) search: Option<String>,
}

/// See turns in a browser: when what ran, what was said, what changed and what it cost.
///
/// Serves pages over the local store on the loopback interface, and lets in the browser that opens the
/// printed address first. The pages load nothing from elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::VIEW)]
pub(crate) struct View {
    /// The port; without it a free one is taken.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Print the address and open no browser.
    #[arg(long)]
    pub(crate) no_open: bool,
    /// End after so many minutes without a request.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) idle_exit: Option<u16>,
    /// The store to read, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Take spans of other programs, too, over OTLP on a port of its own [default port: 4319].
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "4319")]
    pub(crate) receive: Option<u16>,
}

/// Install the tracing of Codex for this user, or change its settings.
///
/// Asks where traces go, for the credentials, and what traces hold; the current settings are the
/// defaults. It tries the target and shows what it will do before it does it. A second run changes
/// nothing, and `uninstall` restores every file.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::SETUP)]
pub(crate) struct Setup {
    /// Where traces go; may be repeated [default: the current target, or local].
    #[arg(long = "target", value_name = "KIND", ignore_case = true, value_delimiter = ',', value_parser = one_of(Backend::ALL, Backend::name))]
    pub(crate) targets: Vec<Backend>,
    /// Keep a copy of each turn in the local store, beside the other targets [default for a new
    /// target].
    #[arg(long, overrides_with = "no_local_copy")]
    pub(crate) local_copy: bool,
    /// Read Codex's earlier transcripts into the local store [default: ask; with -y not].
    #[arg(long, overrides_with = "no_import")]
    pub(crate) import: bool,
    /// Read no earlier transcripts, and do not ask.
    #[arg(long, overrides_with = "import")]
    pub(crate) no_import: bool,
    /// Keep no copy of turns on this machine.
    #[arg(long, overrides_with = "local_copy")]
    pub(crate) no_local_copy: bool,
    /// The address of the target [default: http://localhost:6006 for phoenix, http://localhost:5000
    /// for mlflow, otlp.arize.com:443 for arize].
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The project in which turns appear [default: codex].
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Read the target's API key from standard input. Without this flag the current key stays; a new
    /// target takes PHOENIX_API_KEY, ARIZE_API_KEY or MLFLOW_TRACKING_TOKEN.
    #[arg(long)]
    pub(crate) api_key_stdin: bool,
    /// A header of every request to an OTLP endpoint or to Phoenix, such as
    /// `authorization=Bearer ${TOKEN}`; ${TOKEN} is read from the environment when a turn is sent. May
    /// be repeated.
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub(crate) headers: Vec<String>,
    /// Read the value of this header from standard input; for credentials.
    #[arg(long, value_name = "NAME", conflicts_with = "api_key_stdin")]
    pub(crate) header_stdin: Option<String>,
    /// The certificate authorities to trust in place of the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The client certificate that the target asks for, as PEM.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// The key of the client certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub(crate) client_key: Option<PathBuf>,
    /// The space in Arize AX [env: ARIZE_SPACE_ID].
    #[arg(long, value_name = "ID")]
    pub(crate) space_id: Option<String>,
    /// The number of the experiment in MLflow [env: MLFLOW_EXPERIMENT_ID] [default: the experiment with
    /// the project's name].
    #[arg(long, value_name = "ID")]
    pub(crate) experiment_id: Option<String>,
    /// The user id, recorded on every span.
    #[arg(long, value_name = "ID")]
    pub(crate) user_id: Option<String>,
    /// What spans record: all, prompts (only lengths of tool texts) or none (only lengths)
    /// [default: all; none where Codex has `log_user_prompt = false`].
    #[arg(long, value_name = "WHAT", ignore_case = true, value_parser = one_of(Content::ALL, Content::name))]
    pub(crate) content: Option<Content>,
    /// Where turns are traced: user (wherever you run Codex) or project (only in the current folder and
    /// below) [default: user].
    #[arg(long, value_name = "WHERE", ignore_case = true, value_parser = one_of(Scope::ALL, Scope::name))]
    pub(crate) scope: Option<Scope>,
    /// What to do with an exporter that Codex's configuration already has: keep it, replace it, or
    /// replace it and forward every event to it [default: keep].
    #[arg(long, value_name = "WHAT", ignore_case = true, value_parser = one_of(ExistingOtel::ALL, ExistingOtel::name))]
    pub(crate) existing_otel: Option<ExistingOtel>,
    /// The port of the buffer service [default: 4318].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Do not add a `codex` that starts tracing to the front of the PATH.
    #[arg(long)]
    pub(crate) no_path: bool,
    /// Do not start the buffer service now; Codex's first turn starts it.
    #[arg(long, conflicts_with = "autostart")]
    pub(crate) no_service: bool,
    /// Start the buffer service at each login (systemd, launchd).
    #[arg(long)]
    pub(crate) autostart: bool,
    /// Install the skill `codex-tracing`, which teaches coding agents about arize-codex.
    #[arg(long)]
    pub(crate) with_skills: bool,
    /// Also install Codex lifecycle hooks (Codex asks you to trust them).
    #[arg(long)]
    pub(crate) hooks: bool,
    /// Restart Codex's background process, so that it reads the new telemetry settings. Turns that it
    /// runs end.
    #[arg(long)]
    pub(crate) restart_daemon: bool,
    /// Ask nothing and accept the defaults.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Change nothing; print what would be changed, as a diff.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Uninstall and restore the original files; your later edits are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::UNINSTALL)]
pub(crate) struct Uninstall {
    /// Also remove the data: stored turns, queued turns, logs and settings.
    #[arg(long, conflicts_with = "keep_data")]
    pub(crate) purge: bool,
    /// Keep the data without asking.
    #[arg(long)]
    pub(crate) keep_data: bool,
    /// Ask nothing; the data is kept unless --purge is given.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Change nothing; print what would be changed, as a diff.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Reads one of these words, which the help and an error list.
pub(crate) fn one_of<T>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync> + Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|choice| name(*choice)))
        .try_map(|word| word.parse::<T>())
}
