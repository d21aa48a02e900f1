//! What the tests of the checks expect of a finding.

use crate::{Finding, Level};

/// It is of this level and says this, and only what is fine goes without a command.
pub(super) fn finding(finding: &Finding, level: Level, part: &str) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.message.contains(part), "no {part:?} in {finding:?}");
    assert_eq!(finding.command.is_some(), level != Level::Ok, "{finding:?}");
}

/// There is no other.
pub(super) fn only(findings: &[Finding], level: Level, part: &str) {
    let [only] = findings else { panic!("not one finding: {findings:?}") };
    finding(only, level, part);
}

/// It is the one of this check.
pub(super) fn of(check: &str, findings: &[Finding], level: Level, part: &str) {
    let of_check: Vec<_> = findings.iter().filter(|finding| finding.check == check).collect();
    let [only] = of_check[..] else { panic!("not one {check}: {findings:?}") };
    finding(only, level, part);
}
