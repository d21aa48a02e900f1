//! Which transcripts a run of Codex has left.
//!
//! A run that fails at once has sent no telemetry. All that is left of it is a transcript that began
//! after the run did, of a `codex exec`, in the run's folder.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_config::sessions;
use serde::Deserialize;
use serde_json::Value;

/// The latest days that are looked at. Codex names folders in local time, and a run may last over
/// midnight.
const DAYS: usize = 3;

/// The longest first line that is read, in bytes; it holds the instructions to the model.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// The threads that began after a time by a `codex exec` in a folder.
pub(crate) fn threads_begun(
    codex_home: &Path,
    since: SystemTime,
    directory: &Path,
) -> impl Iterator<Item = String> {
    let directory = real(directory);
    let files = sessions::days(codex_home).take(DAYS).flat_map(sessions::newest_first);
    files.filter_map(move |file| {
        let thread = sessions::thread_of(file.file_name()?.to_str()?)?;
        let is_of_run = begun(thread)? >= whole_milliseconds(since)
            && first_line(&file)?.is_exec_in(&directory);
        is_of_run.then(|| thread.to_owned())
    })
}

/// When a thread began, as its id tells: a version 7 UUID begins with milliseconds.
fn begun(thread: &str) -> Option<SystemTime> {
    let (high, rest) = thread.split_once('-')?;
    let (low, _) = rest.split_once('-')?;
    let milliseconds = u64::from_str_radix(&format!("{high}{low}"), 16).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

fn whole_milliseconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    time - Duration::from_nanos(u64::from(since_epoch.subsec_nanos() % 1_000_000))
}

/// What the first line of a transcript says.
#[derive(Deserialize)]
struct FirstLine {
    payload: Meta,
}

#[derive(Deserialize)]
struct Meta {
    /// The front end, such as `exec`; an object for threads that others began.
    source: Value,
    cwd: PathBuf,
}

impl FirstLine {
    fn is_exec_in(&self, directory: &Path) -> bool {
        self.payload.source == "exec" && real(&self.payload.cwd) == directory
    }
}

fn first_line(file: &Path) -> Option<FirstLine> {
    let mut line = Vec::new();
    let file = BufReader::new(sessions::open(file).ok()?);
    file.take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(sessions::without_mark(&line)).ok()
}

fn real(path: &Path) -> PathBuf {
    dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// 2026-11-20, 22:34:31.877.
    const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";

    /// The time that the id says, and some milliseconds.
    fn after_begin(milliseconds: u64) -> SystemTime {
        begun(THREAD).unwrap() + Duration::from_millis(milliseconds)
    }

    fn write(home: &Path, day: &str, thread: &str, meta: &str) {
        let folder = home.join("sessions").join(day);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("rollout-2026-11-20T22-34-31-{thread}.jsonl"));
        fs::write(file, format!("{meta}\n{{\"type\":\"event_msg\"}}\n")).unwrap();
    }

    fn meta(source: &str, cwd: &str) -> String {
        format!(r#"{{"type":"session_meta","payload":{{"source":{source},"cwd":"{cwd}"}}}}"#)
    }

    #[test]
    fn the_threads_of_a_run_began_after_it_in_its_folder_by_exec() {
        for (source, cwd, since, is_found) in [
            (r#""exec""#, "/work", after_begin(0), true),
            (r#""exec""#, "/work", after_begin(0) + Duration::from_micros(900), true),
            (r#""exec""#, "/work", after_begin(0) - Duration::from_secs(60), true),
            (r#""exec""#, "/work", after_begin(1), false),
            (r#""exec""#, "/work/other", after_begin(0), false),
            (r#""cli""#, "/work", after_begin(0), false),
            (r#"{"subagent":{"thread_spawn":{}}}"#, "/work", after_begin(0), false),
        ] {
            let home = tempfile::tempdir().unwrap();
            write(home.path(), "2026/11/20", THREAD, &meta(source, cwd));
            let found: Vec<_> = threads_begun(home.path(), since, Path::new("/work")).collect();
            assert_eq!(found == [THREAD], is_found, "{source} {cwd}: {found:?}");
        }
    }

    // Links take a privilege on Windows.
    #[cfg(unix)]
    #[test]
    fn a_folder_may_have_two_names() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(home.path(), "2026/11/20", THREAD, &meta(r#""exec""#, real.to_str().unwrap()));
        assert_eq!(threads_begun(home.path(), after_begin(0), &link).count(), 1);
    }

    #[test]
    fn only_the_latest_days_are_looked_at() {
        let home = tempfile::tempdir().unwrap();
        let since = after_begin(0);
        let exec = meta(r#""exec""#, "/work");
        for (number, day) in
            ["2025/12/31", "2026/11/20", "2026/11/21", "2026/12/01"].iter().enumerate()
        {
            write(home.path(), day, &format!("{}{number}", &THREAD[..35]), &exec);
        }
        let found: Vec<_> = threads_begun(home.path(), since, Path::new("/work")).collect();
        assert_eq!(found.iter().map(|id| &id[35..]).collect::<Vec<_>>(), ["3", "2", "1"]);
    }

    #[test]
    fn what_is_no_transcript_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        for (thread, line) in [
            (THREAD, "no json"),
            (THREAD, "{}"),
            ("not-an-id", &*meta(r#""exec""#, "/work")),
            ("--------------------hello-----------", &*meta(r#""exec""#, "/work")),
        ] {
            write(home.path(), "2026/11/20", thread, line);
            let since = SystemTime::UNIX_EPOCH;
            assert_eq!(threads_begun(home.path(), since, Path::new("/work")).count(), 0, "{line}");
        }
    }
}
