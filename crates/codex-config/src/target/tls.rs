//! The files for TLS of a target.

use std::path::PathBuf;

use crate::reader::{
    Reader,
    Source::{self, Own, Variable},
};
use crate::{Paths, variables};

/// Names PEM files: which certificate authorities to trust, and who we are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct TlsFiles {
    /// The certificate authorities to trust in place of all others.
    pub ca_file: Option<PathBuf>,
    /// Those that are trusted beside the system's: `SSL_CERT_FILE`.
    pub system_file: Option<PathBuf>,
    /// Folders with more of them: `SSL_CERT_DIR`.
    pub system_folders: Vec<PathBuf>,
    /// The client certificate.
    pub client_certificate: Option<PathBuf>,
    /// The key of the client certificate.
    pub client_key: Option<PathBuf>,
}

/// Further sources of one file: those that win over the target's own key, and those that do not.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    pub(super) before: &'a [Source],
    pub(super) after: &'a [Source],
}

/// Reads the target's own keys.
pub(super) fn own(paths: &Paths, reader: &mut Reader<'_>) -> TlsFiles {
    all(paths, reader, [Around::default(); 3])
}

/// Reads the target's own keys and the sources around them, in the order of the fields.
pub(super) fn all(paths: &Paths, reader: &mut Reader<'_>, around: [Around<'_>; 3]) -> TlsFiles {
    let sources = |key, around: Around<'_>| [around.before, &[Own(key)], around.after].concat();
    let [ca_file, client_certificate, client_key] = around;
    files(
        paths,
        reader,
        [
            &sources("ca_file", ca_file),
            &sources("client_certificate", client_certificate),
            &sources("client_key", client_key),
        ],
    )
}

/// Reads the sources of each file, in the order of the fields.
pub(crate) fn files(paths: &Paths, reader: &mut Reader<'_>, sources: [&[Source]; 3]) -> TlsFiles {
    let [ca_file, client_certificate, client_key] =
        sources.map(|sources| reader.text(sources).map(|path| paths.resolve(path.trim())));
    let system_file = reader.text(&[Variable(variables::SSL_CERT_FILE)]);
    let system_folders = reader.text(&[Variable(variables::SSL_CERT_DIR)]);
    TlsFiles {
        ca_file,
        system_file: system_file.map(PathBuf::from),
        system_folders: system_folders.iter().flat_map(std::env::split_paths).collect(),
        client_certificate,
        client_key,
    }
}
