//! The shim: the file `codex` on the user's `PATH` that runs the proxy.
//!
//! It is a symbolic link to `arize-codex-proxy` beside it: the shell runs the proxy without anything in
//! between, and where the proxy is gone, the shell passes over the link and finds the real Codex. On
//! Windows, where links take a privilege, it is the proxy under the name `codex.exe`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memchr::memmem;

use processes::running;

/// The proxy's own name, without an extension. The program and every script that runs it contain it.
pub const PROXY: &str = "arize-codex-proxy";

/// The shim's name.
pub const NAME: &str = if cfg!(windows) { "codex.exe" } else { "codex" };

/// The largest file that is looked into, in bytes. The proxy has 1 MiB, or 22 where it was built for
/// debugging; a native Codex has 25 MB (0.44) and more, and is not to be read before each of its starts.
const LARGEST: u64 = if cfg!(debug_assertions) { 48 << 20 } else { 8 << 20 };

/// What became of the shim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new, or was another one of ours.
    Written,
    /// It is gone.
    Removed,
    /// It was as wanted.
    Unchanged,
}

/// Says why the shim is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// A file that is not ours has its name.
    #[error("`{}` is another program, not the `codex` of arize-codex", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be changed.
    #[error("`{}` cannot be changed", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Whether this file leads to a proxy instead of the real Codex: it is one under any name, a link to
/// one, or a script that runs one, as the shim of the Python system is.
pub fn is_shim(path: &Path) -> bool {
    let is_proxy = |path: &Path| path.file_stem().is_some_and(|name| name == PROXY);
    // The link itself counts, too: what it is about may be gone.
    if fs::read_link(path).is_ok_and(|link| is_proxy(&link)) {
        return true;
    }
    path.canonicalize().is_ok_and(|path| is_proxy(&path) || names_proxy(&path))
}

/// Makes `codex` in the folder `bin` run the proxy that is in the same folder. Replaces a shim of any
/// form, and nothing else.
///
/// # Errors
///
/// When a foreign file has the name, or the file cannot be written.
pub fn write(bin: &Path) -> Result<Change, ShimError> {
    let path = bin.join(NAME);
    if path.symlink_metadata().is_ok() && !is_shim(&path) {
        return Err(ShimError::Foreign { path });
    }
    if is_as_written(&path) {
        return Ok(Change::Unchanged);
    }
    // Beside it, then in its place: at no time does the shell find nothing.
    let fresh = bin.join(format!(".{NAME}.new"));
    let written = remove_if_exists(&fresh)
        .and_then(|()| link(bin, &fresh))
        .and_then(|()| running::replace(&fresh, &path));
    written.map(|()| Change::Written).map_err(|source| ShimError::File { path, source })
}

/// Removes `codex` from the folder `bin`.
///
/// # Errors
///
/// When it is a foreign file, or cannot be removed.
pub fn remove(bin: &Path) -> Result<Change, ShimError> {
    let path = bin.join(NAME);
    if path.symlink_metadata().is_err() {
        return Ok(Change::Unchanged);
    }
    if !is_shim(&path) {
        return Err(ShimError::Foreign { path });
    }
    let removed = running::remove(&path);
    removed.map(|()| Change::Removed).map_err(|source| ShimError::File { path, source })
}

/// Whether the file contains the proxy's name.
fn names_proxy(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let Ok(metadata) = file.metadata() else { return false };
    if !metadata.is_file() || metadata.len() > LARGEST {
        return false;
    }
    let mut content = Vec::new();
    file.take(LARGEST).read_to_end(&mut content).is_ok()
        && memmem::find(&content, PROXY.as_bytes()).is_some()
}

#[cfg(unix)]
fn is_as_written(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|link| link == Path::new(PROXY))
}

#[cfg(unix)]
fn link(_bin: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(PROXY, at)
}

#[cfg(not(unix))]
fn is_as_written(path: &Path) -> bool {
    let proxy = fs::read(path.with_file_name(PROXY).with_extension("exe"));
    proxy.is_ok_and(|proxy| fs::read(path).is_ok_and(|copy| copy == proxy))
}

#[cfg(not(unix))]
fn link(bin: &Path, at: &Path) -> io::Result<()> {
    fs::copy(bin.join(PROXY).with_extension("exe"), at).map(drop)
}

fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
