//! How long turns, model calls and first tokens took.

use maud::{Markup, html};
use serde_json::{Value as Json, json as object};
use trace_store::usage::{Latencies, Times};

use crate::{chart, format, text};

/// A row for turns, and two for each model.
pub(super) fn table(latencies: &Latencies) -> Markup {
    let turns = (html! { "Turns" }, latencies.turns);
    let calls = latencies.calls.iter().flat_map(|(model, times)| {
        let model = if model.is_empty() { "(not known)" } else { model };
        let model = text::line(model, 60);
        [
            (html! { "Calls of " (model) }, times.whole),
            (html! { "First token of " (model) }, times.first_token),
        ]
    });
    let rows: Vec<(Markup, Times)> =
        std::iter::once(turns).chain(calls).filter(|(_, times)| times.count > 0).collect();
    let most = rows.iter().map(|(_, times)| times.p95).max().unwrap_or_default();
    let shown = |millis: u64| format::duration(millis.saturating_mul(1_000_000));
    html! {
        div.scroll tabindex="0" role="group" aria-label="how long it took" { table.usage {
            thead { tr {
                th { "Time of" } th.number { "Count" } th.number { "Median" } th.number { "95 %" }
                th.number { "Longest" } th { span.note { "95 %, beside the others" } }
            } }
            tbody {
                @for (name, times) in &rows {
                    tr {
                        th scope="row" { (name) }
                        td.number { (format::count(times.count.cast_signed())) }
                        td.number { (shown(times.median)) }
                        td.number { (shown(times.p95)) }
                        td.number { (shown(times.longest)) }
                        td { (chart::share(times.p95 as f64, most as f64)) }
                    }
                }
            }
        } }
        p.note {
            "Half of them took at most the median, 95 of 100 at most what stands under 95 %. "
            "The first token is that of calls where telemetry measured it."
        }
    }
}

pub(super) fn json(latencies: &Latencies) -> Json {
    let times = |times: &Times| {
        object!({ "count": times.count, "median": times.median, "p95": times.p95,
            "longest": times.longest })
    };
    let calls = latencies.calls.iter().map(|(model, calls)| {
        object!({ "model": model, "call": times(&calls.whole), "first_token": times(&calls.first_token) })
    });
    object!({ "turn": times(&latencies.turns), "models": calls.collect::<Vec<_>>() })
}
