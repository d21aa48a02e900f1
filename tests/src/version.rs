//! What differs between the versions of Codex, as far as a story has to know.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::script::MODEL;

/// A version `0.MINOR` of Codex. All there are begin with a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    minor: u32,
}

impl Version {
    /// Asks a Codex for its version.
    pub fn of(codex: &Path) -> anyhow::Result<Self> {
        let said = Command::new(codex).arg("--version").output();
        let said = said.with_context(|| format!("could not start {}", codex.display()))?;
        let text = String::from_utf8_lossy(&said.stdout);
        let version = text.split_whitespace().last().and_then(Self::parse);
        version.with_context(|| format!("no version of Codex: {text:?}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let minor = parts.nth(1)?.parse().ok()?;
        Some(Self { minor })
    }

    /// Returns a model of its time to which it offers its tools directly. With one that it does not
    /// know it would assume the least, and offer tools that were never used.
    pub fn model(self) -> &'static str {
        if self.minor < 130 { "gpt-5.1-codex" } else { MODEL }
    }

    /// Whether the terminal UI has its turns done by a process that outlives it.
    pub fn has_daemon(self) -> bool {
        self.minor > 155
    }

    /// Whether notifications name the thread.
    pub fn names_the_thread(self) -> bool {
        self.minor > 44
    }

    /// Whether notifications repeat the prompt.
    pub fn repeats_the_prompt(self) -> bool {
        self.minor > 53
    }

    /// Whether `codex exec --ephemeral` leaves no transcript behind.
    pub fn can_be_ephemeral(self) -> bool {
        self.minor > 98
    }

    /// Whether events tell the time to the first token of each response.
    pub fn times_the_first_token(self) -> bool {
        self.minor > 142
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_number_counts() {
        assert_eq!(Version::parse("0.157.1"), Some(Version { minor: 157 }));
        assert_eq!(Version::parse("unknown"), None);
    }
}
