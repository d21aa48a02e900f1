//! `arize-codex self`: what an agent may ask about its own run.
//!
//! The command runs in the agent's sandbox: it only reads, and what cannot be read is a problem in the
//! result and no failure of the command.

use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use alerts::loops::{self, Call, Repeats};
use alerts::{Facts, Used};
use budget::{LimitUse, Scope, Spent};
use codex_config::Environment;
use codex_live::{LiveTurn, LiveTurns};
use doctor::Style;
use otlp_model::Turn;
use otlp_model::turn::{Outcome, ToolCall};
use serde_json::{Value, json};

use crate::budget::{Known, Place};
use crate::{CommandError, examples, usage};

/// Print what the Codex session that runs this command used so far, what is left of its budgets, and
/// which calls it repeats.
///
/// Codex itself is to ask this. Nothing is written, and the command ends with 0 also where little is known.
#[derive(Debug, clap::Args)]
#[command(name = "self", after_help = examples::SELF)]
pub(crate) struct OwnRun {
    /// The session [default: that which runs this command, or else the one that goes on in this folder].
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where Codex says in which session and thread a command runs.
const SESSION: &str = "CODEX_SESSION_ID";
const THREAD: &str = "CODEX_THREAD_ID";

/// Runs the command.
pub(crate) fn own_run(
    args: &OwnRun,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let place = Place::new(environment)?;
    let found = Found::of(args, environment, &place.paths.codex_home);
    let report = Report::of(&place, environment, found);
    Ok(if args.json { format!("{:#}\n", report.json()) } else { report.text(style) })
}

/// The session that is asked about, and how it was found.
struct Found {
    session: Option<String>,
    by: &'static str,
    /// Its turns that go on.
    turns: Vec<LiveTurn>,
}

impl Found {
    fn of(args: &OwnRun, environment: &Environment, codex_home: &Path) -> Self {
        let now = SystemTime::now();
        let named = args.session.as_deref().map(|session| (session, "option"));
        let named = named.or_else(|| Some((environment.get(SESSION)?, "environment")));
        if let Some((session, by)) = named {
            let mut live = LiveTurns::of_session(codex_home, session, now);
            live.poll(now);
            let turns = running_of(&live, session);
            return Self { session: Some(session.to_owned()), by, turns };
        }
        let mut live = LiveTurns::new(codex_home, now);
        live.poll(now);
        let mut running: Vec<&LiveTurn> = live.running().collect();
        // The one that wrote something last has asked.
        running.sort_by_key(|live| std::cmp::Reverse(live.turn.end));
        let thread = environment.get(THREAD);
        let of_thread = running.iter().find(|live| thread == Some(live.turn.thread_id.as_str()));
        let here = std::env::current_dir().unwrap_or_default();
        let is_here = |live: &&&LiveTurn| {
            live.folder.as_deref().is_some_and(|folder| here.starts_with(folder))
        };
        let (found, by) = match (of_thread, thread) {
            (Some(live), _) => (Some(&live.thread.root_thread_id), "environment"),
            (None, Some(thread)) => {
                let session = Some(thread.to_owned());
                return Self { session, by: "environment", turns: Vec::new() };
            }
            (None, None) => {
                (running.iter().find(is_here).map(|live| &live.thread.root_thread_id), "folder")
            }
        };
        let Some(session) = found.cloned() else {
            return Self { session: None, by: "nothing", turns: Vec::new() };
        };
        let turns = running_of(&live, &session);
        Self { session: Some(session), by, turns }
    }
}

/// The turns of a session that go on, in one trace.
fn running_of(live: &LiveTurns, session: &str) -> Vec<LiveTurn> {
    let of_session = live.running().filter(|live| live.thread.root_thread_id == session);
    let mut turns: Vec<LiveTurn> = of_session.cloned().collect();
    turns.iter_mut().for_each(|turn| live.join_trace(turn));
    turns
}

/// Calls of a turn that repeat one another.
struct Repeat {
    kind: &'static str,
    times: usize,
    tools: Vec<String>,
    calls: Vec<String>,
}

/// What is known of the run.
struct Report {
    session: Option<String>,
    found_by: &'static str,
    turns: Vec<Turn>,
    known: Option<Known>,
    turn: Option<Spent>,
    policy: budget::Policy,
    repeats: Vec<Repeat>,
    alerts: Vec<(&'static str, String)>,
    problems: Vec<String>,
}

impl Report {
    fn of(place: &Place, environment: &Environment, found: Found) -> Self {
        let mut problems = Vec::new();
        if found.session.is_none() {
            problems.push("no session of Codex is known that runs this command".to_owned());
        }
        let (known, turn) = match Known::as_it_is(place, found.session.as_deref(), environment) {
            Ok((known, spending)) => {
                (Some(known), spending.0.get(&Scope::Turn).map(|(_, spent)| *spent))
            }
            Err(error) => {
                problems.push(error.report());
                (None, None)
            }
        };
        let prices = usage::facts(&place.paths, environment).prices;
        let settings = &place.settings.alerts;
        let thresholds = dispatch::thresholds(settings);
        let (mut repeats, mut alerts) = (Vec::new(), Vec::new());
        let turns: Vec<Turn> = found.turns.into_iter().map(|live| live.turn).collect();
        let session = known.as_ref().and_then(Known::session_spent).unwrap_or_default();
        for turn in &turns {
            let mut turn = turn.clone();
            dispatch::price(&mut turn, &prices);
            repeats.extend(repeats_of(&turn, thresholds.loops));
            let used = Used { tokens: session.tokens, pico_usd: session.pico_usd, calls: 0 };
            let facts = Facts { turn: &turn, session: used, quota: &[] };
            let found = alerts::examine(&facts, &thresholds);
            alerts.extend(found.into_iter().map(|alert| (alert.kind.word(), alert.text)));
        }
        alerts.dedup();
        Self {
            session: found.session,
            found_by: found.by,
            turns,
            known,
            turn,
            policy: place.settings.budgets.policy,
            repeats,
            alerts,
            problems,
        }
    }

