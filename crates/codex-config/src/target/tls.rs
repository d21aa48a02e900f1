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
    let mut file = |key, around: Around<'_>| {
        let sources = [around.before, &[Own(key)], around.after].concat();
        reader.text(&sources).map(|path| paths.resolve(path.trim()))
    };
    let [ca_file, client_certificate, client_key] = around;
    TlsFiles {
        ca_file: file("ca_file", ca_file),
        client_certificate: file("client_certificate", client_certificate),
        client_key: file("client_key", client_key),
    }
}
