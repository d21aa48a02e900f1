//! What the person wants: as far as the command line says it, and decided.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use codex_config::{Secret, TlsFiles};

use crate::header::Header;

/// What the command line says. What it leaves open is asked, or is as it was.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--target`, once or more
    pub targets: Vec<Backend>,
    /// `--local-copy` or `--no-local-copy`
    pub local_copy: Option<bool>,
    /// `--endpoint`
    pub endpoint: Option<String>,
    /// `--project`
    pub project: Option<String>,
    /// `--api-key-stdin`
    pub api_key: Option<Secret>,
    /// `--header` and `--header-stdin`
    pub headers: Vec<Header>,
    /// `--ca-file`, `--client-certificate` and `--client-key`
    pub tls: TlsFiles,
    /// `--space-id`
    pub space_id: Option<String>,
    /// `--experiment-id`
    pub experiment_id: Option<String>,
    /// `--user-id`
    pub user_id: Option<String>,
    /// `--content`
    pub content: Option<Content>,
    /// `--scope`
    pub scope: Option<Scope>,
    /// `--existing-otel`
    pub existing_otel: Option<ExistingOtel>,
    /// `--port`
    pub port: Option<u16>,
    /// `--no-path`
    pub no_path: bool,
    /// `--no-service`
    pub no_service: bool,
    /// `--autostart`
    pub autostart: bool,
    /// `--with-skills`
    pub with_skills: bool,
    /// `--hooks`
    pub hooks: bool,
    /// `--restart-daemon`
    pub restart_daemon: bool,
}

/// What is to be the case, decided.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Where traces go; nothing leaves it as it is.
    pub targets: Option<Targets>,
    /// The files for TLS; what is not given stays as it is.
    pub tls: TlsFiles,
    /// The project's name; nothing leaves it as it is.
    pub project: Option<String>,
    /// The user id on every span; nothing leaves it as it is.
    pub user_id: Option<String>,
    /// What content is recorded; nothing leaves it as it is.
    pub content: Option<Content>,
    /// The folders in which turns are traced; nothing traces them everywhere.
    pub folders: Option<Vec<PathBuf>>,
    /// What becomes of an exporter that is configured for Codex's log events.
    pub existing_otel: ExistingOtel,
    /// Whether the user's own `notify` is not started any more, because it records the same turns.
    pub leave_out_notify: bool,
    /// The port of the buffer service.
    pub port: u16,
    /// Whether our `codex` goes before the real one on the `PATH`.
    pub path: bool,
    /// Whether the buffer service is started.
    pub service: bool,
    /// Whether the buffer service is started at each login.
    pub autostart: bool,
    /// Whether the skill for coding agents is installed.
    pub skills: bool,
    /// Whether Codex runs our hook at the ends of turns and sessions, too.
    pub hooks: bool,
    /// Whether the service of the Python system is ended, where it has the port.
    pub replace_python_service: bool,
    /// Whether Codex's background process is restarted, where one runs.
    pub restart_daemon: bool,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// One or more, of different kinds; the local store only where it is alone.
    pub destinations: Vec<Destination>,
    /// Whether the local store gets a copy of each turn beside them.
    pub local_copy: bool,
}

/// A backend with what is needed to reach it. What is not given stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Its kind.
    pub backend: Backend,
    /// Its address.
    pub endpoint: Option<String>,
    /// Its key.
    pub api_key: Option<Secret>,
    /// Headers of every request.
    pub headers: Vec<Header>,
    /// The space in Arize AX.
    pub space_id: Option<String>,
    /// The experiment in MLflow; without one, that of the project's name.
    pub experiment_id: Option<String>,
}

