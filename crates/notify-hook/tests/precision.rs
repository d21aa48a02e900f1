//! How often alerts are right: over every recording of Codex, and over turns whose label a person knows.
//!
//! `cargo test -p notify-hook --test precision -- --nocapture` prints the table. A label says what a person
//! would want to be called for. Some cases are there because a rule is wrong about them.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use alerts::{Facts, Kind, Memory, Quiet, Thresholds, Used, examine};
use codex_turn::{Checkpoint, Line, ThreadMeta, Transcript, fuse};
use otlp_model::Turn;
use otlp_model::turn::{Cost, LlmCall, Outcome, ParentTurn, Step, ToolCall, Usage};
use serde_json::json;

/// A turn, and the kinds of alerts that a person wants about it.
struct Case {
    name: String,
    turn: Turn,
    wanted: Vec<Kind>,
}

fn case(name: &str, wanted: &[Kind], calls: Vec<ToolCall>) -> Case {
    priced(name, wanted, calls, 0.02)
}

/// Each call was asked for by a model call of this cost.
fn priced(name: &str, wanted: &[Kind], calls: Vec<ToolCall>, usd: f64) -> Case {
    let steps = calls.into_iter().enumerate().map(|(nth, call)| {
        let cost = Some(Cost { output: usd, ..Cost::default() });
        let usage = Some(Usage { input: 30_000, output: 400, ..Usage::default() });
        let tools = vec![ToolCall { call_id: format!("call_{nth}"), ..call }];
        Step::Llm(LlmCall { cost, usage, tools, ..LlmCall::default() })
    });
    let turn = Turn {
        thread_id: name.to_owned(),
        session_id: name.to_owned(),
        key: name.to_owned(),
        steps: steps.collect(),
        ..Turn::default()
    };
    Case { name: name.to_owned(), turn, wanted: wanted.to_vec() }
}

fn run(command: &str, output: &str, code: i32) -> ToolCall {
    let outcome =
        if code == 0 { Outcome::Ok } else { Outcome::Failed(format!("exit code {code}")) };
    ToolCall {
        name: "exec_command".to_owned(),
        arguments: Some(json!({ "cmd": command }).to_string()),
        output: Some(output.to_owned()),
        outcome,
        failed_by_exit_code: code != 0,
        ..ToolCall::default()
    }
}

fn patch(text: &str) -> ToolCall {
    let arguments = Some(format!("*** Begin Patch\n{text}"));
    let (name, output) = ("apply_patch".to_owned(), Some("Success.".to_owned()));
    ToolCall { name, arguments, output, outcome: Outcome::Ok, ..ToolCall::default() }
}

fn word(nth: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    [letter(nth), letter(nth / 26), letter(nth / 676)].iter().collect()
}

fn times(count: usize, call: impl Fn(usize) -> Vec<ToolCall>) -> Vec<ToolCall> {
    (0..count).flat_map(call).collect()
}

/// Edits, and runs the tests until they pass.
fn test_driven(rounds: usize) -> Vec<ToolCall> {
    let round = |nth: usize| {
        let failing = format!("test {} ... FAILED", word(nth));
        vec![patch(&word(nth)), run("cargo test", &failing, 101)]
    };
    let mut calls = times(rounds, round);
    calls.push(run("cargo test", "ok", 0));
    calls
}

