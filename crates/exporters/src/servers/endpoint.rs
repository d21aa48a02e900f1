//! From what a user calls the address of a backend to the address that takes traces.

use ureq::http::Uri;

use crate::ConfigError;

/// Where OTLP over HTTP takes traces, below the address of the server.
const TRACES_PATH: &str = "/v1/traces";

/// The address for traces of a server, given with or without a final slash or the traces path.
pub(crate) fn traces_url(endpoint: &str) -> Result<String, ConfigError> {
    Ok(format!("{}{TRACES_PATH}", base_url(endpoint)?))
}

/// The address for metrics beside one for traces; none where that has a path of its own.
pub(crate) fn metrics_url(traces_url: &str) -> Option<String> {
    Some(format!("{}/v1/metrics", traces_url.strip_suffix(TRACES_PATH)?))
}

/// The address of the server, without a final slash and without the traces path.
pub(crate) fn base_url(endpoint: &str) -> Result<&str, ConfigError> {
    let base = exact_url(endpoint)?.trim_end_matches('/');
    Ok(base.strip_suffix(TRACES_PATH).unwrap_or(base).trim_end_matches('/'))
}

/// The address of a gRPC server, with its port: that of OTLP where there is none, or of `https`.
#[cfg(feature = "grpc")]
pub(crate) fn grpc_url(endpoint: &str) -> Result<String, ConfigError> {
    let url = exact_url(endpoint)?.trim_end_matches('/');
    let invalid = |reason| Err(ConfigError::Endpoint { endpoint: without_secrets(url), reason });
    let Ok(uri) = url.parse::<Uri>() else { return invalid("this is not a url") };
    if !matches!(uri.path(), "" | "/") {
        return invalid(
            "with gRPC an endpoint has no path; for OTLP over HTTP change the protocol",
        );
    }
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 4317 };
    Ok(match uri.port() {
        Some(_) => url.to_owned(),
        None => format!("{url}:{default_port}"),
    })
}

/// An address that is used as it is.
pub(crate) fn exact_url(endpoint: &str) -> Result<&str, ConfigError> {
    let endpoint = endpoint.trim();
    let invalid =
        |reason| Err(ConfigError::Endpoint { endpoint: without_secrets(endpoint), reason });
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return invalid("this is not a url");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return invalid("an endpoint begins with `http://` or `https://`");
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return invalid("credentials belong into the api key or a header, not into the url");
    }
    if uri.host().is_none_or(str::is_empty) {
        return invalid("the name of the server is missing");
    }
    // The parser takes any text for a port, which would become that of the scheme.
    let after_host = uri.authority().map(|authority| &authority.as_str()[authority.host().len()..]);
    if uri.port_u16().is_none() && after_host.is_some_and(|port| !port.is_empty()) {
        return invalid("a port is a number up to 65535");
    }
    if endpoint.contains(['?', '#']) {
        return invalid("an endpoint ends with its path, without `?` or `#`");
    }
    Ok(endpoint)
}

/// An endpoint for an error message: user names, passwords and queries are left out.
pub(crate) fn without_secrets(endpoint: &str) -> String {
    let shown = endpoint.split(['?', '#']).next().unwrap_or_default();
    match (shown.split_once("://"), shown.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        (_, None) => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_there_once() {
        for endpoint in [
            "http://localhost:6006",
            "http://localhost:6006/",
            " http://localhost:6006// ",
            "http://localhost:6006/v1/traces",
            "http://localhost:6006/v1/traces/",
        ] {
            assert_eq!(traces_url(endpoint).unwrap(), "http://localhost:6006/v1/traces");
        }
        assert_eq!(
            traces_url("https://[::1]/s/space/").unwrap(),
            "https://[::1]/s/space/v1/traces"
        );
    }

    #[test]
    #[cfg(feature = "grpc")]
    fn a_grpc_server_has_a_port_and_no_path() {
        for (endpoint, expected) in [
            ("http://localhost", "http://localhost:4317"),
            ("http://[::1]/", "http://[::1]:4317"),
            ("https://otlp.example", "https://otlp.example:443"),
            (" https://otlp.example:4317/ ", "https://otlp.example:4317"),
        ] {
            assert_eq!(grpc_url(endpoint).unwrap(), expected);
        }
        for endpoint in ["http://localhost:4317/v1/traces", "otlp.example:4317", "http://a?b"] {
            let error = grpc_url(endpoint).unwrap_err();
            assert!(matches!(error, ConfigError::Endpoint { .. }), "{endpoint}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_secrets() {
        for (endpoint, shown) in [
            ("", "``: this is not a url"),
            ("localhost:6006", "`localhost:6006`: an endpoint begins with"),
            ("localhost", "`localhost`: an endpoint begins with"),
            ("/v1/traces", "`/v1/traces`: an endpoint begins with"),
            ("ftp://host", "`ftp://host`: an endpoint begins with"),
            ("http://", "`http://`: this is not a url"),
            ("http://:6006", "`http://:6006`: "),
            ("http://ho st", "`http://ho st`: this is not a url"),
            ("http://host:", "`http://host:`: a port is a number up to 65535"),
            ("http://host:${PORT}", "`http://host:${PORT}`: "),
            ("https://[::1]:99999/x", "`https://[::1]:99999/x`: a port is a number up to 65535"),
            ("http://me:secret@host/x", "`http://…@host/x`: credentials belong"),
            ("http://me:sec@ret@host", "`http://…@host`: "),
            ("me:secret@host", "`…@host`: "),
            ("http://host?token=secret", "`http://host`: an endpoint ends"),
        ] {
            let message = traces_url(endpoint).unwrap_err().to_string();
            assert!(message.starts_with(shown), "{endpoint}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
