//! The first page: what goes on, what came since the last visit, what is spent and what is left.

use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Weekday;
use maud::{Markup, html};
use otlp_model::{UnixNanos, names};
use serde_json::json;
use trace_store::TraceStore;
use trace_store::usage::{TurnFilter, TurnRow, TurnStatus};
use usage::quota::{self, WindowState};
use usage::report::{By, Days, Filter, Group, Prices, RangeRequest, Report, Unit};

use super::failure::{self, Failure};
use super::{alerts, layout, turns};
use crate::choice::TurnChoice;
use crate::facts::BudgetUse;
use crate::serve::App;
use crate::{format, text};

/// When the browser was here last, in seconds since the Unix epoch. It is no secret.
const SEEN: &str = "arize-codex-seen";

/// Turns in each list.
const FEW: usize = 8;

/// Turns that are marked as going on and were begun longer ago are not shown: their end was not seen.
const RUNNING: u64 = 24 * 60 * 60;

struct Found {
    today: Group,
    month: Group,
    quota: Vec<WindowState>,
    running: Vec<TurnRow>,
    failed: Vec<TurnRow>,
    recent: Vec<TurnRow>,
    /// Turns since the last visit.
    new: Option<Vec<TurnRow>>,
}

impl Found {
    fn of(store: &TraceStore, app: &App, seen: Option<u64>) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let spent = |last: &str, unit: Unit| -> Result<Group, Failure> {
            let request = RangeRequest { last: Some(last.to_owned()), ..RangeRequest::default() };
            let days = Days::new(&request, unit, app.zone().clone(), Weekday::Monday, now)
                .map_err(|error| Failure::Choice(error.to_string()))?;
            let by = vec![By::Period(unit)];
            let report = Report::of(store, by, days, &Filter::default(), Prices::Recorded)?;
            Ok(report.total)
        };
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let ago = |length: u64| Some(UnixNanos(seconds.saturating_sub(length) * 1_000_000_000));
        let of = |statuses: &[TurnStatus], since: Option<UnixNanos>| {
            let filter = TurnFilter { statuses: statuses.to_vec(), since, ..TurnFilter::default() };
            store.turns(&filter, None, FEW)
        };
        Ok(Self {
            today: spent("1d", Unit::Day)?,
            month: spent("1m", Unit::Month)?,
            quota: quota::windows(&store.quota(now.as_second() - quota::OLDEST)?, now.as_second()),
            running: of(&[TurnStatus::Running], ago(RUNNING))?,
            failed: of(&[TurnStatus::Failed, TurnStatus::Interrupted], ago(7 * RUNNING))?,
            recent: of(&[], None)?,
            new: seen.map(|seen| of(&[], Some(UnixNanos(seen * 1_000_000_000)))).transpose()?,
        })
    }
}

async fn find(app: &App, seen: Option<u64>) -> Result<Found, Failure> {
    let of = app.clone();
    app.ask(move |store| Found::of(store, &of, seen)).await
}

