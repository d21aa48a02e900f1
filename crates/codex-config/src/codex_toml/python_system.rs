//! What the Python system wrote, for those who move from it to us.

use super::inspect::{Exporter, FoundNotify, NotifyOwner, inspect};
use super::{EditError, remove};

/// Takes out the hook of the Python system and the exporter to its service, so that neither comes
/// back when ours is taken out.
///
/// The exporter alone proves nothing, because others listen on the same port: it stays unless the
/// hook is there.
pub fn without_python_system(text: &str) -> Result<String, EditError> {
    let found = inspect(text)?;
    let is_theirs = |notify: &FoundNotify| notify.owner == NotifyOwner::PythonSystem;
    if !found.notify.as_ref().is_some_and(is_theirs) {
        return Ok(text.to_owned());
    }
    let text = remove(text, &["notify"])?;
    let is_theirs = |exporter: &Exporter| {
        let endpoint = exporter.endpoint.as_deref().unwrap_or_default();
        endpoint.starts_with("http://127.0.0.1:")
            && endpoint.ends_with("/v1/logs")
            && exporter.protocol.as_deref() == Some("json")
            && exporter.headers.is_empty()
    };
    match found.otel.and_then(|otel| otel.exporter) {
        Some(exporter) if is_theirs(&exporter) => remove(&text, &["otel", "exporter"]),
        _ => Ok(text),
    }
}
