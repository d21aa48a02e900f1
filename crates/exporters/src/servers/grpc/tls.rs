//! TLS as tonic and its tunnel through a proxy take it.

use std::sync::Arc;

use rustls::RootCertStore;
use tonic::transport::ClientTlsConfig;

use crate::servers::tls::Tls;

/// For a receiver: whom to trust, and who we are.
pub(super) fn for_receiver(tls: &Tls) -> ClientTlsConfig {
    let config = ClientTlsConfig::new().trust_anchors(roots(tls).roots);
    match tls.grpc_identity() {
        Some(identity) => config.identity(identity),
        None => config,
    }
}

/// For a proxy that is spoken to over TLS: whom to trust, and nothing of who we are.
pub(super) fn for_proxy(tls: &Tls) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots(tls)).with_no_client_auth())
}

fn roots(tls: &Tls) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(tls.authorities());
    roots
}
