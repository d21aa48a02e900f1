//! What imports and reports cost, beside other programs on the same files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::measure::{Cost, memory};
use crate::corpus::{self, Corpus};
use crate::peers::Peer;
use crate::run::announce;

/// How much is imported, in bytes.
const BYTES: u64 = 300_000_000;

/// A million calls.
const COUNTS: [u64; 3] = [5000, 20, 10];

/// Runs of which the fastest counts: what comes between makes each slower.
const RUNS: usize = 5;

/// Measures imports and reports, and prints a table.
pub(crate) fn run(programs: &Path) -> anyhow::Result<()> {
    let program = programs.join("arize-codex");
    announce("transcripts for imports");
    let home = tempfile::tempdir()?;
    let files = corpus::of_recordings(&home.path().join(".codex"), BYTES)?;
    title(&format!(
        "{} threads, {} MB, {} calls",
        files.threads,
        files.bytes / 1_000_000,
        files.calls
    ));
    let user = User { program: &program, home: &home };
    imports(&user, files)?;
    peers(&home, files)?;
    drop(home);
    announce("transcripts of a million calls");
    let home = tempfile::tempdir()?;
    let [threads, turns, calls] = COUNTS;
    let files = corpus::of_counts(&home.path().join(".codex"), threads, turns, calls)?;
    title(&format!(
        "{} threads, {} MB, {} calls",
        files.threads,
        files.bytes / 1_000_000,
        files.calls
    ));
    million(&User { program: &program, home: &home }, files)
}

/// Who imports: a home with transcripts and a store.
struct User<'a> {
    program: &'a Path,
    home: &'a TempDir,
}

impl User<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.env_clear().env("HOME", self.home.path()).env("TZ", "UTC").args(arguments);
        quiet(&mut command);
        command
    }

    fn cost(&self, arguments: &[&str]) -> anyhow::Result<Cost> {
        cost(self.command(arguments))
    }

    /// The fastest of some runs.
    fn best(&self, arguments: &[&str]) -> anyhow::Result<Cost> {
        let costs: Vec<Cost> =
            (0..RUNS).map(|_| self.cost(arguments)).collect::<anyhow::Result<_>>()?;
        costs.into_iter().min_by_key(|cost| cost.wall).context("no run")
    }

    /// Forgets everything that was imported.
    fn forget(&self) -> anyhow::Result<()> {
        let folder = self.home.path().join(".arize");
        if folder.exists() { Ok(fs::remove_dir_all(folder)?) } else { Ok(()) }
    }

    /// The size of the store in bytes.
    fn store(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(self.home.path().join(".arize/harness/traces.db"))?.len())
    }

    fn tokens(&self) -> anyhow::Result<u64> {
        let mut report = self.command(&["report", "--all", "--by", "month", "--json"]);
        let output = report.stdout(Stdio::piped()).output()?;
        let json: Json = serde_json::from_slice(&output.stdout)?;
        json["total"]["total_tokens"].as_u64().context("no total")
    }
}

fn imports(user: &User<'_>, files: Corpus) -> anyhow::Result<()> {
    let numbers = ["import", "--no-contents"];
    user.forget()?;
    let first = user.cost(&["report"])?;
    row("`report` as the first command: 30 days", first, "≤ 2 s");
    user.forget()?;
    let all = user.cost(&numbers)?;
    let rate = files.calls as f64 / all.wall.as_secs_f64();
    row(
        "import of numbers",
        all,
        &format!("{rate:.0} calls/s; ≤ ccusage, ≥ 35,000 calls/s, ≤ 64 MiB"),
    );
    row("import, nothing new", user.best(&numbers)?, "≤ 50 ms");
    row("`report` after it", user.best(&["report"])?, "≤ ccusage / 10");
    let appended = append(user.home.path())?;
    for (file, text) in &appended {
        fs::OpenOptions::new().append(true).open(file)?.write_all(text)?;
    }
    row("import, one appended turn", user.cost(&numbers)?, "≤ 20 ms");
    let each = user.store()? as f64 / files.calls as f64;
    ensure!(user.tokens()? > files.tokens, "the appended turn is missing");
    print(&format!("{:38} {each:>6.0} bytes a call  ≤ 500", "store without contents"));
    user.forget()?;
    let whole = user.cost(&["import"])?;
    let rate = files.bytes as f64 / 1e6 / whole.wall.as_secs_f64();
    row(
        "import with contents and index",
        whole,
        &format!("{rate:.0} MB/s; ≤ agentsview / 8, ≥ 30 MB/s, ≤ 64 MiB"),
    );
    let share = 100.0 * user.store()? as f64 / files.bytes as f64;
    print(&format!("{:38} {share:>6.0} % of the transcripts  ≤ 40", "store with contents"));
    Ok(())
}

