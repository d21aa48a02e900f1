//! TLS: whom to trust, and who we are, from PEM files.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::ConfigError;

/// PEM files for connections that the built-in certificate authorities do not cover.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// The certificate authorities to trust, in place of the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to the server, and what it was signed with.
    pub client_certificate: Option<PathBuf>,
    /// The private key of the certificate.
    pub client_key: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files.
    pub(crate) fn load(&self) -> Result<TlsConfig, ConfigError> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &self.ca_file {
            tls = tls.root_certs(RootCerts::from(certificates("ca_file", path)?));
        }
        let half = |present, missing| Err(ConfigError::HalfAnIdentity { present, missing });
        match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("client_certificate", certificate)?;
                let key = private_key("client_key", key)?;
                tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
            }
            (Some(_), None) => return half("client_certificate", "client_key"),
            (None, Some(_)) => return half("client_key", "client_certificate"),
            (None, None) => {}
        }
        Ok(tls.build())
    }
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<Certificate<'static>>, ConfigError> {
    let mut certificates = Vec::new();
    for item in items(setting, path)? {
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unusable(setting, path, "there is no PEM certificate in it"));
    }
    Ok(certificates)
}

fn private_key(setting: &'static str, path: &Path) -> Result<PrivateKey<'static>, ConfigError> {
    let key = items(setting, path)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    key.ok_or_else(|| unusable(setting, path, "there is no PEM private key in it"))
}

fn items(setting: &'static str, path: &Path) -> Result<Vec<PemItem<'static>>, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| unusable(setting, path, &error.to_string()))?;
    let items: Result<Vec<_>, _> = parse_pem(&bytes).collect();
    items.map_err(|_| unusable(setting, path, "this is not PEM"))
}

fn unusable(setting: &'static str, path: &Path, reason: &str) -> ConfigError {
    ConfigError::TlsFile { setting, path: path.to_owned(), reason: reason.to_owned() }
}
