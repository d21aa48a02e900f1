//! What responses cost, as the transcript counts it.
//!
//! Since Codex 0.153 each response has a `token_usage_record`; before that, and beside it, there are
//! `token_count` events with the thread's total and what the last response added to it.

use std::hash::{DefaultHasher, Hash, Hasher};

use otlp_model::UnixNanos;
use otlp_model::turn::Usage;
use serde_json::Value as Json;

use super::Transcript;
use super::responses::Entry;
use crate::json;

/// A thread's cumulative count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    /// All tokens, as far as they were counted.
    tokens: u64,
    /// Whether the transcript says so: it tells totals.
    is_known: bool,
    /// What they are made of; none where reading went on after they were counted.
    usage: Option<Usage>,
}

impl Total {
    /// The count at a place from which reading goes on.
    pub(super) fn at(tokens: Option<u64>) -> Self {
        Self {
            tokens: tokens.unwrap_or_default(),
            is_known: tokens.is_some(),
            usage: tokens.is_none().then(Usage::default),
        }
    }

    /// For the place from which reading goes on.
    fn known(self) -> Option<u64> {
        self.is_known.then_some(self.tokens)
    }

    /// The count after a `token_count` event, and whether it is a new one.
    fn after(self, known: Option<u64>, usage: Option<Usage>, last: Option<Usage>) -> (Self, bool) {
        match (known, last) {
            (Some(tokens), _) => {
                let usage = usage.or(self.usage);
                (Self { tokens, is_known: true, usage }, tokens != self.tokens)
            }
            // Some programs write no totals. Where there were some, this event has lost its own.
            (None, Some(last)) if !self.is_known => {
                let tokens = self.tokens.saturating_add(last.total());
                (Self { tokens, ..self }, true)
            }
            (None, _) => (self, false),
        }
    }

    /// Whether a count of `total` tokens may be the next one, or this one again.
    pub(super) fn leads_to(self, total: u64, added: u64) -> bool {
        total == self.tokens || total == self.tokens.saturating_add(added)
    }
}

impl Transcript {
    pub(super) fn usage_record(&mut self, record: &Json, time: UnixNanos) -> Result<(), String> {
        let usage = record.get("usage").and_then(usage).ok_or("a usage record without usage")?;
        let response_id = json::text(record, &["response_id"]).map(str::to_owned);
        if let Some(open) = self.open.current_mut() {
            // A record that was written twice. Some providers give all responses the same id: the
            // total tells them apart.
            if let Some(total) = record.get("thread_token_usage").filter(|total| total.is_object())
                && !open.usage_records.insert(hash(&(&response_id, total.to_string())))
            {
                return Ok(());
            }
            open.has_usage_records = true;
        }
        let entry = Entry::Usage { usage, response_id, at: time, record: true };
        self.open.push(record, entry, time);
        Ok(())
    }

    /// Old versions write each count twice, and once more before the next response: only a change
    /// of the thread's total is a response. What other programs write may lack one of the two.
    pub(super) fn token_count(&mut self, event: &Json, time: UnixNanos) {
        self.note_rate_limits(event, time);
        let Some(info) = event.get("info").filter(|info| info.is_object()) else { return };
        let tokens = json::number(info, &["total_token_usage", "total_tokens"]);
        let total = info.get("total_token_usage").and_then(usage);
        let last = info.get("last_token_usage").and_then(usage);
        if let (Some(tokens), Some(last)) = (tokens, last) {
            self.open.select_by_total(tokens, last.total());
        }
        let before = self.open.current().map_or(self.total, |open| open.total);
        let (now, is_new) = before.after(tokens, total, last);
        self.total = now;
        self.at.total_tokens = now.known();
        if let Some(open) = self.open.current_mut() {
            open.total = now;
        }
        let added = || difference(total?, before.usage?);
        let usage = last.or_else(added).filter(|usage| is_new && usage.total() > 0);
        if let Some(usage) = usage {
            let entry = Entry::Usage { usage, response_id: None, at: time, record: false };
            self.open.push_to_current(entry, time);
        }
    }
}

fn usage(value: &Json) -> Option<Usage> {
    let number = |key: &str| json::number(value, &[key]);
    Some(Usage {
        input: number("input_tokens")?,
        cached_input: number("cached_input_tokens").unwrap_or(0),
        cache_write_input: number("cache_write_input_tokens").unwrap_or(0),
        output: number("output_tokens")?,
        reasoning_output: number("reasoning_output_tokens").unwrap_or(0),
    })
}

/// What was added to a total; none where it is another thread's, which is smaller.
fn difference(now: Usage, before: Usage) -> Option<Usage> {
    Some(Usage {
        input: now.input.checked_sub(before.input)?,
        cached_input: now.cached_input.checked_sub(before.cached_input)?,
        cache_write_input: now.cache_write_input.checked_sub(before.cache_write_input)?,
        output: now.output.checked_sub(before.output)?,
        reasoning_output: now.reasoning_output.checked_sub(before.reasoning_output)?,
    })
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
