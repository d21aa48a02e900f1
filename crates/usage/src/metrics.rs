//! Metrics in the text format of OpenMetrics, which Prometheus and what speaks its language scrape.
//!
//! Counters are the sums of the store, so that they go on where they were after a restart. Labels are
//! bounded: so many repositories, those that were recorded first, have series of their own, and all
//! others one together; a repository never changes sides, for a counter must not become less.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};
use trace_store::usage::{Place, QuotaReading, Sums, ToolSum, TurnCounts};
use trace_store::{QueryError, TraceStore};

use crate::quota;

/// So many repositories have series of their own.
pub const REPOSITORIES: usize = 50;

/// So many tools have series of their own.
const TOOLS: usize = 40;

const OTHER: &str = "other";

/// The queue of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// The target.
    pub target: String,
    /// Batches that are queued.
    pub queued: u64,
    /// How long the oldest of them is queued, in seconds.
    pub oldest_seconds: u64,
    /// Batches that the target refused for good.
    pub dead_letters: u64,
    /// Batches that it accepted, ever.
    pub accepted: u64,
    /// Batches that were given up.
    pub dropped: u64,
}

/// The metrics of a store and of the queues, at a time in seconds since the Unix epoch.
pub fn openmetrics(
    store: &TraceStore,
    queues: Vec<Queue>,
    version: &str,
    repositories: usize,
    now: i64,
) -> Result<String, QueryError> {
    let places = store.places()?;
    let rates = store.rates()?;
    let labels = Labels::new(&places, repositories);
    let mut used: BTreeMap<UsedLabels, Sums> = BTreeMap::new();
    for (place, rate, sums) in store.place_sums()? {
        let rate = rates.get(&rate).cloned().unwrap_or_default();
        let key = UsedLabels { at: labels.of(place), model: rate.model, tier: rate.tier };
        *used.entry(key).or_default() += sums;
    }
    let mut turns: BTreeMap<PlaceLabels, TurnCounts> = BTreeMap::new();
    for (place, counts) in store.place_turns()? {
        *turns.entry(labels.of(place)).or_default() += counts;
    }
    let snapshot = Snapshot {
        used,
        turns,
        tools: bounded(store.tool_sums()?),
        quota: store.quota(now - quota::OLDEST)?,
        last_turn: store.last_turn()?,
        queues,
        version: version.to_owned(),
        now,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    // A text can be written to without end.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

/// Where turns ran, as far as labels say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PlaceLabels {
    project: String,
    repository: String,
    user: String,
    machine: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct UsedLabels {
    at: PlaceLabels,
    model: String,
    tier: String,
}

struct Labels<'a> {
    places: &'a HashMap<i64, Place>,
    named: Vec<&'a str>,
}

impl<'a> Labels<'a> {
    fn new(places: &'a HashMap<i64, Place>, repositories: usize) -> Self {
        let mut ids: Vec<&i64> = places.keys().collect();
        ids.sort_unstable();
        let mut named: Vec<&str> = Vec::new();
        for repository in ids.into_iter().map(|id| places[id].repository.as_str()) {
            if named.len() < repositories && !named.contains(&repository) {
                named.push(repository);
            }
        }
        Self { places, named }
    }

    fn of(&self, place: i64) -> PlaceLabels {
        let place = self.places.get(&place).cloned().unwrap_or_default();
        let is_named = self.named.contains(&place.repository.as_str());
        PlaceLabels {
            project: place.project,
            repository: if is_named { place.repository } else { OTHER.to_owned() },
            user: place.user,
            machine: place.machine,
        }
    }
}

/// The tools by their names; those behind the first ones together. Names are fixed in Codex, but those
/// of MCP servers are their authors'.
fn bounded(sums: Vec<ToolSum>) -> BTreeMap<(String, String, bool), (u64, u64)> {
    let mut named: Vec<String> = sums.iter().map(|sum| sum.tool.clone()).collect();
    named.sort();
    named.dedup();
    named.truncate(TOOLS);
    let mut tools: BTreeMap<(String, String, bool), (u64, u64)> = BTreeMap::new();
    for ToolSum { project, tool, has_failed, calls, millis } in sums {
        let tool = if named.binary_search(&tool).is_ok() { tool } else { OTHER.to_owned() };
        let all = tools.entry((project, tool, has_failed)).or_default();
        *all = (all.0 + calls, all.1 + millis);
    }
    tools
}

#[derive(Debug)]
struct Snapshot {
    used: BTreeMap<UsedLabels, Sums>,
    turns: BTreeMap<PlaceLabels, TurnCounts>,
    tools: BTreeMap<(String, String, bool), (u64, u64)>,
    quota: Vec<QuotaReading>,
    last_turn: Option<i64>,
    queues: Vec<Queue>,
    version: String,
    now: i64,
}

impl Snapshot {
    fn tokens(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut family = Family::counter(encoder, "codex_tokens", "Tokens by kind.", None)?;
        for (labels, sums) in &self.used {
            // Kinds that do not overlap, so that their sum is what was used.
            let kinds = [
                ("input", sums.input - sums.cached_input - sums.cache_write_input),
                ("cached_input", sums.cached_input),
                ("cache_write", sums.cache_write_input),
                ("output", sums.output - sums.reasoning_output),
                ("reasoning", sums.reasoning_output),
            ];
            for (kind, tokens) in kinds {
                let further = [("kind", kind), ("model", &labels.model), ("tier", &labels.tier)];
                family.add(&labels.at, &further, count(tokens))?;
            }
        }
        Ok(())
    }

    fn calls_and_cost(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut family =
            Family::counter(encoder, "codex_model_calls", "Responses of models.", None)?;
        for (labels, sums) in &self.used {
            let further = [("model", &*labels.model), ("tier", &labels.tier)];
            family.add(&labels.at, &further, count(sums.calls))?;
        }
        let help = "API list price of the tokens, or the price of the user's own table. Calls \
                    without a known price cost nothing here.";
        let unit = Unit::Other("usd".to_owned());
        let mut family = Family::counter(encoder, "codex_cost", help, Some(&unit))?;
        for (labels, sums) in &self.used {
            let further = [("model", &*labels.model), ("tier", &labels.tier)];
            family.add(&labels.at, &further, sums.cost.usd().max(0.0))?;
        }
        Ok(())
    }

    fn turns(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut family = Family::counter(encoder, "codex_turns", "Turns by how they ended.", None)?;
        for (labels, counts) in &self.turns {
            let ended = counts.turns - counts.failed - counts.interrupted;
            let all =
                [("ended", ended), ("failed", counts.failed), ("interrupted", counts.interrupted)];
            for (status, turns) in all {
                family.add(labels, &[("status", status)], count(turns))?;
            }
        }
        let help = "Time that turns waited for a person, where it was measured.";
        let mut family = Family::counter(encoder, "codex_human_wait", help, Some(&Unit::Seconds))?;
        for (labels, counts) in &self.turns {
            family.add(labels, &[], counts.human_ms.max(0) as f64 / 1e3)?;
        }
        Ok(())
    }

    fn tools(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let outcome = |failed: bool| if failed { "failed" } else { "ok" };
        let mut family =
            Family::counter(encoder, "codex_tool_calls", "Calls of tools by outcome.", None)?;
        for ((project, tool, failed), (calls, _)) in &self.tools {
            let labels = [("project", &**project), ("tool", tool), ("outcome", outcome(*failed))];
            family.add_plain(&labels, *calls as f64)?;
        }
        let help = "Time in which tools ran.";
        let mut family = Family::counter(encoder, "codex_tool_time", help, Some(&Unit::Seconds))?;
        for ((project, tool, failed), (_, millis)) in &self.tools {
            let labels = [("project", &**project), ("tool", tool), ("outcome", outcome(*failed))];
            family.add_plain(&labels, *millis as f64 / 1e3)?;
        }
        Ok(())
    }

    fn quota(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let windows = quota::windows(&self.quota, self.now);
        let help = "Share of a limit of the subscription that is left, as of the last response.";
        let mut family =
            Family::gauge(encoder, "codex_quota_remaining", help, Some(&Unit::Ratios))?;
        for window in &windows {
            let labels = [("limit", &*window.limit), ("window", &window.window.name())];
            family.add_plain(&labels, window.remaining_percent / 100.0)?;
        }
        let help = "When a limit begins anew, in seconds since the Unix epoch.";
        let mut family = Family::gauge(encoder, "codex_quota_reset_timestamp", help, None)?;
        for window in &windows {
            let labels = [("limit", &*window.limit), ("window", &window.window.name())];
            if let Some(resets_at) = window.resets_at {
                family.add_plain(&labels, resets_at as f64)?;
            }
        }
        Ok(())
    }

    fn delivery(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let of_queues = [
            ("codex_delivery_queued", "Batches that are queued for a target."),
            ("codex_delivery_dead_letters", "Batches that a target refused for good."),
            ("codex_delivery_oldest_age", "How long the oldest batch is queued."),
        ];
        for (nth, (name, help)) in of_queues.into_iter().enumerate() {
            let unit = (nth == 2).then_some(Unit::Seconds);
            let mut family = Family::gauge(encoder, name, help, unit.as_ref())?;
            for queue in &self.queues {
                let value = [queue.queued, queue.dead_letters, queue.oldest_seconds][nth];
                family.add_plain(&[("target", &queue.target)], value as f64)?;
            }
        }
        let help = "Batches that a target accepted from its queue, or that were given up.";
        let mut family = Family::counter(encoder, "codex_delivery_batches", help, None)?;
        for queue in &self.queues {
            for (outcome, value) in [("accepted", queue.accepted), ("dropped", queue.dropped)] {
                let labels = [("target", &*queue.target), ("outcome", outcome)];
                family.add_plain(&labels, value as f64)?;
            }
        }
        Ok(())
    }

    fn about(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "When the last turn began, in seconds since the Unix epoch.";
        let mut family = Family::gauge(encoder, "codex_last_turn_timestamp", help, None)?;
        if let Some(last) = self.last_turn {
            family.add_plain(&[], last as f64)?;
        }
        let help = "The version of arize-codex; always 1.";
        let mut family = Family::gauge(encoder, "arize_codex_build", help, None)?;
        family.add_plain(&[("version", &self.version)], 1.0)
    }
}

/// The samples of one metric.
struct Family<'e> {
    encoder: MetricEncoder<'e>,
    is_counter: bool,
}

