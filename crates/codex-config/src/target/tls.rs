//! The files for TLS of a target.

use std::path::PathBuf;

use crate::Paths;
use crate::reader::{
    Reader,
    Source::{self, Own},
};

/// Names PEM files for servers that the built-in certificate authorities do not cover.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct TlsFiles {
    /// The certificate authorities to trust in place of the built-in ones.
    pub ca_file: Option<PathBuf>,
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
    TlsFiles { ca_file, client_certificate, client_key }
}
