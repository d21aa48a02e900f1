//! Whether targets accept turns, before anything depends on it.

use std::time::Duration;

use codex_config::{Environment, Paths, Settings, Target, TargetSettings};

use crate::checks::target;
use crate::remedy::Remedies;
use crate::{Finding, Level};

/// What targets answered.
#[derive(Debug, Default)]
pub struct Tried {
    /// A finding for each, and one for a clock that is wrong.
    pub findings: Vec<Finding>,
    /// Whether one accepts no turn until the settings or the target are changed. One that is merely
    /// away is none.
    pub is_refused: bool,
}

/// Asks each target on the network, and gives a finding for each: what it is and its version, or why it
/// refuses; and one for a clock that is wrong. The settings need not be
/// written yet; `shell` is what commands would run in.
pub fn try_targets(
    settings: &Settings,
    paths: &Paths,
    shell: &Environment,
    patience: Duration,
) -> Tried {
    let is_here =
        |target: &Target| matches!(target, Target::Local | Target::File(_) | Target::Stdout);
    let is_asked = |settings: &TargetSettings| {
        settings.target.as_ref().map_or(true, |target| !is_here(target))
    };
    if !settings.targets.iter().any(is_asked) {
        return Tried::default();
    }
    let answers = target::inspect_within(settings, paths, patience);
    let findings = target::check(&answers, Remedies { paths, shell });
    // The first are those of the targets, in their order.
    let is_worth_a_line = |(index, finding): &(usize, Finding)| {
        finding.level != Level::Ok || settings.targets.get(*index).is_some_and(is_asked)
    };
    let findings = findings.into_iter().enumerate().filter(is_worth_a_line);
    Tried {
        is_refused: answers.iter().any(|target| target.answer.is_refusal()),
        findings: findings.map(|(_, finding)| finding).collect(),
    }
}