impl<'e> Family<'e> {
    fn counter(
        encoder: &'e mut DescriptorEncoder<'_>,
        name: &'e str,
        help: &str,
        unit: Option<&'e Unit>,
    ) -> Result<Self, Error> {
        let encoder = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
        Ok(Self { encoder, is_counter: true })
    }

    fn gauge(
        encoder: &'e mut DescriptorEncoder<'_>,
        name: &'e str,
        help: &str,
        unit: Option<&'e Unit>,
    ) -> Result<Self, Error> {
        let encoder = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        Ok(Self { encoder, is_counter: false })
    }

    fn add(&mut self, at: &PlaceLabels, further: &[(&str, &str)], value: f64) -> Result<(), Error> {
        let PlaceLabels { project, repository, user, machine } = at;
        let mut labels: Vec<(&str, &str)> = vec![
            ("project", project),
            ("repository", repository),
            ("user", user),
            ("machine", machine),
        ];
        labels.extend(further);
        self.add_plain(&labels, value)
    }

    fn add_plain(&mut self, labels: &[(&str, &str)], value: f64) -> Result<(), Error> {
        let labels = labels.to_vec();
        let mut sample = self.encoder.encode_family(&labels)?;
        match self.is_counter {
            true => sample.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>),
            false => sample.encode_gauge(&value),
        }
    }
}