    fn calls(&self) -> (usize, usize) {
        let calls = || self.turns.iter().flat_map(Turn::tool_calls);
        let has_failed = |call: &&ToolCall| matches!(call.outcome, Outcome::Failed(_));
        (calls().count(), calls().filter(has_failed).count())
    }

    fn json(&self) -> Value {
        let spent = |spent: Spent| {
            json!({
                "tokens": spent.tokens,
                "usd": spent.pico_usd as f64 / 1e12,
                "unpriced_calls": spent.unpriced_calls,
            })
        };
        let (calls, failed) = self.calls();
        let repeats = self.repeats.iter().map(|repeat| {
            json!({
                "kind": repeat.kind,
                "times": repeat.times,
                "tools": repeat.tools,
                "calls": repeat.calls,
            })
        });
        let alerts = self.alerts.iter().map(|(kind, text)| json!({ "kind": kind, "text": text }));
        let mut value = json!({
            "session": self.session,
            "found_by": self.found_by,
            "used": {
                "session": self.known.as_ref().and_then(Known::session_spent).map(spent),
                "turn": self.turn.map(spent),
            },
            "tool_calls": calls,
            "failed_tool_calls": failed,
            "repeats": repeats.collect::<Vec<_>>(),
            "alerts": alerts.collect::<Vec<_>>(),
            "budgets": null,
        });
        let mut problems = self.problems.clone();
        if let Some(known) = &self.known {
            let mut budgets = known.value(self.policy);
            for key in ["budgets", "hard_limit", "grace_seconds"] {
                value[key] = budgets[key].take();
            }
            let own = budgets["problems"].as_array().into_iter().flatten();
            problems.extend(own.filter_map(|text| text.as_str().map(str::to_owned)));
        }
        value["problems"] = problems.into();
        value
    }

    fn text(&self, style: Style) -> String {
        let mut text = String::new();
        if let Some(session) = &self.session {
            let _ = writeln!(text, "session {session}");
        }
        let shown = |spent: Spent| {
            let unpriced = match spent.unpriced_calls {
                0 => String::new(),
                calls => format!(", and {calls} calls of a model without a price"),
            };
            format!("${:.2}, {} tokens{unpriced}", spent.pico_usd as f64 / 1e12, spent.tokens)
        };
        if let Some(spent) = self.known.as_ref().and_then(Known::session_spent) {
            let _ = writeln!(text, "used in the session: {}", shown(spent));
        }
        if let Some(spent) = self.turn {
            let _ = writeln!(text, "used in the turn: {}", shown(spent));
        }
        let (calls, failed) = self.calls();
        if calls > 0 {
            let _ = writeln!(text, "tool calls in the turn: {calls}, of which {failed} failed");
        }
        for limit_use in self.known.iter().flat_map(|known| &known.limit_uses) {
            let percent = format!("{:>4} %", limit_use.percent());
            let percent = if limit_use.is_over() { style.red(&percent) } else { percent };
            let _ = writeln!(text, "budget {percent}  {}", LimitUse::text(limit_use));
        }
        for (_, alert) in &self.alerts {
            let _ = writeln!(text, "{} {alert}", style.yellow("alert:"));
        }
        for problem in &self.problems {
            let _ = writeln!(text, "{} {problem}", style.red("not known:"));
        }
        text
    }
}

/// The calls of a turn that repeat one another.
fn repeats_of(turn: &Turn, sizes: loops::Sizes) -> Vec<Repeat> {
    let compared = turn.tool_calls().filter_map(|call| {
        let arguments = call.arguments.as_deref().unwrap_or_default();
        Some((call, Call::new(&call.name, arguments, call.output.as_deref())?))
    });
    let (calls, compared): (Vec<&ToolCall>, Vec<Call<'_>>) = compared.unzip();
    let repeat = |found: loops::Loop| {
        let calls = &calls[found.calls];
        let (kind, length) = match found.kind {
            Repeats::Same => ("same", 1),
            Repeats::Alike => ("alike", 1),
            Repeats::Round(length) => ("round", length),
        };
        Repeat {
            kind,
            times: found.times,
            tools: calls.iter().take(length).map(|call| call.name.clone()).collect(),
            calls: calls.iter().map(|call| call.call_id.clone()).collect(),
        }
    };
    loops::find(&compared, sizes).into_iter().map(repeat).collect()
}