/// One more turn for one transcript: its last one again, under another name.
fn append(home: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let output = Command::new("find")
        .arg(home.join(".codex/sessions"))
        .args(["-name", "*.jsonl"])
        .output()?;
    let files = String::from_utf8(output.stdout)?;
    let file = PathBuf::from(files.lines().max().context("no transcript")?);
    let text = fs::read_to_string(&file)?;
    let turn = text.lines().rev().find_map(|line| {
        let record: Json = serde_json::from_str(line).ok()?;
        record["payload"]["turn_id"].as_str().map(str::to_owned)
    });
    let turn = turn.context("no turn")?;
    let new = format!("{}{}", &turn[..turn.len() - 4], "ffff");
    let lines = text
        .lines()
        .filter(|line| line.contains(&turn))
        .map(|line| line.replace(&turn, &new) + "\n");
    Ok(vec![(file.clone(), lines.collect::<String>().into_bytes())])
}

fn peers(home: &TempDir, files: Corpus) -> anyhow::Result<()> {
    for peer in [Peer::Ccusage, Peer::Agentsview] {
        let Some(program) = peer.program()? else {
            print(&format!("{:38} not installed: {}", peer.name(), peer.hint()));
            continue;
        };
        for which in ["the first time", "the second time"] {
            let mut command = peer.read(&program, home.path())?;
            quiet(&mut command);
            row(&format!("{}, {which}", peer.name()), cost(command)?, "");
        }
        let total = peer.total(&program, home.path())?;
        if total != files.tokens {
            print(&format!("{:38} {total} tokens instead of {}", peer.name(), files.tokens));
        }
    }
    Ok(())
}

fn million(user: &User<'_>, files: Corpus) -> anyhow::Result<()> {
    let numbers = user.cost(&["import", "--no-contents"])?;
    let rate = files.calls as f64 / numbers.wall.as_secs_f64();
    row("import of numbers", numbers, &format!("{rate:.0} calls/s; ≥ 35,000 calls/s, ≤ 64 MiB"));
    ensure!(user.tokens()? == files.tokens, "tokens were lost or made up");
    row("import, nothing new", user.best(&["import", "--no-contents"])?, "");
    for by in ["day", "model", "project", "repository", "branch", "folder", "session"] {
        let days = user.best(&["report", "--no-import", "--by", by])?;
        row(&format!("report by {by}, 30 days"), days, "≤ 50 ms");
        let all = user.best(&["report", "--no-import", "--all", "--by", by])?;
        row(&format!("report by {by}, all"), all, "≤ 50 ms");
    }
    let filter = ["report", "--no-import", "--all", "--by", "month", "--branch", "branch-1"];
    row("report by month of one branch", user.best(&filter)?, "≤ 50 ms");
    let each = user.store()? as f64 / files.calls as f64;
    print(&format!("{:38} {each:>6.0} bytes a call  ≤ 500", "store without contents"));
    Ok(())
}

fn quiet(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
}

/// The wall time and the peak memory of one run.
fn cost(mut command: Command) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    let mut child = command.spawn().context("the process does not start")?;
    let pid = child.id();
    let watch = thread::spawn(move || {
        let mut peak = 0;
        // A process that ended has no memory any more.
        while let Some(now) = memory(pid, "VmHWM:") {
            peak = now.max(peak);
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let status = child.wait()?;
    let wall = begun.elapsed();
    ensure!(status.success(), "{command:?} ends with {status}");
    let rss = watch.join().ok().context("the memory was not watched")?;
    Ok(Cost { wall, rss })
}

pub(super) fn title(text: &str) {
    print(&format!("\n{text}"));
}

fn row(name: &str, cost: Cost, note: &str) {
    let line = format!("{name:38} {:>8.0} ms {:>7.1} MiB  {note}", cost.wall_ms(), cost.rss_mib());
    print(line.trim_end());
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(super) fn print(line: &str) {
    println!("{line}");
}
