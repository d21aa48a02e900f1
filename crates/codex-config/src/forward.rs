//! Where the buffer service passes Codex's log events on to: `harnesses.codex.collector.forward`.
//!
//! It is for people whose Codex sent its events somewhere before the service took that place. The service
//! is to be small and knows neither TLS nor gRPC: the hook does that part.

use crate::reader::{
    Reader,
    Source::{self, Key},
};
use crate::target::{headers, http_url, one_of, tls};
use crate::{Paths, Proxies, Secret, TlsFiles, Warning, content, proxies};

/// Says how to reach a receiver of OTLP logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Its address, used as it is.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: ForwardProtocol,
    /// Headers of every request; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// Whom to trust and who we are, where it uses TLS.
    pub tls: TlsFiles,
    /// The proxies of the network, on the way to a receiver with TLS.
    pub proxies: Proxies,
}

/// Names how a receiver of OTLP logs is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardProtocol {
    /// `http`: each request as it came.
    Http,
    /// `grpc`.
    Grpc,
}

impl Forward {
    /// Whether plain HTTP is enough.
    pub fn is_plain(&self) -> bool {
        self.protocol == ForwardProtocol::Http && !uses_tls(&self.endpoint)
    }
}

fn uses_tls(endpoint: &str) -> bool {
    endpoint.split(':').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

fn has_user_name(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Decides whether and where events are passed on. A mistake becomes a warning: nothing is passed on.
pub(crate) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Option<Forward> {
    reader.value(Key("harnesses.codex.collector.forward"))?;
    if content::is_free(reader) {
        let reason = "Codex's events have contents, and `logging.content` is `none`".to_owned();
        reader.warnings.push(Warning::NotForwarded { reason });
        return None;
    }
    match receiver(paths, reader) {
        Ok(forward) => Some(forward),
        Err(reason) => {
            reader.warnings.push(Warning::NotForwarded { reason });
            None
        }
    }
}

fn receiver(paths: &Paths, reader: &mut Reader<'_>) -> Result<Forward, String> {
    const ENDPOINT: Source = Key("harnesses.codex.collector.forward.endpoint");
    const HEADERS: Source = Key("harnesses.codex.collector.forward.headers");
    if http_url(reader, &[ENDPOINT]).map_err(|error| error.to_string())?.is_none() {
        return Err(format!("`{}` is missing", reader.name(ENDPOINT)));
    }
    // A final slash belongs to it.
    let endpoint = reader.text(&[ENDPOINT]).unwrap_or_default().trim().to_owned();
    let protocol = protocol(reader)?;
    let has_more = uses_tls(&endpoint) || protocol == ForwardProtocol::Grpc;
    // Clients of HTTP leave a user name out of what they send, and say nothing of it.
    if has_user_name(&endpoint) || (has_more && endpoint.contains(['?', '#'])) {
        let key = reader.name(ENDPOINT);
        return Err(format!(
            "`{key}` has a user name or a query: credentials belong into `headers`"
        ));
    }
    let headers = headers::of_mapping(reader, HEADERS).map_err(|error| error.to_string())?;
    let files = [
        &[Key("harnesses.codex.collector.forward.ca_file")][..],
        &[Key("harnesses.codex.collector.forward.client_certificate")],
        &[Key("harnesses.codex.collector.forward.client_key")],
    ];
    let tls = tls::files(paths, reader, files);
    let proxies = proxies::from_environment(reader);
    Ok(Forward { endpoint, protocol, headers, tls, proxies })
}

fn protocol(reader: &mut Reader<'_>) -> Result<ForwardProtocol, String> {
    const PROTOCOL: Source = Key("harnesses.codex.collector.forward.protocol");
    let protocol = one_of(reader, &[PROTOCOL], "`http` or `grpc`", |word| match word {
        "http" => Some(ForwardProtocol::Http),
        "grpc" => Some(ForwardProtocol::Grpc),
        _ => None,
    });
    Ok(protocol.map_err(|error| error.to_string())?.unwrap_or(ForwardProtocol::Http))
}
