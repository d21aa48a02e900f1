//! What a turn spent its time on.

use crate::span::UnixNanos;
use crate::turn::{Outcome, Step, ToolCall, Turn};

/// The time of a turn, in milliseconds, by what it waited for. The parts add up to its duration.
///
/// At a moment at which several things go on, the first in this order counts: a person, the model,
/// a retry, a tool. What went on at the end of a turn that just stopped is unknown. What is
/// left is the harness's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeSplit {
    /// A person had to allow something.
    pub human: u64,
    /// The model was answering.
    pub model: u64,
    /// A request had failed: the attempt, and the pause before the next one.
    pub retry: u64,
    /// A tool was running.
    pub tool: u64,
    /// It is unknown what was going on.
    pub unknown: u64,
    /// None of these.
    pub overhead: u64,
}

/// In the order in which they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Human,
    Model,
    Retry,
    Tool,
    Unknown,
}

type Interval = (UnixNanos, UnixNanos, Activity);

impl TimeSplit {
    /// Splits the time of a turn.
    pub fn of(turn: &Turn) -> Self {
        let intervals = intervals(turn);
        let mut cuts: Vec<UnixNanos> =
            intervals.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        cuts.extend([turn.start, turn.end]);
        cuts.retain(|cut| (turn.start..=turn.end).contains(cut));
        cuts.sort_unstable();
        cuts.dedup();
        let mut nanos = [0_u64; 5];
        for cut in cuts.windows(2) {
            let covering =
                intervals.iter().filter(|(from, to, _)| *from <= cut[0] && cut[1] <= *to);
            if let Some(activity) = covering.map(|(_, _, activity)| *activity as usize).min() {
                nanos[activity] += cut[1].since(cut[0]);
            }
        }
        let [human, model, retry, tool, unknown] = nanos.map(|nanos| nanos / 1_000_000);
        let all = turn.end.since(turn.start) / 1_000_000;
        // The roundings of the parts end up here as well.
        let overhead = all - human - model - retry - tool - unknown;
        Self { human, model, retry, tool, unknown, overhead }
    }
}

fn intervals(turn: &Turn) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut failed_since = None;
    for step in &turn.steps {
        match step {
            Step::Llm(call) => {
                if let Some(since) = failed_since.take() {
                    intervals.push((since, call.start, Activity::Retry));
                }
                if matches!(call.outcome, Outcome::Failed(_)) {
                    intervals.push((call.start, call.end, Activity::Retry));
                    failed_since = Some(call.end);
                } else {
                    intervals.push((call.start, call.end, Activity::Model));
                }
                call.tools.iter().for_each(|tool| push_tool(&mut intervals, tool));
            }
            Step::Tool(tool) => push_tool(&mut intervals, tool),
            Step::Compaction(_) => {}
        }
    }
    if let Some(since) = failed_since.filter(|_| matches!(turn.outcome, Outcome::Cancelled(_))) {
        // It was stopped before the next attempt.
        intervals.push((since, turn.end, Activity::Retry));
    }
    if let Some(since) = turn.silent_since {
        intervals.push((since, turn.end, Activity::Unknown));
    }
    intervals
}

fn push_tool(intervals: &mut Vec<Interval>, tool: &ToolCall) {
    intervals.push((tool.start, tool.end, Activity::Tool));
    if let Some(wait) = tool.approval_wait {
        intervals.push((tool.start, tool.start.plus(wait).min(tool.end), Activity::Human));
    }
    tool.nested.iter().for_each(|nested| push_tool(intervals, nested));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::LlmCall;

    fn at(millis: u64) -> UnixNanos {
        UnixNanos::from_millis(millis)
    }

    fn call(from: u64, to: u64, outcome: Outcome, tools: Vec<ToolCall>) -> Step {
        Step::Llm(LlmCall { start: at(from), end: at(to), outcome, tools, ..LlmCall::default() })
    }

    fn tool(from: u64, to: u64, wait: Option<u64>) -> ToolCall {
        let approval_wait = wait.map(|millis| millis * 1_000_000);
        ToolCall { start: at(from), end: at(to), approval_wait, ..ToolCall::default() }
    }

    fn check(steps: Vec<Step>, expected: [u64; 5]) {
        let [human, model, retry, tool, overhead] = expected;
        let turn = Turn { start: at(1000), end: at(2000), steps, ..Turn::default() };
        let expected = TimeSplit { human, model, retry, tool, unknown: 0, overhead };
        assert_eq!(TimeSplit::of(&turn), expected);
    }

    #[test]
    fn the_silence_of_a_turn_that_was_lost_is_a_retry_or_unknown() {
        let check =
            |steps: Vec<Step>, silent_since, [model, retry, tool, unknown, overhead]: [u64; 5]| {
                let turn = Turn {
                    start: at(1000),
                    end: at(9000),
                    silent_since,
                    steps,
                    outcome: Outcome::Cancelled("codex ended before the turn did".to_owned()),
                    ..Turn::default()
                };
                let expected = TimeSplit { human: 0, model, retry, tool, unknown, overhead };
                assert_eq!(TimeSplit::of(&turn), expected);
            };
        let failed = |from, to| {
            call(from, to, Outcome::Failed("error sending request".to_owned()), Vec::new())
        };
        check(vec![failed(1050, 1051), failed(1200, 1202)], Some(at(1202)), [0, 7950, 0, 0, 50]);
        check(Vec::new(), Some(at(1070)), [0, 0, 0, 7930, 70]);
        check(Vec::new(), None, [0, 0, 0, 0, 8000]);
        // A call or a tool was going on.
        let stopped = || Outcome::Cancelled("interrupted".to_owned());
        check(vec![call(1100, 9000, stopped(), Vec::new())], Some(at(1200)), [7900, 0, 0, 0, 100]);
        let tools = vec![tool(1500, 9000, None)];
        check(vec![call(1100, 1500, Outcome::Ok, tools)], Some(at(1500)), [400, 0, 7500, 0, 100]);
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        check(Vec::new(), [0, 0, 0, 0, 1000]);
        // One after the other, with gaps.
        let tools = vec![tool(1300, 1500, None)];
        check(
            vec![call(1100, 1300, Outcome::Ok, tools), call(1550, 1950, Outcome::Ok, Vec::new())],
            [0, 600, 0, 200, 200],
        );
        // Tools in parallel count once, a tool beside the model not at all, a person before a tool.
        let tools = vec![tool(1200, 1600, None), tool(1250, 1500, Some(100))];
        check(vec![call(1000, 1250, Outcome::Ok, tools)], [100, 250, 0, 250, 400]);
        // Failed attempts and the pauses after them.
        let failed = || Outcome::Failed("http 500".to_owned());
        check(
            vec![
                call(1000, 1100, failed(), Vec::new()),
                call(1300, 1350, failed(), Vec::new()),
                call(1600, 1900, Outcome::Ok, Vec::new()),
            ],
            [0, 300, 600, 0, 100],
        );
        // What lies outside the turn does not count.
        check(
            vec![call(500, 1100, Outcome::Ok, Vec::new()), Step::Tool(tool(1900, 3000, None))],
            [0, 100, 0, 100, 800],
        );
    }
}
