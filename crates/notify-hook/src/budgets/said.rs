//! Notices of budgets, in words and for programs. What a session says is in none.

use budget::Notice;
use serde_json::json;

/// A notice of a budget.
pub(super) fn notice(notice: &Notice, session: &str) -> notices::Notice {
    let limit_use = &notice.limit_use;
    let text = notice.text();
    let json = json!({
        "kind": "budget",
        "text": text,
        "session": session,
        "scope": limit_use.limit.scope.word(),
        "unit": limit_use.limit.unit.word(),
        "percent": limit_use.percent(),
        "step": notice.step,
        "unpriced_calls": limit_use.unpriced_calls,
    });
    notices::Notice { text, json }
}

/// Says that a turn was interrupted.
pub(super) fn interrupted(session: &str, over: &str) -> notices::Notice {
    let text = format!("the turn was interrupted: the budget is used up: {over}");
    let json = json!({ "kind": "budget_interrupted", "text": text, "session": session });
    notices::Notice { text, json }
}
