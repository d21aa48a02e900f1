//! The side of a server that speaks TLS and knows its clients by their certificates. Tests of other
//! crates that need such a server include this file.
//!
//! The files beside it were made with `openssl`, for 127.0.0.1 and `collector.test`, and are valid from
//! 2020 to 2120; the key of their authority was thrown away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// A certificate or key, of the server, of the client, or of the authority of both.
pub(crate) fn file(name: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = above.map(|folder| folder.join("crates/exporters/tests/tls"));
    folders.find(|folder| folder.is_dir()).expect("the folder").join(name)
}

/// The same for a server that asks for no certificate.
#[allow(dead_code, reason = "not every crate that includes this file has such a server")]
pub(crate) fn config_without_client_auth() -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_file(file("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a certificate with its key"))
}

/// What each connection of such a server is made with.
pub(crate) fn config() -> Arc<ServerConfig> {
    let certificate = |name| CertificateDer::from_pem_file(file(name)).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(
            vec![certificate("server.pem")],
            PrivateKeyDer::from_pem_file(file("server.key")).expect("a key"),
        );
    Arc::new(config.expect("a certificate with its key"))
}
