//! The proxies of the network.

use crate::reader::{Reader, Source::Variable};
use crate::{Secret, variables};

/// Names the proxies of the network as programs find them in their environment; their addresses may
/// hold credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Proxies {
    /// For `https://` addresses.
    pub https: Option<Secret>,
    /// For `http://` addresses.
    pub http: Option<Secret>,
    /// For those that have no proxy of their own.
    pub all: Option<Secret>,
    /// Names, addresses and networks that need none, separated by commas.
    pub none: Option<String>,
}

/// Reads the proxies. As with curl the names in small letters win, and empty is unset.
pub(crate) fn from_environment(reader: &mut Reader<'_>) -> Proxies {
    let mut text = |small, large| reader.text(&[Variable(small), Variable(large)]);
    Proxies {
        https: text(variables::HTTPS_PROXY_SMALL, variables::HTTPS_PROXY).map(Secret::new),
        http: text(variables::HTTP_PROXY_SMALL, variables::HTTP_PROXY).map(Secret::new),
        all: text(variables::ALL_PROXY_SMALL, variables::ALL_PROXY).map(Secret::new),
        none: text(variables::NO_PROXY_SMALL, variables::NO_PROXY),
    }
}
