//! The rules.

use otlp_model::Turn;
use otlp_model::turn::{Outcome, Step, ToolCall};

use crate::changes::may_change;
use crate::facts::dollars;
use crate::loops::{self, Call, Loop, Repeats};
use crate::{Alert, Amounts, CallName, Facts, Kind, Thresholds, Used};

/// So many calls are named as evidence.
const NAMED: usize = 20;

/// What is quoted of the arguments of a call, in characters.
const QUOTED: usize = 500;

/// A name of a tool in a text, in characters.
const NAME: usize = 60;

/// A window that begins anew this much later is the same one, in seconds.
const SAME_WINDOW: i64 = 600;

/// The alerts for which there is a reason, whether they were given before or not.
pub fn examine(facts: &Facts<'_>, thresholds: &Thresholds) -> Vec<Alert> {
    let turn = facts.turn;
    let calls: Vec<&ToolCall> = turn.tool_calls().collect();
    let mut alerts = looping(turn, &calls, thresholds);
    alerts.extend(runaway(Kind::RunawayTurn, turn, Used::by(turn), thresholds.turn));
    alerts.extend(runaway(Kind::RunawaySession, turn, facts.session, thresholds.session));
    alerts.extend(failing(turn, &calls, thresholds));
    alerts.extend(no_progress(turn, thresholds.no_progress));
    alerts.extend(long_waits(turn, &calls, thresholds.wait_minutes));
    alerts.extend(quota(facts, thresholds.quota_percent));
    alerts
}