pub(crate) async fn home(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let seen = seen(&headers);
    let found = find(&app, seen).await?;
    if found.recent.is_empty() && app.running().roots().is_empty() {
        return Ok(failure::empty().into_response());
    }
    let none = std::collections::HashMap::new();
    let list = |title: &str, more: &str, turns: &[TurnRow]| {
        html! {
            @if !turns.is_empty() {
                section {
                    h2 { a href=(more) { (title) } }
                    (turns::table(&app, turns, &none))
                }
            }
        }
    };
    let goes_on = app.running().roots();
    let failed = TurnChoice { status: "failed".to_owned(), ..TurnChoice::default() };
    let running = TurnChoice { status: "running".to_owned(), ..TurnChoice::default() };
    let few_alerts = alerts::few(&app).await?;
    let budgets = app.fact(|facts| facts.budgets()).await?;
    let body = html! {
        h1 { "Codex" }
        (cards(&app, &found, &budgets))
        (few_alerts)
        @if let Some(new) = &found.new {
            p {
                @if new.is_empty() { "No turn since your last visit." }
                @else if new.len() == FEW { "More than " (FEW - 1) " turns since your last visit." }
                @else if new.len() == 1 { "One turn since your last visit." }
                @else { (new.len()) " turns since your last visit." }
            }
        }
        @if !goes_on.is_empty() {
            section {
                h2 { "Going on" }
                ul.running {
                    @for root in &goes_on {
                        li {
                            a href=(format!("/turn/{}", root.trace_id)) {
                                (text::line(root.text(names::INPUT_VALUE).unwrap_or(&root.name), 120))
                            }
                            span.note { " since " (format::time(root.start, app.zone())) }
                        }
                    }
                }
            }
        } @else {
            (list("Going on", &running.address("/turns"), &found.running))
        }
        (list("Failed or stopped within a week", &failed.address("/turns"), &found.failed))
        (list("The last turns", "/turns", &found.recent))
    };
    let page = layout::page("Home", true, &body);
    let now = Timestamp::now().as_second();
    let cookie = format!("{SEEN}={now}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000");
    let mut answer = page.into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

fn cards(app: &App, found: &Found, budgets: &[BudgetUse]) -> Markup {
    let spent = |title: &str, group: &Group, last: &str| {
        let turns = group.turns.unwrap_or_default();
        html! {
            div {
                dt { a href=(format!("/usage?last={last}")) { (title) } }
                dd {
                    strong { (format::dollars(group.sums().cost.usd())) }
                    @if group.unpriced().calls > 0 { "+" }
                    span.note {
                        " " (format::plural(turns.turns, "turn")) ", " (format::count(group.sums().tokens())) " tokens"
                        @if turns.failed > 0 { ", " (turns.failed) " failed" }
                    }
                }
            }
        }
    };
    html! {
        dl.cards {
            (spent("today", &found.today, "1d"))
            (spent("this month", &found.month, "1m"))
            @for budget in budgets {
                div {
                    dt { "budget: " (text::line(&budget.scope, 30)) }
                    dd {
                        strong.error[budget.is_over] { (budget.percent) " % used" }
                        span.note { " " (text::line(&budget.text, 120)) }
                    }
                }
            }
            @for window in &found.quota {
                div {
                    dt { (text::line(&window.limit, 30)) " " (window.window.name()) }
                    dd {
                        strong { (format!("{:.0} % left", window.remaining_percent)) }
                        @if let Some(reset) = window.resets_at.and_then(|reset| u64::try_from(reset).ok()) {
                            span.note { " until " (format::time(UnixNanos(reset * 1_000_000_000), app.zone())) }
                        }
                    }
                }
            }
        }
    }
}

fn seen(headers: &HeaderMap) -> Option<u64> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SEEN)?.1.parse().ok()
}

pub(crate) async fn home_json(State(app): State<App>) -> Result<Response, Failure> {
    let found = find(&app, None).await?;
    let budgets = app.fact(|facts| facts.budgets()).await?;
    let budgets = budgets.iter().map(|budget| {
        json!({
            "scope": budget.scope,
            "percent": budget.percent,
            "text": budget.text,
            "is_over": budget.is_over,
        })
    });
    let spent = |group: &Group| {
        json!({
            "cost_usd": group.sums().cost.usd(),
            "calls_without_price": group.unpriced().calls,
            "tokens": group.sums().tokens(),
            "turns": group.turns.unwrap_or_default().turns,
            "failed": group.turns.unwrap_or_default().failed,
        })
    };
    let quota = found.quota.iter().map(|window| {
        json!({
            "limit": window.limit,
            "window": window.window.name(),
            "remaining_percent": window.remaining_percent,
            "resets_at": window.resets_at,
        })
    });
    Ok(super::json(&json!({
        "today": spent(&found.today),
        "month": spent(&found.month),
        "quota": quota.collect::<Vec<_>>(),
        "budgets": budgets.collect::<Vec<_>>(),
        "running": turns::turns_value(&found.running),
        "failed": turns::turns_value(&found.failed),
        "recent": turns::turns_value(&found.recent),
    })))
}
