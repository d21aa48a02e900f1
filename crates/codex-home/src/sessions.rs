//! How Codex files its transcripts: `sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl` in its own
//! directory, in the folder of the local day on which the file was begun. What is in them is not
//! known here.
//!
//! Since Codex 0.169 a thread may have several files: where messages are taken back
//! (`thread/revert`), it goes on in `rollout-TIME-THREAD_SEGMENT.jsonl`, in the folder of that day.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The folder below which transcripts are.
pub fn folder(codex_home: &Path) -> PathBuf {
    codex_home.join("sessions")
}

/// The folder to which Codex moves all files of a thread that is archived.
pub fn archive(codex_home: &Path) -> PathBuf {
    codex_home.join("archived_sessions")
}

/// The folders of all days, the newest first. They are looked for as the iterator goes on.
pub fn days(codex_home: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    newest_first(folder(codex_home)).flat_map(newest_first).flat_map(newest_first)
}

/// What is in a folder of this tree, the newest first, as the names tell; nothing where it cannot be
/// read.
pub fn newest_first(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort_unstable_by(|a, b| b.cmp(a));
    entries.into_iter()
}

/// What the name of a transcript says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranscriptName<'a> {
    /// The thread.
    pub thread: &'a str,
    /// Which of the thread's files it is; none for the first one.
    pub segment: Option<&'a str>,
    /// Whether Codex has packed it (`.jsonl.zst`), as it does with threads that rest.
    pub is_packed: bool,
}

impl<'a> TranscriptName<'a> {
    /// Reads a file name; none where it is not that of a transcript.
    pub fn parse(file_name: &'a str) -> Option<Self> {
        let stem = file_name.strip_prefix("rollout-")?;
        let (stem, is_packed) = match stem.strip_suffix(".zst") {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let (rest, last) = split_id(stem.strip_suffix(".jsonl")?)?;
        let (time, thread, segment) = match rest.strip_suffix('_') {
            Some(rest) => {
                let (time, thread) = split_id(rest)?;
                (time, thread, Some(last))
            }
            None => (rest, last, None),
        };
        time.ends_with('-').then_some(Self { thread, segment, is_packed })
    }

    /// Reads the name of the file at a path.
    pub fn of(path: &'a Path) -> Option<Self> {
        Self::parse(path.file_name()?.to_str()?)
    }

    /// The name by which Codex refers to the file: its segment, or the thread for the first file.
    pub fn id(&self) -> &'a str {
        self.segment.unwrap_or(self.thread)
    }
}

/// A text and the id at its end.
fn split_id(text: &str) -> Option<(&str, &str)> {
    const UUID: usize = 36;
    let (rest, id) = text.split_at_checked(text.len().checked_sub(UUID)?)?;
    is_thread_id(id).then_some((rest, id))
}

/// The thread of a transcript with this file name; none for other files and packed transcripts, to
/// which is never written.
pub fn thread_of(file_name: &str) -> Option<&str> {
    TranscriptName::parse(file_name).filter(|name| !name.is_packed).map(|name| name.thread)
}

/// Opens a transcript. Anything but a regular file is an error: to open a pipe may wait for ever.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// Opens a transcript, and unpacks one that Codex has packed into a file without a name.
pub fn open_text(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    if !is_packed(path) {
        return Ok(file);
    }
    let mut text = tempfile::tempfile()?;
    zstd::stream::copy_decode(file, &mut text)?;
    text.seek(SeekFrom::Start(0))?;
    Ok(text)
}

/// Whether Codex has packed a transcript: it does so with threads that rest.
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Whether a text can be the id of a thread, which is a UUID. Nothing else is passed to a program.
pub fn is_thread_id(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";
    const SEGMENT: &str = "01a1fb19-70ee-75f3-adb9-9f3249767227";

    #[test]
    fn a_name_says_which_of_a_threads_files_it_is() {
        for (name, id, is_packed) in [
            (format!("rollout-t-{ID}.jsonl"), ID, false),
            (format!("rollout-t-{ID}.jsonl.zst"), ID, true),
            (format!("rollout-t-{ID}_{SEGMENT}.jsonl"), SEGMENT, false),
            (format!("rollout-t-{ID}_{SEGMENT}.jsonl.zst"), SEGMENT, true),
        ] {
            let path = Path::new("/day").join(name);
            let name = TranscriptName::of(&path).unwrap();
            assert_eq!((name.thread, name.id(), name.is_packed), (ID, id, is_packed));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let socket = home.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [&pipe, &socket, home.path(), Path::new("/dev/null"), Path::new("/nowhere")] {
            assert!(open(path).is_err(), "{}", path.display());
        }
        let file = home.path().join("file");
        fs::write(&file, "text").unwrap();
        assert_eq!(io::read_to_string(open(&file).unwrap()).unwrap(), "text");
    }

    #[test]
    fn a_file_is_named_after_its_thread() {
        for (name, thread) in [
            (format!("rollout-2026-11-20T22-34-31-{ID}.jsonl"), Some(ID)),
            (format!("rollout-2026-11-20T22-34-31-{ID}.jsonl.zst"), None),
            (format!("rollout-2026-11-20T22-34-31{ID}.jsonl"), None),
            (format!("{ID}.jsonl"), None),
            (format!("rollout-{ID}.jsonl"), None),
            (format!("rollout-2026-11-20T22-34-31-{ID}_{SEGMENT}.jsonl"), Some(ID)),
            (format!("rollout-2026-11-20T22-34-31-{ID}_{SEGMENT}.jsonl.zst"), None),
            (format!("rollout-2026-11-20T22-34-31-{ID}_.jsonl"), None),
            (format!("rollout-2026-11-20T22-34-31-{ID}_x{}.jsonl", &SEGMENT[1..]), None),
            (format!("rollout-2026-11-20T22-34-31_{SEGMENT}.jsonl"), None),
            ("rollout-.jsonl".to_owned(), None),
            (format!("rollout-\u{e9}{}.jsonl", "x".repeat(35)), None),
            (format!("rollout-t-{}.jsonl", "x".repeat(36)), None),
        ] {
            assert_eq!(thread_of(&name), thread, "{name}");
        }
    }

    #[test]
    fn ids_are_uuids() {
        assert!(is_thread_id(ID) && is_thread_id(&ID.to_uppercase()));
        let option = format!("--{}", &ID[2..]);
        let longer = format!("{ID}-0");
        for text in
            ["", "t", "--help", &option, &longer, &ID[1..], &"0".repeat(36), &"-".repeat(36)]
        {
            assert!(!is_thread_id(text), "{text}");
        }
    }

    #[test]
    fn the_newest_days_come_first() {
        let home = tempfile::tempdir().unwrap();
        for day in ["2025/12/31", "2026/11/21", "2026/02/28", "2026/11/20"] {
            fs::create_dir_all(folder(home.path()).join(day)).unwrap();
        }
        fs::write(folder(home.path()).join("notes.txt"), "").unwrap();
        let found: Vec<PathBuf> = days(home.path()).collect();
        let expected = ["2026/11/21", "2026/11/20", "2026/02/28", "2025/12/31"]
            .map(|day| folder(home.path()).join(day));
        assert_eq!(found, expected);
        assert_eq!(days(&home.path().join("nowhere")).count(), 0);
    }
}