macro_rules! choices {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant,)* }

        impl $name {
            /// All there are, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.iter().find(|choice| choice.name() == word.to_ascii_lowercase());
                found.copied().ok_or_else(|| UnknownWord {
                    known: Self::ALL.iter().map(|choice| choice.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

choices! {
    /// What receives traces.
    Backend {
        /// The store on this machine.
        Local = "local",
        /// Arize Phoenix.
        Phoenix = "phoenix",
        /// Arize AX.
        Arize = "arize",
        /// MLflow.
        Mlflow = "mlflow",
        /// Any receiver of OTLP.
        Otlp = "otlp",
    }
}

choices! {
    /// What content of a turn is recorded.
    Content {
        /// Prompts and answers, arguments and output of tools.
        All = "all",
        /// Prompts and answers; of tools, the lengths of arguments and output.
        Prompts = "prompts",
        /// Lengths only.
        None = "none",
    }
}

choices! {
    /// Where turns are traced.
    ///
    /// Codex reads what makes it tell of its turns from the user's configuration alone. So a project
    /// is a folder whose turns our hook tells, while it leaves out all others.
    Scope {
        /// Wherever this user runs Codex.
        User = "user",
        /// In the present folder and below, and where it was said before.
        Project = "project",
    }
}

choices! {
    /// What becomes of an exporter that is configured for Codex's log events.
    ExistingOtel {
        /// It stays, and turns are traced from the transcript alone.
        Keep = "keep",
        /// Ours takes its place until ours is uninstalled.
        Replace = "replace",
        /// Ours takes its place, and the buffer service passes everything on to it.
        Forward = "forward",
    }
}

/// Says what words there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {known}")]
pub struct UnknownWord {
    known: String,
}

impl Request {
    /// Whether it says anything about where traces go.
    pub(crate) fn names_destination(&self) -> bool {
        !self.targets.is_empty()
            || self.local_copy.is_some()
            || self.endpoint.is_some()
            || self.api_key.is_some()
            || self.space_id.is_some()
            || self.experiment_id.is_some()
            || !self.headers.is_empty()
    }
}

impl Backend {
    /// The address that it has where no other one is given.
    pub fn default_endpoint(self) -> Option<&'static str> {
        match self {
            Self::Local | Self::Otlp => None,
            Self::Phoenix => Some("http://localhost:6006"),
            Self::Arize => Some("otlp.arize.com:443"),
            Self::Mlflow => Some("http://localhost:5000"),
        }
    }

    /// Its name in a text.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Local => "the local store",
            Self::Phoenix => "Phoenix",
            Self::Arize => "Arize AX",
            Self::Mlflow => "MLflow",
            Self::Otlp => "the OTLP endpoint",
        }
    }

    /// What it is, for a person who chooses.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Local => "local    a store on this machine; needs no server",
            Self::Phoenix => "phoenix  Arize Phoenix",
            Self::Arize => "arize    Arize AX",
            Self::Mlflow => "mlflow   an MLflow tracking server",
            Self::Otlp => "otlp     any OTLP endpoint",
        }
    }
}

impl Targets {
    /// Whether traces go to this kind of backend.
    pub(crate) fn has(&self, backend: Backend) -> bool {
        self.destinations.iter().any(|destination| destination.backend == backend)
    }

    /// Whether traces leave for a backend beside the local store.
    pub(crate) fn has_backend(&self) -> bool {
        self.destinations.iter().any(|destination| destination.backend != Backend::Local)
    }
}

impl Destination {
    /// A backend with nothing more.
    pub(crate) fn of(backend: Backend) -> Self {
        Self {
            backend,
            endpoint: None,
            api_key: None,
            headers: Vec::new(),
            space_id: None,
            experiment_id: None,
        }
    }

    /// The settings beside the backend's name and the headers.
    pub(crate) fn details(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("endpoint", self.endpoint.as_deref()),
            ("api_key", self.api_key.as_ref().map(Secret::expose)),
            ("space_id", self.space_id.as_deref()),
            ("experiment_id", self.experiment_id.as_deref()),
        ]
    }
}

impl Content {
    /// What it is, for a person who chooses.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::All => "all      prompts, answers, tool arguments and tool output",
            Self::Prompts => "prompts  prompts and answers; only lengths of tool texts",
            Self::None => "none     only lengths",
        }
    }

    /// The values of `logging.prompts`, `.tool_details` and `.tool_content`.
    pub(crate) fn switches(self) -> [bool; 3] {
        match self {
            Self::All => [true, true, true],
            Self::Prompts => [true, false, false],
            Self::None => [false, false, false],
        }
    }
}

impl Scope {
    /// What it is, for a person who chooses.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::User => "user     wherever you run Codex",
            Self::Project => "project  only in this folder and below",
        }
    }
}

impl ExistingOtel {
    /// What it is, for a person who chooses.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Keep => "keep     trace from the transcripts alone",
            Self::Replace => "replace  until you uninstall arize-codex",
            Self::Forward => "forward  trace, and forward every event to it",
        }
    }
}
