//! A thread in several files: Codex 0.171 as its app server, with four turns that were taken back, one
//! that failed, and `codex exec resume` at the end.
//!
//! ```text
//! one two               the first file
//!     └ three four      before two
//!             └ five six   before four; five fails
//! seven eight           before one
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use codex_turn::NotifyPayload;
use notify_hook::{Report, Trigger};
use otlp_model::{Span, UnixNanos};

use crate::home::{Home, NOTHING};

const THREAD: &str = "01a22d55-d1d0-7de1-87bd-de5836d91747";

/// The files and the days on which they were begun; the thread went on for weeks.
const FILES: [(&str, &str); 4] = [
    (THREAD, "2026/11/30"),
    ("01a22d55-d2b3-7973-acfe-0921e2b789da", "2026/11/30"),
    ("01a22d55-d401-7b93-b77c-0168f6fcc8f7", "2026/12/01"),
    ("01a22d55-d4a8-7280-92ea-476b19c26e88", "2027/01/15"),
];

const PROMPTS: [&str; 8] = ["one", "two", "three", "four", "FAIL five", "six", "seven", "eight"];

/// The turn in whose place each came, by its number.
const REPLACES: [Option<usize>; 8] = [None, None, Some(2), None, Some(4), None, Some(1), None];

fn home() -> Home {
    Home::of(THREAD, data())
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reverts")
}

fn text(file: usize) -> String {
    fs::read_to_string(data().join(format!("{}.jsonl", FILES[file].0))).unwrap()
}

/// Where Codex has a file.
fn path(home: &Home, file: usize) -> PathBuf {
    let (id, day) = FILES[file];
    let name = match file {
        0 => format!("rollout-2026-11-30T16-42-08-{THREAD}.jsonl"),
        _ => format!("rollout-2026-11-30T16-42-09-{THREAD}_{id}.jsonl"),
    };
    home.paths.codex_home.join("sessions").join(day).join(name)
}

