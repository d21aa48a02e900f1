//! Transcripts whose tokens and amounts were added up by hand.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::Path;

use codex_import::{Facts, Request, find, import};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use pricing::PriceTable;
use tempfile::TempDir;
use trace_store::TraceStore;
use usage::report::{By, Days, Filter, Prices, RangeRequest, Report, Unit};

/// A home of Codex with transcripts that have counts and nothing else.
struct Home {
    folder: TempDir,
}

/// A thread, by the end of its id.
#[derive(Clone, Copy)]
struct Thread {
    number: u8,
    parent: Option<u8>,
}

impl Thread {
    fn id(number: u8) -> String {
        format!("01a1fb18-0000-7000-8000-0000000000{number:02}")
    }
}

/// The records of a turn.
struct Turn<'a> {
    name: &'a str,
    begun: &'a str,
    ended: &'a str,
    model: &'a str,
    tier: Option<&'a str>,
    /// When calls ended, their input and their output.
    calls: &'a [(&'a str, u64, u64)],
}

const TURN: Turn<'_> = Turn {
    name: "1",
    begun: "2026-11-20T10:00:00Z",
    ended: "2026-11-20T10:10:00Z",
    model: "gpt-5.5",
    tier: None,
    calls: &[("2026-11-20T10:00:05Z", 1000, 100)],
};

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, thread: Thread, turns: &[Turn<'_>]) {
        let id = Thread::id(thread.number);
        let parent = thread.parent.map(|parent| {
            let parent = Thread::id(parent);
            format!(
                r#","parent_thread_id":"{parent}","source":{{"subagent":{{"thread_spawn":{{"parent_thread_id":"{parent}","depth":1}}}}}},"thread_source":"subagent""#
            )
        });
        let parent = parent.unwrap_or_default();
        let mut lines = vec![format!(
            r#"{{"timestamp":"2026-11-20T10:00:00Z","type":"session_meta","payload":{{"id":"{id}","cwd":"/gone","cli_version":"0.171.0"{parent}}}}}"#
        )];
        for Turn { name, begun, ended, model, tier, calls } in turns {
            let turn = format!("01a1fb19-0000-7000-8000-00000000{:02}{name:0>2}", thread.number);
            let tier = tier.map(|tier| format!(r#","service_tier":"{tier}""#)).unwrap_or_default();
            lines.push(format!(
                r#"{{"timestamp":"{begun}","type":"event_msg","payload":{{"type":"task_started","turn_id":"{turn}"}}}}"#
            ));
            lines.push(format!(
                r#"{{"timestamp":"{begun}","type":"turn_context","payload":{{"turn_id":"{turn}","cwd":"/gone","model":"{model}"{tier}}}}}"#
            ));
            for (nth, (time, input, output)) in calls.iter().enumerate() {
                lines.push(format!(
                    r#"{{"timestamp":"{time}","type":"token_usage_record","payload":{{"turn_id":"{turn}","response_id":"resp_{name}_{nth}","usage":{{"input_tokens":{input},"output_tokens":{output}}}}}}}"#
                ));
            }
            lines.push(format!(
                r#"{{"timestamp":"{ended}","type":"event_msg","payload":{{"type":"task_complete","turn_id":"{turn}"}}}}"#
            ));
        }
        let day = self.folder.path().join("sessions/2026/11/20");
        fs::create_dir_all(&day).unwrap();
        let name = format!("rollout-2026-11-20T10-00-00-{id}.jsonl");
        fs::write(day.join(name), lines.join("\n") + "\n").unwrap();
    }

    fn store(&self) -> Store {
        let store = Store { folder: tempfile::tempdir().unwrap() };
        store.import(self.folder.path(), "here", PriceTable::builtin());
        store
    }
}

struct Store {
    folder: TempDir,
}

impl Store {
    fn open(&self) -> TraceStore {
        TraceStore::open(self.folder.path().join("traces.db")).unwrap()
    }

    fn import(&self, home: &Path, machine: &str, prices: &PriceTable) {
        let facts = Facts {
            project: "codex".to_owned(),
            user: "ada".to_owned(),
            machine: machine.to_owned(),
            prices: prices.clone(),
        };
        let found = find(&[home.to_owned()]);
        let request = Request { found: &found, facts: &facts, changed_since: None, dry_run: false };
        import(&mut self.open(), request, &mut |_| ()).unwrap();
    }

    /// Each row's name, turns (0 where it has none of its own), tokens and millionths of a dollar.
    fn rows(&self, by: &[By], zone: &str) -> Vec<(String, i64, i64, i64)> {
        let zone = TimeZone::get(zone).unwrap();
        let all = RangeRequest { all: true, ..RangeRequest::default() };
        let days = Days::new(&all, Unit::Day, zone, Weekday::Monday, Timestamp::now()).unwrap();
        let filter = Filter::default();
        let report =
            Report::of(&self.open(), by.to_vec(), days, &filter, Prices::Recorded).unwrap();
        let rows = report.rows.iter().map(|row| {
            let sums = row.group.sums();
            let turns = row.group.turns.unwrap_or_default().turns;
            (row.key.join(" "), turns, sums.tokens(), sums.cost.0 / 1_000_000)
        });
        rows.collect()
    }
}

fn row(name: &str, turns: i64, tokens: i64, micros: i64) -> (String, i64, i64, i64) {
    (name.to_owned(), turns, tokens, micros)
}

const ROOT: Thread = Thread { number: 1, parent: None };
const DAY: By = By::Period(Unit::Day);

/// A night's work is on two days: each call counts when it ended, the turn when it began.
#[test]
fn midnight_parts_the_calls_of_a_turn() {
    let home = Home::new();
    let calls = [("2026-11-20T22:59:59.999Z", 1000, 10), ("2026-11-20T23:00:00Z", 2000, 20)];
    home.write(ROOT, &[Turn { calls: &calls, ended: "2026-11-20T23:00:01Z", ..TURN }]);
    let store = home.store();
    // 1000 × $5 + 10 × $30, 2000 × $5 + 20 × $30, per million.
    let expected = [row("2026-11-20", 1, 1010, 5300), row("2026-11-21", 0, 2020, 10_600)];
    assert_eq!(store.rows(&[DAY], "Europe/Berlin"), expected);
    assert_eq!(store.rows(&[DAY], "UTC"), [row("2026-11-20", 1, 3030, 15_900)]);
}

/// The clock goes back at 3:00 to 2:00 in Berlin (1:00 UTC): the day has 25 hours; and forward in March.
#[test]
fn a_day_with_a_clock_change_has_all_its_hours() {
    let home = Home::new();
    let calls = [
        ("2026-10-24T21:59:59Z", 1, 0),
        ("2026-10-24T22:00:00Z", 10, 0),
        ("2026-10-25T00:30:00Z", 100, 0),
        ("2026-10-25T01:30:00Z", 1000, 0),
        ("2026-10-25T22:59:59Z", 10_000, 0),
        ("2026-10-25T23:00:00Z", 100_000, 0),
    ];
    let spring = [
        ("2026-03-28T22:59:59Z", 2, 0),
        ("2026-03-28T23:00:00Z", 20, 0),
        ("2026-03-29T21:59:59Z", 200, 0),
        ("2026-03-29T22:00:00Z", 2000, 0),
    ];
    let (begun, ended) = ("2026-10-24T21:00:00Z", "2026-10-25T23:30:00Z");
    let (march, end) = ("2026-03-28T22:00:00Z", "2026-03-29T23:00:00Z");
    home.write(
        ROOT,
        &[
            Turn { name: "1", begun: march, ended: end, calls: &spring, ..TURN },
            Turn { name: "2", begun, ended, calls: &calls, ..TURN },
        ],
    );
    let rows = home.store().rows(&[DAY], "Europe/Berlin");
    let tokens: Vec<(&str, i64)> = rows.iter().map(|row| (&*row.0, row.2)).collect();
    let expected = [
        ("2026-03-28", 2),
        ("2026-03-29", 220),
        ("2026-03-30", 2000),
        ("2026-10-24", 1),
        ("2026-10-25", 11_110),
        ("2026-10-26", 100_000),
    ];
    assert_eq!(tokens, expected);
}

/// The tier may change from turn to turn, and a request may be long where its turn is not.
#[test]
fn each_call_has_the_price_of_its_tier_and_its_length() {
    let home = Home::new();
    let long = [("2026-11-20T10:00:05Z", 272_000, 0), ("2026-11-20T10:01:05Z", 272_001, 1000)];
    home.write(
        ROOT,
        &[
            Turn { name: "1", ..TURN },
            Turn { name: "2", tier: Some("priority"), ..TURN },
            Turn { name: "3", tier: Some("flex"), ..TURN },
            Turn { name: "4", tier: Some("default"), calls: &long, ..TURN },
            Turn { name: "5", tier: Some("ultrafast"), ..TURN },
            Turn { name: "6", model: "acme-1", ..TURN },
        ],
    );
    let rows = home.store().rows(&[By::Model, By::Tier], "UTC");
    let expected = [
        // 1000 × $5 + 100 × $30; 272,000 × $5; 272,001 × $10 + 1000 × $45.
        row("gpt-5.5 standard", 0, 1100 + 272_000 + 273_001, 8000 + 1_360_000 + 2_765_010),
        // 1000 × $12.5 + 100 × $75.
        row("gpt-5.5 priority", 0, 1100, 20_000),
        row("gpt-5.5 flex", 0, 1100, 4000),
        // No price is known.
        row("acme-1 ", 0, 1100, 0),
        row("gpt-5.5 ultrafast", 0, 1100, 0),
    ];
    assert_eq!(rows, expected);
}

/// Sub-agents of sub-agents, side by side, with equal counts: each of their calls was paid for.
#[test]
fn nested_and_parallel_sub_agents_count_once_in_the_session_at_the_root() {
    let home = Home::new();
    home.write(ROOT, &[TURN]);
    home.write(Thread { number: 2, parent: Some(1) }, &[TURN]);
    home.write(Thread { number: 3, parent: Some(1) }, &[TURN, Turn { name: "2", ..TURN }]);
    home.write(Thread { number: 4, parent: Some(3) }, &[TURN]);
    home.write(Thread { number: 5, parent: None }, &[TURN]);
    let store = home.store();
    let expected = [row(&Thread::id(1), 5, 5500, 40_000), row(&Thread::id(5), 1, 1100, 8000)];
    assert_eq!(store.rows(&[By::Session], "UTC"), expected);
}

/// A transcript that was copied to another machine is the same turns.
#[test]
fn a_copy_from_another_machine_counts_once() {
    let home = Home::new();
    home.write(ROOT, &[TURN]);
    let store = home.store();
    let copy = tempfile::tempdir().unwrap();
    let file = find(&[home.folder.path().to_owned()]).transcripts.pop().unwrap().path;
    fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    store.import(copy.path(), "laptop", PriceTable::builtin());
    assert_eq!(store.rows(&[By::Machine], "UTC"), [row("here", 1, 1100, 8000)]);
}

/// What was imported keeps its price; a call has the price of the day on which it ended.
#[test]
fn yesterday_keeps_yesterdays_price() {
    let home = Home::new();
    let calls = [("2026-11-20T23:59:59Z", 1000, 0), ("2026-11-21T00:00:00Z", 1000, 0)];
    home.write(ROOT, &[Turn { calls: &calls, ended: "2026-11-21T00:00:01Z", ..TURN }]);
    let own = |price: u32| {
        PriceTable::parse(&format!(
            r#"{{"version": "own", "periods": [{{"from": "2026-11-21",
                "models": {{"gpt-5.5": {{"standard": {{"input": {price}, "output": 0}}}}}}}}]}}"#
        ))
    };
    let store = Store { folder: tempfile::tempdir().unwrap() };
    for price in [1, 2] {
        let prices = PriceTable::builtin().overlay(own(price).unwrap());
        store.import(home.folder.path(), "here", &prices);
        let expected = [row("2026-11-20", 1, 1000, 5000), row("2026-11-21", 0, 1000, 1000)];
        assert_eq!(store.rows(&[DAY], "UTC"), expected);
    }
}
