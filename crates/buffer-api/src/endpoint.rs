//! The address of the service.

use std::{fmt, net::IpAddr};

/// The host the service binds when nothing else is said.
pub const DEFAULT_HOST: &str = "127.0.0.1";

/// The port the service binds when nothing else is said: OTLP over HTTP.
pub const DEFAULT_PORT: u16 = 4318;

/// Names where the service listens; always an address of the loopback interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// An address of the loopback interface.
    pub host: IpAddr,
    /// A TCP port. Zero lets the system choose one, which the pid file then names.
    pub port: u16,
}

/// Says why a host is not one the service may listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` is not an address of the loopback interface, such as 127.0.0.1 or ::1")]
pub struct NotLoopback {
    /// What was given.
    pub host: String,
}

impl Endpoint {
    /// Checks that `host` is `localhost` or a loopback address.
    ///
    /// Does not look up names: `localhost` is 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Any other host is refused: prompts are not for the network.
    pub fn new(host: &str, port: u16) -> Result<Self, NotLoopback> {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let name = if name.eq_ignore_ascii_case("localhost") { DEFAULT_HOST } else { name };
        match name.parse::<IpAddr>() {
            Ok(host) if host.is_loopback() => Ok(Self { host, port }),
            _ => Err(NotLoopback { host: host.to_owned() }),
        }
    }

    /// The URL of a path on this endpoint; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{self}{path}")
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: DEFAULT_PORT }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            IpAddr::V4(host) => write!(f, "{host}:{}", self.port),
            IpAddr::V6(host) => write!(f, "[{host}]:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_interface_is_accepted() {
        for (host, shown) in [
            ("127.0.0.1", "127.0.0.1:7"),
            ("127.3.2.1", "127.3.2.1:7"),
            ("localhost", "127.0.0.1:7"),
            ("::1", "[::1]:7"),
            ("[::1]", "[::1]:7"),
        ] {
            assert_eq!(Endpoint::new(host, 7).unwrap().to_string(), shown, "{host}");
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"] {
            assert_eq!(Endpoint::new(host, 7).unwrap_err().host, host);
        }
    }
}
