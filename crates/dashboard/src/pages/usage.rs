//! What was used, as a table and as charts: the figures of `arize-codex report`.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use jiff::Timestamp;
use jiff::civil::Weekday;
use maud::{Markup, html};
use serde::Deserialize;
use trace_store::usage::{Latencies, ToolSum, TurnFilter, TurnRank, TurnRow};
use usage::report::{By, Days, Filter, Group, Prices, RangeRequest, Report, Unit, json};

use super::failure::Failure;
use super::{layout, times, turns};
use crate::choice::{TurnChoice, address};
use crate::serve::App;
use crate::{chart, format, text};

/// Rows that are shown; a report for programs has all.
const ROWS: usize = 200;

/// The most expensive and the longest turns.
const TOP: usize = 10;

/// What a report is about, as its address says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    by: String,
    last: String,
    since: String,
    until: String,
    project: String,
    repository: String,
    branch: String,
    folder: String,
    user: String,
    tag: String,
    model: String,
}

impl Choice {
    fn by(&self) -> Result<By, Failure> {
        let by = if self.by.is_empty() { "day" } else { &self.by };
        by.parse().map_err(|error: usage::report::UnknownBy| Failure::Choice(error.to_string()))
    }

    fn days(&self, app: &App) -> Result<Days, Failure> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let request = RangeRequest {
            since: given(&self.since),
            until: given(&self.until),
            last: given(&self.last).filter(|last| last != "all"),
            all: self.last == "all",
        };
        let unit = match self.by()? {
            By::Period(unit) => unit,
            _ => Unit::Day,
        };
        let zone = app.zone().clone();
        Days::new(&request, unit, zone, Weekday::Monday, Timestamp::now())
            .map_err(|error| Failure::Choice(error.to_string()))
    }

    fn filter(&self) -> Filter {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        Filter {
            project: given(&self.project),
            repository: given(&self.repository),
            branch: given(&self.branch),
            folder: given(&self.folder),
            user: given(&self.user),
            tag: given(&self.tag),
            model: given(&self.model),
            session: None,
        }
    }

    fn address(&self, path: &str) -> String {
        let fields = [
            ("by", &self.by),
            ("last", &self.last),
            ("since", &self.since),
            ("until", &self.until),
            ("project", &self.project),
            ("repository", &self.repository),
            ("branch", &self.branch),
            ("folder", &self.folder),
            ("user", &self.user),
            ("tag", &self.tag),
            ("model", &self.model),
        ];
        address(path, &fields.map(|(name, value)| (name, value.as_str())))
    }

    /// The turns that a report is of, as far as lists choose so.
    fn turns(&self, days: &Days) -> TurnFilter {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let range = days.range();
        let nanos = |second: i64| u64::try_from(second).ok()?.checked_mul(1_000_000_000);
        let time = |quarter: trace_store::usage::Quarter| {
            nanos(quarter.begin()).map(otlp_model::UnixNanos)
        };
        TurnFilter {
            since: days.since.and_then(|_| time(range.since)),
            until: days.until.and_then(|_| time(range.until)),
            project: given(&self.project),
            repository: given(&self.repository),
            branch: given(&self.branch),
            user: given(&self.user),
            folder: given(&self.folder),
            tag: given(&self.tag),
            model: given(&self.model),
            with_sub_agents: true,
            ..TurnFilter::default()
        }
    }
}

struct Found {
    report: Report,
    tools: Vec<ToolSum>,
    expensive: Vec<TurnRow>,
    longest: Vec<TurnRow>,
    latencies: Latencies,
}

async fn find(app: &App, choice: &Choice) -> Result<Found, Failure> {
    let (by, days, filter) = (choice.by()?, choice.days(app)?, choice.filter());
    let turns = choice.turns(&days);
    app.ask(move |store| {
        Ok(Found {
            report: Report::of(store, vec![by], days, &filter, Prices::Recorded)?,
            tools: store.tool_sums()?,
            expensive: store.top_turns(&turns, TurnRank::Cost, TOP)?,
            longest: store.top_turns(&turns, TurnRank::Duration, TOP)?,
            latencies: store.latencies(&turns)?,
        })
    })
    .await
}

pub(crate) async fn usage_json(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let found = find(&app, &choice).await?;
    let mut report = json(&found.report, None, None);
    report["latency_ms"] = times::json(&found.latencies);
    Ok(super::json(&report))
}