fn count(number: i64) -> f64 {
    number.max(0) as f64
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.tokens(&mut encoder)?;
        self.calls_and_cost(&mut encoder)?;
        self.turns(&mut encoder)?;
        self.tools(&mut encoder)?;
        self.quota(&mut encoder)?;
        self.delivery(&mut encoder)?;
        self.about(&mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(repositories: &[&str]) -> HashMap<i64, Place> {
        let place =
            |repository: &&str| Place { repository: (*repository).to_owned(), ..Place::default() };
        (1..).zip(repositories.iter().map(place)).collect()
    }

    #[test]
    fn the_first_repositories_keep_series_of_their_own() {
        let of = |places: &HashMap<i64, Place>, number: i64| {
            Labels::new(places, 2).of(number).repository
        };
        let first = places(&["a", "b", "a"]);
        assert_eq!([1, 2, 3].map(|number| of(&first, number)), ["a", "b", "a"]);
        let later = places(&["a", "b", "a", "c", "d"]);
        assert_eq!([1, 2, 3, 4, 5].map(|number| of(&later, number)), ["a", "b", "a", OTHER, OTHER]);
    }

    #[test]
    fn what_others_name_cannot_break_out_of_a_label() {
        let mut text = String::new();
        let snapshot = Snapshot {
            used: BTreeMap::new(),
            turns: BTreeMap::new(),
            tools: BTreeMap::from([(("p".to_owned(), "a\"} 1\n\\".to_owned(), true), (3, 1500))]),
            quota: Vec::new(),
            last_turn: None,
            queues: Vec::new(),
            version: "0.1.0".to_owned(),
            now: 0,
        };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(snapshot));
        encode(&mut text, &registry).unwrap();
        let calls: Vec<&str> =
            text.lines().filter(|line| line.starts_with("codex_tool_calls_total")).collect();
        let escaped =
            r#"codex_tool_calls_total{project="p",tool="a\"} 1\n\\",outcome="failed"} 3.0"#;
        assert_eq!(calls, [escaped]);
    }
}
