//! Exit codes of `arize-config`.

/// Tells a script how `arize-config` ended. A number is never given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command did what was asked, or there was nothing to do.
    Success = 0,
    /// `get`: the key is absent.
    Absent = 1,
    /// The command line was not understood.
    Usage = 2,
    /// The configuration cannot be found, read or parsed.
    Unreadable = 3,
    /// The edit would not be safe; the file is untouched.
    Refused = 4,
    /// The result cannot be written.
    WriteFailed = 5,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
