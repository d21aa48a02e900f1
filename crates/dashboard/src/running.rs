//! Turns that go on, which no store has yet.

use std::sync::{Arc, Mutex, PoisonError};

use otlp_model::{Span, SpanBatch, TraceId};

/// The turns that go on, as far as they were read. Copies share them: one side fills it, the other shows
/// it.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    batches: Vec<SpanBatch>,
    version: u64,
}

impl Running {
    /// These turns go on, and no others.
    pub fn set(&self, batches: Vec<SpanBatch>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.batches != batches {
            state.version += 1;
            state.batches = batches;
        }
    }

    /// Another number after each change.
    pub(crate) fn version(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).version
    }

    /// The roots of the turns that go on.
    pub(crate) fn roots(&self) -> Vec<Span> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.batches.iter().filter_map(|batch| batch.spans.first().cloned()).collect()
    }

    /// The spans of the one trace that goes on and whose id begins with these digits; none where there are
    /// several.
    pub(crate) fn spans(&self, id: &str) -> Vec<Span> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |trace: TraceId| !id.is_empty() && trace.to_string().starts_with(id);
        let spans = state.batches.iter().flat_map(|batch| &batch.spans);
        let spans: Vec<&Span> = spans.filter(|span| is_meant(span.trace_id)).collect();
        let is_one = spans.windows(2).all(|two| two[0].trace_id == two[1].trace_id);
        if is_one { spans.into_iter().cloned().collect() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::{TreeOptions, Turn};

    use super::*;

    #[test]
    fn digits_that_two_traces_begin_with_mean_neither() {
        let running = Running::default();
        let batch = |trace: u8| {
            let mut batch = SpanBatch::of(&Turn::default(), "p", &TreeOptions::default());
            for span in &mut batch.spans {
                span.trace_id = TraceId([0xab, trace, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            batch
        };
        running.set(vec![batch(1), batch(2), batch(2)]);
        assert_eq!(running.spans("ab").len(), 0);
        assert_eq!((running.spans("ab01").len(), running.spans("ab02").len()), (1, 2));
        assert_eq!(running.spans("").len(), 0);
    }
}
