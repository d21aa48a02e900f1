//! Where notices go beside the log: those of budgets and all alerts.

use crate::reader::{Reader, Source::Key};
use crate::target::tls;
use crate::{Paths, Proxies, TlsFiles, Warning, proxies};

/// Names where notices go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channels {
    /// Whether the desktop shows them.
    pub desktop: bool,
    /// A program that is run with the text as its argument.
    pub command: Option<String>,
    /// An address that gets them as JSON.
    pub webhook: Option<String>,
    /// The address of a topic of ntfy, which gets them as text.
    pub ntfy: Option<String>,
    /// Whom to trust, and who we are, where an address is `https://`.
    pub tls: TlsFiles,
    /// The proxies of the network.
    pub proxies: Proxies,
}

/// Decides where notices go.
pub(crate) fn channels(paths: &Paths, reader: &mut Reader<'_>) -> Channels {
    Channels {
        desktop: reader.flag(&[Key("harnesses.codex.notices.desktop")]).unwrap_or(false),
        command: reader
            .text(&[Key("harnesses.codex.notices.command")])
            .map(|path| paths.resolve(path.trim()).to_string_lossy().into_owned()),
        webhook: address(reader, "harnesses.codex.notices.webhook"),
        ntfy: address(reader, "harnesses.codex.notices.ntfy"),
        tls: tls::files(
            paths,
            reader,
            [
                &[Key("harnesses.codex.notices.ca_file")],
                &[Key("harnesses.codex.notices.client_certificate")],
                &[Key("harnesses.codex.notices.client_key")],
            ],
        ),
        proxies: proxies::from_environment(reader),
    }
}

/// An address, which is in no warning: who knows it may write there.
fn address(reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
    let text = reader.text(&[Key(key)])?.trim().to_owned();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if rest.is_some_and(|rest| !rest.is_empty()) {
        return Some(text);
    }
    let expected = "an address that begins with `https://` or `http://`";
    let (name, value) = (key.to_owned(), "***".to_owned());
    reader.warnings.push(Warning::InvalidValue { name, value, expected });
    None
}
