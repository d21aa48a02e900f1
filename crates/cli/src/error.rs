//! What goes wrong on the command line, and what a person can do about it.

use std::error::Error;

/// How `arize-codex` ends. A number is never given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// It did what it should.
    Success = 0,
    /// It did not.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// There is nothing of the kind that was asked for.
    NotFound = 3,
    /// `setup` did what it should, but a target refuses turns, which are queued until it accepts them.
    Refused = 4,
    /// A check makes no sense as it is asked for: its command line, or no budget is in force (`EX_USAGE`).
    CheckUsage = 64,
    /// Nothing was reported of what was asked for, or a check cannot be carried out.
    NotReported = 69,
    /// The person at the terminal stopped it (Ctrl-C).
    Stopped = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// A command that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line; asking for help is one of these too.
    #[error("{0}")]
    Usage(#[from] clap::Error),
    /// The command line leaves something open, or things in it do not go together.
    #[error("{what}")]
    Incomplete {
        /// What is missing or wrong.
        what: String,
        /// A flag that helps.
        hint: String,
    },
    /// There is nothing of the kind that was asked for.
    #[error("{what}")]
    NotFound {
        /// What is missing.
        what: String,
        /// A command that helps.
        hint: String,
    },
    /// Something would not have been right to do.
    #[error("nothing was changed")]
    Refused {
        /// A flag or a command that helps.
        hint: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The person at the terminal stopped it.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// A check, whose codes a script tells apart, was not carried out.
    #[error(transparent)]
    Check(Box<CommandError>),
    /// Something failed.
    #[error("{what}")]
    Failed {
        /// What was being done, and to what.
        what: String,
        /// Why.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl CommandError {
    /// A failure of `what` for the reason `source`.
    pub fn failed(what: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed { what: what.into(), source: Some(Box::new(source)) }
    }

    /// The error as that of a check: it does not say that the check had a bad outcome.
    #[must_use]
    pub fn of_check(self) -> Self {
        Self::Check(Box::new(self))
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Usage(error) if !error.use_stderr() => ExitCode::Success,
            Self::Usage(_) | Self::Incomplete { .. } => ExitCode::Usage,
            Self::NotFound { .. } => ExitCode::NotFound,
            Self::Stopped => ExitCode::Stopped,
            Self::Check(error) => match error.code() {
                ExitCode::Usage => ExitCode::CheckUsage,
                ExitCode::Failure | ExitCode::NotFound => ExitCode::NotReported,
                code => code,
            },
            Self::Refused { .. } | Self::Failed { .. } => ExitCode::Failure,
        }
    }

    /// The error with its causes, and a hint.
    pub fn report(&self) -> String {
        if let Self::Check(error) = self {
            return error.report();
        }
        if let Self::Usage(error) = self {
            return error.to_string().trim_end().to_owned();
        }
        if let Self::Stopped = self {
            return self.to_string();
        }
        let mut text = format!("error: {self}");
        for cause in terminal_text::causes(self) {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
        if let Self::NotFound { hint, .. }
        | Self::Incomplete { hint, .. }
        | Self::Refused { hint, .. } = self
        {
            text.push_str(&format!("\nhint: {hint}"));
        }
        text
    }
}
