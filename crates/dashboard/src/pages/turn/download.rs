//! A turn as a file to hand on, without secrets.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::super::failure::Failure;
use crate::export::{self, Exported};
use crate::serve::App;

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A page.
    Html,
    /// Perfetto's trace event format.
    Perfetto,
}

impl Format {
    const ALL: [Self; 2] = [Self::Html, Self::Perfetto];

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Html => ".html",
            Self::Perfetto => ".perfetto.json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Perfetto => "application/json",
        }
    }

    /// The format that a name ends with, and the rest of the name.
    pub(super) fn of(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .iter()
            .find_map(|format| name.strip_suffix(format.ending()).map(|id| (id, *format)))
    }
}

/// The file, for the browser to save. A turn that goes on has none yet.
pub(super) async fn answer(app: &App, id: &str, format: Format) -> Result<Response, Failure> {
    let (id, zone) = (id.to_owned(), app.zone().clone());
    let found = app
        .ask(move |store| {
            let id = store.find_trace(&id)?;
            let spans = store.trace(id)?;
            let scrubber = export::scrubber().map_err(|_| Failure::NoRandom)?;
            let exported = match format {
                Format::Html => export::html(spans, &zone, &scrubber),
                Format::Perfetto => export::perfetto(spans, &scrubber),
            };
            Ok((id, exported))
        })
        .await?;
    let (id, Some(Exported { text, .. })) = found else {
        return Ok(super::super::missing().await.into_response());
    };
    let name = format!("attachment; filename=\"turn-{id}{}\"", format.ending());
    let headers = [(CONTENT_TYPE, format.content_type().to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}
