//! Which requests go through a proxy.
//!
//! A proxy is asked for a tunnel (`CONNECT`), also for plain HTTP, so that it sees no more of a
//! request to a server with TLS than the server's name. Requests to this machine never go through one.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use ureq::http::Uri;
use ureq::http::header::HeaderValue;

use crate::ConfigError;
use crate::error::Cause;
use crate::servers::endpoint::without_secrets;

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
        let exceptions = self.none.as_deref().unwrap_or_default();
        let ends = |character: char| character == ',' || character.is_whitespace();
        if exceptions.split(ends).any(|exception| matches(exception, &uri)) {
            return Ok(None);
        }
        let unusable = || ConfigError::Proxy { proxy: without_secrets(proxy.trim()) };
        Proxy::parse(proxy.trim()).map(Some).ok_or_else(unusable)
    }
}

/// Whether a server is one that an element of `NO_PROXY` names: an address, a network, or a domain with
/// all below it, as curl reads it. Other programs also take a port behind it and `*.` before it.
fn matches(exception: &str, uri: &Uri) -> bool {
    let (name, port) = name_and_port(exception);
    if port.is_some_and(|port| port_of(uri) != Some(port)) {
        return false;
    }
    if name == "*" {
        return true;
    }
    let host = uri.host().unwrap_or_default();
    if let Some(address) = address(host) {
        return network(name).is_some_and(|network| network.contains(&address));
    }
    let domain = name.strip_prefix("*.").or(name.strip_prefix('.')).unwrap_or(name);
    let domain = plain_name(domain);
    let host = plain_name(host);
    !domain.is_empty()
        && host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The parts of `name:port`; an address of IPv6 without brackets has no port.
fn name_and_port(exception: &str) -> (&str, Option<u16>) {
    let parts = exception.rsplit_once(':').filter(|_| network(exception).is_none());
    let parsed = parts.and_then(|(name, port)| Some((name, port.parse().ok()?)));
    parsed.map_or((exception, None), |(name, port)| (name, Some(port)))
}

fn port_of(uri: &Uri) -> Option<u16> {
    let usual = || if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.host().map(|_| uri.port_u16().unwrap_or_else(usual))
}

fn network(name: &str) -> Option<IpNet> {
    name.parse().ok().or_else(|| address(name).map(IpNet::from))
}

/// An address of IPv4 that is written as one of IPv6 is that of IPv4.
fn address(host: &str) -> Option<IpAddr> {
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(address.to_canonical())
}

/// A name in small letters, without the dot that ends a full one.
fn plain_name(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The reason why there is no connection, with the proxy on the way.
pub(crate) fn cause(reason: impl fmt::Display, proxy: Option<&Proxy>) -> Cause {
    match proxy {
        Some(proxy) => format!("through the proxy `{proxy}`: {reason}").into(),
        None => reason.to_string().into(),
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.url))
    }
}

impl Proxy {
    /// A proxy that can be used: one of `http://` or `https://`, which is the first where it does not say.
    fn parse(proxy: &str) -> Option<Self> {
        let url = with_scheme(proxy);
        let uri = url.parse::<Uri>().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let authority = uri.authority()?.as_str();
        let (credentials, server) = match authority.rsplit_once('@') {
            Some((credentials, server)) => (Some(credentials), server),
            None => (None, authority),
        };
        let uri = Uri::builder().scheme(scheme).authority(server).path_and_query("/").build();
        let authorization = credentials.map(basic).transpose().ok()?;
        Some(Self { uri: uri.ok()?, authorization, url })
    }

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

/// The header for credentials of a URL.
fn basic(credentials: &str) -> Result<HeaderValue, ureq::http::header::InvalidHeaderValue> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain: Vec<u8> = percent_decode_str(user).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain)))?;
    value.set_sensitive(true);
    Ok(value)
}

fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let name = plain_name(host);
    // Connections to no address in particular reach this machine.
    address(host).is_some_and(|address| address.is_loopback() || address.is_unspecified())
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
        let names = ["localhost", "LOCALHOST", "a.localhost", "localhost."];
        let addresses =
            ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"];
        for host in names.into_iter().chain(addresses) {
            check(&all, &format!("http://{host}:6006"), None);
            check(&all, &format!("https://{host}"), None);
        }
        for host in ["corp.example", "phoenix.corp.example", "10.1.2.3"] {
            check(&all, &format!("https://{host}:443"), None);
        }
        for host in ["notcorp.example", "11.1.2.3", "localhost.example", "example"] {
            check(&all, &format!("https://{host}:443"), Some(PROXY));
        }
        check(&proxies(PROXY, "", "", "*"), "https://otlp.example", None);
        let several = proxies(PROXY, "", "", ".Corp.example,, 2001:db8::/32,192.0.2.7");
        for host in ["CORP.example", "a.corp.example", "[2001:db8::9]", "192.0.2.7"] {
            check(&several, &format!("https://{host}"), None);
        }
        for host in ["ample", "[2001:db9::9]", "192.0.2.8", "corp.example.org"] {
            check(&several, &format!("https://{host}"), Some(PROXY));
        }
    }

    #[test]
    fn exceptions_are_read_in_all_forms_that_other_programs_take() {
        let direct = |none: &str, url: &str| check(&proxies(PROXY, PROXY, "", none), url, None);
        let proxied =
            |none: &str, url: &str| check(&proxies(PROXY, PROXY, "", none), url, Some(PROXY));
        // Between spaces, as curl takes them, too.
        direct("a.example corp.example\t10.0.0.0/8", "https://corp.example");
        direct("a.example corp.example\t10.0.0.0/8", "https://10.1.2.3");
        direct("*.corp.example", "https://phoenix.corp.example");
        direct("corp.example", "https://phoenix.corp.example.");
        direct("corp.example.", "https://corp.example");
        direct("[2001:db8::9]", "https://[2001:db8::9]:6006");
        direct("10.1.2.3", "https://[::ffff:10.1.2.3]");
        for none in ["corp.example:6006", ".corp.example:6006", "*:6006"] {
            direct(none, "http://phoenix.corp.example:6006");
            proxied(none, "https://phoenix.corp.example");
        }
        direct("corp.example:443", "https://corp.example");
        direct("10.1.2.3:80", "http://10.1.2.3");
        direct("[2001:db8::9]:80", "http://[2001:db8::9]");
        proxied("[2001:db8::9]:80", "https://[2001:db8::9]");
        for none in ["", ",", ".", "*.", ":443", "*corp", "corp.example:x", "10.1.2.3/99", "[]"] {
            proxied(none, "https://corp.example");
            proxied(none, "https://10.1.2.3");
        }
    }

    #[test]
    fn credentials_are_for_the_proxy_alone() {
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
