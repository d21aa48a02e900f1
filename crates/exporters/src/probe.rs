//! What a target says of itself when it is asked without being given anything.

use std::time::SystemTime;

#[cfg(feature = "http")]
use ureq::http::{HeaderMap, header::DATE};

/// An answer to [`Exporter::probe`](crate::Exporter::probe).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probe {
    /// What answered, with its version, such as `Phoenix 20.26.1`; none where it does not say.
    pub server: Option<String>,
    /// Whether our credentials were accepted, or are not asked for. False where that shows only with
    /// the first batch.
    pub accepts: bool,
    /// What its clock said; none where it has no other clock than ours, or does not say.
    pub clock: Option<SystemTime>,
}

#[cfg(feature = "http")]
impl Probe {
    /// A target that accepted a request with these headers.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        Self { server: None, accepts: true, clock: clock(headers) }
    }

    /// The same, of a server of this name, where it says its version.
    pub(crate) fn named(self, name: &str, version: Option<&str>) -> Self {
        let server = version.map(|version| format!("{name} {version}"));
        Self { server, ..self }
    }
}

#[cfg(feature = "http")]
fn clock(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}
