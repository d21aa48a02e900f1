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

/// A number of the turns that go on, and sizes and times of the store's files, which change with each
/// write.
async fn version(app: &App) -> (u64, Vec<Option<(u64, std::time::SystemTime)>>) {
    let path = app.store_path().to_owned();
    let stat = move || {
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let stat = |path: &std::path::Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        vec![stat(&path), stat(std::path::Path::new(&log))]
    };
    (app.running().version(), tokio::task::spawn_blocking(stat).await.unwrap_or_default())
}
