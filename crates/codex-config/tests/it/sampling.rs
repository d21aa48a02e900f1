use codex_config::Sampling;

use crate::resolve;

const ALL: Sampling =
    Sampling { ratio: 1.0, keep_errors: true, keep_over_cost_usd: None, keep_over_seconds: None };

#[track_caller]
fn check(yaml: &str, expected: &[Sampling], warnings: &[&str]) {
    let settings = resolve(&[], yaml);
    let found: Vec<Sampling> = settings.targets.into_iter().map(|target| target.sampling).collect();
    assert_eq!(found, expected);
    let said: Vec<String> = settings.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said, warnings);
}

#[test]
fn everything_is_kept_unless_someone_says_less() {
    check("", &[ALL], &[]);
}

#[test]
fn the_keys_below_codex_are_for_all_targets_and_each_may_have_its_own() {
    let all = Sampling { ratio: 0.1, keep_over_seconds: Some(300.0), ..ALL };
    check(
        "harnesses: {codex: {sampling: {ratio: 0.1, keep_over_seconds: 300}}}",
        std::slice::from_ref(&all),
        &[],
    );
    let yaml = "
harnesses:
  codex:
    sampling: {ratio: 0.1, keep_over_seconds: 300}
    targets:
    - target: local
      sampling: {ratio: 1}
    - target: phoenix
      sampling: {keep_errors: false, keep_over_cost_usd: 0.5}
    - target: otlp
      endpoint: http://h
";
    let local = Sampling { ratio: 1.0, ..all.clone() };
    let phoenix = Sampling { keep_errors: false, keep_over_cost_usd: Some(0.5), ..all.clone() };
    check(yaml, &[local, phoenix, all], &[]);
}

#[test]
fn a_share_that_is_none_is_passed_over() {
    let warning = "`harnesses.codex.sampling.ratio` is `10`, not a number from 0 to 1; ignored";
    check("harnesses: {codex: {sampling: {ratio: 10}}}", &[ALL], &[warning]);
    let warning = "`harnesses.codex.sampling` is a number, not a mapping; ignored";
    check("harnesses: {codex: {sampling: 0.1}}", &[ALL], &[warning]);
}
