//! What the one running instance has: the lock and the pid file.

use std::io;

use buffer_api::{
    Endpoint, Paths,
    process::{AcquireError, InstanceLock, PidRecord},
};

/// Holds the lock and, once announced, the pid file; both are gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Instance {
    paths: Paths,
    // Last: the pid file goes before the lock does, lest it be the next instance's.
    _lock: InstanceLock,
}

impl Instance {
    /// Becomes the one instance of a home.
    pub(crate) fn acquire(paths: &Paths) -> Result<Self, AcquireError> {
        let lock = InstanceLock::acquire(&paths.lock)?;
        Ok(Self { paths: paths.clone(), _lock: lock })
    }

    /// Writes the pid file, from which others learn where the service listens.
    pub(crate) fn announce(&self, endpoint: &Endpoint) -> io::Result<()> {
        let record = PidRecord {
            pid: std::process::id(),
            host: endpoint.host,
            port: endpoint.port,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            executable: std::env::current_exe().unwrap_or_default(),
        };
        record.write(&self.paths.pid_file)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // One that stays behind names a process that does not answer, which is found out.
        let _ = std::fs::remove_file(&self.paths.pid_file);
    }
}
