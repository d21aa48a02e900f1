//! What sessions spent, from transcripts, the store, and both.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::{Path, PathBuf};

use budget::{Scope, Spent};
use codex_import::{Facts, Request, find, import};
use jiff::Zoned;
use pricing::PriceTable;
use serde_json::Value;
use spending::{Measured, Session, measure};
use tempfile::TempDir;
use trace_store::TraceStore;

/// A thread with two sub-agents.
const RECORDING: &str = "../codex-turn/tests/data/0.169.0/subagent_v1";

struct Home {
    folder: TempDir,
    facts: Facts,
    root: String,
    transcripts: Vec<PathBuf>,
}

impl Home {
    /// The recording as Codex files it, and a thread that has nothing to do with it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("codex/sessions/2026/11/20");
        fs::create_dir_all(&day).unwrap();
        let recordings = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut transcripts = Vec::new();
        let mut root = String::new();
        let of_agents = ["rollout.jsonl", "rollout-2.jsonl", "rollout-3.jsonl"]
            .map(|name| recordings.join(RECORDING).join(name));
        let other = recordings.join("../codex-turn/tests/data/0.171.0/basic/rollout.jsonl");
        for (number, file) in of_agents.iter().chain([&other]).enumerate() {
            let text = fs::read_to_string(file).unwrap();
            let meta: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            let thread = meta["payload"]["id"].as_str().unwrap();
            let path = day.join(format!("rollout-2026-11-20T22-34-3{number}-{thread}.jsonl"));
            fs::write(&path, text).unwrap();
            if meta["payload"]["parent_thread_id"].is_null() && number < 3 {
                thread.clone_into(&mut root);
            }
            transcripts.push(path);
        }
        let facts = Facts {
            project: "codex".to_owned(),
            user: String::new(),
            machine: "here".to_owned(),
            prices: PriceTable::builtin().clone(),
        };
        Self { folder, facts, root, transcripts }
    }

    fn codex(&self) -> PathBuf {
        self.folder.path().join("codex")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("traces.db")
    }

    fn measure(&self) -> Measured {
        // When the recordings were made.
        let now: Zoned = "2026-11-30T23:00[UTC]".parse().unwrap();
        measure(&Session {
            codex_home: &self.codex(),
            store: &self.store(),
            facts: &self.facts,
            thread: &self.root,
            transcript: None,
            turn: None,
            now: &now,
        })
        .unwrap()
    }

    fn import(&self) {
        let mut store = TraceStore::open(self.store()).unwrap();
        let found = find(&[self.codex()]);
        let request =
            Request { found: &found, facts: &self.facts, changed_since: None, dry_run: false };
        import(&mut store, request, &mut |_| ()).unwrap();
    }

    /// The tokens that Codex itself counted in these transcripts.
    fn counted(&self, transcripts: &[PathBuf]) -> u64 {
        let last = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            let totals = text.lines().filter_map(|line| {
                let record: Value = serde_json::from_str(line).ok()?;
                record["payload"]["info"]["total_token_usage"]["total_tokens"].as_u64()
            });
            totals.max().unwrap_or(0)
        };
        transcripts.iter().map(last).sum()
    }
}

fn of(measured: &Measured, scope: Scope) -> Spent {
    measured.spending.0[&scope].1
}

#[test]
fn a_session_has_the_work_of_its_sub_agents_wherever_it_is_read_from() {
    let home = Home::new();
    let counted = home.counted(&home.transcripts[..3]);
    let before = home.measure();
    assert_eq!(of(&before, Scope::Session).tokens, counted);
    assert_eq!(of(&before, Scope::Month).tokens, counted, "nothing is stored of others");
    assert!(before.open.is_empty());
    home.import();
    let after = home.measure();
    assert_eq!(of(&after, Scope::Session), of(&before, Scope::Session));
    assert!(after.unstored.is_empty());
    let all = home.counted(&home.transcripts);
    assert_eq!(of(&after, Scope::Month).tokens, all, "another thread counts in the month");
}

/// The store has the beginning of a turn, its transcript more.
#[test]
fn a_turn_that_goes_on_counts_up_to_its_last_response() {
    let home = Home::new();
    let counted = home.counted(&home.transcripts[..3]);
    let root = home.transcripts.iter().find(|path| path.to_string_lossy().contains(&home.root));
    let root = root.unwrap();
    let text = fs::read_to_string(root).unwrap();
    let end = text.rfind("\"task_complete\"").unwrap();
    let open = &text[..text[..end].rfind('\n').unwrap() + 1];
    let middle = open.match_indices("\"token_count\"").next().unwrap().0;
    let half = &open[..middle + open[middle..].find('\n').unwrap() + 1];
    fs::write(root, half).unwrap();
    let begun = home.measure();
    assert_eq!(begun.open.len(), 1, "{:?}", begun.open);
    assert_eq!(begun.open[0].thread, home.root);
    assert!(of(&begun, Scope::Session).tokens < counted);
    home.import();
    assert_eq!(of(&home.measure(), Scope::Session), of(&begun, Scope::Session));
    fs::write(root, open).unwrap();
    assert_eq!(of(&home.measure(), Scope::Session).tokens, counted);
    let turn = of(&home.measure(), Scope::Turn).tokens;
    assert_eq!(turn, counted, "the sub-agents worked for it");
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_and_no_zero() {
    let home = Home::new();
    fs::write(home.store(), "this is no database ".repeat(500)).unwrap();
    let now = Zoned::now();
    let session = Session {
        codex_home: &home.codex(),
        store: &home.store(),
        facts: &home.facts,
        thread: &home.root,
        transcript: None,
        turn: None,
        now: &now,
    };
    assert!(measure(&session).is_err());
}
