//! What Codex calls its threads.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

/// The names that Codex gave to threads; `session_index.jsonl` in its folder, a line for each time
/// that one was named (Codex 0.107 and later).
#[derive(Debug, Default)]
pub(super) struct ThreadNames(HashMap<String, String>);

#[derive(Deserialize)]
struct Line {
    id: String,
    thread_name: String,
}

impl ThreadNames {
    /// Reads the names; none where there is no such file.
    pub(super) fn read(codex_home: &Path) -> Self {
        let Ok(file) = File::open(codex_home.join("session_index.jsonl")) else {
            return Self::default();
        };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let named = lines.filter_map(|line| serde_json::from_str::<Line>(&line).ok());
        Self(named.map(|line| (line.id, line.thread_name)).collect())
    }

    /// The last name of a thread.
    pub(super) fn of(&self, thread: &str) -> Option<String> {
        self.0.get(thread).filter(|name| !name.trim().is_empty()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_counts() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(ThreadNames::read(home.path()).of("a"), None);
        let lines = "{\"id\":\"a\",\"thread_name\":\"One\",\"updated_at\":\"x\"}\nnonsense\n\
                     {\"id\":\"b\",\"thread_name\":\" \"}\n{\"id\":\"a\",\"thread_name\":\"Two\"}\n";
        std::fs::write(home.path().join("session_index.jsonl"), lines).unwrap();
        let names = ThreadNames::read(home.path());
        assert_eq!((names.of("a").as_deref(), names.of("b")), (Some("Two"), None));
    }
}
