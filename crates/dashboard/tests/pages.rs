//! The pages over a store, asked as a browser asks.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::sync::Arc;

use std::time::Duration;

use alerts::{Given, Kind};
use dashboard::health::{Finding, Health, Level, Target};
use dashboard::{BudgetUse, Dashboard, Elsewhere, Facts, Options, Running};
use jiff::tz::TimeZone;
use otlp_model::turn::{Agent, Compaction, LlmCall, Outcome, ParentTurn, Step, ToolCall, Usage};
use otlp_model::{Attribute, SpanBatch, TreeOptions, Turn, UnixNanos};
use trace_store::TraceStore;
use usage::report::{By, Days, Filter, Prices, RangeRequest, Report, Unit};

/// Facts, some of which are odd.
#[derive(Debug)]
struct Known;

impl Facts for Known {
    fn health(&self) -> Health {
        Health {
            findings: vec![Finding {
                check: "service".to_owned(),
                level: Level::Failure,
                message: "nothing <listens>".to_owned(),
                command: Some("arize-codex-buffer start".to_owned()),
            }],
            targets: vec![Target {
                name: "phoenix".to_owned(),
                dead_letters: vec![("0a".to_owned(), "bad <key>".to_owned())],
                ..Target::default()
            }],
        }
    }

    fn alerts(&self) -> Vec<Given> {
        let now = jiff::Timestamp::now().as_millisecond() as u64;
        let given = |at, text: &str, trace_id: &str| Given {
            at,
            kind: Kind::Loop,
            subject: String::new(),
            text: text.to_owned(),
            session: "s".to_owned(),
            trace_id: trace_id.to_owned(),
        };
        vec![
            given(now, "loop: `<b>` went round", "0af7651916cd43dd8448eb211c80319c"),
            given(now, "loop: of a file that was changed", "/../evil"),
            given(1000, "loop: of long ago", ""),
        ]
    }

    fn budgets(&self) -> Vec<BudgetUse> {
        vec![BudgetUse {
            scope: "day".to_owned(),
            percent: 120,
            text: "$6.00 of $5.00 per <day>".to_owned(),
            is_over: true,
        }]
    }

    fn elsewhere(&self, trace_id: &str) -> Vec<Elsewhere> {
        let page = |name: &str, address: String| Elsewhere { name: name.to_owned(), address };
        vec![
            page("phoenix <1>", format!("http://p:6006/redirects/traces/{trace_id}")),
            page("odd", "javascript:alert(1)".to_owned()),
        ]
    }
}

/// A store and the pages over it, which end when nothing is asked any more.
struct Pages {
    store: TraceStore,
    running: Running,
    base: String,
    cookie: String,
    _folder: tempfile::TempDir,
}

