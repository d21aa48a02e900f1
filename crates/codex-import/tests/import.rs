//! Imports of recorded transcripts, and of ones that were damaged.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use codex_import::{ContentSummary, Facts, Request, Summary, find, import, import_contents};
use codex_turn::{Checkpoint, Line, ThreadMeta, Transcript, TranscriptTurn, fuse};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use otlp_model::{SpanBatch, SpanKind, TreeOptions};
use pricing::PriceTable;
use serde_json::Value as Json;
use tempfile::TempDir;
use trace_store::usage::{Pass, QuarterRange, Sums, TurnCounts};
use trace_store::{SpanOutline, TraceCost, TraceStore};
use usage::report::{By, Days, Filter, Prices, RangeRequest, Report, Unit};

fn facts() -> Facts {
    Facts {
        project: "codex".to_owned(),
        user: "ada".to_owned(),
        machine: "here".to_owned(),
        prices: PriceTable::builtin().clone(),
    }
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data")
}

fn new_store(folder: &TempDir) -> TraceStore {
    TraceStore::open(folder.path().join("traces.db")).unwrap()
}

fn import_from(store: &mut TraceStore, places: &[PathBuf]) -> Summary {
    let request =
        Request { found: &find(places), facts: &facts(), changed_since: None, dry_run: false };
    import(store, request, &mut |_| ()).unwrap()
}

fn totals(store: &TraceStore) -> (Sums, TurnCounts) {
    let (mut sums, mut counts) = (Sums::default(), TurnCounts::default());
    store.call_sums(QuarterRange::ALL, |sum| sums += sum.sums).unwrap();
    store.turn_sums(QuarterRange::ALL, |sum| counts += sum.counts).unwrap();
    (sums, counts)
}

/// Each thread's tokens, input and output.
fn by_thread(store: &TraceStore) -> BTreeMap<String, [i64; 2]> {
    let threads = store.threads(QuarterRange::ALL).unwrap();
    let mut found: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    store
        .thread_sums(QuarterRange::ALL, |sum| {
            let tokens = found.entry(threads[&sum.thread].thread_id.clone()).or_default();
            tokens[0] += sum.sums.input;
            tokens[1] += sum.sums.output;
        })
        .unwrap();
    found.retain(|_, tokens| *tokens != [0, 0]);
    found
}

fn records(text: &str) -> Vec<Json> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Copies the transcripts of a recorded case into a home of Codex, under the names that Codex gives them.
fn home_of(case: &Path) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let day = home.path().join("sessions/2026/11/20");
    fs::create_dir_all(&day).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(case).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let Some(meta) = records(&text).into_iter().next().filter(|m| m["type"] == "session_meta")
        else {
            continue;
        };
        let thread = meta["payload"]["id"].as_str().unwrap();
        let plain = day.join(format!("rollout-2026-11-20T10-00-00-{thread}.jsonl"));
        let segment = "01a1fb19-70ee-75f3-adb9-9f3249767227";
        let name = match plain.exists() {
            true => day.join(format!("rollout-2026-11-20T10-00-00-{thread}_{segment}.jsonl")),
            false => plain,
        };
        fs::write(name, text).unwrap();
    }
    home
}