fn labelled() -> Vec<Case> {
    use Kind::{LongWait, Loop, NoProgress, RunawayTurn, ToolFailures};
    let reads = |count| times(count, |n| vec![run(&format!("cat {}.rs", word(n)), &word(n), 0)]);
    let waited = |minutes: u64| ToolCall {
        approval_wait: Some(minutes * 60_000_000_000),
        ..run("rm -rf build", "", 0)
    };
    vec![
        // What a person wants to be called for.
        case("the same failing build", &[Loop], times(6, |_| vec![run("make", "no rule", 2)])),
        case("the same search", &[Loop], times(5, |_| vec![run("rg needle", "", 1)])),
        case(
            "a server that never starts",
            &[Loop],
            times(8, |n| {
                vec![run(&format!("curl localhost:{}", 3000 + n), "connection refused", 7)]
            }),
        ),
        case("edit and undo", &[Loop], times(4, |_| vec![patch("a to b"), patch("b to a")])),
        case(
            "three commands in circles",
            &[Loop],
            times(3, |_| {
                vec![
                    run("git stash", "x", 0),
                    run("npm test", "1 failed", 1),
                    run("git stash pop", "x", 0),
                ]
            }),
        ),
        case(
            "a patch that never fits",
            &[Loop],
            times(5, |_| {
                vec![ToolCall { outcome: Outcome::Failed("no match".to_owned()), ..patch("x") }]
            }),
        ),
        case("the same page", &[Loop], times(4, |_| vec![run("sed -n 1,99p a.rs", "fn main", 0)])),
        case(
            "a sandbox without a network",
            &[ToolFailures],
            times(24, |n| {
                vec![run(
                    &format!("pip install {}", word(n)),
                    &format!("no route for {}", word(n)),
                    1,
                )]
            }),
        ),
        case(
            "a program that is missing",
            &[ToolFailures],
            times(30, |n| {
                vec![run(&format!("gradle {}", word(n)), &format!("{}: not found", word(n)), 127)]
            }),
        ),
        priced("reads for ever", &[RunawayTurn, NoProgress], reads(90), 0.12),
        priced("stuck after an edit", &[NoProgress], [vec![patch("a")], reads(60)].concat(), 0.1),
        priced(
            "tests for ever",
            &[NoProgress],
            [
                vec![patch("a")],
                times(40, |n| vec![run(&format!("cargo test {}", word(n)), &word(n), 0)]),
            ]
            .concat(),
            0.2,
        ),
        priced("a large turn", &[RunawayTurn], test_driven(40), 0.3),
        case(
            "very many calls",
            &[RunawayTurn],
            times(300, |n| vec![patch(&word(n)), run("make", &word(n), 0)]),
        ),
        case("nobody at the desk", &[LongWait], vec![run("ls", "a", 0), waited(45)]),
        case("lunch", &[LongWait], vec![waited(20), patch("a")]),
        // What is work.
        case("test driven", &[], test_driven(12)),
        case(
            "reads a file in parts",
            &[],
            times(12, |n| {
                let range = format!("sed -n '{},{}p' main.rs", n * 200 + 1, n * 200 + 200);
                vec![run(&range, &format!("part {}", word(n)), 0)]
            }),
        ),
        case("waits for a build", &[], times(10, |n| vec![run("tail -1 build.log", &word(n), 0)])),
        case("sleeps", &[], times(8, |_| vec![run("sleep 30", "", 0)])),
        case(
            "polls a terminal",
            &[],
            times(15, |_| {
                vec![ToolCall {
                    name: "write_stdin".to_owned(),
                    arguments: Some("{\"session_id\":1,\"chars\":\"\"}".to_owned()),
                    output: Some(String::new()),
                    ..ToolCall::default()
                }]
            }),
        ),
        case(
            "looks after each edit",
            &[],
            times(9, |n| {
                vec![patch(&word(n)), run("git diff --stat", &format!("{}.rs | 2", word(n)), 0)]
            }),
        ),
        case(
            "searches that find nothing",
            &[],
            times(12, |n| {
                let mut call = run(&format!("rg {}", word(n)), "", 1);
                call.outcome = Outcome::Ok;
                vec![call]
            }),
        ),
        case("tries three times", &[], times(3, |_| vec![run("npm ci", "timeout", 1)])),
        case(
            "a red test suite",
            &[],
            times(10, |n| {
                vec![
                    patch(&word(n)),
                    run("pytest", &format!("{} failed", word(n)), 1),
                    run("ls", &word(n), 0),
                ]
            }),
        ),
        priced("a long exploration", &[], reads(40), 0.1),
        priced("a research by a sub-agent", &[], reads(80), 0.1),
        priced(
            "a long refactoring",
            &[],
            times(60, |n| vec![run(&format!("cat {}.rs", word(n)), &word(n), 0), patch(&word(n))]),
            0.06,
        ),
        priced(
            "edits by scripts",
            &[],
            times(50, |n| vec![run(&format!("python3 - <<'E'\n{}\nE", word(n)), "", 0)]),
            0.15,
        ),
        case(
            "many refusals",
            &[],
            times(25, |n| {
                vec![ToolCall {
                    outcome: Outcome::Denied("no".to_owned()),
                    ..run(&format!("curl {}", word(n)), "", 0)
                }]
            }),
        ),
        case("a short wait", &[], vec![waited(4), waited(9)]),
        case(
            "steps through migrations",
            &[],
            times(9, |n| {
                vec![run(&format!("psql -f {n:03}.sql"), &format!("created {}", word(n)), 0)]
            }),
        ),
        // What the rules are wrong about.
        case(
            "waits for a check whose answer stays",
            &[],
            times(6, |_| vec![run("gh pr checks", "pending", 0)]),
        ),
        case(
            "the same command in new files",
            &[],
            times(7, |n| vec![run(&format!("touch part{n}.txt"), "", 0)]),
        ),
        priced("a review that is to change nothing", &[], reads(60), 0.1),
        priced("a large review after a note", &[], [vec![patch("notes")], reads(60)].concat(), 0.1),
        case(
            "a loop with another token each time",
            &[Loop],
            times(6, |n| vec![run("make deploy", &format!("refused, ticket {}", word(n)), 1)]),
        ),
    ]
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The turns of all recordings; a person would be called for those in which next to nothing works.
fn recorded() -> Vec<Case> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data");
    let cases = entries(&data).into_iter().flat_map(|version| entries(&version));
    let files = cases.flat_map(|case| entries(&case)).filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("rollout") && name.ends_with(".jsonl")
    });
    let mut turns = Vec::new();
    for file in files {
        let text = fs::read(&file).unwrap();
        let meta = ThreadMeta::read(&mut BufReader::new(&*text), 1 << 20).unwrap();
        let mut transcript = Transcript::resume(meta, Checkpoint::START);
        for bytes in text.split(|byte| *byte == b'\n') {
            let mut line = Line::new(transcript.text_limit());
            line.push(bytes);
            transcript.read(&line);
        }
        let read = transcript.finish().0;
        turns.extend(read.iter().filter(|turn| !turn.is_copied()).map(|turn| {
            let name = file.strip_prefix(&data).unwrap().display().to_string();
            // Every way in which a call can fail, in one turn.
            let fails = name.contains("refusals");
            let wanted = if fails { vec![Kind::ToolFailures] } else { Vec::new() };
            Case { name, turn: fuse(turn, &[]), wanted }
        }));
    }
    turns
}