impl Pages {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traces.db");
        let store = TraceStore::open(&path).unwrap();
        let running = Running::default();
        let options = Options {
            store: path,
            port: 0,
            zone: TimeZone::UTC,
            idle_exit: Some(Duration::from_secs(120)),
            running: running.clone(),
            facts: Arc::new(Known),
        };
        let dashboard = Dashboard::bind(options).unwrap();
        let address = dashboard.address();
        std::thread::spawn(move || dashboard.serve());
        let opened = ureq::get(&address).call().unwrap();
        let cookie = opened.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let base = address.split("/open").next().unwrap().to_owned();
        Self { store, running, base, cookie, _folder: folder }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request = agent.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let mut answer = request.call().unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn shows(&self, path: &str) -> String {
        let (status, text) = self.get(path);
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// Stores a turn with so many calls, and returns its trace id.
    fn add(&mut self, key: &str, prompt: &str, calls: u64) -> String {
        let second = |number: u64| UnixNanos(1_795_262_400_000_000_000 + number * 1_000_000_000);
        let call = |number: u64| {
            Step::Llm(LlmCall {
                start: second(number),
                end: second(number + 1),
                model: Some("model".to_owned()),
                usage: Some(Usage { input: 1_000, output: 10, ..Usage::default() }),
                tools: vec![ToolCall {
                    call_id: format!("{key}-{number}"),
                    name: "shell".to_owned(),
                    arguments: Some(format!(r#"{{"cmd":"echo {number}"}}"#)),
                    output: Some("done".to_owned()),
                    start: second(number),
                    end: second(number + 1),
                    outcome: Outcome::Ok,
                    ..ToolCall::default()
                }],
                ..LlmCall::default()
            })
        };
        let turn = Turn {
            thread_id: "thread".to_owned(),
            session_id: "a session/with <marks>".to_owned(),
            key: key.to_owned(),
            prompt: Some(prompt.to_owned()),
            start: second(0),
            end: second(calls + 1),
            outcome: Outcome::Ok,
            steps: (0..calls).map(call).collect(),
            ..Turn::default()
        };
        let batch = SpanBatch::of(&turn, "project", &TreeOptions::default());
        self.store.insert(&batch).unwrap();
        self.store.record_spans(&|_| ()).unwrap();
        self.store.index().unwrap();
        turn.trace_id().to_string()
    }
}

#[test]
fn a_store_without_turns_says_what_to_do() {
    let pages = Pages::new();
    assert!(pages.shows("/").contains("No turn is stored yet."));
    assert!(pages.shows("/turns").contains("No turn is stored yet."));
    assert_eq!(pages.get("/nothing").0, 404);
    assert_eq!(pages.get("/turn/ffff").0, 404);
    assert_eq!(pages.get("/turn/no-number").0, 404);
    assert_eq!(pages.get("/session?id=x").0, 404);
}

#[test]
fn a_large_turn_is_shown_in_parts_and_handed_out_whole() {
    let mut pages = Pages::new();
    let trace = pages.add("1", "Large", 1_000);
    let page = pages.shows(&format!("/turn/{trace}"));
    assert!(page.contains("spans 1 to 200 of 2001"), "{page}");
    assert_eq!(page.matches("class=\"row ").count(), 200);
    // The totals are those of the whole turn.
    assert!(page.contains("1\u{202f}000 calls") || page.contains("1000 calls"), "{page}");
    assert!(page.contains("By the spans of this page."), "{page}");
    let last = pages.shows(&format!("/turn/{trace}?from=2000"));
    assert!(last.contains("spans 2001 to 2001 of 2001") && last.contains("earlier"), "{last}");
    let json: serde_json::Value =
        serde_json::from_str(&pages.shows(&format!("/turn/{trace}.json"))).unwrap();
    let spans = json["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2_001);
    // A chosen span is on its page, wherever it is.
    let id = spans[1_500]["span_id"].as_str().unwrap();
    let chosen = pages.shows(&format!("/turn/{trace}?span={id}"));
    assert!(chosen.contains("spans 1401 to 1600 of 2001"), "{chosen}");
    assert!(chosen.contains(&format!("id=\"row-{id}\"")));
    let part = pages.shows(&format!("/turn/{trace}?span={id}&part=chosen"));
    assert!(part.contains(id) && !part.contains("class=\"row"), "{part}");
    // What the whole turn changed has a page of its own, with all that repeats itself.
    let all = pages.shows(&format!("/turn/{trace}?part=changes"));
    assert!(all.contains("calls that differ in numbers only, 1000 in a row"), "{all}");
    assert_eq!(pages.get(&format!("/turn/{trace}?part=other")).0, 400);
}

#[test]
fn a_turn_leads_to_its_files_and_to_other_pages() {
    let mut pages = Pages::new();
    let trace = pages.add("1", "Deploy with password=hunter2-and-more", 1);
    let page = pages.shows(&format!("/turn/{trace}"));
    let link = format!("href=\"http://p:6006/redirects/traces/{trace}\"");
    assert!(page.contains(&link) && page.contains("phoenix &lt;1&gt;"), "{page}");
    assert!(!page.contains("javascript:alert"), "{page}");
    for (ending, beginning) in [(".html", "<!DOCTYPE html>"), (".perfetto.json", "{")] {
        let address = format!("/turn/{trace}{ending}");
        assert!(page.contains(&format!("href=\"{address}\"")), "{page}");
        let file = pages.shows(&address);
        assert!(file.starts_with(beginning) && file.contains("Deploy"), "{file}");
        assert!(!file.contains("hunter2"), "{file}");
        assert_eq!(pages.get(&format!("/turn/ffff{ending}")).0, 404);
    }
}

#[test]
fn a_session_shows_its_context_and_its_agents() {
    let mut pages = Pages::new();
    let at = |second: u64| UnixNanos(1_795_262_400_000_000_000 + second * 1_000_000_000);
    let call = |model: &str, second: u64, input: u64| {
        Step::Llm(LlmCall {
            start: at(second),
            end: at(second + 1),
            model: Some(model.to_owned()),
            usage: Some(Usage { input, output: 1, ..Usage::default() }),
            ..LlmCall::default()
        })
    };
    let turn = |thread: &str, parent: Option<ParentTurn>, steps: Vec<Step>| Turn {
        agent: Agent::named("codex"),
        thread_id: thread.to_owned(),
        session_id: "main".to_owned(),
        key: thread.to_owned(),
        start: at(0),
        end: at(100),
        outcome: Outcome::Ok,
        parent,
        steps,
        ..Turn::default()
    };
    let shortened = Compaction { start: at(20), end: at(21), ..Compaction::default() };
    let main = turn(
        "main",
        None,
        vec![call("large", 1, 50_000), Step::Compaction(shortened), call("small <x>", 30, 9_000)],
    );
    let parent = ParentTurn {
        thread_id: "main".to_owned(),
        key: "main".to_owned(),
        root_thread_id: "main".to_owned(),
        root_key: "main".to_owned(),
        ..ParentTurn::default()
    };
    let mut helper = turn("helper", Some(parent), vec![call("small <x>", 40, 700)]);
    helper.attributes.push(Attribute::new("codex.parent_thread_id", "main"));
    for turn in [&main, &helper] {
        let batch = SpanBatch::of(turn, "p", &TreeOptions::default());
        pages.store.insert(&batch).unwrap();
    }
    pages.store.record_spans(&|_| ()).unwrap();

    let page = pages.shows("/session?id=main");
    for part in [
        "Context of each model call",
        "at most 50\u{202f}000 tokens",
        "the context was shortened",
        "the model is small &lt;x&gt; from here on",
        "Agents",
        ">helper</a>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&pages.shows("/session.json?id=main")).unwrap();
    assert_eq!(json["context"]["calls"].as_array().unwrap().len(), 3);
    assert_eq!(json["context"]["compactions_ms"].as_array().unwrap().len(), 1);
    assert_eq!(json["agents"][0]["parent_id"], "main");
}

#[test]
fn a_program_gets_errors_as_json() {
    let pages = Pages::new();
    for (path, status) in [
        ("/turn/ffff.json", 404),
        ("/nothing.json", 404),
        ("/session.json?id=x", 404),
        ("/usage.json?by=nothing", 400),
        ("/compare.json?a=1", 400),
        ("/turns.json?since=x", 400),
    ] {
        let (is, text) = pages.get(path);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let said = json["error"].as_str().unwrap_or_default();
        assert!(is == status && !said.is_empty(), "{path}: {is} {text}");
    }
    let refused = ureq::get(format!("{}/turns.json", pages.base));
    let refused = refused.config().http_status_as_error(false).build().call().unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["content-type"], "application/json");
}

#[test]
fn turns_are_a_list_a_page_and_json() {
    let mut pages = Pages::new();
    let trace = pages.add("1", "First <prompt>", 2);
    pages.add("2", "Second", 1);
    let list = pages.shows("/turns");
    assert!(
        list.contains(&format!("<a href=\"/turn/{trace}\">First &lt;prompt&gt;</a>")),
        "{list}"
    );
    let json: serde_json::Value = serde_json::from_str(&pages.shows("/turns.json")).unwrap();
    assert_eq!(json["turns"].as_array().unwrap().len(), 2);

    let page = pages.shows(&format!("/turn/{trace}"));
    for part in ["$ echo 1", "2 calls", "2\u{202f}000", "no price", "2026-11-21 12:00:00 UTC"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&pages.shows(&format!("/turn/{trace}.json"))).unwrap();
    let spans = json["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 5);
    let span = spans[2]["span_id"].as_str().unwrap();
    let chosen = pages.shows(&format!("/turn/{trace}?span={span}&part=chosen"));
    assert!(
        chosen.contains("section class=\"chosen\"") && !chosen.contains("waterfall"),
        "{chosen}"
    );
    let one: serde_json::Value =
        serde_json::from_str(&pages.shows(&format!("/turn/{trace}.json?span={span}"))).unwrap();
    assert_eq!(one, spans[2]);

    assert!(!page.contains("repeat themselves"), "{page}");

    // The id of a session may be any text.
    let link = page.split("/session?id=").nth(1).unwrap().split('"').next().unwrap();
    let session = pages.shows(&format!("/session?id={link}"));
    assert!(
        session.contains("<dt>turns</dt><dd>2</dd>") && session.contains("with &lt;marks&gt;"),
        "{session}"
    );
}

#[test]
fn turns_are_chosen_by_words_and_by_what_is_known_of_them() {
    let mut pages = Pages::new();
    let first = pages.add("1", "Rename <b>the crate</b>", 1);
    let second = pages.add("2", "Test it", 3);
    let has = |page: &str, trace: &str| page.contains(&format!("href=\"/turn/{trace}\""));
    let found = pages.shows("/turns?q=crate");
    assert!(has(&found, &first) && !has(&found, &second), "{found}");
    assert!(found.contains("&lt;b&gt;the <mark>crate</mark>&lt;/b&gt;"), "{found}");
    assert!(pages.shows("/turns?q=nowhere").contains("No turn is like this."));
    assert!(has(&pages.shows("/turns?tool=shell&status=completed"), &second));
    assert!(!has(&pages.shows("/turns?min_seconds=3"), &first));
    assert!(!has(&pages.shows("/turns?until=2026-11-20"), &first));
    assert!(has(&pages.shows("/turns?since=2026-11-21&until=2026-11-21"), &first));
    for wrong in ["since=x", "min_cost=x", "status=x", "behind=x"] {
        assert_eq!(pages.get(&format!("/turns?{wrong}")).0, 400, "{wrong}");
    }
    let hostile = pages.shows("/turns?q=%22%3E%3Cscript%3E&folder=%22%3E%3Cscript%3E");
    assert!(!hostile.contains("<script>"), "{hostile}");
}

#[test]
fn a_list_has_pages_without_gaps() {
    let mut pages = Pages::new();
    let mut added: Vec<String> = (0..120).map(|nth| pages.add(&nth.to_string(), "Go", 1)).collect();
    let mut address = "/turns.json".to_owned();
    let mut found = Vec::new();
    loop {
        let json: serde_json::Value = serde_json::from_str(&pages.shows(&address)).unwrap();
        let turns = json["turns"].as_array().unwrap();
        assert!(turns.len() <= 50);
        found.extend(turns.iter().map(|turn| turn["trace_id"].as_str().unwrap().to_owned()));
        match json["behind"].as_str() {
            Some(behind) => address = format!("/turns.json?behind={behind}"),
            None => break,
        }
    }
    found.sort();
    added.sort();
    assert_eq!(found, added);
}

#[test]
fn usage_has_the_figures_of_a_report() {
    let mut pages = Pages::new();
    pages.add("1", "One", 2);
    pages.add("2", "Two", 3);
    let by = |by: &str| -> serde_json::Value {
        serde_json::from_str(&pages.shows(&format!("/usage.json?by={by}&last=all"))).unwrap()
    };
    let days = Days::new(
        &RangeRequest { all: true, ..RangeRequest::default() },
        Unit::Day,
        TimeZone::UTC,
        jiff::civil::Weekday::Monday,
        jiff::Timestamp::UNIX_EPOCH,
    );
    let report = Report::of(
        &pages.store,
        vec![By::Model],
        days.unwrap(),
        &Filter::default(),
        Prices::Recorded,
    );
    let mut report = usage::report::json(&report.unwrap(), None, None);
    report["latency_ms"] = by("model")["latency_ms"].clone();
    assert_eq!(by("model"), report);
    assert_eq!(report["latency_ms"]["turn"]["count"], 2);
    assert_eq!(report["latency_ms"]["models"][0]["call"]["count"], 5);
    let page = pages.shows("/usage?by=day&last=all");
    for part in [
        "2026-11-21",
        "5\u{202f}050",
        "The most expensive turns",
        ">shell<",
        "Tools, of all time",
        "How long it took",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for by in By::ALL {
        pages.shows(&format!("/usage?by={by}&last=12m&model=model"));
    }
    assert_eq!(pages.get("/usage?by=nothing").0, 400);
    assert_eq!(pages.get("/usage?last=x").0, 400);
    let home: serde_json::Value = serde_json::from_str(&pages.shows("/home.json")).unwrap();
    assert_eq!(home["recent"].as_array().unwrap().len(), 2);
    assert_eq!(home["budgets"][0]["percent"], 120);
    let page = pages.shows("/");
    assert!(page.contains("The last turns") && page.contains("120 % used"), "{page}");
    assert!(page.contains("$6.00 of $5.00 per &lt;day&gt;"), "{page}");
}

#[test]
fn a_turn_that_goes_on_is_shown_before_it_is_stored() {
    let mut pages = Pages::new();
    let trace = pages.add("1", "Stored", 1);
    let turn = Turn {
        thread_id: "thread".to_owned(),
        key: "2".to_owned(),
        prompt: Some("Going on".to_owned()),
        start: UnixNanos(1_795_262_400_000_000_000),
        end: UnixNanos(1_795_262_401_000_000_000),
        ..Turn::default()
    };
    let live = turn.trace_id().to_string();
    assert_eq!(pages.get(&format!("/turn/{live}")).0, 404);
    pages.running.set(vec![SpanBatch::of(&turn, "project", &TreeOptions::default())]);
    let page = pages.shows(&format!("/turn/{live}"));
    assert!(page.contains("data-live=\"follow\"") && page.contains("Going on"), "{page}");
    assert!(pages.shows("/").contains(&format!("/turn/{live}")));
    assert!(pages.shows(&format!("/turn/{trace}")).contains("data-live=\"tell\""));
    pages.running.set(Vec::new());
    assert_eq!(pages.get(&format!("/turn/{live}")).0, 404);
}

#[test]
fn two_turns_are_compared() {
    let mut pages = Pages::new();
    let first = pages.add("1", "One", 2);
    let second = pages.add("2", "Two", 3);
    assert!(pages.shows("/compare").contains(&format!("/compare?a={first}")));
    assert!(pages.shows(&format!("/compare?a={first}")).contains(&format!("b={second}")));
    let page = pages.shows(&format!("/compare?a={first}&b={second}"));
    for part in ["They part at call <a href=\"#part\">3</a>", "+1", "echo 2", "class=\"second\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(pages.shows(&format!("/compare?a={first}&b={first}")).contains("All 2 are the same."));
    let json: serde_json::Value =
        serde_json::from_str(&pages.shows(&format!("/compare.json?a={first}&b={second}"))).unwrap();
    assert_eq!(json["first_divergence"], 2);
    assert_eq!(pages.get("/compare.json?a=1").0, 400);
    assert_eq!(pages.get("/compare?a=ffff&b=ffff").0, 404);
}

#[test]
fn health_is_what_was_handed_in() {
    let pages = Pages::new();
    let page = pages.shows("/health");
    for part in
        ["nothing &lt;listens&gt;", "arize-codex-buffer start", "bad &lt;key&gt;", "/turn/0a"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json: serde_json::Value = serde_json::from_str(&pages.shows("/health.json")).unwrap();
    assert_eq!(json["findings"][0]["level"], "failure");
}

#[test]
fn alerts_lead_to_their_turns_and_those_of_the_last_day_are_on_the_first_page() {
    let mut pages = Pages::new();
    let health = pages.shows("/health");
    for part in
        ["loop: `&lt;b&gt;` went round", "/turn/0af7651916cd43dd8448eb211c80319c", "long ago"]
    {
        assert!(health.contains(part), "{part}: {health}");
    }
    assert!(!health.contains("evil"), "{health}");
    let json: serde_json::Value = serde_json::from_str(&pages.shows("/health.json")).unwrap();
    assert_eq!(
        (&json["alerts"][0]["kind"], &json["alerts"][0]["session"]),
        (&"loop".into(), &"s".into())
    );
    pages.add("a", "Hello", 1);
    let home = pages.shows("/");
    assert!(home.contains("went round") && !home.contains("long ago"), "{home}");
}
