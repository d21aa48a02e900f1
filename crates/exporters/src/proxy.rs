//! Which requests go through a proxy.
//!
//! A proxy is asked for a tunnel (`CONNECT`), also for plain HTTP, so that it sees no more of a
//! request to a server with TLS than the server's name. Requests to this machine never go through one.

use std::fmt;
use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use ureq::http::Uri;
use ureq::http::header::HeaderValue;

use crate::ConfigError;
use crate::endpoint::without_secrets;

/// The proxies of a network, in the form that programs find in their environment.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    /// For `https://` addresses: `HTTPS_PROXY`.
    pub https: Option<String>,
    /// For `http://` addresses: `HTTP_PROXY`.
    pub http: Option<String>,
    /// For those that have no proxy of their own: `ALL_PROXY`.
    pub all: Option<String>,
    /// Names, addresses and networks that need none, separated by commas: `NO_PROXY`.
    pub none: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(without_secrets);
        f.debug_struct("Proxies")
            .field("https", &shown(&self.https))
            .field("http", &shown(&self.http))
            .field("all", &shown(&self.all))
            .field("none", &self.none)
            .finish()
    }
}

/// The proxy for a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Its address, without credentials.
    pub(crate) uri: Uri,
    /// Who we are to it.
    pub(crate) authorization: Option<HeaderValue>,
    /// Its address as it was written.
    url: String,
}

impl Proxies {
    /// The proxy that requests to the server at `url` go through.
    pub(crate) fn of(&self, url: &str) -> Result<Option<Proxy>, ConfigError> {
        let Ok(uri) = url.parse::<Uri>() else { return Ok(None) };
        let own = if uri.scheme_str() == Some("https") { &self.https } else { &self.http };
        let Some(proxy) = own.as_ref().or(self.all.as_ref()).filter(|_| !is_this_machine(&uri))
        else {
            return Ok(None);
        };
        let matcher = Matcher::builder()
            // Whatever it is, so that one that cannot be used is not passed over.
            .all(proxy.trim())
            .no(self.none.as_deref().unwrap_or_default())
            .build();
        let unusable = || ConfigError::Proxy { proxy: without_secrets(proxy.trim()) };
        let Some(intercept) = matcher.intercept(&uri) else {
            let without_exceptions = Matcher::builder().all(proxy.trim()).build();
            let is_understood = without_exceptions.intercept(&uri).is_some();
            return if is_understood { Ok(None) } else { Err(unusable()) };
        };
        if !matches!(intercept.uri().scheme_str(), Some("http" | "https")) {
            return Err(unusable());
        }
        let (uri, authorization) = (intercept.uri().clone(), intercept.basic_auth().cloned());
        Ok(Some(Proxy { uri, authorization, url: with_scheme(proxy.trim()) }))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.url))
    }
}

impl Proxy {
    /// Whether it is itself spoken to over TLS.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The same for ureq.
    pub(crate) fn for_http(&self) -> Result<ureq::Proxy, ConfigError> {
        ureq::Proxy::new(&self.url)
            .map_err(|_| ConfigError::Proxy { proxy: without_secrets(&self.url) })
    }
}

fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    address.is_ok_and(|address| address.is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "http://proxy.example:3128";

    fn proxies(https: &str, http: &str, all: &str, none: &str) -> Proxies {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Proxies { https: some(https), http: some(http), all: some(all), none: some(none) }
    }

    #[track_caller]
    fn check(proxies: &Proxies, url: &str, expected: Option<&str>) {
        let found = proxies.of(url).unwrap().map(|proxy| proxy.uri.to_string());
        assert_eq!(found.as_deref().map(|uri| uri.trim_end_matches('/')), expected, "{url}");
    }

    #[test]
    fn each_kind_of_address_has_its_proxy() {
        let both = proxies(PROXY, "http://other.example:80", "", "");
        check(&both, "https://otlp.example:443", Some(PROXY));
        check(&both, "http://otlp.example:4318/v1/traces", Some("http://other.example:80"));
        let all = proxies("", "", PROXY, "");
        check(&all, "https://otlp.example", Some(PROXY));
        check(&all, "http://otlp.example", Some(PROXY));
        check(&proxies(PROXY, "", "", ""), "http://otlp.example", None);
        check(&proxies("", "", "", ""), "https://otlp.example", None);
        check(&proxies("proxy.example:3128", "", "", ""), "https://otlp.example", Some(PROXY));
        let with_tls = "https://proxy.example:443";
        check(&proxies(with_tls, "", "", ""), "https://otlp.example", Some(with_tls));
    }

    #[test]
    fn this_machine_and_the_exceptions_need_none() {
        let all = proxies(PROXY, PROXY, PROXY, "corp.example, 10.0.0.0/8");
        for host in ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            check(&all, &format!("http://{host}:6006"), None);
            check(&all, &format!("https://{host}"), None);
        }
        for host in ["corp.example", "phoenix.corp.example", "10.1.2.3"] {
            check(&all, &format!("https://{host}:443"), None);
        }
        for host in ["notcorp.example", "11.1.2.3", "localhost.example"] {
            check(&all, &format!("https://{host}:443"), Some(PROXY));
        }
        check(&proxies(PROXY, "", "", "*"), "https://otlp.example", None);
    }

    #[test]
    fn credentials_are_for_the_proxy_and_for_nobody_else() {
        let proxies = proxies("http://me:s%20cret@proxy.example:3128", "", "", "");
        let proxy = proxies.of("https://otlp.example").unwrap().unwrap();
        assert_eq!(proxy.uri, "http://proxy.example:3128/");
        // `printf 'me:s cret' | base64`
        assert_eq!(proxy.authorization.unwrap(), "Basic bWU6cyBjcmV0");
        assert_eq!(proxy_url(&proxies), "http://…@proxy.example:3128");
    }

    fn proxy_url(proxies: &Proxies) -> String {
        let shown = format!("{proxies:?}");
        assert!(!shown.contains("cret"), "{shown}");
        shown.split('"').nth(1).unwrap().to_owned()
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_and_not_passed_over() {
        for proxy in ["socks5://h:1080", "ftp://h", "http://", "not a url"] {
            let error = proxies(proxy, "", "", "").of("https://otlp.example").unwrap_err();
            assert!(matches!(error, ConfigError::Proxy { .. }), "{proxy}: {error:?}");
        }
        let error = proxies("socks5://me:secret@h:1080", "", "", "").of("https://a.example");
        assert_eq!(
            error.unwrap_err().to_string(),
            "the proxy `socks5://…@h:1080` of the environment cannot be used: only `http://` and `https://` proxies can"
        );
    }
}