#[derive(Default)]
struct Counts {
    right: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

#[test]
fn alerts_are_right_and_few() {
    let mut cases = recorded();
    let recordings = cases.len();
    assert!(recordings > 150, "{recordings}");
    cases.extend(labelled());
    for case in &mut cases {
        if case.name == "a research by a sub-agent" {
            case.turn.parent = Some(ParentTurn::default());
        }
    }
    let mut counts: BTreeMap<Kind, Counts> = BTreeMap::new();
    let (mut memory, mut given): (Memory, BTreeMap<Kind, usize>) = Default::default();
    let quiet = Quiet { cool_down: 60 * 60_000, per_day: 5 };
    for (nth, case) in cases.iter().enumerate() {
        let facts = Facts { turn: &case.turn, session: Used::by(&case.turn), quota: &[] };
        let found = examine(&facts, &Thresholds::default());
        let mut kinds: Vec<Kind> = found.iter().map(|alert| alert.kind).collect();
        kinds.sort();
        kinds.dedup();
        for kind in &kinds {
            let count = counts.entry(*kind).or_default();
            match case.wanted.contains(kind) {
                true => count.right += 1,
                false => count.wrong.push(case.name.clone()),
            }
        }
        for kind in case.wanted.iter().filter(|kind| !kinds.contains(kind)) {
            counts.entry(*kind).or_default().missed.push(case.name.clone());
        }
        // All of them on one day.
        let now = 1_000_000_000_000 + nth as u64 * 60_000;
        for alert in memory.take(found, quiet, now) {
            *given.entry(alert.kind).or_default() += 1;
        }
    }
    println!("{recordings} recorded turns, {} labelled ones", cases.len() - recordings);
    println!(
        "{:16} {:>5} {:>5} {:>6} {:>9} {:>5}",
        "kind", "right", "wrong", "missed", "precision", "given"
    );
    let (mut right, mut all) = (0, 0);
    for (kind, count) in &counts {
        let sum = count.right + count.wrong.len();
        let precision = 100 * count.right / sum.max(1);
        let (wrong, missed, given) = (count.wrong.len(), count.missed.len(), given.get(kind));
        println!(
            "{:16} {:>5} {wrong:>5} {missed:>6} {precision:>7} % {:>5}",
            kind.word(),
            count.right,
            given.unwrap_or(&0)
        );
        let cases = [("wrong", &count.wrong), ("missed", &count.missed)];
        for (what, names) in cases {
            names.iter().for_each(|name| println!("  {what}: {name}"));
        }
        assert!(precision >= 70, "{kind:?}: {precision} %");
        assert!(given.is_none_or(|given| *given <= 5), "{kind:?}: {given:?} in a day");
        (right, all) = (right + count.right, all + sum);
    }
    println!("precision of all: {} %", 100 * right / all);
    assert_eq!(counts.len(), 5, "each rule speaks");
}
