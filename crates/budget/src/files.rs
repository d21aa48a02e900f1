//! The files of the state: JSON, changed by one process at a time.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file of the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}`", path.display())]
pub struct StateError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Reads a value; the default where there is no file. A file that cannot be understood is an error.
pub(crate) fn read<T: DeserializeOwned + Default>(file: &Path) -> Result<T, StateError> {
    let read = match std::fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        read => read.and_then(|text| Ok(serde_json::from_slice(&text)?)),
    };
    read.map_err(|source| StateError { path: file.to_owned(), source })
}

/// Puts a value in the place of what the file held.
pub(crate) fn write<T: Serialize>(file: &Path, value: &T) -> Result<(), StateError> {
    let text = serde_json::to_vec(value).map_err(io::Error::from);
    text.and_then(|text| private_files::write(file, &text))
        .map_err(|source| StateError { path: file.to_owned(), source })
}

/// Changes the value in a file. A file that cannot be understood is begun anew: what it held is lost
/// anyway, and without it the next change would fail, too.
pub(crate) fn update<T, R>(file: &Path, change: impl FnOnce(&mut T) -> R) -> Result<R, StateError>
where
    T: Serialize + DeserializeOwned + Default + PartialEq + Clone,
{
    let update = |text: &[u8]| {
        let before: T = serde_json::from_slice(text).unwrap_or_default();
        let mut value = before.clone();
        let result = change(&mut value);
        let changed = (value != before).then(|| serde_json::to_vec(&value)).transpose()?;
        Ok((changed, result))
    };
    private_files::update(file, update)
        .map_err(|source| StateError { path: file.to_owned(), source })
}
