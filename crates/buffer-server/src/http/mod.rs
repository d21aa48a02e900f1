//! The service's HTTP side: which request reaches which handler, and what they share.
//!
//! Handlers run on one thread. Everything that takes time (decoding, the database) runs on one
//! other thread, in the order of arrival, so that health is answered whatever goes on.

mod admission;
mod answer;
mod connections;
mod guard;
mod ingest;
mod read;
mod secrets;
mod state;

use axum::{
    Router, middleware,
    routing::{get, post},
};

pub(crate) use admission::Origin;
pub(crate) use connections::serve;
pub(crate) use secrets::Secrets;
pub(crate) use state::{App, Shared};

/// All routes of the service.
pub(crate) fn router(app: App) -> Router {
    let reading = Router::new()
        .route("/drain/{thread}", get(read::drain))
        .route("/events/{thread}", get(read::events))
        .route("/ack/{thread}", post(read::acknowledge))
        .route("/flush/{thread}", get(read::flush))
        .route("/flush-idle", get(read::flush_idle).post(read::flush_idle))
        .route_layer(middleware::from_fn_with_state(app.clone(), guard::readers_only));
    let writing = Router::new()
        .route("/v1/logs", post(ingest::receive))
        .route("/", post(ingest::receive))
        .route_layer(middleware::from_fn_with_state(app.clone(), guard::writers_only));
    Router::new()
        .route("/health", get(read::health))
        .merge(reading)
        .merge(writing)
        .fallback(answer::not_found)
        .layer(middleware::from_fn_with_state(app.clone(), guard::loopback_only))
        .with_state(app)
}
