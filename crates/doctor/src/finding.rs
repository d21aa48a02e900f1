//! What a check comes to.

use serde::Serialize;

/// How it is with one link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Works.
    Ok,
    /// Works, and not as one would expect; or may stop working.
    Warning,
    /// Traces are lost, late or incomplete because of it.
    Failure,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check, by a name that stays the same.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found, and why that matters: a plain sentence without a final stop.
    pub message: String,
    /// What to run about it. A failure has one.
    pub command: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), command: None }
    }

    /// Something to know, and what to run about it.
    pub fn warning(
        check: &'static str,
        message: impl Into<String>,
        command: impl Into<String>,
    ) -> Self {
        let command = Some(command.into());
        Self { check, level: Level::Warning, message: message.into(), command }
    }

    /// Something to put right, and what to run for it.
    pub fn failure(
        check: &'static str,
        message: impl Into<String>,
        command: impl Into<String>,
    ) -> Self {
        Self { level: Level::Failure, ..Self::warning(check, message, command) }
    }
}

/// All findings, in the order of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How the worst of them is.
    pub level: Level,
    /// The findings, in the order of the chain from Codex to the backend.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Puts findings together.
    pub fn new(findings: Vec<Finding>) -> Self {
        let level = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        Self { level, findings }
    }

    /// How many findings are of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// As JSON, the form of which `docs/doctor.md` describes.
    pub fn json(&self) -> String {
        // Texts and enums have nothing to fail on.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
