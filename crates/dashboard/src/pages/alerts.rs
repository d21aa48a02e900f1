//! The alerts that were given, as a part of other pages.

use ::alerts::Given;
use jiff::Timestamp;
use maud::{Markup, html};
use otlp_model::UnixNanos;
use serde_json::{Value, json};

use super::Failure;
use crate::serve::App;
use crate::{format, text};

/// Older ones are on the page of health only, in milliseconds.
const RECENT: u64 = 24 * 60 * 60 * 1000;

/// Alerts of the last day that are shown on the first page.
const FEW: usize = 5;

/// The last alerts, the newest first.
pub(super) async fn all(app: &App) -> Result<Vec<Given>, Failure> {
    app.fact(|facts| facts.alerts()).await
}

/// A few of the last day; nothing where there are none.
pub(super) async fn few(app: &App) -> Result<Markup, Failure> {
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    let mut alerts = all(app).await?;
    alerts.retain(|alert| alert.at + RECENT > now);
    alerts.truncate(FEW);
    Ok(section(app, &alerts))
}

/// A section with these alerts; nothing where there are none.
pub(super) fn section(app: &App, alerts: &[Given]) -> Markup {
    html! {
        @if !alerts.is_empty() {
            section {
                h2 { a href="/health" { "Alerts" } }
                ul.running { @for alert in alerts { li { (row(app, alert)) } } }
            }
        }
    }
}

fn row(app: &App, alert: &Given) -> Markup {
    let is_trace =
        alert.trace_id.len() == 32 && alert.trace_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shown = text::line(&alert.text, 200);
    html! {
        @if is_trace { a href=(format!("/turn/{}", alert.trace_id)) { (shown) } }
        @else { (shown) }
        span.note { " " (format::time(UnixNanos(alert.at.saturating_mul(1_000_000)), app.zone())) }
    }
}

/// The same for programs.
pub(super) fn value(alerts: &[Given]) -> Value {
    let alert = |alert: &Given| {
        json!({
            "at_ms": alert.at,
            "kind": alert.kind.word(),
            "text": alert.text,
            "session": alert.session,
            "trace_id": alert.trace_id,
        })
    };
    alerts.iter().map(alert).collect()
}
