//! Limits, decisions and what survives a restart.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::collections::BTreeMap;

use budget::{
    Allowance, Allowances, Asked, Decision, Limit, LimitUse, Memory, Notices, Origin, Policy,
    Scope, Spending, Spent, Trusted, Unit, decide, limit_uses,
};

const HARD: Policy = Policy { hard_limit: true, grace: 10_000 };

fn limit(scope: Scope, unit: Unit, amount: &str) -> Limit {
    Limit { scope, unit, amount: unit.parse(amount).unwrap(), origin: Origin::User }
}

fn session(limits: &[Limit], spent: Spent) -> Vec<LimitUse> {
    limit_uses(limits, &Spending(BTreeMap::from([(Scope::Session, ("s".to_owned(), spent))])))
}

fn tokens(spent: u64) -> Vec<LimitUse> {
    let spent = Spent { tokens: spent, ..Spent::default() };
    session(&[limit(Scope::Session, Unit::Tokens, "1000")], spent)
}

fn ask(memory: &mut Memory, limit_uses: &[LimitUse], thread: &str, now: u64) -> Decision {
    let allowances = Allowances::default();
    decide(Asked::ToolCall { thread }, limit_uses, HARD, &allowances, "s", memory, now)
}

fn is_refused(decision: &Decision) -> bool {
    matches!(decision, Decision::Refuse(_))
}

#[test]
fn amounts() {
    for (unit, text, expected) in [
        (Unit::Usd, "2.5", Some(2_500_000_000_000)),
        (Unit::Usd, "0", None),
        (Unit::Usd, "-1", None),
        (Unit::Usd, "inf", None),
        (Unit::Usd, "NaN", None),
        (Unit::Usd, "much", None),
        (Unit::Tokens, "1_000", Some(1000)),
        (Unit::Tokens, "0", None),
        (Unit::Tokens, "1.5", None),
    ] {
        assert_eq!(unit.parse(text), expected, "{text}");
    }
}

#[test]
fn each_thread_learns_of_the_limit_and_may_save_its_work() {
    let (below, over) = (tokens(999), tokens(1000));
    let mut memory = Memory::default();
    assert_eq!(ask(&mut memory, &below, "root", 0), Decision::Allow);
    let Decision::Refuse(first) = ask(&mut memory, &over, "root", 1000) else { panic!() };
    assert!(first.contains("1000 tokens of 1000 tokens per session"), "{first}");
    assert!(first.contains("10 seconds") && first.contains("save your work"), "{first}");
    assert_eq!(ask(&mut memory, &over, "root", 2000), Decision::Allow);
    assert!(is_refused(&ask(&mut memory, &over, "child", 2000)), "it has had no warning yet");
    assert_eq!(ask(&mut memory, &over, "child", 10_999), Decision::Allow);
    for thread in ["root", "child", "late"] {
        assert!(is_refused(&ask(&mut memory, &over, thread, 11_000)), "{thread}");
    }
    // The limit was raised: the next time begins anew.
    assert_eq!(ask(&mut memory, &below, "root", 12_000), Decision::Allow);
    assert!(is_refused(&ask(&mut memory, &over, "root", 20_000)));
    assert_eq!(ask(&mut memory, &over, "root", 21_000), Decision::Allow);
}

#[test]
fn a_prompt_is_refused_at_once_and_only_by_a_hard_limit() {
    let over = tokens(5000);
    let ask = |policy, allowances: &Allowances, now| {
        decide(Asked::Prompt, &over, policy, allowances, "s", &mut Memory::default(), now)
    };
    let none = Allowances::default();
    let Decision::Refuse(reason) = ask(HARD, &none, 0) else { panic!() };
    assert!(reason.contains("arize-codex budget allow --session s"), "{reason}");
    assert_eq!(ask(Policy { hard_limit: false, ..HARD }, &none, 0), Decision::Allow);
    for (session, until, now, refused) in [
        (Some("s"), None, 0, false),
        (None, Some(100), 99, false),
        (None, Some(100), 100, true),
        (Some("t"), None, 0, true),
    ] {
        let session = session.map(str::to_owned);
        let allowances = Allowances { list: vec![Allowance { session, until }] };
        assert_eq!(is_refused(&ask(HARD, &allowances, now)), refused, "{allowances:?}");
    }
}

#[test]
fn an_unknown_price_is_never_acted_on() {
    let limits = [limit(Scope::Session, Unit::Usd, "1")];
    let unpriced =
        Spent { tokens: u64::MAX, pico_usd: 10, unpriced_calls: 900, ..Spent::default() };
    let limit_uses = session(&limits, unpriced);
    assert!(limit_uses[0].is_unknown());
    assert_eq!(ask(&mut Memory::default(), &limit_uses, "root", 0), Decision::Allow);
    let notices = Notices::default().take(&limit_uses);
    assert_eq!(
        notices[0].text(),
        "a budget cannot be checked: $0.00 of $1.00 per session, and 900 calls of a model without a price"
    );
    // What has a price is enough by itself.
    let over = session(&limits, Spent { pico_usd: 1_000_000_000_000, ..unpriced });
    assert!(is_refused(&ask(&mut Memory::default(), &over, "root", 0)));
}

#[test]
fn each_notice_is_given_once_also_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("notices.json");
    let said = |spent| {
        let notices = Notices::take_in(&file, &tokens(spent)).unwrap();
        notices.iter().map(|notice| notice.step.unwrap()).collect::<Vec<_>>()
    };
    for (spent, expected) in [
        (100, vec![]),
        (500, vec![50]),
        (600, vec![]),
        (990, vec![80]),
        (1200, vec![100]),
        (9000, vec![]),
    ] {
        assert_eq!(said(spent), expected, "{spent}");
    }
    // Another limit is another matter.
    let other = session(
        &[limit(Scope::Session, Unit::Tokens, "2000")],
        Spent { tokens: 9000, ..Spent::default() },
    );
    assert_eq!(Notices::take_in(&file, &other).unwrap().len(), 1);
    std::fs::write(&file, "{ torn").unwrap();
    assert_eq!(said(9000), [100], "a torn file is begun anew");
}

#[test]
fn what_was_allowed_and_trusted_stays() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("allowances.json");
    let allow = |until, now| {
        let allowance = Allowance { session: None, until };
        Allowances::add_in(&file, allowance, now).unwrap();
    };
    allow(Some(10), 0);
    allow(Some(20), 15);
    assert_eq!(Allowances::read(&file).unwrap().list.len(), 1, "the first one has ended");
    assert!(Allowances::read(&file).unwrap().cover("any", 16));
    assert_eq!(Allowances::clear_in(&file).unwrap(), 1);
    assert!(!Allowances::read(&file).unwrap().cover("any", 16));

    let file = home.path().join("trusted.json");
    Trusted::add_in(&file, "/r/.arize-codex.yaml", "one").unwrap();
    let trusted = Trusted::read(&file).unwrap();
    assert!(trusted.trusts("/r/.arize-codex.yaml", "one"));
    assert!(!trusted.trusts("/r/.arize-codex.yaml", "two"), "it was changed since");
    assert!(!trusted.trusts("/other/.arize-codex.yaml", "one"));
}

#[test]
fn limits_on_what_does_not_go_on_are_left_out() {
    let limits = Scope::ALL.map(|scope| limit(scope, Unit::Tokens, "1"));
    let limit_uses = session(&limits, Spent { tokens: 1, ..Spent::default() });
    assert_eq!(limit_uses.len(), 1);
    assert_eq!(Scope::ALL.map(|scope| Scope::of_word(scope.word())), Scope::ALL.map(Some));
}
