//! Whether traces arrive.

use axum::extract::State;
use axum::response::{Html, Response};
use maud::{Markup, html};
use serde_json::json;

use super::failure::Failure;
use super::{alerts, layout};
use crate::health::{Finding, Health, Level, Target};
use crate::serve::App;
use crate::{format, text};

/// Refused turns that are shown of each target.
const FEW: usize = 20;

async fn examine(app: &App) -> Result<Health, Failure> {
    app.fact(|facts| facts.health()).await
}

pub(crate) async fn health(State(app): State<App>) -> Result<Html<String>, Failure> {
    let Health { findings, targets } = examine(&app).await?;
    let given = alerts::all(&app).await?;
    let body = html! {
        h1 { "Health" }
        @if findings.is_empty() { p { "Nothing was examined." } }
        table.findings { tbody { @for finding in &findings { (row(finding)) } } }
        (alerts::section(&app, &given))
        @if !targets.is_empty() {
            h2 { "Targets" }
            @for target in &targets { (section(target)) }
        }
        p.pages { a href="/health.json" { "JSON" } }
    };
    Ok(layout::page("Health", false, &body))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Failure => "failure",
    }
}

fn row(finding: &Finding) -> Markup {
    html! {
        tr class=(word(finding.level)) {
            td.level { (word(finding.level)) }
            th scope="row" { (text::line(&finding.check, 40)) }
            td {
                (text::visible(&finding.message))
                @if let Some(command) = &finding.command { (text::block(command)) }
            }
        }
    }
}

fn section(target: &Target) -> Markup {
    html! {
        section {
            h3 { (text::line(&target.name, 60)) }
            dl.facts {
                div { dt { "queued" } dd { (target.queued) } }
                @if let Some(seconds) = target.oldest_seconds {
                    div { dt { "the oldest for" } dd { (format::duration(seconds.saturating_mul(1_000_000_000))) } }
                }
                div { dt { "accepted from the queue" } dd { (target.accepted) } }
                div { dt { "dead letters" } dd { (target.dead_letters.len()) } }
            }
            @if let Some(error) = &target.last_error { p.error { (text::visible(error)) } }
            @if !target.dead_letters.is_empty() {
                p { "When the target is mended, this sends them again:" }
                (text::block("arize-codex flush --rejected"))
                table.usage { tbody {
                    @for (trace, answer) in target.dead_letters.iter().take(FEW) {
                        tr {
                            td { a href=(format!("/turn/{trace}")) { code { (text::line(trace, 32)) } } }
                            td { (text::visible(answer)) }
                        }
                    }
                } }
            }
        }
    }
}

pub(crate) async fn health_json(State(app): State<App>) -> Result<Response, Failure> {
    let Health { findings, targets } = examine(&app).await?;
    let findings = findings.iter().map(|finding| {
        json!({
            "check": finding.check,
            "level": word(finding.level),
            "message": finding.message,
            "command": finding.command,
        })
    });
    let targets = targets.iter().map(|target| {
        let dead = target.dead_letters.iter();
        json!({
            "name": target.name,
            "queued": target.queued,
            "oldest_seconds": target.oldest_seconds,
            "accepted": target.accepted,
            "last_error": target.last_error,
            "dead_letters": dead
                .map(|(trace, answer)| json!({ "trace_id": trace, "answer": answer }))
                .collect::<Vec<_>>(),
        })
    });
    let given = alerts::all(&app).await?;
    Ok(super::json(&json!({
        "alerts": alerts::value(&given),
        "findings": findings.collect::<Vec<_>>(),
        "targets": targets.collect::<Vec<_>>(),
    })))
}
