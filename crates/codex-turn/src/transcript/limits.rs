//! The rate limits of a subscription, as Codex notes them with each response.

use otlp_model::UnixNanos;
use serde_json::Value as Json;

use super::Transcript;
use crate::json;

/// What a response said of the limits of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimits {
    /// When.
    pub at: UnixNanos,
    /// Which limits these are, such as `codex`.
    pub limit: String,
    /// The plan, where it is named.
    pub plan: Option<String>,
    /// What stands in the first place.
    pub primary: Option<LimitWindow>,
    /// What stands in the second place.
    pub secondary: Option<LimitWindow>,
}

/// How much of a window is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitWindow {
    /// Per cent.
    pub used_percent: f64,
    /// Its length in minutes; old versions write the minutes that remain.
    pub minutes: Option<u64>,
    /// When it begins anew, in seconds since the Unix epoch.
    pub resets_at: Option<u64>,
}

impl Transcript {
    /// What responses said of rate limits since this was asked last; only what changed.
    pub fn take_rate_limits(&mut self) -> Vec<RateLimits> {
        std::mem::take(&mut self.limits)
    }

    /// Takes in what a `token_count` event says of rate limits. Without a subscription it is nothing.
    pub(super) fn note_rate_limits(&mut self, event: &Json, at: UnixNanos) {
        let Some(limits) = event.get("rate_limits") else { return };
        let window = |slot: &str| window(limits.get(slot)?, at);
        let (primary, secondary) = (window("primary"), window("secondary"));
        if primary.is_none() && secondary.is_none() {
            return;
        }
        let found = RateLimits {
            at,
            limit: json::text(limits, &["limit_id"]).unwrap_or("codex").to_owned(),
            plan: json::text(limits, &["plan_type"]).map(str::to_owned),
            primary,
            secondary,
        };
        let is_known =
            self.limits.last().is_some_and(|last| RateLimits { at, ..last.clone() } == found);
        if !is_known {
            self.limits.push(found);
        }
    }
}

fn window(window: &Json, at: UnixNanos) -> Option<LimitWindow> {
    let used_percent = window.get("used_percent")?.as_f64().filter(|used| used.is_finite())?;
    let number = |key: &str| json::number(window, &[key]);
    let resets_in = || Some(at.0 / 1_000_000_000 + number("resets_in_seconds")?);
    Some(LimitWindow {
        used_percent,
        minutes: number("window_minutes"),
        resets_at: number("resets_at").or_else(resets_in),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Checkpoint, ThreadMeta};
    use super::*;

    #[test]
    fn limits_are_taken_as_they_change() {
        let event = |second: u32, limits: &str| {
            format!(
                r#"{{"timestamp":"2026-11-20T10:00:{second:02}Z","type":"event_msg","payload":{{"type":"token_count","info":null,"rate_limits":{limits}}}}}"#
            )
        };
        let known = r#"{"limit_id":"codex","plan_type":"plus","primary":{"used_percent":12.5,"window_minutes":300,"resets_at":1795000000},"secondary":{"used_percent":40,"window_minutes":10080,"resets_in_seconds":60}}"#;
        let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
        transcript.read_all([
            event(1, "null"),
            event(2, r#"{"primary":null,"secondary":null}"#),
            event(3, known),
            event(3, known),
            event(4, r#"{"primary":{"used_percent":"odd"},"secondary":{"used_percent":41.0}}"#),
        ]);
        let found = transcript.take_rate_limits();
        assert_eq!(found.len(), 2, "{found:?}");
        let reset = 1_795_168_863;
        assert_eq!(
            found[0],
            RateLimits {
                at: UnixNanos((reset - 60) * 1_000_000_000),
                limit: "codex".to_owned(),
                plan: Some("plus".to_owned()),
                primary: Some(LimitWindow {
                    used_percent: 12.5,
                    minutes: Some(300),
                    resets_at: Some(1_795_000_000)
                }),
                secondary: Some(LimitWindow {
                    used_percent: 40.0,
                    minutes: Some(10080),
                    resets_at: Some(reset)
                }),
            }
        );
        assert_eq!((found[1].primary, found[1].limit.as_str()), (None, "codex"));
        assert!(transcript.take_rate_limits().is_empty());
    }
}