pub(crate) async fn usage(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Failure> {
    let by = choice.by()?;
    let found = find(&app, &choice).await?;
    let Found { report, tools, expensive, longest, latencies } = &found;
    let no_hits = std::collections::HashMap::new();
    let body = html! {
        h1 { "Usage" }
        (form(&choice, by))
        (totals(&report.total))
        @if let By::Period(unit) = by { (columns(report, unit)) }
        (rows(report, by, &choice))
        p.note {
            "Amounts are the API's list prices, or those of your own table, also where a subscription pays. "
            "Days begin at midnight in " (text::line(&report.days.zone_name(), 40)) ". "
            a href=(choice.address("/usage.json")) { "JSON" }
        }
        @if latencies.turns.count > 0 { section { h2 { "How long it took" } (times::table(latencies)) } }
        @if !expensive.is_empty() {
            section { h2 { "The most expensive turns" } (turns::table(&app, expensive, &no_hits)) }
            section { h2 { "The longest turns" } (turns::table(&app, longest, &no_hits)) }
        }
        @if !tools.is_empty() { section { h2 { "Tools, of all time" } (tool_table(tools)) } }
    };
    Ok(layout::page("Usage", true, &body))
}

fn form(choice: &Choice, by: By) -> Markup {
    let ranges = [
        ("7d", "7 days"),
        ("30d", "30 days"),
        ("12w", "12 weeks"),
        ("12m", "12 months"),
        ("all", "all time"),
    ];
    let narrowed = [
        ("project", &choice.project),
        ("repository", &choice.repository),
        ("branch", &choice.branch),
        ("folder", &choice.folder),
        ("user", &choice.user),
        ("model", &choice.model),
    ];
    html! {
        nav.by aria-label="rows for" {
            @for known in By::ALL {
                @let this = Choice { by: known.name().to_owned(), ..choice.clone() };
                a href=(this.address("/usage")) aria-current=[(*known == by).then_some("page")] { (known.name()) }
            }
        }
        nav.by aria-label="range" {
            @for (last, name) in ranges {
                @let this = Choice { last: last.to_owned(), since: String::new(), until: String::new(), ..choice.clone() };
                a href=(this.address("/usage")) aria-current=[(choice.last == last).then_some("page")] { (name) }
            }
        }
        form.filters action="/usage" method="get" {
            input type="hidden" name="by" value=(by.name());
            @for (name, value) in narrowed {
                @if !value.is_empty() {
                    label { (name) " " input type="text" name=(name) value=(value); }
                }
            }
            label { "From " input type="date" name="since" value=(choice.since); }
            label { "To " input type="date" name="until" value=(choice.until); }
            button { "Show" }
            @if narrowed.iter().any(|(_, value)| !value.is_empty()) { " " a href="/usage" { "all" } }
        }
    }
}

fn totals(total: &Group) -> Markup {
    let sums = total.sums();
    let turns = total.turns.unwrap_or_default();
    html! {
        dl.facts.cards {
            div { dt { "cost" } dd { (cost(total)) } }
            div { dt { "tokens" } dd { (format::count(sums.tokens())) } }
            div { dt { "input from the cache" } dd { (format::share(sums.cached_input, sums.input)) } }
            @if total.turns.is_some() {
                div { dt { "turns" } dd { (format::count(turns.turns)) } }
                div { dt { "failed" } dd { (format::count(turns.failed)) } }
                div { dt { "interrupted" } dd { (format::count(turns.interrupted)) } }
                @if turns.human_ms > 0 { div { dt { "waited for you" } dd { (format::duration(turns.human_ms.unsigned_abs().saturating_mul(1_000_000))) } } }
            }
            div { dt { "model calls" } dd { (format::count(sums.calls)) } }
        }
    }
}

/// The cost of a group, with a sign where calls have no price.
fn cost(group: &Group) -> Markup {
    let unpriced = group.unpriced();
    html! {
        @if group.has_prices() { (format::dollars(group.sums().cost.usd())) } @else { "–" }
        @if unpriced.calls > 0 {
            span title=(format!("{} calls have no known price", unpriced.calls)) { "+" }
        }
    }
}

fn columns(report: &Report, unit: Unit) -> Markup {
    let bars: Vec<chart::Bar> = report
        .rows
        .iter()
        .map(|row| chart::Bar {
            label: row.key.join(" "),
            value: row.group.sums().cost.usd(),
            shown: format::dollars(row.group.sums().cost.usd()),
        })
        .collect();
    chart::columns(
        match unit {
            Unit::Day => "Cost of each day",
            Unit::Week => "Cost of each week",
            Unit::Month => "Cost of each month",
        },
        &bars,
    )
}

fn rows(report: &Report, by: By, choice: &Choice) -> Markup {
    let most = report.rows.iter().map(|row| row.group.sums().cost.usd()).fold(0.0, f64::max);
    let has_turns = report.total.turns.is_some();
    let is_period = matches!(by, By::Period(_));
    let shown: Vec<_> = match is_period {
        true => report.rows.iter().rev().take(ROWS).collect(),
        false => report.rows.iter().take(ROWS).collect(),
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label="what was used" { table.usage {
            thead { tr {
                th { (by.name()) }
                @if has_turns { th.number { "Turns" } th.number { "Failed" } }
                th.number { "Calls" } th.number { "Input" } th.number { "Cached" } th.number { "Output" }
                th.number { "Tokens" } th.number { "Cost" } th { span.note { "share" } }
            } }
            tbody {
                @for row in &shown {
                    @let sums = row.group.sums();
                    tr {
                        th scope="row" { (name(&row.key.join(" "), by, choice)) }
                        @if has_turns {
                            @let turns = row.group.turns.unwrap_or_default();
                            td.number { (format::count(turns.turns)) }
                            td.number { (format::count(turns.failed)) }
                        }
                        td.number { (format::count(sums.calls)) }
                        td.number { (format::count(sums.input)) }
                        td.number { (format::share(sums.cached_input, sums.input)) }
                        td.number { (format::count(sums.output)) }
                        td.number { (format::count(sums.tokens())) }
                        td.number { (cost(&row.group)) }
                        td { (chart::share(sums.cost.usd(), most)) }
                    }
                }
            }
        } }
        @if report.rows.is_empty() { p { "Nothing was used in this time." } }
        @if report.rows.len() > ROWS {
            p.note { (ROWS) " of " (report.rows.len()) " rows; all are in the JSON." }
        }
    }
}

/// The name of a row, which leads to what it is made of.
fn name(key: &str, by: By, choice: &Choice) -> Markup {
    let shown = if key.is_empty() { "(not known)" } else { key };
    let narrowed = |set: fn(&mut Choice, String)| {
        let mut next = Choice { by: "day".to_owned(), ..choice.clone() };
        set(&mut next, key.to_owned());
        next.address("/usage")
    };
    let link = match by {
        _ if key.is_empty() => None,
        By::Project => Some(narrowed(|choice, key| choice.project = key)),
        By::Repository => Some(narrowed(|choice, key| choice.repository = key)),
        By::Folder => Some(narrowed(|choice, key| choice.folder = key)),
        By::User => Some(narrowed(|choice, key| choice.user = key)),
        By::Model => Some(narrowed(|choice, key| choice.model = key)),
        By::Session => Some(address("/session", &[("id", key)])),
        By::Period(Unit::Day) => {
            let day = TurnChoice {
                since: key.to_owned(),
                until: key.to_owned(),
                project: choice.project.clone(),
                repository: choice.repository.clone(),
                branch: choice.branch.clone(),
                folder: choice.folder.clone(),
                model: choice.model.clone(),
                user: choice.user.clone(),
                ..TurnChoice::default()
            };
            Some(day.address("/turns"))
        }
        _ => None,
    };
    html! {
        @match link {
            Some(link) => a href=(link) { (text::line(shown, 60)) },
            None => (text::line(shown, 60)),
        }
    }
}

fn tool_table(tools: &[ToolSum]) -> Markup {
    let mut all: std::collections::BTreeMap<&str, (u64, u64, u64)> =
        std::collections::BTreeMap::new();
    for sum in tools {
        let tool = all.entry(&sum.tool).or_default();
        tool.0 += sum.calls;
        tool.1 += if sum.has_failed { sum.calls } else { 0 };
        tool.2 += sum.millis;
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, (calls, _, _))| std::cmp::Reverse(*calls));
    html! {
        div.scroll tabindex="0" role="group" aria-label="tools" { table.usage {
            thead { tr { th { "Tool" } th.number { "Calls" } th.number { "Failed" } th.number { "Time" } } }
            tbody {
                @for (tool, (calls, failed, millis)) in all.into_iter().take(ROWS) {
                    @let turns = TurnChoice { tool: tool.to_owned(), ..TurnChoice::default() };
                    tr {
                        th scope="row" { a href=(turns.address("/turns")) { (text::line(tool, 60)) } }
                        td.number { (calls) }
                        td.number { (failed) }
                        td.number { (format::duration(millis.saturating_mul(1_000_000))) }
                    }
                }
            }
        } }
    }
}
