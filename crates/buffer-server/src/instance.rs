//! What the one running instance has: the lock, the token, the pid file.

use std::{io, path::PathBuf};

use buffer_api::{
    Endpoint, Paths,
    paths::write_private,
    process::{AcquireError, InstanceLock, PidRecord},
};

/// The length of a token, in bytes before they are written as hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// Holds the lock and, once announced, the pid file; both are gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Instance {
    paths: Paths,
    // Last: the pid file goes before the lock does, lest it be the next instance's.
    _lock: InstanceLock,
}

/// Says why the token cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be read or created", .path.display())]
pub struct TokenError {
    /// The token's file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
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

/// Reads the token that readers have to show; makes one on the first start.
pub(crate) fn token(paths: &Paths) -> Result<String, TokenError> {
    let error = |source| TokenError { path: paths.token.clone(), source };
    let kept = paths.read_token().map_err(error)?.filter(|token| {
        token.len() == 2 * TOKEN_BYTES && token.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    let token = match kept {
        Some(token) => token,
        None => random_token().map_err(error)?,
    };
    // Also when it is kept: whoever copied the file about may have changed its permissions.
    write_private(&paths.token, format!("{token}\n").as_bytes()).map_err(error)?;
    Ok(token)
}

fn random_token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_kept_and_a_broken_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        let first = token(&paths).unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(token(&paths).unwrap(), first);
        std::fs::write(&paths.token, "short").unwrap();
        let second = token(&paths).unwrap();
        assert_eq!(second.len(), 64);
        assert_ne!(second, first);
    }

    #[cfg(unix)]
    #[test]
    fn a_token_that_others_can_read_is_closed_again() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        token(&paths).unwrap();
        std::fs::set_permissions(&paths.token, PermissionsExt::from_mode(0o644)).unwrap();
        token(&paths).unwrap();
        let mode = std::fs::metadata(&paths.token).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
