//! Which turns a target gets, where it is not to get all.

use crate::ids::TraceId;
use crate::turn::{Outcome, Turn};

/// A share of all traces, and what is kept whatever the share says.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The share that is kept, from 0 to 1.
    pub ratio: f64,
    /// Keeps turns that failed or were stopped.
    pub keep_errors: bool,
    /// Keeps turns that cost more, in US dollars.
    pub keep_over_cost_usd: Option<f64>,
    /// Keeps turns that took longer, in seconds.
    pub keep_over_seconds: Option<f64>,
}

impl Default for Sampling {
    /// Keeps everything.
    fn default() -> Self {
        Self { ratio: 1.0, keep_errors: true, keep_over_cost_usd: None, keep_over_seconds: None }
    }
}

impl Sampling {
    /// Whether a turn is kept. Its trace's id decides about the share, so that all turns
    /// of a trace are kept or dropped together, at any time and by any program that samples by the same rule
    /// (OpenTelemetry's consistent probability sampling).
    pub fn keeps(&self, turn: &Turn) -> bool {
        let is_error = matches!(turn.outcome, Outcome::Failed(_) | Outcome::Cancelled(_));
        let seconds = turn.end.since(turn.start) as f64 / 1e9;
        self.keeps_trace(turn.trace_id())
            || (is_error && self.keep_errors)
            || self.keep_over_seconds.is_some_and(|most| seconds > most)
            || self
                .keep_over_cost_usd
                .is_some_and(|most| turn.cost().is_some_and(|cost| cost > most))
    }

    /// The last 56 bits of the id are random; those at or above a threshold are kept.
    fn keeps_trace(&self, trace_id: TraceId) -> bool {
        const ALL: f64 = (1_u64 << 56) as f64;
        let mut random = [0; 8];
        random[1..].copy_from_slice(&trace_id.0[9..]);
        let threshold = ((1.0 - self.ratio.clamp(0.0, 1.0)) * ALL) as u64;
        u64::from_be_bytes(random) >= threshold && self.ratio > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::UnixNanos;
    use crate::turn::{Cost, LlmCall, Step};

    fn turn(seconds: u64, cost: f64, outcome: Outcome) -> Turn {
        let cost = Some(Cost { output: cost, ..Cost::default() });
        Turn {
            end: UnixNanos(seconds * 1_000_000_000),
            outcome,
            steps: vec![Step::Llm(LlmCall { cost, ..LlmCall::default() })],
            ..Turn::default()
        }
    }

    fn share(ratio: f64) -> Sampling {
        Sampling { ratio, ..Sampling::default() }
    }

    fn trace(number: usize) -> TraceId {
        TraceId::derive(&[&number.to_string()])
    }

    #[test]
    fn the_share_of_traces_is_kept_and_a_smaller_one_is_within_a_larger() {
        let kept = |ratio| {
            let sampling = share(ratio);
            (0..10_000).filter(|n| sampling.keeps_trace(trace(*n))).collect::<Vec<_>>()
        };
        assert_eq!((kept(0.0).len(), kept(1.0).len()), (0, 10_000));
        let (tenth, half) = (kept(0.1), kept(0.5));
        assert!((900..1100).contains(&tenth.len()) && (4800..5200).contains(&half.len()));
        assert!(tenth.iter().all(|number| half.contains(number)));
    }

    #[test]
    fn the_last_bits_of_the_id_decide() {
        let id = |last: u8| TraceId([0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, last, 0, 0, 0, 0, 0, 1]);
        assert!(share(0.5).keeps_trace(id(0x80)));
        assert!(!share(0.5).keeps_trace(id(0x7f)));
    }

    #[test]
    fn what_matters_is_kept_whatever_the_share() {
        let check = |sampling: Sampling, turn: Turn, kept: bool| {
            assert_eq!(sampling.keeps(&turn), kept, "{sampling:?}");
        };
        let failed = || Outcome::Failed("http 500".to_owned());
        let stopped = Outcome::Cancelled("interrupted".to_owned());
        check(share(0.0), turn(1, 0.1, Outcome::Ok), false);
        check(share(0.0), turn(1, 0.1, failed()), true);
        check(share(0.0), turn(1, 0.1, stopped), true);
        check(Sampling { keep_errors: false, ..share(0.0) }, turn(1, 0.1, failed()), false);
        let costly = Sampling { keep_over_cost_usd: Some(1.0), ..share(0.0) };
        check(costly.clone(), turn(1, 1.0, Outcome::Ok), false);
        check(costly, turn(1, 1.5, Outcome::Ok), true);
        let long = Sampling { keep_over_seconds: Some(300.0), ..share(0.0) };
        check(long.clone(), turn(300, 9.0, Outcome::Ok), false);
        check(long, turn(301, 0.0, Outcome::Ok), true);
    }
}