fn cases() -> Vec<PathBuf> {
    let folders = |of: PathBuf| {
        let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let mut cases: Vec<PathBuf> = folders(recordings()).into_iter().flat_map(folders).collect();
    cases.sort();
    assert!(cases.len() > 60, "{}", cases.len());
    cases
}

/// What Codex itself counted for a thread at the end of its transcript, less what stood there before the
/// first turn of its own. None where it counts nothing, or two front ends counted side by side.
fn codex_count(text: &str) -> Option<(String, [i64; 2])> {
    let records = records(text);
    let thread = records[0]["payload"]["id"].as_str()?.to_owned();
    if records[0]["payload"]["history_base"].is_object() {
        return None;
    }
    let (mut inherited, mut last, mut own) = ([0; 2], [0; 2], false);
    for record in &records {
        let payload = &record["payload"];
        if payload["type"] == "task_started" && !own && payload["turn_id"].as_str() > Some(&thread)
        {
            (inherited, own) = (last, true);
        }
        let total = match record["type"].as_str() {
            Some("token_usage_record") => &payload["thread_token_usage"],
            _ => &payload["info"]["total_token_usage"],
        };
        if let (Some(input), Some(output)) =
            (total["input_tokens"].as_i64(), total["output_tokens"].as_i64())
        {
            last = [input, output];
        }
    }
    Some((thread, [last[0] - inherited[0], last[1] - inherited[1]]))
}

/// Threads of which Codex's last count is not what was used. Two front ends each count on from where they
/// came in; a file in which messages were taken back forgets them, though they were paid for; and a fork
/// of 0.98 counts what it repeats.
const NOT_CODEXS_LAST_COUNT: [(&str, [i64; 2]); 4] = [
    ("0.130.0/two_front_ends", [8502, 167]),
    ("0.145.0/two_front_ends", [8502, 167]),
    ("0.171.0/revert", [4000, 80]),
    ("0.98.0/fork", [1000, 20]),
];

/// What is recorded of each thread is what Codex counted for it: nothing twice, nothing lost.
#[test]
fn the_totals_are_those_of_codex() {
    let (mut checked, mut failures) = (0, Vec::new());
    for case in cases() {
        let home = home_of(&case);
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        let places = [home.path().to_owned()];
        let summary = import_from(&mut store, &places);
        assert!(summary.left_out.is_empty(), "{}: {summary:?}", case.display());
        let recorded = by_thread(&store);
        for file in find(&places).transcripts {
            let text = fs::read_to_string(file.path).unwrap();
            let Some((thread, counted)) = codex_count(&text) else { continue };
            let found = recorded.get(&thread).copied().unwrap_or_default();
            let known = NOT_CODEXS_LAST_COUNT.iter().find(|(name, _)| case.ends_with(name));
            let is_known = known.is_some_and(|(_, used)| found == *used);
            checked += usize::from(counted != [0, 0]);
            if found != counted && !is_known {
                failures
                    .push(format!("{}: {thread}: {found:?}, codex {counted:?}", case.display()));
            }
        }
        // Again, and nothing changes.
        let before = totals(&store);
        let again = import_from(&mut store, &places);
        assert_eq!((again.read, totals(&store)), (0, before), "{}", case.display());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(checked > 80, "{checked}");
}

/// An import and live tracing of the same turns give the same ids and the same numbers, once.
#[test]
fn spans_and_transcripts_tell_the_same_turns() {
    for case in cases() {
        let home = home_of(&case);
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        let places = [home.path().to_owned()];
        import_from(&mut store, &places);
        let (sums, counts) = totals(&store);
        for file in find(&places).transcripts {
            for turn in turns_of(&fs::read(file.path).unwrap()) {
                let batch = SpanBatch::of(&turn, "codex", &TreeOptions::default());
                store.insert(&batch).unwrap();
            }
        }
        let recorded = store.record_spans(&|_| ()).unwrap();
        let (with_spans, counts_with_spans) = totals(&store);
        let name = case.display();
        assert_eq!(recorded.new, 0, "{name}: {recorded:?}");
        assert_eq!(counts_with_spans.turns, counts.turns, "{name}");
        // The spans here have no prices.
        assert_eq!(Sums { cost: sums.cost, ..with_spans }, sums, "{name}");
    }
}

/// The spans of an import, and what it read.
fn contents_from(store: &mut TraceStore, places: &[PathBuf]) -> ContentSummary {
    let spans = |turn| SpanBatch::of(&turn, "codex", &TreeOptions::default());
    import_contents(store, &find(places), &spans, &mut |_| ()).unwrap()
}

#[test]
fn contents_become_the_spans_of_live_tracing() {
    for case in cases() {
        let home = home_of(&case);
        let places = [home.path().to_owned()];
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        import_from(&mut store, &places);
        let recorded = totals(&store);
        let first = contents_from(&mut store, &places);
        let name = case.display();
        for file in find(&places).transcripts {
            // How many turns there were before those of a further file is known to live tracing alone.
            if file.path.to_string_lossy().contains('_') {
                continue;
            }
            for turn in turns_of(&fs::read(file.path).unwrap()) {
                let batch = SpanBatch::of(&turn, "codex", &TreeOptions::default());
                let mut live = batch.spans.clone();
                live.sort_by_key(|span| span.span_id.0);
                let mut stored = store.trace(turn.trace_id()).unwrap();
                stored.retain(|span| live.iter().any(|live| live.span_id == span.span_id));
                stored.sort_by_key(|span| span.span_id.0);
                assert_eq!(stored, live, "{name}");
            }
        }
        // Neither a second import nor the reading of spans changes what is there.
        let second = contents_from(&mut store, &places);
        assert_eq!((second.files, second.spans), (0, 0), "{name}: {first:?}");
        let of_spans = store.record_spans(&|_| ()).unwrap();
        assert_eq!((of_spans.new, of_spans.changed, of_spans.known), (0, 0, 0), "{name}");
        assert_eq!(totals(&store), recorded, "{name}");
    }
}

/// The outline of a trace, of which large pages are made, says what its spans say.
#[test]
fn outlines_agree_with_their_spans() {
    let mut counted = 0;
    for case in cases() {
        let home = home_of(&case);
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        contents_from(&mut store, &[home.path().to_owned()]);
        for trace in store.last_traces(100).unwrap() {
            let (id, name) = (trace.trace_id, case.display());
            let spans = store.trace(id).unwrap();
            let outline = store.outline(id).unwrap();
            assert_eq!(outline, spans.iter().map(SpanOutline::from).collect::<Vec<_>>(), "{name}");
            let mut of_spans = TraceCost::default();
            spans
                .iter()
                .filter(|span| span.kind == SpanKind::Llm)
                .for_each(|call| of_spans.add(call));
            let cost = store.cost(id, &outline).unwrap();
            assert_eq!(cost.unpriced, of_spans.unpriced, "{name}");
            // Amounts in spans have the digits of a double.
            assert!((cost.cost.0 - of_spans.cost.0).abs() <= 100, "{name}: {cost:?} {of_spans:?}");
            counted += outline.iter().filter(|span| span.input.is_some()).count();
        }
    }
    assert!(counted > 100, "{counted}");
}

/// What is found has to be right: ordinary turns have no loops.
#[test]
fn no_recorded_turn_is_taken_for_a_loop() {
    let mut traces = 0;
    for case in cases() {
        let home = home_of(&case);
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        contents_from(&mut store, &[home.path().to_owned()]);
        for trace in store.last_traces(100).unwrap() {
            traces += 1;
            let found = usage::loops::loops(&store.trace(trace.trace_id).unwrap());
            assert_eq!(found, [], "{}", case.display());
        }
    }
    assert!(traces > 100, "{traces}");
}

#[test]
fn contents_of_what_grows_are_read_on() {
    let (home, file, text) = growing();
    let places = [home.path().to_owned()];
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        import_from(&mut store, &places);
        contents_from(&mut store, &places);
        store.counts().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    let first = text.find('\n').unwrap() + 1;
    for end in (first..text.len()).step_by(4099).chain([text.len()]) {
        fs::write(&file, &text[..end]).unwrap();
        import_from(&mut store, &places);
        contents_from(&mut store, &places);
    }
    assert_eq!(store.counts().unwrap(), whole);
}

/// The turns of a transcript, as live tracing makes them.
fn turns_of(text: &[u8]) -> Vec<otlp_model::Turn> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let meta = ThreadMeta::decode(lines[0]).unwrap();
    let mut transcript = Transcript::resume(meta, Checkpoint::START);
    for line in &lines[..lines.len() - 1] {
        let mut read = Line::new(transcript.text_limit());
        read.push(line);
        transcript.read(&read);
    }
    let (turns, _) = transcript.finish();
    let is_copy = |turn: &TranscriptTurn| turn.is_copied() || turn.may_be_copied();
    let own = turns.iter().filter(|turn| !is_copy(turn) && turn.has_ended());
    own.map(|turn| fuse(turn, &[])).collect()
}

/// A home with one long thread of several turns.
fn growing() -> (TempDir, PathBuf, String) {
    let home = home_of(&recordings().join("0.169.0/tui_multi"));
    let file = find(&[home.path().to_owned()]).transcripts.pop().unwrap().path;
    let text = fs::read_to_string(&file).unwrap();
    (home, file, text)
}

#[test]
fn what_grows_is_read_on_and_never_becomes_less() {
    let (home, file, text) = growing();
    let places = [home.path().to_owned()];
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        import_from(&mut store, &places);
        totals(&store)
    };
    assert!(whole.1.turns >= 2, "{whole:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    let (mut before, mut bytes) = (0, 0);
    // Also torn lines; the beginning of the first line is no transcript yet.
    let first = text.find('\n').unwrap() + 1;
    for end in (first..text.len()).step_by(1511).chain([text.len()]) {
        fs::write(&file, &text[..end]).unwrap();
        let summary = import_from(&mut store, &places);
        assert!(summary.left_out.is_empty(), "{summary:?}");
        bytes += summary.bytes;
        let now = totals(&store).0.tokens();
        assert!(now >= before, "{now} after {before}");
        before = now;
    }
    assert_eq!(totals(&store), whole);
    assert!(bytes >= text.len() as u64);
    // What was read to its end is not read again: the file is known up to its last turn.
    let more = format!("{text}{}\n", r#"{"timestamp":"2026-11-20T22:40:00.000Z","type":"x"}"#);
    fs::write(&file, &more).unwrap();
    let summary = import_from(&mut store, &places);
    assert!(summary.bytes < 2000, "{summary:?}");
    assert_eq!(totals(&store), whole);
}

#[test]
fn a_transcript_that_shrinks_or_is_replaced_takes_nothing_away() {
    let (home, file, text) = growing();
    let places = [home.path().to_owned()];
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    import_from(&mut store, &places);
    let whole = totals(&store);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for kept in [lines.len() - 3, lines.len() / 2, 1] {
        fs::write(&file, lines[..kept].concat()).unwrap();
        import_from(&mut store, &places);
        assert_eq!(totals(&store), whole, "{kept} lines");
    }
    // Another thread's transcript in its place counts beside it.
    let other = fs::read_to_string(recordings().join("0.169.0/basic/rollout.jsonl")).unwrap();
    fs::write(&file, &other).unwrap();
    import_from(&mut store, &places);
    assert!(totals(&store).0.tokens() > whole.0.tokens());
    fs::remove_dir_all(home.path().join("sessions")).unwrap();
    import_from(&mut store, &places);
    assert!(totals(&store).0.tokens() > whole.0.tokens());
}

#[test]
fn packed_archived_and_copied_transcripts_count_once() {
    let (home, file, text) = growing();
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    let places = [home.path().to_owned()];
    import_from(&mut store, &places);
    let whole = totals(&store);
    let archive = home.path().join("archived_sessions");
    fs::create_dir_all(&archive).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    fs::write(archive.join(format!("{name}.zst")), packed).unwrap();
    fs::remove_file(&file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(name), &text).unwrap();

    let summary = import_from(&mut store, &[home.path().to_owned(), elsewhere.path().to_owned()]);

    assert_eq!((summary.read, summary.new), (2, 0), "{summary:?}");
    assert_eq!(totals(&store), whole);
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    import_from(&mut store, &[archive]);
    assert_eq!(totals(&store), whole);
}

/// A home with the transcripts of all recordings.
fn home_of_all() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let day = home.path().join("sessions/2026/11/20");
    fs::create_dir_all(&day).unwrap();
    for case in cases() {
        let of_case = home_of(&case);
        for file in find(&[of_case.path().to_owned()]).transcripts {
            fs::copy(&file.path, day.join(file.path.file_name().unwrap())).unwrap();
        }
    }
    home
}

#[test]
fn two_imports_at_once_count_each_turn_once() {
    let home = home_of_all();
    let folder = tempfile::tempdir().unwrap();
    let places = [home.path().to_owned()];
    let alone = {
        let folder = tempfile::tempdir().unwrap();
        let mut store = new_store(&folder);
        import_from(&mut store, &places);
        totals(&store)
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| import_from(&mut new_store(&folder), &places));
        }
    });
    assert_eq!(totals(&new_store(&folder)), alone);
}

