//! The process that has the service's port.

use std::fmt;
use std::path::PathBuf;

use processes::Listener;

use crate::Endpoint;
use crate::wire::SERVICE_NAME;

/// A process that listens where the service is to listen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortOwner {
    /// Its process id, where the system tells.
    pub pid: Option<u32>,
    /// The name of its program, where the system tells.
    pub program: Option<String>,
    /// Its user, where the system tells and it is another one than that of this process.
    pub other_user: Option<u32>,
    /// The directory of its files, where it is the service of another home.
    pub home: Option<PathBuf>,
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home =
            self.home.as_ref().map(|home| format!(", the buffer service of `{}`", home.display()));
        let home = home.unwrap_or_default();
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "`{program}` (PID {pid}{home})"),
            (None, Some(pid)) => write!(f, "PID {pid}"),
            _ => f.write_str("another process"),
        }?;
        match self.other_user {
            Some(uid) => write!(f, " of another user (UID {uid})"),
            None => Ok(()),
        }
    }
}

/// Finds the process that listens at `endpoint`.
pub fn port_owner(endpoint: &Endpoint) -> PortOwner {
    processes::listener(endpoint.port).map(PortOwner::from).unwrap_or_default()
}

impl From<Listener> for PortOwner {
    fn from(listener: Listener) -> Self {
        let Listener { pid, program, other_user, arguments } = listener;
        let home = program.as_deref().and_then(|program| home_of_service(program, &arguments));
        Self { pid, program, other_user, home }
    }
}

/// Where the service has its files, as its command line says.
fn home_of_service(program: &str, arguments: &[String]) -> Option<PathBuf> {
    let at = arguments.iter().position(|argument| argument == "--home")?;
    (program == SERVICE_NAME).then(|| arguments.get(at + 1).map(PathBuf::from))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_says_whose_it_is() {
        let words = ["/x/arize-codex-buffer", "run", "--home", "/h/.arize/harness", "--port", "1"];
        let words = words.map(str::to_owned);
        let home = home_of_service("arize-codex-buffer", &words);
        assert_eq!(home, Some("/h/.arize/harness".into()));
        assert_eq!(home_of_service("python3", &words), None);
        assert_eq!(home_of_service("arize-codex-buffer", &words[..3]), None);
        let pid = Some(7);
        let program = Some("arize-codex-buffer".to_owned());
        let owner = PortOwner { pid, program, home, ..PortOwner::default() };
        assert_eq!(
            owner.to_string(),
            "`arize-codex-buffer` (PID 7, the buffer service of `/h/.arize/harness`)"
        );
    }
}