fn looping(turn: &Turn, all: &[&ToolCall], thresholds: &Thresholds) -> Vec<Alert> {
    let compared: (Vec<&ToolCall>, Vec<Call<'_>>) = all
        .iter()
        .filter_map(|call| {
            let arguments = call.arguments.as_deref().unwrap_or_default();
            Some((*call, Call::new(&call.name, arguments, call.output.as_deref())?))
        })
        .unzip();
    let (named, compared) = compared;
    let alert = |found: Loop| {
        let calls = &named[found.calls.clone()];
        let tool = calls.first().map(|call| name(call)).unwrap_or_default();
        let times = found.times;
        let text = match found.kind {
            Repeats::Same => {
                format!("loop: `{tool}` was called {times} times with the same arguments")
            }
            Repeats::Alike => format!(
                "loop: `{tool}` was called {times} times with arguments that differ in numbers only"
            ),
            Repeats::Round(length) => {
                let mut tools: Vec<String> =
                    calls.iter().take(length).map(|call| format!("`{}`", name(call))).collect();
                tools.dedup();
                format!(
                    "loop: the same {length} calls ({}) {times} times in turn",
                    tools.join(", ")
                )
            }
        };
        let first = calls.first().map_or("", |call| call.call_id.as_str());
        of_turn(Kind::Loop, turn, first, text).with(calls)
    };
    loops::find(&compared, thresholds.loops).into_iter().map(alert).collect()
}

fn runaway(kind: Kind, turn: &Turn, used: Used, amounts: Amounts) -> Option<Alert> {
    let is_over = |used: u64, amount: u64| amount > 0 && used >= amount;
    let said = if is_over(used.pico_usd, amounts.pico_usd) {
        format!("{} (from {} on)", dollars(used.pico_usd), dollars(amounts.pico_usd))
    } else if is_over(used.tokens, amounts.tokens) {
        format!("{} tokens (from {} on)", used.tokens, amounts.tokens)
    } else if is_over(used.calls, amounts.calls) {
        format!("{} tool calls (from {} on)", used.calls, amounts.calls)
    } else {
        return None;
    };
    let (what, key) = match kind {
        Kind::RunawaySession => ("session", session(turn)),
        _ => ("turn", turn.key.as_str()),
    };
    let mut alert = of_turn(kind, turn, "", format!("runaway {what}: {said}"));
    alert.key = format!("{}/{key}", kind.word());
    alert.count = usize::try_from(used.calls).unwrap_or(usize::MAX);
    Some(alert)
}

fn failing(turn: &Turn, calls: &[&ToolCall], thresholds: &Thresholds) -> Option<Alert> {
    let size = usize::try_from(thresholds.failures.calls).unwrap_or(usize::MAX);
    let has_failed = |call: &&ToolCall| matches!(call.outcome, Outcome::Failed(_));
    // What a person or a rule refused is no failure, and no success.
    let counted = calls
        .iter()
        .copied()
        .filter(|call| matches!(call.outcome, Outcome::Ok | Outcome::Failed(_)));
    let counted: Vec<&ToolCall> = counted.collect();
    if size == 0 || counted.len() < size || thresholds.failures.percent == 0 {
        return None;
    }
    let is_over = |window: &&[&ToolCall]| {
        let failed = window.iter().filter(|call| has_failed(call)).count() as u64;
        failed * 100 >= thresholds.failures.percent * window.len() as u64
    };
    let window = counted.windows(size).find(is_over)?;
    let failed: Vec<&ToolCall> = window.iter().copied().filter(has_failed).collect();
    let text = format!("tool failures: {} of {size} calls failed", failed.len());
    Some(of_turn(Kind::ToolFailures, turn, "", text).with(&failed))
}

fn no_progress(turn: &Turn, amounts: Amounts) -> Option<Alert> {
    // A sub-agent is mostly set to work to find something out.
    if turn.parent.is_some() {
        return None;
    }
    let (mut used, mut calls): (Used, Vec<&ToolCall>) = (Used::default(), Vec::new());
    // A turn that has changed nothing yet may be a question or a review, which takes longer.
    let mut patience = 2;
    for step in &turn.steps {
        let tools = match step {
            Step::Llm(call) => {
                let cost = call.cost.as_ref().map_or(0.0, otlp_model::turn::Cost::total);
                let tokens = call.usage.map_or(0, otlp_model::turn::Usage::total);
                used += Used { tokens, pico_usd: crate::facts::pico(cost), calls: 0 };
                call.tools.as_slice()
            }
            Step::Tool(call) => std::slice::from_ref(call),
            Step::Compaction(_) => &[],
        };
        for call in tools {
            if may_change(call) || call.sub_agent.is_some() {
                (used, calls, patience) = (Used::default(), Vec::new(), 1);
            } else {
                calls.push(call);
            }
        }
        let is_over = match used.pico_usd {
            0 => amounts.tokens > 0 && used.tokens >= amounts.tokens.saturating_mul(patience),
            pico_usd => {
                amounts.pico_usd > 0 && pico_usd >= amounts.pico_usd.saturating_mul(patience)
            }
        };
        if is_over && !calls.is_empty() {
            let (spent, count) = (used.text(), calls.len());
            let text =
                format!("no progress: {spent} and {count} tool calls without a change of a file");
            let first = calls.first().map_or("", |call| call.call_id.as_str());
            return Some(of_turn(Kind::NoProgress, turn, first, text).with(&calls));
        }
    }
    None
}

fn long_waits(turn: &Turn, calls: &[&ToolCall], minutes: u64) -> Option<Alert> {
    const MINUTE: u64 = 60_000_000_000;
    let limit = (minutes > 0).then(|| minutes.saturating_mul(MINUTE))?;
    let longest = calls.iter().max_by_key(|call| call.approval_wait)?;
    let waited = longest.approval_wait.filter(|wait| *wait >= limit)?;
    let text =
        format!("long wait: `{}` waited {} minutes for a person", name(longest), waited / MINUTE);
    Some(of_turn(Kind::LongWait, turn, &longest.call_id, text).with(&[longest]))
}

fn quota(facts: &Facts<'_>, percent: u64) -> Vec<Alert> {
    let alert = |window: &crate::Window| {
        let left = (100.0 - window.used_percent).max(0.0);
        let shown = terminal_text::line(&window.name);
        let text = format!("quota: {left:.0} % of {shown} are left");
        let mut alert = of_turn(Kind::Quota, facts.turn, "", text);
        let run = window.resets_at.map_or(0, |at| (at + SAME_WINDOW / 2) / SAME_WINDOW);
        alert.subject = window.name.clone();
        alert.key = format!("quota/{}/{run}", window.name);
        alert
    };
    let is_low =
        |window: &&crate::Window| percent > 0 && 100.0 - window.used_percent <= percent as f64;
    facts.quota.iter().filter(is_low).map(alert).collect()
}

/// An alert about a turn, whose evidence begins with a call.
fn of_turn(kind: Kind, turn: &Turn, first: &str, text: String) -> Alert {
    Alert {
        kind,
        subject: session(turn).to_owned(),
        key: format!("{}/{}/{}/{first}", kind.word(), turn.thread_id, turn.key),
        text,
        session: session(turn).to_owned(),
        thread: turn.thread_id.clone(),
        turn: turn.turn_id.clone(),
        trace_id: turn.trace_id().to_string(),
        count: 0,
        calls: Vec::new(),
        arguments: Vec::new(),
    }
}

fn session(turn: &Turn) -> &str {
    if turn.session_id.is_empty() { &turn.thread_id } else { &turn.session_id }
}

/// Tools are named by models and servers.
fn name(call: &ToolCall) -> String {
    terminal_text::line(&call.name).chars().take(NAME).collect()
}

impl Alert {
    fn with(mut self, calls: &[&ToolCall]) -> Self {
        self.count = calls.len();
        let id = |call: &&ToolCall| terminal_text::line(&call.call_id).chars().take(NAME).collect();
        let named = calls.iter().take(NAMED);
        self.calls =
            named.clone().map(|call| CallName { id: id(call), tool: name(call) }).collect();
        let quoted = named.map(|call| {
            let arguments = call.arguments.as_deref().unwrap_or_default();
            arguments.chars().take(QUOTED).collect()
        });
        self.arguments = quoted.collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::turn::{Cost, LlmCall, Usage};

    use super::*;

    /// A turn of model calls with a cost in dollars, each with a tool call.
    fn turn(calls: impl IntoIterator<Item = ToolCall>, usd: f64, tokens: u64) -> Turn {
        let steps = calls.into_iter().enumerate().map(|(nth, call)| {
            let cost = (usd > 0.0).then(|| Cost { output: usd, ..Cost::default() });
            let usage = Some(Usage { input: tokens, ..Usage::default() });
            let tools = vec![ToolCall { call_id: format!("c{nth}"), ..call }];
            Step::Llm(LlmCall { cost, usage, tools, ..LlmCall::default() })
        });
        Turn {
            thread_id: "t".to_owned(),
            session_id: "s".to_owned(),
            key: "k".to_owned(),
            turn_id: "u".to_owned(),
            steps: steps.collect(),
            ..Turn::default()
        }
    }

    fn shell(command: &str, outcome: Outcome) -> ToolCall {
        let arguments = Some(serde_json::json!({ "cmd": command }).to_string());
        ToolCall { name: "exec_command".to_owned(), arguments, outcome, ..ToolCall::default() }
    }

    fn found(turn: &Turn) -> Vec<(Kind, String)> {
        let facts = Facts { turn, session: Used::by(turn), quota: &[] };
        let alerts = examine(&facts, &Thresholds::default());
        alerts.into_iter().map(|alert| (alert.kind, alert.text)).collect()
    }

    #[test]
    fn a_loop_names_its_calls_and_quotes_only_when_asked() {
        let turn = turn((0..5).map(|_| shell("make secret", Outcome::Ok)), 0.0, 10);
        let facts = Facts { turn: &turn, session: Used::default(), quota: &[] };
        let alerts = examine(&facts, &Thresholds::default());
        let [alert] = alerts.as_slice() else { panic!("{alerts:?}") };
        assert_eq!(alert.text, "loop: `exec_command` was called 5 times with the same arguments");
        let json = alert.json(false);
        assert!(!json.to_string().contains("secret"), "{json}");
        assert_eq!(json["calls"][4]["id"], "c4");
        assert_eq!((&json["session"], &json["count"]), (&"s".into(), &5.into()));
        assert!(alert.json(true).to_string().contains("secret"));
    }

    #[test]
    fn what_uses_far_too_much_is_said_once_of_a_turn_and_of_a_session() {
        let far =
            turn((0..4).map(|n| shell(&format!("touch {}", "a".repeat(n)), Outcome::Ok)), 15.0, 10);
        let said = found(&far);
        assert_eq!(
            said[0],
            (Kind::RunawayTurn, "runaway turn: $60.00 (from $10.00 on)".to_owned())
        );
        assert_eq!(said[1].0, Kind::RunawaySession);
        let small =
            turn((0..4).map(|n| shell(&format!("touch {}", "a".repeat(n)), Outcome::Ok)), 1.5, 10);
        assert_eq!(found(&small), []);
    }

    #[test]
    fn most_calls_have_to_fail() {
        let failed = |n: usize| match n.is_multiple_of(3) {
            true => Outcome::Ok,
            false => Outcome::Failed("no".to_owned()),
        };
        let calls = |n: usize| (0..n).map(move |n| shell(&"x".repeat(n + 1), failed(n)));
        assert_eq!(found(&turn(calls(19), 0.0, 1)), []);
        let said = found(&turn(calls(20), 0.0, 1));
        assert_eq!(said, [(Kind::ToolFailures, "tool failures: 13 of 20 calls failed".to_owned())]);
        let denied = (0..30).map(|n| shell(&"x".repeat(n + 1), Outcome::Denied("no".to_owned())));
        assert_eq!(found(&turn(denied, 0.0, 1)), []);
    }

    #[test]
    fn a_change_of_a_file_is_progress() {
        let reads =
            |n: usize| (0..n).map(|n| shell(&format!("cat {}", "f".repeat(n + 1)), Outcome::Ok));
        let stuck = |calls| [shell("touch a", Outcome::Ok)].into_iter().chain(reads(calls));
        let said = found(&turn(stuck(6), 1.0, 1));
        let text = "no progress: $5.00 and 5 tool calls without a change of a file";
        assert_eq!(said, [(Kind::NoProgress, text.to_owned())]);
        assert_eq!(found(&turn(reads(9), 1.0, 1)), [], "it may be a question");
        let said = found(&turn(reads(11), 0.99, 1));
        assert!(said.iter().any(|(kind, _)| *kind == Kind::NoProgress), "{said:?}");
        let with_change = reads(4).chain([shell("touch a", Outcome::Ok)]).chain(reads(4));
        assert_eq!(found(&turn(with_change, 1.0, 1)), []);
        let mut below = turn(stuck(6), 1.0, 1);
        below.parent = Some(otlp_model::turn::ParentTurn::default());
        assert_eq!(found(&below), []);
    }

    #[test]
    fn waits_and_quotas() {
        let wait =
            ToolCall { approval_wait: Some(16 * 60_000_000_000), ..shell("rm x", Outcome::Ok) };
        let turn = turn([wait, shell("ls", Outcome::Ok)], 0.0, 1);
        let text = "long wait: `exec_command` waited 16 minutes for a person";
        assert_eq!(found(&turn), [(Kind::LongWait, text.to_owned())]);
        let window = |used_percent, at| crate::Window {
            name: "codex (7 d)".to_owned(),
            used_percent,
            resets_at: Some(at),
        };
        let said = |window| {
            let facts = Facts { turn: &turn, session: Used::default(), quota: &[window] };
            let thresholds = Thresholds { wait_minutes: 0, ..Thresholds::default() };
            examine(&facts, &thresholds).pop().map(|alert| (alert.text, alert.key))
        };
        assert_eq!(said(window(89.0, 6000)), None);
        let (text, key) = said(window(92.4, 6000)).unwrap();
        assert_eq!(text, "quota: 8 % of codex (7 d) are left");
        assert_eq!(said(window(95.0, 6010)).unwrap().1, key, "the same run of the window");
        assert_ne!(said(window(95.0, 90_000)).unwrap().1, key);
    }
}
