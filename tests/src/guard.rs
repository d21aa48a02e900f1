//! What a Phoenix asks of its clients: a key, TLS, a certificate.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ureq::http::Request;
use ureq::middleware::MiddlewareNext;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Body, SendBody};

/// PEM files for a server on 127.0.0.1 and its clients, and the key that the server accepts.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Who signed both certificates.
    pub authority: PathBuf,
    /// The client's certificate.
    pub client_certificate: PathBuf,
    /// The client's private key.
    pub client_key: PathBuf,
    server_certificate: PathBuf,
    server_key: PathBuf,
    asks_for: AsksFor,
}

/// What a server wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsksFor {
    /// The key, over plain HTTP.
    Key,
    /// TLS, from any client.
    Tls,
    /// TLS with the client's certificate, and the key.
    All,
}

/// Phoenix wants letters and digits, 32 or more of them.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

impl Guard {
    /// The key, which Phoenix accepts as a bearer token.
    pub const KEY: &str = "fedcba9876543210fedcba9876543210a1";

    /// Finds the files in this folder.
    pub fn with_files_in(folder: &Path, asks_for: AsksFor) -> Self {
        let file = |name: &str| folder.join(name);
        Self {
            authority: file("ca.pem"),
            client_certificate: file("client.pem"),
            client_key: file("client.key"),
            server_certificate: file("server.pem"),
            server_key: file("server.key"),
            asks_for,
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.asks_for == AsksFor::Key { "http" } else { "https" }
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.display().to_string();
        let key = [
            ("PHOENIX_ENABLE_AUTH", "true".to_owned()),
            ("PHOENIX_SECRET", SECRET.to_owned()),
            ("PHOENIX_ADMIN_SECRET", Self::KEY.to_owned()),
        ];
        let tls = [
            ("PHOENIX_TLS_ENABLED", "true".to_owned()),
            ("PHOENIX_TLS_CERT_FILE", path(&self.server_certificate)),
            ("PHOENIX_TLS_KEY_FILE", path(&self.server_key)),
        ];
        let certificate = [
            ("PHOENIX_TLS_CA_FILE", path(&self.authority)),
            ("PHOENIX_TLS_VERIFY_CLIENT", "true".to_owned()),
        ];
        match self.asks_for {
            AsksFor::Key => key.into(),
            AsksFor::Tls => tls.into(),
            AsksFor::All => key.into_iter().chain(tls).chain(certificate).collect(),
        }
    }

    pub(crate) fn tls(&self) -> anyhow::Result<TlsConfig> {
        let pem = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
        let authority = Certificate::from_pem(&pem(&self.authority)?)?.to_owned();
        let config = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[authority]));
        if self.asks_for != AsksFor::All {
            return Ok(config.build());
        }
        let certificate = Certificate::from_pem(&pem(&self.client_certificate)?)?.to_owned();
        let key = PrivateKey::from_pem(&pem(&self.client_key)?)?;
        let certificate = ClientCert::new_with_certs(&[certificate], key);
        Ok(config.client_cert(Some(certificate)).build())
    }

    pub(crate) fn middleware(
        &self,
    ) -> impl Fn(
        Request<SendBody<'_>>,
        MiddlewareNext<'_>,
    ) -> Result<ureq::http::Response<Body>, ureq::Error>
    + Send
    + Sync
    + 'static {
        |mut request, next| {
            let key = format!("Bearer {}", Self::KEY);
            let key = ureq::http::HeaderValue::from_str(&key).map_err(ureq::http::Error::from)?;
            request.headers_mut().insert("authorization", key);
            next.handle(request)
        }
    }
}
