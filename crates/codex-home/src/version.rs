//! Which Codex is installed, and what it knows, as measured with the real CLI.

use std::fmt;

/// A version of Codex. One before a release (`0.170.0-alpha.2`) counts as the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodexVersion {
    /// The first number; 0 so far.
    pub major: u32,
    /// The second number, which goes up with each release.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl CodexVersion {
    /// Reads what `codex --version` prints, such as `codex-cli 0.169.0`, or the number alone.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.split_whitespace().last()?;
        let mut parts = number.split(['-', '+']).next()?.split('.').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { major: next()?, minor: next()?, patch: next()? })
    }

    /// Whether it has the setting `otel.log_sse_deltas`, as the versions from the first with which it
    /// was measured on. From 0.157 on, those without say at each start that they ignore it.
    pub fn has_log_sse_deltas(self) -> bool {
        self >= Self { major: 0, minor: 169, patch: 0 }
    }
}

impl fmt::Display for CodexVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let version = |major, minor, patch| Some(CodexVersion { major, minor, patch });
        for (text, expected) in [
            ("codex-cli 0.169.0\n", version(0, 169, 0)),
            ("0.153.4", version(0, 153, 4)),
            ("codex-cli 0.170.0-alpha.2", version(0, 170, 0)),
            ("0.170", None),
            ("codex", None),
            ("", None),
        ] {
            assert_eq!(CodexVersion::parse(text), expected, "{text}");
        }
        assert!(CodexVersion::parse("0.98.0") < CodexVersion::parse("0.104.0"));
    }

    #[test]
    fn only_versions_that_were_measured_with_it_have_log_sse_deltas() {
        for (version, expected) in
            [("0.98.0", false), ("0.161.0", false), ("0.169.0", true), ("1.0.0", true)]
        {
            let version = CodexVersion::parse(version).unwrap();
            assert_eq!(version.has_log_sse_deltas(), expected, "{version}");
        }
    }
}
