//! What the running service writes about itself.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::Endpoint;

/// The content of the pid file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PidRecord {
    /// The service's process id.
    pub pid: u32,
    /// The address it listens on.
    pub host: IpAddr,
    /// The port it listens on, never zero.
    pub port: u16,
    /// Its version.
    pub version: String,
    /// The program it runs from.
    pub executable: PathBuf,
}

impl PidRecord {
    /// Reads a pid file; `None` where there is none or it makes no sense.
    pub fn read(pid_file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(pid_file).ok()?).ok()
    }

    /// Writes the pid file.
    ///
    /// # Errors
    ///
    /// When the file or its directory cannot be written.
    pub fn write(&self, pid_file: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        private_files::write(pid_file, &text)
    }

    /// Where the service listens.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.host, port: self.port }
    }
}

/// Removes a pid file; a failure does no harm, because no program trusts the file.
pub(super) fn remove(pid_file: &Path) {
    let _ = fs::remove_file(pid_file);
}
