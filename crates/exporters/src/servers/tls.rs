//! TLS: whom to trust, and who we are, from PEM files.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::ConfigError;

/// PEM files: which certificate authorities to trust, and who we are.
///
/// Without `ca_file`, Mozilla's authorities, the system's and those of the environment are trusted, so
/// that a company whose proxy inspects TLS needs no setting where its authority is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// The certificate authorities to trust, in place of all others.
    pub ca_file: Option<PathBuf>,
    /// Those to trust beside the system's: `SSL_CERT_FILE`.
    pub system_file: Option<PathBuf>,
    /// Folders with more of them: `SSL_CERT_DIR`.
    pub system_folders: Vec<PathBuf>,
    /// The certificate to show to the server, and what it was signed with.
    pub client_certificate: Option<PathBuf>,
    /// The private key of the certificate.
    pub client_key: Option<PathBuf>,
}

/// The files' contents, checked; those of the system's authorities are read when they are needed.
pub(crate) struct Tls {
    authorities: Authorities,
    identity: Option<Identity>,
}

/// Where the certificate authorities are.
enum Authorities {
    /// In a file that the settings name.
    File(Vec<CertificateDer<'static>>),
    /// Built in, in the system's store, and where the environment says. That one may name the company's
    /// authority alone; with OpenSSL, too, others are trusted beside it then.
    System { file: Option<PathBuf>, folders: Vec<PathBuf> },
}

/// Who we are, once for ureq and once for tonic.
struct Identity {
    http: ClientCert,
    #[cfg(feature = "grpc")]
    grpc: tonic::transport::Identity,
}

impl TlsFiles {
    /// Reads the files that the settings name.
    pub(crate) fn load(&self) -> Result<Tls, ConfigError> {
        let half = |present, missing| Err(ConfigError::HalfAnIdentity { present, missing });
        let authorities = match &self.ca_file {
            Some(file) => Authorities::File(certificates("ca_file", file)?.parsed),
            None => Authorities::System {
                file: self.system_file.clone(),
                folders: self.system_folders.clone(),
            },
        };
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some(identity(certificate, key)?),
            (Some(_), None) => return half("client_certificate", "client_key"),
            (None, Some(_)) => return half("client_key", "client_certificate"),
            (None, None) => None,
        };
        Ok(Tls { authorities, identity })
    }
}

impl Tls {
    /// The same for ureq.
    pub(crate) fn for_http(&self) -> TlsConfig {
        let authorities = for_ureq(&self.authorities.load());
        let mut tls = TlsConfig::builder().root_certs(RootCerts::from(authorities));
        if let Some(identity) = &self.identity {
            tls = tls.client_cert(Some(identity.http.clone()));
        }
        tls.build()
    }

    /// Who we are, for tonic.
    #[cfg(feature = "grpc")]
    pub(crate) fn grpc_identity(&self) -> Option<tonic::transport::Identity> {
        self.identity.as_ref().map(|identity| identity.grpc.clone())
    }

    /// The certificate authorities to trust.
    #[cfg(feature = "grpc")]
    pub(crate) fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.authorities.load()
    }
}

impl Tls {
    /// What keeps a server's certificate from being accepted, and what to set; nothing if that is not
    /// why there is no connection.
    pub(crate) fn problem(&self, error: &(dyn Error + 'static)) -> Option<String> {
        let rustls::Error::InvalidCertificate(reason) = handshake_error(error)? else {
            return None;
        };
        if *reason != rustls::CertificateError::UnknownIssuer {
            return Some(format!("the certificate is not accepted: {reason}"));
        }
        let remedy = match &self.authorities {
            Authorities::File(_) => "add its certificate to the file that `ca_file` names",
            Authorities::System { .. } => {
                "if a proxy of your network inspects TLS, install its authority in the system, or set `ca_file` or the variable `SSL_CERT_FILE` to a PEM file with it"
            }
        };
        Some(format!("the certificate is signed by an unknown authority (UnknownIssuer); {remedy}"))
    }
}

/// The error of the TLS library, wherever it is wrapped.
fn handshake_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // It gives the source of what it wraps, and not that itself.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(wrapped) = wrapped {
        return handshake_error(wrapped);
    }
    handshake_error(error.source()?)
}

impl Authorities {
    /// Reads them; what cannot be read is left out, and a server that it was needed for is refused.
    fn load(&self) -> Vec<CertificateDer<'static>> {
        match self {
            Self::File(certificates) => certificates.clone(),
            Self::System { file, folders } => {
                let mut all = load_native_certs().certs;
                all.extend(load_certs_from_paths(file.as_deref(), None).certs);
                for folder in folders {
                    all.extend(load_certs_from_paths(None, Some(folder)).certs);
                }
                all.extend(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
                all
            }
        }
    }
}

fn identity(certificate: &Path, key: &Path) -> Result<Identity, ConfigError> {
    let chain = certificates("client_certificate", certificate)?;
    let key = private_key("client_key", key)?;
    Ok(Identity {
        #[cfg(feature = "grpc")]
        grpc: tonic::transport::Identity::from_pem(chain.pem, key.pem),
        http: ClientCert::new_with_certs(&for_ureq(&chain.parsed), key.parsed),
    })
}

fn for_ureq(certificates: &[CertificateDer<'static>]) -> Vec<Certificate<'static>> {
    certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
}

/// A PEM file, as it is and parsed.
struct Pem<T> {
    #[cfg(feature = "grpc")]
    pem: Vec<u8>,
    parsed: T,
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Pem<Vec<CertificateDer<'static>>>, ConfigError> {
    let file = items(setting, path)?;
    let of_certificate = |item| match item {
        PemItem::Certificate(certificate) => Some(CertificateDer::from(certificate.der().to_vec())),
        _ => None,
    };
    let parsed: Vec<_> = file.parsed.into_iter().filter_map(of_certificate).collect();
    if parsed.is_empty() {
        return Err(unusable(setting, path, "there is no PEM certificate in it"));
    }
    Ok(Pem {
        #[cfg(feature = "grpc")]
        pem: file.pem,
        parsed,
    })
}

fn private_key(
    setting: &'static str,
    path: &Path,
) -> Result<Pem<PrivateKey<'static>>, ConfigError> {
    let file = items(setting, path)?;
    let key = file.parsed.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let parsed = key.ok_or_else(|| unusable(setting, path, "there is no PEM private key in it"))?;
    Ok(Pem {
        #[cfg(feature = "grpc")]
        pem: file.pem,
        parsed,
    })
}

fn items(setting: &'static str, path: &Path) -> Result<Pem<Vec<PemItem<'static>>>, ConfigError> {
    let pem = std::fs::read(path).map_err(|error| unusable(setting, path, &error.to_string()))?;
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    let parsed = items.map_err(|_| unusable(setting, path, "this is not PEM"))?;
    Ok(Pem {
        #[cfg(feature = "grpc")]
        pem,
        parsed,
    })
}

fn unusable(setting: &'static str, path: &Path, reason: &str) -> ConfigError {
    ConfigError::TlsFile { setting, path: path.to_owned(), reason: reason.to_owned() }
}
