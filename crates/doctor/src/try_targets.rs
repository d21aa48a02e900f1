//! Whether targets accept turns, before anything depends on it.

use std::time::Duration;

use codex_config::{Environment, Paths, Settings, Target};

use crate::checks::target;
use crate::remedy::Remedies;
use crate::{Finding, Level};

/// Asks each target on the network, and gives a finding for each: what it is and its version, or why it
/// refuses; and one for a clock that is wrong. The settings need not be
/// written yet; `shell` is what commands would run in.
pub fn try_targets(
    settings: &Settings,
    paths: &Paths,
    shell: &Environment,
    patience: Duration,
) -> Vec<Finding> {
    let is_here =
        |target: &Target| matches!(target, Target::Local | Target::File(_) | Target::Stdout);
    let on_network = settings
        .targets
        .iter()
        .filter(|settings| settings.target.as_ref().map_or(true, |target| !is_here(target)));
    if on_network.count() == 0 {
        return Vec::new();
    }
    let answers = target::inspect_within(settings, paths, patience);
    let findings = target::check(&answers, Remedies { paths, shell });
    let is_worth_a_line =
        |finding: &Finding| finding.check == target::TARGET || finding.level != Level::Ok;
    findings.into_iter().filter(is_worth_a_line).collect()
}
