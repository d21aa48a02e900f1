//! A line to the browser that says when the store has something new.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};

use crate::serve::App;

/// How often the store is asked. It answers without reading anything.
const PACE: Duration = Duration::from_secs(1);

/// Sends `changed` each time spans were added, or a turn that goes on has more.
pub(crate) async fn events(
    State(app): State<App>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last = version(&app).await;
    let events = stream::unfold((app, last), |(app, last)| async move {
        loop {
            tokio::time::sleep(PACE).await;
            app.activity();
            let now = version(&app).await;
            if now != last {
                return Some((Ok(Event::default().event("changed").data("1")), (app, now)));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// A number of the turns that go on, and that of the store.
async fn version(app: &App) -> (u64, StoreVersion) {
    let path = app.store_path().to_owned();
    let stat = move || store_version(&path);
    (app.running().version(), tokio::task::spawn_blocking(stat).await.unwrap_or_default())
}

/// What changes with each write to a store: sizes and times of its files.
pub type StoreVersion = [Option<(u64, std::time::SystemTime)>; 2];

/// The version of the store in a file. Readers make an empty log and remove it again: that is none.
pub fn store_version(store: &std::path::Path) -> StoreVersion {
    let stat = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.len() > 0)?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    let mut log = store.to_owned().into_os_string();
    log.push("-wal");
    [stat(store), stat(std::path::Path::new(&log))]
}

#[cfg(test)]
mod tests {
    use trace_store::TraceStore;

    use super::*;

    #[test]
    fn only_a_write_changes_the_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traces.db");
        drop(TraceStore::open(&path).unwrap());
        let before = store_version(&path);
        for _ in 0..10 {
            let store = TraceStore::open_read_only(&path).unwrap();
            store.counts().unwrap();
            assert_eq!(store_version(&path), before);
            drop(store);
            assert_eq!(store_version(&path), before);
        }
        let mut store = TraceStore::open(&path).unwrap();
        let turn = otlp_model::Turn { key: "1".to_owned(), ..otlp_model::Turn::default() };
        let options = otlp_model::TreeOptions::default();
        store.insert(&otlp_model::SpanBatch::of(&turn, "p", &options)).unwrap();
        assert_ne!(store_version(&path), before);
    }
}