#[test]
fn what_cannot_be_read_is_named_and_stops_nothing() {
    let (home, file, _) = growing();
    let day = file.parent().unwrap();
    let other = |end: &str| format!("rollout-2026-11-20T11-00-00-{end}.jsonl");
    let id = "01a1fb18-0000-7000-8000-000000000000";
    fs::write(day.join(other(id)), "no transcript\n").unwrap();
    fs::write(day.join("notes.txt"), "not read").unwrap();
    fs::create_dir(day.join(format!("{}.zst", other(id)))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    let missing = home.path().join("missing");
    let summary = import_from(&mut store, &[home.path().to_owned(), missing.clone()]);
    let named: BTreeSet<&Path> = summary.left_out.iter().map(|left| &*left.path).collect();
    assert_eq!(named, BTreeSet::from([&*day.join(other(id)), &*missing]));
    assert!(totals(&store).0.calls > 0);
}

#[test]
fn a_dry_run_writes_nothing() {
    let (home, ..) = growing();
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    let found = find(&[home.path().to_owned()]);
    let request = Request { found: &found, facts: &facts(), changed_since: None, dry_run: true };
    let summary = import(&mut store, request, &mut |_| ()).unwrap();
    assert!(summary.new > 0 && summary.tokens > 0, "{summary:?}");
    assert_eq!(totals(&store), (Sums::default(), TurnCounts::default()));
    assert!(store.sources(Pass::Numbers).unwrap().is_empty());
}

/// Every report sums up the same calls, whatever it has rows for.
#[test]
fn all_reports_agree() {
    let home = home_of_all();
    let folder = tempfile::tempdir().unwrap();
    let mut store = new_store(&folder);
    import_from(&mut store, &[home.path().to_owned()]);
    let (sums, counts) = totals(&store);
    let filter = Filter::default();
    for zone in ["UTC", "Asia/Kathmandu", "America/St_Johns"] {
        for by in By::ALL {
            let request = RangeRequest { all: true, ..RangeRequest::default() };
            let zone = TimeZone::get(zone).unwrap();
            let days =
                Days::new(&request, Unit::Day, zone, Weekday::Monday, Timestamp::now()).unwrap();
            let report =
                Report::of(&store, vec![*by], days.clone(), &filter, Prices::Recorded).unwrap();
            let mut of_rows = Sums::default();
            report.rows.iter().for_each(|row| of_rows += row.group.sums());
            assert_eq!((report.total.sums(), of_rows), (sums, sums), "by {by}");
            if let Some(turns) = report.total.turns {
                assert_eq!(turns, counts, "by {by}");
            }
            assert!(!report.rows.is_empty());
            // Call by call, at the prices at which they were recorded.
            let table = facts().prices;
            let priced =
                Report::of(&store, vec![*by], days.clone(), &filter, Prices::Of(&table)).unwrap();
            assert_eq!((&priced.rows, &priced.total), (&report.rows, &report.total), "by {by}");
            // The threads in their quarter hours.
            let both = vec![*by, By::Session];
            let with_session = Report::of(&store, both, days, &filter, Prices::Recorded).unwrap();
            assert_eq!(with_session.total.sums(), sums, "by {by} and session");
        }
    }
}
