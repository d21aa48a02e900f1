//! TLS: whom to trust, and who we are, from PEM files.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use ureq::tls::{ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

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

/// The files' contents, checked.
pub(crate) struct Tls {
    authorities: Option<Certificates>,
    identity: Option<(Certificates, Key)>,
}

struct Certificates {
    pem: Vec<u8>,
    parsed: Vec<ureq::tls::Certificate<'static>>,
}

struct Key {
    pem: Vec<u8>,
    parsed: PrivateKey<'static>,
}

impl TlsFiles {
    /// Reads the files.
    pub(crate) fn load(&self) -> Result<Tls, ConfigError> {
        let half = |present, missing| Err(ConfigError::HalfAnIdentity { present, missing });
        let authorities =
            self.ca_file.as_deref().map(|path| certificates("ca_file", path)).transpose()?;
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((
                certificates("client_certificate", certificate)?,
                private_key("client_key", key)?,
            )),
            (Some(_), None) => return half("client_certificate", "client_key"),
            (None, Some(_)) => return half("client_key", "client_certificate"),
            (None, None) => None,
        };
        Ok(Tls { authorities, identity })
    }
}

impl Tls {
    /// The same for ureq.
    pub(crate) fn for_http(self) -> TlsConfig {
        let mut tls = TlsConfig::builder();
        if let Some(authorities) = self.authorities {
            tls = tls.root_certs(RootCerts::from(authorities.parsed));
        }
        if let Some((chain, key)) = self.identity {
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain.parsed, key.parsed)));
        }
        tls.build()
    }

    /// The same for tonic.
    pub(crate) fn for_grpc(self) -> ClientTlsConfig {
        let mut tls = match self.authorities {
            Some(authorities) => {
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities.pem))
            }
            None => ClientTlsConfig::new().with_webpki_roots(),
        };
        if let Some((chain, key)) = self.identity {
            tls = tls.identity(Identity::from_pem(chain.pem, key.pem));
        }
        tls
    }
}

fn certificates(setting: &'static str, path: &Path) -> Result<Certificates, ConfigError> {
    let (pem, items) = items(setting, path)?;
    let of_certificate = |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    let parsed: Vec<_> = items.into_iter().filter_map(of_certificate).collect();
    if parsed.is_empty() {
        return Err(unusable(setting, path, "there is no PEM certificate in it"));
    }
    Ok(Certificates { pem, parsed })
}

fn private_key(setting: &'static str, path: &Path) -> Result<Key, ConfigError> {
    let (pem, items) = items(setting, path)?;
    let key = items.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let parsed = key.ok_or_else(|| unusable(setting, path, "there is no PEM private key in it"))?;
    Ok(Key { pem, parsed })
}

fn items(
    setting: &'static str,
    path: &Path,
) -> Result<(Vec<u8>, Vec<PemItem<'static>>), ConfigError> {
    let pem = std::fs::read(path).map_err(|error| unusable(setting, path, &error.to_string()))?;
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    let items = items.map_err(|_| unusable(setting, path, "this is not PEM"))?;
    Ok((pem, items))
}

fn unusable(setting: &'static str, path: &Path, reason: &str) -> ConfigError {
    ConfigError::TlsFile { setting, path: path.to_owned(), reason: reason.to_owned() }
}