fn write(home: &Home, file: usize, text: &str) {
    let path = path(home, file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn write_all(home: &Home) {
    (0..FILES.len()).for_each(|file| write(home, file, &text(file)));
}

fn pack(path: &Path, text: &str) {
    let bytes = zstd::encode_all(text.as_bytes(), 3).unwrap();
    fs::write(path.with_extension("jsonl.zst"), bytes).unwrap();
}

fn roots(home: &Home) -> Vec<Span> {
    home.batches().into_iter().map(|batch| batch.spans[0].clone()).collect()
}

fn ids(roots: &[Span]) -> Vec<&str> {
    roots.iter().map(|root| root.text("codex.turn_id").unwrap()).collect()
}

/// All turns were sent, once and in their order, and each names the one in whose place it came.
fn check(home: &Home) {
    let roots = roots(home);
    let prompts: Vec<_> = roots.iter().map(|root| root.text("input.value").unwrap()).collect();
    assert_eq!(prompts, PROMPTS);
    let names: Vec<_> = roots.iter().map(|root| root.name.as_str()).collect();
    assert_eq!(names, (1..=8).map(|number| format!("Turn {number}")).collect::<Vec<_>>());
    assert!(roots.iter().all(|root| root.text("session.id") == Some(THREAD)));
    let failed: Vec<_> =
        roots.iter().map(|root| root.text("codex.turn.status") == Some("failed")).collect();
    assert_eq!(failed, PROMPTS.map(|prompt| prompt.starts_with("FAIL")));
    let ids = ids(&roots);
    let replaces: Vec<_> = roots.iter().map(|root| root.text("codex.turn.replaces")).collect();
    assert_eq!(replaces, REPLACES.map(|number| number.map(|number| ids[number - 1])));
}

fn reverted(home: &Home) -> Vec<bool> {
    let is_reverted = |root: Span| {
        let mut attributes = root.attributes.iter();
        attributes.any(|a| a.key == "codex.turn.reverted" && a.value == true.into())
    };
    roots(home).into_iter().map(is_reverted).collect()
}

#[test]
fn a_thread_in_several_files_is_one_session() {
    let home = home();
    write_all(&home);
    assert_eq!(home.run(None), Report { traced: 8, unsent: 0 });
    check(&home);
    assert_eq!(reverted(&home), [true, true, true, true, true, true, false, false]);
    assert_eq!(home.run(None), NOTHING);
}

#[test]
fn a_sweep_that_meets_the_thread_finds_all_of_it() {
    let home = home();
    write_all(&home);
    home.run_for(Trigger::Sweep { since: UnixNanos(0), closed: None }, &[]);
    check(&home);
}

#[test]
fn a_run_after_each_record_sends_each_turn_once() {
    let home = home();
    for file in 0..FILES.len() {
        let text = text(file);
        for (end, _) in text.match_indices('\n') {
            write(&home, file, &text[..=end]);
            home.run(None);
        }
    }
    check(&home);
    // They were sent before the user took them back.
    assert_eq!(reverted(&home), [false; 8]);
}

#[test]
fn each_payload_waits_for_its_turn_in_whatever_file_it_is() {
    let home = home();
    let turns = [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (3, 1), (3, 2)];
    for (number, (file, turn)) in turns.into_iter().enumerate() {
        let text = text(file);
        let ends = text.match_indices("\"task_complete\"").map(|(at, _)| at);
        let end = ends.map(|at| at + text[at..].find('\n').unwrap()).nth(turn - 1).unwrap();
        write(&home, file, &text[..=end]);
        let id = text[..end].rsplit_once("\"turn_id\":\"").unwrap().1;
        let payload = format!(
            r#"{{"type":"agent-turn-complete","thread-id":"{THREAD}","turn-id":"{}"}}"#,
            &id[..36]
        );
        let payload = NotifyPayload::decode(&payload).unwrap();
        // The failed turn has no payload, and comes with the next one.
        let traced = if number == 4 { 2 } else { 1 };
        assert_eq!(home.run(Some(payload)), Report { traced, unsent: 0 }, "{number}");
    }
    check(&home);
}

#[test]
fn files_may_be_packed_archived_or_both() {
    let home = home();
    write_all(&home);
    // A packed file and a plain one: Codex has taken the thread up again.
    pack(&path(&home, 3), &text(3)[..text(3).find("eight").unwrap()]);
    pack(&path(&home, 1), &text(1));
    fs::remove_file(path(&home, 1)).unwrap();
    assert_eq!(home.run(None), Report { traced: 8, unsent: 0 });
    check(&home);
    let archive = home.paths.codex_home.join("archived_sessions");
    fs::create_dir_all(&archive).unwrap();
    for file in 0..FILES.len() {
        let packed = path(&home, file).with_extension("jsonl.zst");
        for path in [path(&home, file), packed].iter().filter(|path| path.exists()) {
            fs::rename(path, archive.join(path.file_name().unwrap())).unwrap();
        }
    }
    assert_eq!(home.run(None), NOTHING);
}

#[test]
fn what_an_earlier_version_remembers_of_the_first_file_counts() {
    let home = home();
    write_all(&home);
    let (text, first) = (text(0), path(&home, 0));
    let ids: Vec<&str> = text
        .split("\"task_complete\"")
        .skip(1)
        .map(|event| &event.split_once("\"turn_id\":\"").unwrap().1[..36])
        .collect();
    // It had sent the first turn, and the third one from its payload.
    let third = self::text(1);
    let third = &third.split_once("\"turn_id\":\"").unwrap().1[..36];
    let offset = text.find("\"task_complete\"").unwrap();
    let offset = offset + text[offset..].find('\n').unwrap() + 1;
    let state = home.paths.state_dir.join(format!("threads/{THREAD}.json"));
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    let memory = format!(
        r#"{{"version":1,"transcript":{first:?},"offset":{offset},"turns":1,"total_tokens":1033,"settled":null,"sent":["{}","{third}"],"partly_sent":{{}},"pending":[]}}"#,
        ids[0]
    );
    fs::write(&state, memory).unwrap();
    assert_eq!(home.run(None), Report { traced: 6, unsent: 0 });
    let roots = roots(&home);
    let prompts: Vec<_> = roots.iter().map(|root| root.text("input.value").unwrap()).collect();
    assert_eq!(prompts, ["two", "four", "FAIL five", "six", "seven", "eight"]);
    assert_eq!((roots[0].name.as_str(), roots[5].name.as_str()), ("Turn 2", "Turn 8"));
    let memory = fs::read_to_string(&state).unwrap();
    assert!(memory.contains("\"version\":2") && !memory.contains("\"total_tokens\":1033"));
}

#[test]
fn where_a_file_is_gone_nothing_is_said_of_what_it_would_tell() {
    let home = home();
    write_all(&home);
    fs::remove_file(path(&home, 1)).unwrap();
    fs::remove_file(path(&home, 3)).unwrap();
    assert_eq!(home.run(None), Report { traced: 4, unsent: 0 });
    assert_eq!(reverted(&home), [false; 4]);
    assert!(roots(&home).iter().all(|root| root.text("codex.turn.replaces").is_none()));
}

#[test]
fn a_file_that_was_rewritten_still_says_what_was_taken_back() {
    let home = home();
    write_all(&home);
    // The offsets in the other files are no longer right.
    for file in [0, 1] {
        write(&home, file, &text(file).replace("/home/dev/project", "/home/another/user"));
    }
    home.run(None);
    check(&home);
}

#[test]
fn a_sub_agent_of_an_older_codex_finds_a_turn_in_any_of_its_parents_files() {
    let home = Home::new("0.130.0/fork_context");
    let recorded = home.recorded();
    let meta = &recorded[..=recorded.find('\n').unwrap()];
    home.write_transcript(meta);
    let first = home.transcript_path();
    let name = first.file_stem().unwrap().to_str().unwrap();
    fs::write(first.with_file_name(format!("{name}_{}.jsonl", FILES[1].0)), &recorded).unwrap();
    let text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
    let meta = codex_turn::ThreadMeta::decode(text.lines().next().unwrap().as_bytes()).unwrap();
    let child = Home::of(&meta.thread_id, home.recording.clone());
    let child = Home { paths: home.paths.clone(), target: home.target.clone(), ..child };
    child.write_transcript(&text);
    assert_eq!(child.run(Some(child.payload())).traced, 1);
    assert_eq!(home.run(Some(home.payload())).traced, 1);
    let (below, above) = (&home.batches()[0].spans, &home.batches()[1].spans);
    let spawn = above.iter().find(|span| span.name == "spawn_agent").unwrap();
    assert_eq!((below[0].trace_id, below[0].parent_id), (spawn.trace_id, Some(spawn.span_id)));
}
